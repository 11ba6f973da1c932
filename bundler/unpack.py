"""`unbundle`: from a bundle to a live model, in the order that the format asks for.

Container, manifest, pinned digest and the digest of every member come first; only then is TensorFlow imported and
the bundle's code run. Source is read once: the bytes that were hashed are the bytes that run (invariant I8).
"""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

from bundler.archive.pin import check_digest
from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader, open_bundle
from bundler.archive.scratch import scratch_folder, written_below
from bundler.consent import check_consent, check_words
from bundler.errors import BundleError, RebuildFailed, UnsupportedVersion
from bundler.keras_io import framework, saved_model, selftest, tfsm
from bundler.keras_io.keras_file import unpack_keras_file
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Payload
from bundler.portable import Reference, attach
from bundler.rebuild import build, open_code, read_code
from bundler.requirements.admit import RequirementsMode, admit, check_mode
from bundler.requirements.compare import compare

_GRAPHS = PurePosixPath(tfsm.PLACE)


def unbundle(
    filepath: str | os.PathLike[str] | BinaryIO,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 - the signature of keras.saving.load_model
    safe_mode: bool = True,
    *,
    digest: str | None = None,
    self_test: bool = False,
    allow: Sequence[str] = (),
    requirements: RequirementsMode = "check",
    fidelity: Literal["full", "inference"] | None = None,
    progress: Progress | None = None,
) -> Any:
    """Return the model of a bundle: a real `keras.Model` that predicts, trains, clones and saves.

    This runs the code in the bundle, with all the rights of this process. Load what you trust, or have looked at;
    `safe_mode` is Keras's word for refusing pickled lambdas and says nothing about that code.

    Args:
        filepath: path of the bundle, or a seekable binary file object.
        custom_objects: objects by Keras key (``package>name``, or the bare name) that replace the bundle's own.
        compile: restore the optimizer, losses and metrics.
        safe_mode: as in `keras.saving.load_model`.
        digest: load only the bundle with this digest (``sha256:`` and 64 hexadecimal digits, as ``kbundle inspect``
            shows it).
        self_test: run the model on the inputs that the bundle holds, and refuse it if the outputs differ from those
            of the author's by more than the recorded tolerance.
        allow: what may be loaded although nobody can look at it first: ``"opaque-code"`` for objects that the author
            stored as pickles (``by_value``).
        requirements: ``check`` refuses what is missing here or will break, and warns once of other versions that may
            compute something else; ``strict`` wants the locked versions; ``ignore`` says in the log what it ignored.
            The rules are in docs/requirements.md; `bundler.check_requirements` shows the comparison.
        fidelity: ``inference`` takes the graph of a bundle that holds the model and a graph, and runs no code of
            the bundle; ``full`` refuses a bundle that holds a graph alone; `None` takes the best there is.
        progress: called with (what is done, bytes done, bytes in total).

    Raises:
        InvalidBundle: the file breaks a rule of the format, or its content does not match its digests.
        DigestMismatch: it is another bundle than the one pinned.
        ConsentRequired: the bundle holds what `allow` does not name.
        RequirementsNotMet: this machine does not have what the bundle needs; none of its code has run.
        MissingObject: the model asks for an object that nobody provides.
        RebuildFailed: the bundle's code or Keras refuses on this machine.
        SelfTestFailed: `self_test` was asked for, and there is none or the outputs differ.
        MissingDependency: Keras or TensorFlow is not installed.
    """
    check_words(allow)
    check_mode(requirements)
    if fidelity not in (None, "full", "inference"):
        raise BundleError(
            "fidelity has a word that means nothing",
            place="fidelity",
            expected="'full' or 'inference'",
            found=repr(fidelity),
            hint="leave it out, and take the best that the bundle has",
        )
    with open_bundle(filepath) as reader:
        check_digest(reader, digest)
        manifest = reader.manifest
        payload = _payload(manifest, fidelity)
        comparison = compare(manifest, payload)
        if payload.kind == "saved_model":
            admit(comparison, requirements, reader.digest)
            model = _load_graph(reader, payload, progress)
            if self_test:
                selftest.require_same(selftest.replay(model, reader))
            return model
        allowed = check_consent(manifest, allow)
        with scratch_folder() as scratch:
            directory = scratch / "model"
            keras_file = directory.with_suffix(".keras")
            with written_below(scratch), keras_file.open("wb") as stored:
                reader.copy_to(payload.member, stored, progress)
            code = read_code(reader, manifest)
            graphs = _unpack_graphs(reader, progress)
            admit(comparison, requirements, reader.digest)
            if progress is not None:
                progress("building the model", 0, 0)
            # Every byte has been verified by now; only here does the framework come in, and after it the code.
            framework.keras()
            unpack_keras_file(keras_file, directory)
            keras_file.unlink()
            model = build(
                directory,
                manifest,
                open_code(reader.digest, manifest, code),
                custom_objects=custom_objects or {},
                compile=compile,
                safe_mode=safe_mode,
                graphs=graphs,
            )
        if self_test:
            selftest.require_same(selftest.replay(model, reader))
        path = None if reader.path is None else os.path.abspath(reader.path)
        attach(
            model,
            Reference(
                digest=reader.digest,
                path=path,
                manifest=reader.manifest_bytes,
                code=code if sum(map(len, code.values())) <= LIMITS.carried_code else None,
                allow=allowed,
                requirements=requirements,
                custom_objects=dict(custom_objects or {}),
            ),
        )
        return model


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


def _load_graph(reader: BundleReader, payload: Payload, progress: Progress | None) -> Any:
    """Load a SavedModel; none of the bundle's code is read into the interpreter."""
    directory = saved_model.private_folder()
    try:
        _unpack_below(reader, PurePosixPath(payload.member).parent, directory, progress)
        _verify_others(reader, payload)
        if progress is not None:
            progress("building the model", 0, 0)
        framework.keras()
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return saved_model.load_and_tidy(directory, payload)


def _unpack_graphs(reader: BundleReader, progress: Progress | None) -> dict[str, Path]:
    """Write the graphs of the model's `TFSMLayer`s to a folder that stays, and return their folders by place.

    The layer keeps the path, and reads from it again when the model is packed again.
    """
    numbers = {
        name.parts[: len(_GRAPHS.parts) + 1]
        for member in reader.manifest.members
        if (name := PurePosixPath(member.name)).is_relative_to(_GRAPHS) and len(name.parts) > len(_GRAPHS.parts) + 1
    }
    if not numbers:
        return {}
    folder = saved_model.private_folder()
    atexit.register(saved_model.remove, folder, os.getpid())
    places = [PurePosixPath(*parts) for parts in sorted(numbers)]
    for place in places:
        _unpack_below(reader, place, folder / place.name, progress)
    return {str(place): folder / place.name for place in places}


def _unpack_below(reader: BundleReader, place: PurePosixPath, directory: Path, progress: Progress | None) -> None:
    """Write the members below `place` to `directory`, each verified on the way."""
    for member in reader.manifest.members:
        name = PurePosixPath(member.name.removesuffix(".zst") if member.encoding == "zstd" else member.name)
        if not name.is_relative_to(place):
            continue
        path = directory / name.relative_to(place)
        with written_below(directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                reader.copy_to(member.name, target, progress)


def _verify_others(reader: BundleReader, payload: Payload) -> None:
    """Check the members that are not used: a damaged bundle is refused whichever part of it is loaded."""
    place = PurePosixPath(payload.member).parent
    names = (member.name for member in reader.manifest.members)
    reader.check_stored(name for name in names if not PurePosixPath(name).is_relative_to(place))
