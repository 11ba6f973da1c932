"""Everything that kbundle raises on purpose.

One base class, so that ``except BundleError`` is enough. The children are split by whose turn it is: the file
(`InvalidBundle`, `IntegrityError`, `UnsupportedVersion`), the author (`PackError`, `SourceError`,
`TargetExists`), the consumer (`RebuildFailed`, `MissingObject`, `DigestMismatch`, `ConsentRequired`, `AuditRefused`,
`RequirementsNotMet`, `MissingDependency`, `EnvironmentFailed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class BundleError(Exception):
    """Base of every error that kbundle raises on purpose.

    Attributes:
        message: one sentence that says what is wrong.
        place: the member, manifest path, file or object at fault, or `None`.
        expected: what the rule asks for, or `None`.
        found: what was there instead, or `None`.
        hint: the next step for the reader of the message, or `None`.

    Example:
        >>> try:
        ...     bundler.open_bundle("missing.kbundle")
        ... except bundler.BundleError as error:
        ...     print(type(error).__name__, error.place)
        InvalidBundle missing.kbundle
    """

    #: The hint of a class whose next step is always the same.
    default_hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        place: str | None = None,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.expected = expected
        self.found = found
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        facts = [
            f"{word} {value}"
            for word, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        if facts:
            text += f" ({', '.join(facts)})"
        if self.hint:
            text += f"\n  next step: {self.hint}"
        return text


class InvalidBundle(BundleError):
    """The file breaks a rule of the format: it is not a bundle, or not one that the writer could have made."""


class IntegrityError(InvalidBundle):
    """The file is laid out like a bundle, but a size, checksum or digest does not match its content."""


class UnsupportedVersion(InvalidBundle):
    """The file was written for a format version, or with a feature, that this kbundle cannot read."""


class LimitExceeded(InvalidBundle):
    """A count, size or depth is beyond `bundler.limits`; raised before the memory for it is taken."""

    default_hint = "no bundle of a real model comes near this limit; ask whoever sent the file what it is"


class DigestMismatch(BundleError):
    """The bundle is sound, but it is not the one that the caller pinned with ``digest=``."""


class ConsentRequired(BundleError):
    """The bundle could do more than compute, or its code reached for more, and nobody accepted that by name.

    Raised before any code of the bundle has run where the audit refuses to load it; later by the bundle's own code, at
    the line that reaches for a power, before anything has happened.

    Attributes:
        words: what ``allow=`` must hold beside what it holds.
        reasons: one line for each thing that asks for a word.
        findings: these things as data (`bundler.audit.finding.Finding`); empty where the code was running already.
        uses: what the running code reached for (`bundler.namespace.guard.Use`); empty where nothing has run.
    """

    #: Keras raises errors of `call` again as ``type(error)(message)``, which would lose everything but the text.
    _keras_call_info_injected = True

    def __init__(
        self,
        words: Sequence[str],
        reasons: Sequence[str] = (),
        *,
        allow: Sequence[str] = (),
        digest: str | None = None,
        findings: Sequence[Any] = (),
        uses: Sequence[Any] = (),
    ) -> None:
        if isinstance(words, str):
            # Whoever re-raises an error by its class and its text hands over only the text.
            super().__init__(words)
            words = ()
        else:
            accepted = sorted({*allow, *words})
            hint = f"if you accept that, pass allow={accepted!r} ({' '.join(f'--allow {word}' for word in accepted)})"
            if digest is not None:
                hint += f'; or, for this very file and no other, digest="{digest}" (--digest)'
            super().__init__(
                "the bundle's code was stopped: nobody accepted what it reached for"
                if uses
                else "loading this bundle needs your consent",
                hint=hint,
            )
        self.words = tuple(words)
        self.reasons = tuple(reasons)
        self.findings = tuple(findings)
        self.uses = tuple(uses)

    def __str__(self) -> str:
        return _listed(f"{self.message}:", self.reasons, self.hint) if self.reasons else super().__str__()


class AuditRefused(BundleError):
    """The bundle holds what no argument accepts, and has not run; or its code reached for what a policy closes.

    Attributes:
        reasons: one line for each thing that is refused.
        findings: these things as data (`bundler.audit.finding.Finding`).
    """

    #: See `ConsentRequired`.
    _keras_call_info_injected = True

    def __init__(
        self,
        message: str,
        reasons: Sequence[str] = (),
        *,
        findings: Sequence[Any] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.reasons = tuple(reasons)
        self.findings = tuple(findings)

    def __str__(self) -> str:
        return _listed(f"{self.message}:", self.reasons, self.hint)


class TargetExists(BundleError):
    """The file or folder to write is there already and ``overwrite=True`` was not given."""


class MissingDependency(BundleError):
    """A distribution that this step needs is not installed; the hint has the install command."""


class RequirementsNotMet(BundleError):
    """This machine lacks what the bundle needs, or has it in versions that will break; nothing of the bundle has run.

    Or it has versions with which the self-test of the bundle, once it was loaded, gives other outputs.

    Attributes:
        problems: one line a requirement, and what the self-test gave.
        install: what to ask an installer for, as PEP 508 requirements; empty where that would not help.
    """

    def __init__(self, message: str, problems: Sequence[str], install: Sequence[str], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)
        self.install = tuple(install)

    def __str__(self) -> str:
        return _listed(f"{self.message}:", self.problems, self.hint)


class RefusalWarning(UserWarning):
    """The bundle's code was stopped somewhere and went on; the model may compute something else than the author's."""


class RequirementsWarning(UserWarning):
    """This machine has other versions than the bundle was packed with; the model may compute something else."""


class PackError(BundleError):
    """The model cannot be packed as it is.

    Attributes:
        reduced: the bundle that failed had modules without the statements that the model does not seem to need.
        functions: those among the values that could not be recorded: they had no place in the bundle.
    """

    reduced: bool = False
    functions: Sequence[Any] = ()


class SourceError(PackError):
    """The source of one or more objects or modules cannot travel.

    Attributes:
        problems: one line a cause, every cause at once.
    """

    def __init__(self, message: str, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return _listed(self.message, self.problems, self.hint)


class ProofFailed(PackError):
    """The bundle was made, but a fresh interpreter does not get the author's model out of it; nothing was written.

    Attributes:
        stage: what failed: ``load``, ``state``, ``weights``, ``outputs``, ``next_step`` or ``save_and_load``.
        module: the original module of the class that failed, or `None` where that is not known.
        qualname: its qualified name.
        missing_module: the module that was not found; `None` where it failed of something else.
        differences: values that come back as others, one a line when it is told as text.
    """

    missing_module: str | None = None
    differences: Sequence[Any] = ()

    def __init__(
        self, message: str, *, stage: str, module: str | None = None, qualname: str | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.stage = stage
        self.module = module
        self.qualname = qualname


class InferenceOnly(BundleError):
    """The model came out of a bundle with ``fidelity: inference``: it predicts, and this would take its code."""

    default_hint = (
        "ask the author for a bundle with fidelity: full (bundle(model, path), builder= or payload='both'); "
        "predict, evaluate and calls work on this one"
    )


class RebuildFailed(BundleError):
    """The bundle is sound, but its code or its model does not come back on this machine.

    Attributes:
        module: the original module of the bundled class that failed, or `None` where that is not known.
        qualname: its qualified name.
        missing_module: the module that was not found; `None` where it failed of something else.
    """

    module: str | None = None
    qualname: str | None = None
    missing_module: str | None = None


class EnvironmentFailed(BundleError):
    """The bundle is sound, but the environment that it asks for cannot be made on this machine, or not unasked.

    Attributes:
        problems: one line a package or cause, or the last lines of the program that failed.
    """

    def __init__(self, message: str, problems: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        first, separator, rest = super().__str__().partition("\n  next step: ")
        return "\n".join([first, *(f"  - {problem}" for problem in self.problems)]) + separator + rest


class SelfTestFailed(BundleError):
    """The model was loaded, but does not give the outputs here that it gave when it was packed, or has no self-test."""


class MissingObject(RebuildFailed):
    """The model asks for an object that neither the bundle nor ``custom_objects`` provides.

    Attributes:
        missing: one line an object, with its key and where the config asks for it.
        offered: the keys that the bundle and the caller do provide.
    """

    def __init__(self, missing: Sequence[str], offered: Sequence[str]) -> None:
        count = "an object" if len(missing) == 1 else f"{len(missing)} objects"
        super().__init__(
            f"the model asks for {count} that the bundle does not provide",
            hint="pack the model again with the source of these objects, or pass them as custom_objects={key: object}",
        )
        self.missing = tuple(missing)
        self.offered = tuple(offered)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {line}" for line in self.missing)]
        lines.append(f"  offered: {', '.join(self.offered) or 'nothing'}")
        lines.append(f"  next step: {self.hint}")
        return "\n".join(lines)


def _listed(message: str, lines: Sequence[str], hint: str | None) -> str:
    return "\n".join([message, *(f"  - {line}" for line in lines), *([f"  next step: {hint}"] if hint else [])])
