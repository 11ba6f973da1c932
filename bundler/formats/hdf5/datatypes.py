"""Datatypes, dataspaces, fill values and layouts: what an array is, from the messages that describe it.

A datatype is looked up by its bytes, not parsed: Keras and h5py write one form of each, and every other is refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bundler.formats.hdf5.extents import UNDEFINED
from bundler.formats.stored_arrays import CHUNKED, DATATYPE, OTHER_FORMAT, SHAPE, STRUCTURE, VIRTUAL, Refused

#: NumPy has no more dimensions either.
_RANK = 32
_LARGEST_STRING = 1 << 20
_STRING = 3
_OPAQUE = 5
_CLASSES = (
    "integer", "float", "time", "string", "bit field", "opaque", "compound", "reference", "enumeration",
    "variable length", "array", "complex",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Datatype:
    """What one element is: `word` as NumPy and Keras call it, `size` in bytes, the most significant first if `big`."""

    word: str
    size: int
    big: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an array lies: `size` bytes at `offset` in the file, or inside the message when `compact`."""

    offset: int
    size: int
    compact: bool


def _integer(size: int, signed: bool, big: bool) -> bytes:
    return struct.pack("<BBHIHH", 0x10, signed << 3 | big, 0, size, 0, 8 * size)


def _float(size: int, exponent: int, mantissa: int, big: bool) -> bytes:
    sign = 8 * size - 1
    head = struct.pack("<BBBBI", 0x11, 0x20 | big, sign, 0, size)
    bias = (1 << exponent - 1) - 1
    return head + struct.pack("<HHBBBBI", 0, 8 * size, mantissa, exponent, 0, mantissa, bias)


def _member(name: bytes, offset: int, kind: bytes) -> bytes:
    # Version 1 of a compound keeps room for the dimensions of an array in every member.
    return name.ljust(8, b"\0") + struct.pack("<I28x", offset) + kind


def _complex(size: int, part: bytes) -> bytes:
    head = struct.pack("<BBBBI", 0x16, 2, 0, 0, 2 * size)
    return head + _member(b"r", 0, part) + _member(b"i", size, part)


def _known() -> Mapping[bytes, Datatype]:
    found: dict[bytes, Datatype] = {}
    for big in (False, True):
        floats = {2: _float(2, 5, 10, big), 4: _float(4, 8, 23, big), 8: _float(8, 11, 52, big)}
        for size, kind in floats.items():
            found[kind] = Datatype(f"float{8 * size}", size, big)
        for size in (4, 8):
            found[_complex(size, floats[size])] = Datatype(f"complex{16 * size}", 2 * size, big)
        for size in (1, 2, 4, 8):
            for signed in (False, True):
                word = f"{'' if signed else 'u'}int{8 * size}"
                found[_integer(size, signed, big)] = Datatype(word, size, big and size > 1)
    values = b"FALSE\0\0\0TRUE\0\0\0\0\0\1"
    found[struct.pack("<BBBBI", 0x18, 2, 0, 0, 1) + _integer(1, True, False) + values] = Datatype("bool", 1)
    return MappingProxyType(found)


_KNOWN = _known()
#: A text of any length, in ASCII or UTF-8, as h5py writes the value of an attribute: class 9 of type "string".
_TEXTS = tuple(struct.pack("<BBBBI", 0x19, 1, utf8, 0, 16) + _integer(1, False, False) for utf8 in (0, 1))
TEXT = Datatype("text", 16)


def datatype(body: bytes, *, attribute: bool = False) -> Datatype:
    """Return what a datatype message says (IV.A.2.d); only an `attribute` may be a text of any length.

    Raises:
        Refused: the type is not in the closed list.
    """
    if len(body) < 8:
        raise Refused(STRUCTURE, "a datatype is cut short")
    # A message is padded to eight bytes.
    for length in range(len(body) - 7, len(body) + 1):
        known = _KNOWN.get(body[:length])
        if known is not None and not any(body[length:]):
            return known
        if attribute and body[:length] in _TEXTS and not any(body[length:]):
            return TEXT
    (head, low, middle, _, size), rest = struct.unpack_from("<BBBBI", body), body[8:]
    kind = head & 15
    if head == 0x10 | _STRING and low & 15 <= 2 and low >> 4 <= 1 and not middle and not any(rest):
        if 1 <= size <= _LARGEST_STRING:
            return Datatype(f"bytes{8 * size}", size)
    # What ml_dtypes has and HDF5 has not: bfloat16 and the float8 types. The tag is free text for people.
    elif head == 0x10 | _OPAQUE and size in (1, 2) and low <= len(rest) <= 256 and not middle:
        return Datatype(f"opaque{8 * size}", size)
    word = _CLASSES[kind] if kind < len(_CLASSES) else f"class {kind}"
    raise Refused(DATATYPE, f"a datatype that Keras does not write: {word} of {size} bytes, version {head >> 4}")


def dataspace(body: bytes) -> tuple[int, ...]:
    """Return the shape that a dataspace message says (IV.A.2.b, version 1).

    Raises:
        Refused: it is another version, can grow, or has more than 32 dimensions.
    """
    if len(body) < 8:
        raise Refused(STRUCTURE, "a dataspace is cut short")
    version, rank, flags = body[:3]
    if version != 1:
        raise Refused(OTHER_FORMAT, f"a dataspace of version {version}")
    if rank > _RANK or flags > 1 or any(body[3:8]):
        raise Refused(STRUCTURE, f"a dataspace with {rank} dimensions and flags {flags}")
    length = 8 + 8 * rank * (1 + flags)
    if len(body) < length or any(body[length:]):
        raise Refused(STRUCTURE, f"a dataspace of {rank} dimensions in {len(body)} bytes")
    shape: tuple[int, ...] = struct.unpack_from(f"<{rank}Q", body, 8)
    if flags and struct.unpack_from(f"<{rank}Q", body, 8 + 8 * rank) != shape:
        raise Refused(CHUNKED, "an array that can grow")
    return shape


def layout(body: bytes, address: int) -> Stored:
    """Return where a layout message says that the array lies (IV.A.2.i); the body itself lies at `address`.

    Raises:
        Refused: it is in chunks or virtual, or in another version.
    """
    if len(body) < 4:
        raise Refused(STRUCTURE, "a layout is cut short")
    version, kind = body[:2]
    if version >= 3 and kind == 3:
        raise Refused(VIRTUAL, "a virtual dataset")
    if version >= 3 and kind == 2:
        raise Refused(CHUNKED, "an array in chunks")
    if version != 3 or kind > 1:
        raise Refused(OTHER_FORMAT, f"a layout of version {version} and class {kind}")
    if kind == 0:
        (size,) = struct.unpack_from("<H", body, 2)
        if 4 + size > len(body) or any(body[4 + size :]):
            raise Refused(STRUCTURE, f"a compact array of {size} bytes in {len(body)}")
        return Stored(address + 4, size, compact=True)
    if len(body) < 18 or any(body[18:]):
        raise Refused(STRUCTURE, "a contiguous layout is cut short")
    offset, size = struct.unpack_from("<QQ", body, 2)
    return Stored(offset, size, compact=False)


def check_stored(shape: tuple[int, ...], element: Datatype, stored: Stored) -> None:
    """Hold the size that shape and type ask for against the bytes that are there.

    Raises:
        Refused: they differ, or no bytes are there at all.
    """
    declared = math.prod(shape) * element.size
    if declared != stored.size:
        raise Refused(SHAPE, f"shape {_short(shape)} of {element.word} asks for {_bytes(declared)}, not {stored.size}")
    # Without an address HDF5 makes the array up from the fill value.
    if not stored.compact and (stored.offset == UNDEFINED) != (declared == 0):
        raise Refused(
            SHAPE, f"shape {_short(shape)} of {element.word}: {_bytes(declared)} at address {stored.offset:#x}"
        )


def check_fill(body: bytes, element: Datatype) -> None:
    """Check a fill value message (IV.A.2.f, version 2).

    Raises:
        Refused: it is another version, or a value of another size.
    """
    if len(body) < 4:
        raise Refused(STRUCTURE, "a fill value is cut short")
    version, allocation, time, defined = body[:4]
    if version != 2:
        raise Refused(OTHER_FORMAT, f"a fill value of version {version}")
    if allocation not in (1, 2, 3) or time > 2 or defined > 1:
        raise Refused(STRUCTURE, "a fill value with an unknown time or state")
    if defined:
        size = int.from_bytes(body[4:8], "little") if len(body) >= 8 else -1
        if size not in (0, element.size) or len(body) < 8 + size or any(body[8 + size :]):
            raise Refused(STRUCTURE, f"a fill value of {size} bytes for elements of {element.size}")


def check_time(body: bytes) -> None:
    """Check a modification time message (IV.A.2.s); h5py leaves it out unless asked.

    Raises:
        Refused: it is none.
    """
    if len(body) != 8 or body[:4] != b"\1\0\0\0":
        raise Refused(STRUCTURE, "a modification time of another version or size")


def _bytes(count: int) -> str:
    return f"{count} bytes" if count < 1 << 64 else "more than 2**64 bytes"


def _short(shape: tuple[int, ...]) -> str:
    text = " x ".join(map(str, shape)) or "()"
    return text if len(text) <= 80 else f"{text[:77]}..."
