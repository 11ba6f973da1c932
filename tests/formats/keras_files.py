"""``.keras`` files as Keras, kbundle and attackers write them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from bundler.archive.writer import NewMember, write_stored_zip
from bundler.formats.keras_archive import KerasArchive, open_keras_file
from tests.formats import builders

CONFIG = b'{"module": "keras", "class_name": "Sequential", "config": {}}'
METADATA = b'{"keras_version": "3.15.1", "date_saved": "2026-11-25@00:00:00"}'
WEIGHTS = builders.ONE
ASSET = "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt"
FILES = {"metadata.json": METADATA, "config.json": CONFIG, "model.weights.h5": WEIGHTS}


def as_keras_writes(files: dict[str, bytes] = FILES, **options: Any) -> bytes:
    """Return what `keras.src.saving.saving_lib._save_model_to_fileobj` writes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, content in files.items():
            if name.endswith(".json"):
                with archive.open(name, "w") as file:
                    file.write(content)
            else:
                archive.writestr(name, content)
    return target.getvalue()


def as_kbundle_writes(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    write_stored_zip(target, [NewMember(name=name, content=content) for name, content in files.items()])
    return target.getvalue()


def opened(content: bytes) -> KerasArchive:
    return open_keras_file(io.BytesIO(content), len(content))


def with_info(change: Callable[[zipfile.ZipInfo], None], name: str = "config.json") -> bytes:
    """Return a file where `change` was made to one entry before it was written."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for other, content in FILES.items():
            info = zipfile.ZipInfo(other)
            if other == name:
                change(info)
            archive.writestr(info, content)
    return target.getvalue()


def in_local(content: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes of a local header: flags 6, method 8, checksum 14, stored 18, size 22."""
    at = content.index(name) - 30
    assert content[at : at + 4] == b"PK\3\4"
    return builders.written(content, at + offset, value)


def in_central(content: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes of a directory record: flags 8, method 10, checksum 16, stored 20, size 24, header 42."""
    at = content.rindex(name) - 46
    assert content[at : at + 4] == b"PK\1\2"
    return builders.written(content, at + offset, value)


def in_both(content: bytes, name: bytes, local: int, central: int, value: bytes) -> bytes:
    return in_central(in_local(content, name, local, value), name, central, value)


def in_end(content: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite bytes of the end record: disk 4, count here 8, count 10, size 12, offset 16, comment 20."""
    return builders.written(content, len(content) - 22 + offset, value)


def inserted(content: bytes, junk: bytes, *, before: bytes) -> bytes:
    """Put bytes in front of the directory, or of a record, and let the end record know."""
    at = content.index(before)
    (offset,) = struct.unpack_from("<I", content, len(content) - 6)
    return in_end(content[:at] + junk + content[at:], 16, struct.pack("<I", offset + len(junk)))
