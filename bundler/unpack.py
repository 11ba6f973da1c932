"""`unbundle`: from a bundle to a live model, in the order that the format asks for.

Container, manifest, pinned digest and the digest of every member come first; only then is TensorFlow imported and
the bundle's code run. Source is read once: the bytes that were hashed are the bytes that run (invariant I8).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from bundler.archive.pin import check_digest
from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader, open_bundle
from bundler.consent import check_consent
from bundler.errors import UnsupportedVersion
from bundler.keras_io import framework, selftest
from bundler.keras_io.keras_file import unpack_keras_file
from bundler.limits import LIMITS
from bundler.portable import Reference, attach
from bundler.rebuild import build, open_code, read_code


def unbundle(
    filepath: str | os.PathLike[str] | BinaryIO,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 - the signature of keras.saving.load_model
    safe_mode: bool = True,
    *,
    digest: str | None = None,
    self_test: bool = False,
    allow: Sequence[str] = (),
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
        progress: called with (what is done, bytes done, bytes in total).

    Raises:
        InvalidBundle: the file breaks a rule of the format, or its content does not match its digests.
        DigestMismatch: it is another bundle than the one pinned.
        ConsentRequired: the bundle holds what `allow` does not name.
        MissingObject: the model asks for an object that nobody provides.
        RebuildFailed: the bundle's code or Keras refuses on this machine.
        SelfTestFailed: `self_test` was asked for, and there is none or the outputs differ.
        MissingDependency: Keras or TensorFlow is not installed.
    """
    with open_bundle(filepath) as reader:
        check_digest(reader, digest)
        manifest = reader.manifest
        allowed = check_consent(manifest, allow)
        if manifest.payload.kind != "keras" or manifest.payload.fidelity != "full":
            raise UnsupportedVersion(
                "this kbundle cannot load this kind of payload",
                place="manifest.json: payload",
                expected="keras, full",
                found=f"{manifest.payload.kind}, {manifest.payload.fidelity}",
                hint="pip install --upgrade kbundle",
            )
        with tempfile.TemporaryDirectory(prefix="kbundle-") as scratch:
            directory = Path(scratch) / "model"
            _unpack_payload(reader, directory, progress)
            code = read_code(reader, manifest)
            if progress is not None:
                progress("building the model", 0, 0)
            # Every byte has been verified by now; only here does the framework come in, and after it the code.
            framework.keras()
            model = build(
                directory,
                manifest,
                open_code(reader.digest, manifest, code),
                custom_objects=custom_objects or {},
                compile=compile,
                safe_mode=safe_mode,
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
                custom_objects=dict(custom_objects or {}),
            ),
        )
        return model


def _unpack_payload(reader: BundleReader, directory: Path, progress: Progress | None) -> None:
    keras_file = directory.with_suffix(".keras")
    with keras_file.open("wb") as target:
        reader.copy_to(reader.manifest.payload.member, target, progress)
    unpack_keras_file(keras_file, directory)
    keras_file.unlink()
