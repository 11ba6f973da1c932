"""Finds pickle and marshal data in a bundle, wherever it hides: no bundle made without ``by_value`` may hold any.

Reads with `zipfile`, `json` and h5py alone, so that a mistake in kbundle's own reader cannot hide anything.
"""

from __future__ import annotations

import ast
import base64
import binascii
import contextlib
import io
import json
import marshal
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import zstandard

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{24,}={0,2}\s*")
_ZIP, _ZSTD, _NPY, _HDF5 = b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"
#: A code object, with and without marshal's flag for things that are referred to again.
_CODE = (0x63, 0xE3)


def pickles_in(bundle: Path) -> list[str]:
    """Return a line for each place of `bundle` that holds pickle or marshal data and is not declared as opaque."""
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        declared = {item["opaque"]["member"] for item in manifest.get("objects", []) if "opaque" in item}
        return [
            line for name in archive.namelist() if name not in declared for line in _in_bytes(name, archive.read(name))
        ]


def is_pickle(data: bytes) -> bool:
    """Say whether `data` is one pickle from end to end; the empty protocols 0 and 1 have no other mark."""
    if data[:1] != b"\x80" and data[-1:] != b".":
        return False
    try:
        operations = list(pickletools.genops(data))
    except Exception:
        return False
    return bool(operations) and (data[:1] == b"\x80" or operations[-1][2] == len(data) - 1)


def is_marshal(data: bytes) -> bool:
    """Say whether `data` is a marshalled code object, or a ``.pyc`` file with one."""
    if data[2:4] == b"\r\n" and len(data) > 16 and data[16] in _CODE:
        return True
    if len(data) < 40 or data[0] not in _CODE:
        return False
    try:
        return isinstance(marshal.loads(data), CodeType)
    except (ValueError, EOFError, TypeError):
        return False


def _in_bytes(place: str, data: bytes) -> Iterator[str]:
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _in_bytes(f"{place}!{name}", archive.read(name))
    elif data.startswith(_ZSTD):
        content = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        yield from _in_bytes(f"{place}!{place.removesuffix('.zst')}", content)
    elif data.startswith(_NPY):
        if _holds_objects(data):
            yield f"{place}: a NumPy array of Python objects, which is a pickle"
    elif data.startswith(_HDF5):
        yield from _in_hdf5(place, data)
    elif is_pickle(data):
        yield f"{place}: a pickle"
    elif is_marshal(data):
        yield f"{place}: marshalled bytecode"
    elif place.endswith(".json"):
        yield from _in_json(place, "", json.loads(data))


def _holds_objects(data: bytes) -> bool:
    start, size = (10, 2) if data[6] == 1 else (12, 4)
    header = ast.literal_eval(data[start : start + int.from_bytes(data[8 : 8 + size], "little")].decode("latin-1"))
    return "O" in str(header["descr"])


def _in_json(place: str, path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            yield f"{place}: {path}: a lambda as bytecode"
        for key, item in value.items():
            yield from _in_json(place, f"{path}/{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_json(place, f"{path}/{index}", item)
    elif isinstance(value, str):
        yield from _in_text(f"{place}: {path}", value)


def _in_text(place: str, text: str) -> Iterator[str]:
    candidates = [text.encode("latin-1", "ignore")]
    if _BASE64.fullmatch(text):
        with contextlib.suppress(binascii.Error):
            candidates.append(base64.b64decode(text))
    # Protocol 0 is text; a sentence that ends with a full stop is only taken for it if it calls something.
    for data in candidates:
        if is_marshal(data) or (is_pickle(data) and (data[:1] == b"\x80" or b"\n" in data)):
            yield f"{place}: a pickle or bytecode in a string"


def _in_hdf5(place: str, data: bytes) -> Iterator[str]:
    import h5py
    import numpy as np

    found: list[str] = []

    def check(where: str, value: Any) -> None:
        for item in np.asarray(value, dtype=object).ravel() if np.asarray(value).dtype.kind in "OSU" else [value]:
            content = item.encode("latin-1", "ignore") if isinstance(item, str) else item
            content = content if isinstance(content, bytes) else np.asarray(content).tobytes()
            text = content.decode("latin-1")
            if is_pickle(content) or is_marshal(content) or any(True for _ in _in_text(where, text)):
                found.append(f"{place}!{where}: a pickle or bytecode")

    def visit(name: str, item: Any) -> None:
        for key, value in item.attrs.items():
            check(f"{name}@{key}", value)
        # Of the numbers only bytes can be a pickle that somebody put there.
        if isinstance(item, h5py.Dataset) and (item.dtype.kind in "OSUV" or item.dtype.itemsize == 1):
            check(name, item[()])

    with h5py.File(io.BytesIO(data)) as file:
        visit("/", file)
        file.visititems(visit)
    yield from found
