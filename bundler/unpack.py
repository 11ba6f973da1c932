"""`unbundle`: from a bundle to a live model, in the order that the format asks for.

Container, manifest, pinned digest and the digest of every member come first; only then is TensorFlow imported and
the bundle's code run. Source is read once: the bytes that were hashed are the bytes that run (invariant I8).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from bundler.archive.pin import check_digest
from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader, open_bundle
from bundler.errors import LimitExceeded, UnsupportedVersion
from bundler.keras_io import framework, loading, registry
from bundler.keras_io.keras_file import unpack_keras_file
from bundler.limits import LIMITS
from bundler.manifest import Manifest
from bundler.namespace import ModuleText, Namespace, open_namespace


def unbundle(
    filepath: str | os.PathLike[str] | BinaryIO,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 - the signature of keras.saving.load_model
    safe_mode: bool = True,
    *,
    digest: str | None = None,
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
        progress: called with (what is done, bytes done, bytes in total).

    Raises:
        InvalidBundle: the file breaks a rule of the format, or its content does not match its digests.
        DigestMismatch: it is another bundle than the one pinned.
        MissingObject: the model asks for an object that nobody provides.
        RebuildFailed: the bundle's code or Keras refuses on this machine.
        MissingDependency: Keras or TensorFlow is not installed.
    """
    with open_bundle(filepath) as reader:
        check_digest(reader, digest)
        manifest = reader.manifest
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
            modules, data = _read_code(reader, manifest)
            if progress is not None:
                progress("building the model", 0, 0)
            # Every byte has been verified by now; only here does the framework come in, and after it the code.
            framework.keras()
            namespace = _namespace(reader.digest, manifest, modules, data)
            return loading.load(
                directory,
                manifest.objects,
                [module.name for module in manifest.modules if module.entry],
                namespace,
                custom_objects=custom_objects or {},
                compile=compile,
                safe_mode=safe_mode,
                adaptations=manifest.adaptations,
                builder=manifest.builder,
            )


def _unpack_payload(reader: BundleReader, directory: Path, progress: Progress | None) -> None:
    keras_file = directory.with_suffix(".keras")
    with keras_file.open("wb") as target:
        reader.copy_to(reader.manifest.payload.member, target, progress)
    unpack_keras_file(keras_file, directory)
    keras_file.unlink()


def _read_code(reader: BundleReader, manifest: Manifest) -> tuple[list[ModuleText], dict[str, bytes]]:
    """Read the source and its data, each member verified against its digest before any of it is used.

    Raises:
        LimitExceeded: a member, or all together, would take more memory than `bundler.limits` allows.
    """
    members = {member.name: member for member in manifest.members}
    code = [module.member for module in manifest.modules]
    files = [item.member for item in manifest.data]
    for names, each, total in (
        (code, LIMITS.source_file, LIMITS.source_total),
        (files, LIMITS.data_file, LIMITS.data_total),
    ):
        sizes = {name: members[name].decoded_size or members[name].size for name in names}
        for name, size in sizes.items():
            if size > each:
                raise LimitExceeded("the member is too large to load", place=name, expected=each, found=size)
        if sum(sizes.values()) > total:
            raise LimitExceeded("the source is too large", expected=total, found=sum(sizes.values()))
    content = {name: reader.read(name) for name in (*code, *files)}
    with open(os.devnull, "wb") as nowhere:
        # What loading does not use is checked all the same, unless a later version encoded it.
        for member in manifest.members:
            if member.name not in content and member.name != manifest.payload.member and member.encoding is None:
                reader.copy_to(member.name, nowhere)
    modules = [
        ModuleText(name=module.name, text=content[module.member], package=module.package) for module in manifest.modules
    ]
    return modules, {item.path: content[item.member] for item in manifest.data}


def _namespace(digest: str, manifest: Manifest, modules: list[ModuleText], data: Mapping[str, bytes]) -> Namespace:
    versions = {distribution.name: distribution.version for distribution in manifest.requirements.packed}
    return open_namespace(digest, modules, data, versions=versions, isolation=registry.isolated)
