"""`bundle`: a model, the source of its custom code and what they need, in one file.

Nothing is written at the target before everything has been found; a model that cannot travel is refused with every
cause at once.
"""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bundler.archive.progress import Progress, tell
from bundler.archive.writer import NewMember
from bundler.audit.auditing import Terms, audit_subject
from bundler.audit.consent import consent_lines, require_acceptable
from bundler.audit.finding import REFLECTION
from bundler.audit.result import Audit
from bundler.audit.subject import of_members
from bundler.errors import PackError, ProofFailed, SourceError
from bundler.formats.python.parsing import parsed_once
from bundler.keras_io import framework
from bundler.keras_io.process_state import kept_process_state
from bundler.keras_io.program.account import ProgramDifference, lacks_weights
from bundler.keras_io.selftest import recording
from bundler.manifest import Manifest, Payload, Proof, RecordedUses
from bundler.packing.attempts import pack_until_proved
from bundler.packing.compose import Found, lock_of, manifest_of, members_of
from bundler.packing.expected_of_proof import expectation_of
from bundler.packing.named import checked_target
from bundler.packing.options import FallbackChoice, PackOptions, PayloadChoice
from bundler.packing.search import Step
from bundler.packing.travelling import travelling
from bundler.packing.until_proved import write_proved
from bundler.proof.client import Prover, planned_proof
from bundler.proof.expectation import Expectation
from bundler.proof.request import LOAD, STATE
from bundler.requirements.locking.from_author import RequirementsChoice
from bundler.requirements.locking.lock import Locker
from bundler.saving.live_program import with_values

#: The first time finds the values that were set at run time, the second confirms them; one more for what these bring.
_MOST_TIMES, _MOST_SHOWN = 4, 4
_KEEP = (
    "keep the object in an attribute of the model, or let the method read a variable of the function around it: "
    "objects that are put into a module while the program runs stay behind"
)
_WAY_OUT = "see what it does at random, or by what it finds on the machine; or pack with prove=False (--no-proof)"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedBundle:
    """What `bundle` wrote: the file, its digest (``sha256:...``) and its manifest.

    `no_self_test` says why no example inputs could be made for the model; `None` where the bundle has a self-test.
    `notes` are lines about its requirements: what has no hash and why, what whoever loads it must have by other ways;
    and about its proof: what the code was stopped at, and what would avoid that.
    `source` are lines about the author's source: how much of it travels, and what stays behind.
    `audit` is what `bundler.audit_bundle` says about it: `audit.asked` are the capabilities that it will not load
    without, and `audit.findings` the lines that cause that. `manifest.proof.allow` has, beside these, what its code was
    seen to need while it ran.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> packed = bundler.bundle(model, "dense.kbundle", prove=False)
        >>> packed.path.name, packed.audit.asked
        ('dense.kbundle', ())
    """

    path: Path
    digest: str
    manifest: Manifest = field(repr=False)
    audit: Audit = field(repr=False)
    no_self_test: str | None = None
    notes: tuple[str, ...] = ()
    source: tuple[str, ...] = ()


def bundle(
    model: Any,
    filepath: str | os.PathLike[str],
    *,
    sources: Sequence[str | os.PathLike[str]] = (),
    include: Sequence[str] = (),
    skip_data: Sequence[str] = (),
    modules: Sequence[str] = (),
    whole: bool | Sequence[str] | None = None,
    example_inputs: Any = None,
    prove: bool = True,
    by_value: Sequence[Any] = (),
    allow: Sequence[str] = (),
    payload: PayloadChoice = "full",
    fallback: FallbackChoice | None = None,
    signature: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    builder: Callable[..., Any] | str | None = None,
    builder_kwargs: Mapping[str, Any] | None = None,
    requirements: RequirementsChoice | None = None,
    offline: bool = False,
    keep_index: bool = False,
    vendor: bool = False,
    overwrite: bool = False,
    name: str | None = None,
    description: str | None = None,
    license: str | None = None,  # noqa: A002 - the manifest's word, and the field's
    source_revision: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> PackedBundle:
    """Write `model` and the source of its custom code to the bundle `filepath`.

    Args:
        model: a built `keras.Model`, or the path of a ``.keras`` file (stored byte for byte unless `custom_objects` are
            given or a `TFSMLayer` names a folder), of a legacy ``.h5`` file (converted) or of a SavedModel folder
            (a model that predicts and does not train).
            With a `builder` also the path of a ``.weights.h5`` file, or `None` for the weights that the builder's
            model starts with.
        filepath: where to write; by custom it ends in ``.kbundle``.
        sources: folders to look for source in, as entries of `sys.path`. A live model needs none, since its
            modules are loaded; a file needs the folders of the code that it was made with.
        include: installed distributions, or top-level modules of them, to pack as source instead of requiring
            them where the model is loaded.
        skip_data: patterns of data files that the code names but that stay behind, such as ``mypkg/corpus/*``.
        modules: more modules to pack, and to import before the model is rebuilt; for code that nothing imports by
            name, such as plugins that register themselves.
        whole: the author's modules travel with the statements that the model needs; the lines of the others are empty.
            True packs modules as they are, a list those that fit a pattern, such as ``["mypkg.nets", "mypkg.ops.*"]``.
            Modules of `include` are packed as they are; False reduces these, too. Where a reduced module fails in the
            proof, whole ones are tried.
        example_inputs: what to call the model with for the self-test: an array, or a dict, list or tuple of arrays,
            each of the dtype and shape of an input of the model, rows first. If all have the same first dimension and
            the model declares no fixed batch size, the first eight rows are used. Without it, inputs are made to the
            model's signature. A graph is compared with the model on them too.
        prove: load the bundle in a fresh interpreter, without the author's folders, before it gets its name, compare
            weights, outputs and values that the program set, save and load it again there, and train a compiled model
            for one step. All under the rules that hold where it is loaded: code that reaches for more than it computes
            is stopped, and tried again with that accepted, which the manifest then says. The step is compared with one
            that `model` makes here; afterwards `model` is as before, but what a ``train_step`` prints or writes to a
            file is printed and written.
        by_value: classes and functions of a live model that have no source (made by ``type()``, by ``exec``, by a
            factory), to be stored as pickles: the last resort. Nobody can read what they do, only this Python minor
            version loads them, and only with ``allow=["opaque-code"]``. What is importable from source is refused
            here. A model that came out of a bundle brings its own along; they need no mention.
        allow: capabilities that the code may use in the proof from the start, such as ``["filesystem"]``; whoever loads
            the bundle accepts for themselves.
        payload: ``full`` stores the model; ``inference`` a graph of it, which predicts and needs none of its code;
            ``both`` stores the two, and how far their outputs are apart.
        fallback: ``inference`` stores the graph if the model cannot be packed as it is.
        signature: of a SavedModel folder, the signature to call, where there are several.
        custom_objects: objects by Keras key or bare name, for model files that name what `sources` do not have, or
            have twice.
        builder: a function at the top level of a module that returns the model untrained, or its name as
            ``package.module:function`` in `sources`. It is packed, and called where the model is loaded; weights,
            compile state and optimizer state then go into what it returns. For models that Keras cannot rebuild.
        builder_kwargs: its arguments, as JSON values.
        requirements: what must be installed where the model is loaded, instead of what the imports say: a list of
            requirements (PEP 508), or the path of a ``requirements.txt`` or ``pylock.toml`` (PEP 751). The versions
            are those that are installed here, and must fit.
        offline: ask no index (``KBUNDLE_OFFLINE=1`` does the same). The lock then has pins and no hashes.
        keep_index: keep the addresses of private indexes in the lock, without user and password.
        vendor: put the wheels of small pure-Python requirements into the bundle, for machines without an index.
        overwrite: replace an existing file.
        name: what the author calls the model.
        description: a sentence about it.
        license: an SPDX expression.
        source_revision: the revision of the author's repository.
        metadata: anything else, as JSON values.
        progress: called with (what is done, bytes done, bytes in total).

    Returns:
        What was written: the path, the digest, the manifest, the audit, and lines that the author should read.

    Raises:
        TargetExists: `filepath` exists and `overwrite` is false.
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: Keras cannot save the model, it fails on `example_inputs`, a graph gives other outputs than the
            model, or the file cannot be written.
        ProofFailed: the model does not come back in a fresh interpreter as it is here; nothing was written.
        RebuildFailed: the model in a file does not come back from it.
        MissingDependency: Keras or TensorFlow is not installed.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> packed = bundler.bundle(model, "dense.kbundle")
        >>> packed.manifest.proof.checks[:2]
        ('load', 'state')
    """
    given = {**locals()}
    return pack(given.pop("model"), given.pop("filepath"), PackOptions(**given))


def pack(model: Any, filepath: str | os.PathLike[str], options: PackOptions) -> PackedBundle:
    """Write the bundle as `bundle` does."""
    target = checked_target(filepath, overwrite=options.overwrite)
    step = functools.partial(tell, options.progress)
    locker = Locker(options, step)
    with tempfile.TemporaryDirectory(prefix="kbundle-") as scratch, contextlib.ExitStack() as stack:
        stack.enter_context(kept_process_state())
        stack.enter_context(parsed_once())
        step("importing Keras")
        # Now, so that it imports the framework while the model is saved and written here.
        prover = stack.enter_context(Prover(step=step)) if options.prove else None
        writer = _Writer(target=target, options=options, prover=prover, locker=locker, step=step)
        return pack_until_proved(model, options, Path(scratch), step, writer.write)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Writer:
    """Writes what was found to one target, and lets a prover look at it first."""

    target: Path
    options: PackOptions
    prover: Prover | None
    locker: Locker
    step: Step

    def write(self, found: Found) -> PackedBundle:
        """Write, audit and prove the bundle of `found`.

        Raises:
            SourceError: every audit would refuse the bundle; nothing was written.
            ProofFailed: the model does not come back; nothing was written.
            PackError: it fails on the author's inputs, or the file cannot be written.
        """
        source = travelling(found.closure, found.packed)
        for line in source:
            self.step(line)
        lock = lock_of(found, self.locker)
        self.step("recording the self-test")
        payloads = [facts for facts in (found.facts, found.inference) if facts is not None]
        declared = [spec for facts in payloads for spec in facts.inputs or ()]
        recorded = recording.record(found.model, self.options.example_inputs, declared)
        if recorded.reason is not None:
            self.step(f"no self-test: {recorded.reason}")
        manifest = replace(manifest_of(found, lock, self.options.provenance()), self_test=recorded.self_test)
        members = [*members_of(found, lock), *recorded.members]
        expectation = None
        if self.prover is not None:
            self.step("describing the program")
            expectation = expectation_of(found, manifest, recorded, self.options.sources)
        program = found.program
        # A model that was loaded here from a file is not needed any more, and the proof loads another one.
        found = replace(found, model=None)
        notes = list(found.notes)
        lost: list[ProgramDifference] = []
        for _ in range(_MOST_TIMES):
            try:
                packed = self._write(manifest, members, payloads, expectation)
            except ProofFailed as failure:
                if program is None or not failure.differences or lacks_weights(failure.differences):
                    # Where the model is not even made, registries of its objects are empty for that reason.
                    if lost and failure.stage != LOAD:
                        failure.message += f"; besides, {'; '.join(map(str, lost[:_MOST_SHOWN]))}"
                        failure.hint = _KEEP
                    raise
                try:
                    recorded_values = program.record(failure.differences)
                except SourceError as error:
                    # Made in another way, the object may have them by itself.
                    told = f"{error.message} {'; '.join(error.problems)}"
                    failure.message = told if failure.stage == STATE else f"{failure.message}; besides, {told}"
                    failure.functions = error.functions
                    raise failure from error
                adaptations = with_values(manifest.adaptations, recorded_values.adaptations)
                if adaptations == manifest.adaptations and not recorded_values.left:
                    raise
                if expectation is not None and expectation.account is not None:
                    expectation = replace(expectation, account=expectation.account.without(recorded_values.left))
                notes += recorded_values.notes
                lost += recorded_values.lost
                for line in recorded_values.notes:
                    self.step(line)
                manifest = replace(manifest, adaptations=adaptations)
                continue
            notes = [*lock.notes, *dict.fromkeys([*notes, *packed.notes])]
            return replace(packed, no_self_test=recorded.reason, notes=tuple(notes), source=source)
        raise PackError("the values of this program are others each time that it is loaded", hint=_WAY_OUT)

    def _write(
        self,
        manifest: Manifest,
        members: Sequence[NewMember],
        payloads: Sequence[Payload],
        expectation: Expectation | None,
    ) -> PackedBundle:
        """Audit and prove the bundle of `manifest`, and give it its name."""
        prove = None
        if self.prover is not None and expectation is not None:
            proof = planned_proof(manifest, *framework.versions(), expectation, allow=self.options.allow)
            manifest = replace(manifest, proof=proof)
            prove = functools.partial(self.prover.check, expectation=expectation)
        self.step("auditing")
        audit = audit_subject(of_members(manifest, members, self.target), Terms(), payloads=payloads)
        require_acceptable(audit)
        for line in consent_lines(audit):
            self.step(f"whoever loads this will be asked to accept {line}")
        if manifest.proof is not None:
            accepted = tuple(sorted({*audit.asked, *self.options.allow}))
            manifest = replace(manifest, proof=replace(manifest.proof, allow=accepted))
        bundle, seen = write_proved(
            self.target, manifest, members, prove, overwrite=self.options.overwrite, progress=self.options.progress
        )
        return PackedBundle(
            path=self.target,
            digest=bundle.digest,
            manifest=bundle.manifest,
            audit=replace(audit, digest=bundle.digest, size=bundle.size),
            notes=() if seen is None else (*seen.notes, *_needless(self.options.allow, audit, seen.proof)),
        )


def _needless(allow: tuple[str, ...], audit: Audit, proof: Proof) -> list[str]:
    """Return a line for each word that the author accepted and nothing was seen to ask for."""
    used = {use.capability for _, uses in (proof.uses or RecordedUses()).stages() for use in uses}
    # Reflection opens a net as a whole, whatever is then done.
    needless = set(allow) - used - set(audit.asked) - {REFLECTION}
    return [f"allow= has {word}, which nothing used in the proof; leave it out" for word in sorted(needless)]
