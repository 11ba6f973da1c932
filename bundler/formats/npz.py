"""The arrays of a self-test: ``.npz``, a stored ZIP of ``.npy``, read without NumPy.

NumPy evaluates the header of an ``.npy`` as Python and unpickles arrays of objects when asked to. Here the header has
one spelling, the one that NumPy writes, and plain types only (NEP 1, and `bundler.keras_io.selftest.arrays`).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from bundler.archive.window import read_at
from bundler.formats.problem import Problem
from bundler.formats.stored_arrays import ARRAY_SIZE, NOT_AN_ARRAY, NOT_ARRAYS, Refused, Tensor
from bundler.formats.strict_zip import STORED, Inner, Unreadable, pieces, read_inner_zip
from bundler.limits import LIMITS

_MAGIC = b"\x93NUMPY"
_STRUCTURE = "structure.json"
_SUFFIX = ".npy"
#: The length of the header has two bytes in version 1, and four in 2 and 3, where the text is UTF-8.
_VERSIONS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
_HEADER = re.compile(
    rb"\{'descr': '(?P<order>[<>|])(?P<kind>[biufcSU])(?P<size>[0-9]{1,9})', 'fortran_order': (?:True|False), "
    rb"'shape': \((?P<shape>(?:[0-9]{1,19},(?: [0-9]{1,19}(?:, [0-9]{1,19}){0,62})?)?)\), \} *\n"
)
_SIZES = {
    "b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16), "S": None, "U": None,
}  # fmt: skip
_WORDS = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "S": "bytes", "U": "str"}
_DEPTH = 16


@dataclass(frozen=True, slots=True)
class ArraysFile:
    """A file of arrays as it was read: its `tensors`, or the one `problem` that it has and then no arrays."""

    tensors: tuple[Tensor, ...]
    problem: Problem | None


def read_npz(file: BinaryIO, size: int, *, structured: bool = True) -> ArraysFile:
    """Read a file of arrays that kbundle writes: ``.npy`` files, and ``structure.json`` with `structured`.

    Raises:
        OSError: `file` cannot be read.
    """
    place = ""
    tensors = []
    try:
        members = read_inner_zip(file, size, unpacked=False)
        for item in members:
            place = item.name
            if item.method != STORED:
                raise Refused(NOT_ARRAYS, "it is packed")
            if item.name.endswith(_SUFFIX):
                tensors.append(_array(file, item.start, item.size, item.name.removesuffix(_SUFFIX)))
            elif item.name != _STRUCTURE:
                raise Refused(NOT_ARRAYS, "it is neither an array nor structure.json")
        if structured:
            place = _STRUCTURE
            _check_structure(file, members)
    except Unreadable as problem:
        return ArraysFile((), Problem(NOT_ARRAYS, problem.what, problem.name or ""))
    except Refused as problem:
        return ArraysFile((), Problem(problem.rule, problem.what, place))
    return ArraysFile(tuple(tensors), None)


def _array(file: BinaryIO, start: int, size: int, path: str) -> Tensor:
    head = read_at(file, start, min(size, 12))
    width = _VERSIONS.get(head[6:8])
    if head[:6] != _MAGIC or width is None or len(head) < 8 + width:
        raise Refused(NOT_AN_ARRAY, f"it begins with {head[:8]!r}")
    length = int.from_bytes(head[8 : 8 + width], "little")
    if length > LIMITS.npy_header:
        raise Refused(NOT_AN_ARRAY, f"a header of {length} bytes")
    header = read_at(file, start + 8 + width, min(length, size - 8 - width))
    found = _HEADER.fullmatch(header)
    if found is None or len(header) != length:
        raise Refused(NOT_AN_ARRAY, f"a header that NumPy does not write for plain arrays: {header[:120]!r}")
    kind, element = found["kind"].decode(), int(found["size"])
    sizes = _SIZES[kind]
    if sizes is not None and element not in sizes:
        raise Refused(NOT_AN_ARRAY, f"elements of kind {kind!r} with {element} bytes")
    shape = tuple(int(number) for number in found["shape"].decode().replace(" ", "").split(",") if number)
    element *= 4 if kind == "U" else 1
    declared, stored = math.prod(shape) * element, size - 8 - width - length
    if declared != stored:
        number = str(declared) if declared < 1 << 64 else "more than 2**64"
        raise Refused(ARRAY_SIZE, f"the header asks for {number} bytes, and {stored} are there")
    word = _WORDS[kind] if kind == "b" else f"{_WORDS[kind]}{8 * element}"
    return Tensor(path, word, shape, stored, start + size - stored if stored else None)


def _check_structure(file: BinaryIO, members: list[Inner]) -> None:
    """Check that ``structure.json`` speaks of all the arrays and of no other (`bundler.keras_io.selftest.arrays`)."""
    texts = [item for item in members if item.name == _STRUCTURE]
    if not texts:
        raise Refused(NOT_ARRAYS, "it is missing")
    if texts[0].size > LIMITS.manifest:
        raise Refused(NOT_ARRAYS, f"it has {texts[0].size} bytes")
    named: list[str] = []
    try:
        _collect(json.loads(b"".join(pieces(file, texts[0]))), named, 0)
    except (ValueError, RecursionError) as error:
        raise Refused(NOT_ARRAYS, f"it is not a description of arrays: {error}") from None
    stored = [item.name.removesuffix(_SUFFIX) for item in members if item.name.endswith(_SUFFIX)]
    if sorted(named) != sorted(stored):
        raise Refused(NOT_ARRAYS, "it speaks of other arrays than the file has, or of one twice")


def _collect(node: Any, named: list[str], depth: int) -> None:
    if depth > _DEPTH:
        raise ValueError("it is nested too deeply")
    if node is None:
        return
    if not isinstance(node, dict):
        raise ValueError("a node is not an object")
    if node.keys() == {"array", "dtype"} and all(isinstance(value, str) for value in node.values()):
        named.append(node["array"])
        return
    if len(node) != 1:
        raise ValueError("a node is neither an array nor a group of them")
    ((word, items),) = node.items()
    if word in ("list", "tuple") and isinstance(items, list):
        below = items
    elif word in ("dict", "keywords", "ragged", "sparse") and isinstance(items, dict):
        below = list(items.values())
    else:
        raise ValueError(f"a node has the unknown word {word[:40]!r}")
    for item in below:
        _collect(item, named, depth + 1)
