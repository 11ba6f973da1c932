"""`unbundle`: from a bundle to a live model, in the order that the format asks for.

Container, manifest, pinned digest and the digest of every member come first, then the audit, consent and the
requirements; only then is TensorFlow imported and the bundle's code run. Source is read once: the bytes that were
hashed and audited are the bytes that run (invariant I8).
"""

from __future__ import annotations

import atexit
import os
import shutil
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

from bundler.archive.progress import Progress, tell
from bundler.archive.reader import BundleReader, check_digest, open_bundle
from bundler.archive.scratch import scratch_folder, written_below
from bundler.audit.auditing import Terms, audit_subject
from bundler.audit.config.rules import UNKNOWN
from bundler.audit.consent import check_pickles, check_words, require_accepted
from bundler.audit.finding import Severity
from bundler.audit.parts import Parts
from bundler.audit.policy import Policy, read_policy
from bundler.audit.subject import Subject, of_reader
from bundler.errors import BundleError, MissingObject, RebuildFailed, RefusalWarning, UnsupportedVersion
from bundler.keras_io import framework
from bundler.keras_io.files import saved_model, tfsm
from bundler.keras_io.selftest import recording
from bundler.keras_io.weights.stored_weights import StoredWeights
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Payload
from bundler.namespace import Use
from bundler.requirements.admit import RequirementsMode, admit, check_mode
from bundler.requirements.compare import Comparison, compare
from bundler.unpacking.confinement import guard_for
from bundler.unpacking.evidence import settle
from bundler.unpacking.model_files import read_model, write_assets
from bundler.unpacking.pickling import BundleReference, attach
from bundler.unpacking.rebuilding import build, open_code, read_code

_GRAPHS = PurePosixPath(tfsm.PLACE)
#: A warning shows this many refusals; the record has all of them.
_MOST_REFUSALS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions(Terms):
    """The arguments of `unbundle`, checked; what is accepted is that of `Terms`, with ``digest=`` as `accept_all`."""

    custom_objects: Mapping[str, Any] = field(default_factory=dict)
    compile: bool = True
    safe_mode: bool = True
    self_test: bool = False
    requirements: RequirementsMode = "check"
    fidelity: Literal["full", "inference"] | None = None
    on_refused: Callable[[Use], None] | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        """Bring the arguments into one form, and refuse words that mean nothing."""
        object.__setattr__(self, "policy", read_policy(self.policy))
        object.__setattr__(self, "allow", check_words(self.allow))
        object.__setattr__(self, "custom_objects", dict(self.custom_objects or {}))
        check_mode(self.requirements)
        if self.fidelity not in (None, "full", "inference"):
            raise BundleError(
                "fidelity has an unknown value",
                place="fidelity",
                expected="'full' or 'inference'",
                found=repr(self.fidelity),
                hint="leave it out, and take the best that the bundle has",
            )


def unbundle(
    filepath: str | os.PathLike[str] | BinaryIO,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 - the signature of keras.saving.load_model
    safe_mode: bool = True,
    *,
    digest: str | None = None,
    self_test: bool = False,
    allow: Sequence[str] = (),
    policy: Policy | str | os.PathLike[str] | None = None,
    requirements: RequirementsMode = "check",
    fidelity: Literal["full", "inference"] | None = None,
    on_refused: Callable[[Use], None] | None = None,
    progress: Progress | None = None,
) -> Any:
    """Return the model of a bundle: a real `keras.Model` that predicts, trains, clones and saves.

    This runs the code in the bundle, with all the rights of this process. Before that, the bundle is audited: what
    its model, graphs, weights and source ask for. Then its code runs, and is stopped at the line that reaches for
    more than computing and that the caller has not accepted: it raises `ConsentRequired` there, before anything has
    happened. That holds code which means no harm; it is not a wall around code that was written to get past it.
    `safe_mode` is Keras's word for refusing pickled lambdas and says nothing about that code.

    Args:
        filepath: path of the bundle, or a seekable binary file object.
        custom_objects: objects by Keras key (``package>name``, or the bare name) that replace the bundle's own.
        compile: restore the optimizer, losses and metrics.
        safe_mode: as in `keras.saving.load_model`.
        digest: load only the bundle with this digest (``sha256:`` and 64 hexadecimal digits, as ``kbundle audit``
            shows it), and accept every capability that this very file asks for.
        self_test: run the model on the inputs that the bundle holds, and refuse it if the outputs differ from those
            of the author's by more than the recorded tolerance.
        allow: the capabilities that are accepted, such as ``["filesystem"]``; `bundler.audit_bundle` and the error
            say which a bundle asks for. The words are in docs/audit.md; there is none for everything.
        policy: what is accepted and what is not, as a `bundler.Policy` or the path of its TOML file. Its key ``gate =
            "strict"`` refuses to load what could do more, instead of stopping it.
        requirements: ``check`` refuses what is missing here or will break. Where other versions may compute something
            else, the self-test of the bundle is replayed and decides; without one, it warns once. ``strict`` wants the
            locked versions; ``ignore`` says in the log what it ignored. The rules are in docs/requirements.md;
            `bundler.check_requirements` shows the comparison.
        fidelity: ``inference`` takes the graph of a bundle that holds the model and a graph, and runs no code of
            the bundle; ``full`` refuses a bundle that holds a graph alone; `None` takes the best there is.
        on_refused: called with each use of a power that was stopped (a `bundler.Use`), now and later, also where the
            bundle's code goes on without it. What is stopped before this returns is also told in one `RefusalWarning`.
        progress: called with (what is done, bytes done, bytes in total).

    Returns:
        A `keras.Model`. What it takes and gives (name, shape with -1 for the batch, datatype) is in the manifest:
        ``payload.inputs`` and ``payload.outputs``. One of a graph predicts, and raises `InferenceOnly` for the rest.

    Raises:
        InvalidBundle: the file breaks a rule of the format, or its content does not match its digests.
        DigestMismatch: it is another bundle than the one pinned.
        AuditRefused: the bundle holds what nothing accepts; none of its code has run.
        ConsentRequired: the bundle asks for a capability that was not accepted, before its code runs or while it does.
        RequirementsNotMet: this machine does not have what the bundle needs, and none of its code has run; or the
            versions here may compute something else, and the self-test shows that they do.
        MissingObject: the model asks for an object that nobody provides.
        RebuildFailed: the bundle's code or Keras refuses on this machine.
        SelfTestFailed: `self_test` was asked for, and there is none or the outputs differ.
        MissingDependency: Keras or TensorFlow is not installed.

    Example:
        >>> import numpy
        >>> model = bundler.unbundle("model.kbundle")
        >>> model.predict(numpy.ones((2, 4), "float32"), verbose=0).shape
        (2, 1)
    """
    given = {**locals()}
    del given["filepath"], given["digest"]
    options = LoadOptions(accept_all=digest is not None, **given)
    with open_bundle(filepath) as reader:
        check_digest(reader, digest)
        return load(reader, options)


def load(reader: BundleReader, options: LoadOptions) -> Any:
    """Return the model of an open bundle as `unbundle` does; the caller has compared its digest."""
    manifest = reader.manifest
    payload = _payload(manifest, options.fidelity)
    comparison = compare(manifest, payload)
    if options.custom_objects:
        comparison = replace(comparison, unmeasured="custom_objects= may change what the model computes")
    if payload.kind == "saved_model":
        model = _load_graph(reader, payload, options, comparison)
        replayed = _self_tested(model, reader, options.self_test)
        settle(model, reader, payload, comparison, options.requirements, replayed=replayed)
        return model
    with scratch_folder() as scratch:
        directory = scratch / "model"
        archive = read_model(reader, payload.member, options.progress)
        code = read_code(reader, manifest)
        graphs, graph_files = _unpack_graphs(reader, options.progress)
        # Every byte has been verified by now, and these very copies are audited and then used (I8).
        subject = of_reader(reader, {**code, **graph_files}, archive)
        parts = _audit(subject, payload, options, offered=options.custom_objects)
        check_pickles(manifest)
        admit(comparison, options.requirements, reader.digest)
        tell(options.progress, "building the model")
        # Only here does the framework come in, and after it the code.
        framework.keras()
        guard = guard_for(manifest, options.accepted, denied=options.policy.deny, on_refused=options.on_refused)
        namespace = open_code(reader.digest, manifest, code, guard, closed=parts.closed)
        before = namespace.record.refused
        write_assets(archive, directory)
        model = build(
            directory,
            parts.config,
            manifest,
            namespace,
            custom_objects=options.custom_objects,
            compile=options.compile,
            safe_mode=options.safe_mode,
            graphs=graphs,
            weights=StoredWeights(*archive.weights_in_memory(), parts.tensors or ()),
        )
    replayed = _self_tested(model, reader, options.self_test)
    _warn_of(use for use in namespace.record.refused if use not in before)
    settle(model, reader, payload, comparison, options.requirements, replayed=replayed)
    path = None if reader.path is None else os.path.abspath(reader.path)
    attach(
        model,
        BundleReference(
            digest=reader.digest,
            path=path,
            manifest=reader.manifest_bytes,
            code=code if sum(map(len, code.values())) <= LIMITS.carried_code else None,
            allow=options.accepted,
            closes=options.policy.gate == "run",
            tree=namespace.prefix,
            denied=tuple(sorted(options.policy.deny)),
            requirements=options.requirements,
            custom_objects=options.custom_objects,
        ),
    )
    return model


def _self_tested(model: Any, reader: BundleReader, wanted: bool) -> recording.Replay | None:
    if not wanted:
        return None
    replayed = recording.replay(model, reader)
    recording.require_same(replayed)
    return replayed


def _warn_of(refused: Iterable[Use]) -> None:
    """Warn once of what the bundle's code was refused although the model came back."""
    lines = [f"{use.capability}: {use.place}: {use.what}" for use in refused]
    if lines:
        words = sorted({line.partition(":")[0] for line in lines})
        shown = "".join(f"\n  - {line}" for line in lines[:_MOST_REFUSALS])
        more = f"\n  - and {len(lines) - _MOST_REFUSALS} more" if len(lines) > _MOST_REFUSALS else ""
        warnings.warn(
            f"the bundle's code was stopped and went on without:{shown}{more}\n  next step: see whether the model "
            f"needs it; if you accept it, pass allow={words!r}",
            RefusalWarning,
            stacklevel=4,
        )


def _audit(subject: Subject, payload: Payload, options: LoadOptions, *, offered: Collection[str] = ()) -> Parts:
    """Audit what is to be loaded, and return what was read on the way: the config, and the texts that run.

    Raises:
        MissingObject: the config asks for objects that nobody provides, and that is all that is wrong with it.
        AuditRefused: see `require_accepted`.
        ConsentRequired: see `require_accepted`.
    """
    tell(options.progress, "auditing")
    parts = Parts(subject, offered)
    audit = audit_subject(subject, options, payloads=(payload,), parts=parts)
    refused = [finding for finding in audit.findings if finding.severity is Severity.REFUSED]
    if refused and all(finding.rule is UNKNOWN for finding in refused):
        # Crafted or forgotten, nobody can tell; the caller may have these objects, and this error says which.
        keys = {item.key for item in subject.manifest.objects} | set(offered)
        raise MissingObject([f"{finding.what}: {finding.place}" for finding in refused], sorted(keys))
    require_accepted(audit)
    return parts


def _payload(manifest: Manifest, fidelity: str | None) -> Payload:
    """Return the payload to load.

    Raises:
        RebuildFailed: the bundle has none of this fidelity.
        UnsupportedVersion: it is of a kind that this version does not know.
    """
    offered = [item for item in (manifest.payload, manifest.inference) if item is not None]
    if fidelity is not None:
        offered = [item for item in offered if item.fidelity == fidelity]
    if not offered:
        raise RebuildFailed(
            "the bundle has no model of this fidelity",
            place="manifest.json: payload",
            expected=fidelity,
            found=manifest.payload.fidelity,
            hint="ask the author to pack it with payload='both'"
            if fidelity == "inference"
            else "load it without fidelity=: it predicts",
        )
    payload = offered[0]
    if (payload.kind, payload.fidelity) not in (("keras", "full"), ("saved_model", "inference")):
        raise UnsupportedVersion(
            "this kbundle cannot load this kind of payload",
            place="manifest.json: payload",
            expected="keras, full or saved_model, inference",
            found=f"{payload.kind}, {payload.fidelity}",
            hint="pip install --upgrade kbundle",
        )
    return payload


def _load_graph(reader: BundleReader, payload: Payload, options: LoadOptions, comparison: Comparison) -> Any:
    """Load a SavedModel; none of the bundle's code is read into the interpreter."""
    directory = saved_model.private_folder()
    try:
        copies = _unpack_below(reader, PurePosixPath(payload.member).parent, directory, options.progress)
        _verify_others(reader, payload)
        _audit(of_reader(reader, copies), payload, options)
        admit(comparison, options.requirements, reader.digest)
        tell(options.progress, "building the model")
        framework.keras()
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return saved_model.load_and_tidy(directory, payload)


def _unpack_graphs(reader: BundleReader, progress: Progress | None) -> tuple[dict[str, Path], dict[str, Path]]:
    """Write the graphs of the model's `TFSMLayer`s to a folder that stays.

    The layer keeps the path, and reads from it again when the model is packed again. Returns their folders by place,
    and their files by member.
    """
    numbers = {
        name.parts[: len(_GRAPHS.parts) + 1]
        for member in reader.manifest.members
        if (name := PurePosixPath(member.name)).is_relative_to(_GRAPHS) and len(name.parts) > len(_GRAPHS.parts) + 1
    }
    if not numbers:
        return {}, {}
    folder = saved_model.private_folder()
    atexit.register(saved_model.remove, folder, os.getpid())
    places = [PurePosixPath(*parts) for parts in sorted(numbers)]
    files: dict[str, Path] = {}
    for place in places:
        files |= _unpack_below(reader, place, folder / place.name, progress)
    return {str(place): folder / place.name for place in places}, files


def _unpack_below(
    reader: BundleReader, place: PurePosixPath, directory: Path, progress: Progress | None
) -> dict[str, Path]:
    """Write the members below `place` to `directory`, each verified on the way; returns the files by member."""
    files = {}
    for member in reader.manifest.members:
        name = PurePosixPath(member.name.removesuffix(".zst") if member.encoding == "zstd" else member.name)
        if not name.is_relative_to(place):
            continue
        path = directory / name.relative_to(place)
        with written_below(directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                reader.copy_to(member.name, target, progress)
        files[member.name] = path
    return files


def _verify_others(reader: BundleReader, payload: Payload) -> None:
    """Check the members that are not used: a damaged bundle is refused whichever part of it is loaded."""
    place = PurePosixPath(payload.member).parent
    names = (member.name for member in reader.manifest.members)
    reader.check_stored(name for name in names if not PurePosixPath(name).is_relative_to(place))
