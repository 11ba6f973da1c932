"""The ``.keras`` file: a ZIP of ``config.json``, ``metadata.json``, the weights and ``assets/``.

Keras reads the same files from a folder too, and then opens the weights where they lie; from a ZIP it reads all of
them into memory first.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bundler.archive.scratch import written_below
from bundler.errors import InvalidBundle, LimitExceeded
from bundler.limits import LIMITS

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets"
#: What `zipfile`, its decoders and `json` raise about a file that is not Keras's. RecursionError is a RuntimeError.
NOT_A_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    KeyError,
    EOFError,
    OverflowError,
    RuntimeError,
)


def read_config(path: Path) -> Any:
    """Return ``config.json`` of the ``.keras`` file at `path`, or of a folder with its files, as a JSON value.

    Raises:
        InvalidBundle: it is not a ``.keras`` file.
        LimitExceeded: the config is larger than `LIMITS.keras_config`.
    """
    text = _member(path, CONFIG)
    with foreign_errors(path):
        return json.loads(text)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return ``metadata.json`` of the ``.keras`` file at `path`, or of a folder; raises as `read_config`."""
    text = _member(path, METADATA)
    with foreign_errors(path):
        value = json.loads(text)
    return value if isinstance(value, dict) else {}


def write_config(directory: Path, config: Any) -> None:
    """Replace ``config.json`` in a folder with the files of a ``.keras`` file."""
    with foreign_errors(directory), written_below(directory):
        (directory / CONFIG).write_text(json.dumps(config))


def unpack_keras_file(path: Path, directory: Path) -> None:
    """Write the files in the ``.keras`` file at `path` below `directory`, which is made.

    Raises:
        InvalidBundle: it is not a ``.keras`` file, or names a file that Keras does not write.
        LimitExceeded: the files are far larger than the archive (CWE-409).
        RebuildFailed: the files cannot be written.
    """
    with foreign_errors(path), zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        size, most = sum(info.file_size for info in infos), LIMITS.keras_file_ratio * path.stat().st_size
        if size > max(most, LIMITS.keras_config):
            raise LimitExceeded("the .keras file unpacks to far too much", place=path.name, expected=most, found=size)
        names = [PurePosixPath(info.filename) for info in infos]
        taken = Counter(names) + Counter({folder for name in names for folder in name.parents})
        for info, name in zip(infos, names, strict=True):
            if not _is_expected(info.filename, name.parts) or taken[name] > 1:
                raise InvalidBundle(
                    "the .keras file holds what Keras does not write", place=f"{path.name}: {info.filename[:200]!r}"
                )
        for info, name in zip(infos, names, strict=True):
            target = directory / name
            with written_below(directory):
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)


@contextlib.contextmanager
def foreign_errors(path: Path) -> Iterator[None]:
    """Turn what `zipfile` and `json` raise about the ``.keras`` file at `path` into `InvalidBundle`."""
    try:
        yield
    except (*NOT_A_ZIP, OSError) as error:
        raise InvalidBundle(
            f"this is not a .keras file that Keras could open: {error}",
            place=path.name,
            hint="save the model again with model.save('model.keras')",
        ) from error


def _is_expected(name: str, parts: tuple[str, ...]) -> bool:
    if "\\" in name or "\0" in name or name.startswith("/") or not parts or ".." in parts or ":" in name:
        return False
    if len(name.encode()) > LIMITS.name_bytes or any(len(part.encode()) > LIMITS.name_segment_bytes for part in parts):
        return False
    return len(parts) == 1 or parts[0] == ASSETS


def _member(path: Path, name: str) -> bytes:
    with foreign_errors(path):
        if path.is_dir():
            _check_size(path, name, (path / name).stat().st_size)
            return (path / name).read_bytes()
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            _check_size(path, name, info.file_size)
            return archive.read(info)


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LIMITS.keras_config:
        raise LimitExceeded(
            f"{name} of the model is too large", place=path.name, expected=LIMITS.keras_config, found=size
        )
