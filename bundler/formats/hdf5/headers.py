"""Object headers of version 1 and their attributes (IV.A.1.a, IV.A.2.m)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from bundler.formats.hdf5.datatypes import TEXT, dataspace, datatype
from bundler.formats.hdf5.extents import Extents
from bundler.formats.stored_arrays import ALIAS, MESSAGE, NAME, OTHER_FORMAT, SOFT_LINK, STRUCTURE, Refused
from bundler.limits import LIMITS

NIL, DATASPACE, LINK_INFO, DATATYPE, FILL, LINK, EXTERNAL, LAYOUT = 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08
GROUP_INFO, FILTERS, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, MODIFIED = 0x0A, 0x0B, 0x0C, 0x10, 0x11, 0x12
_NAMES = {
    0x04: "old fill value", 0x09: "bogus", 0x0D: "comment", 0x0E: "old modification time",
    0x0F: "shared message table", 0x13: "B-tree K values", 0x14: "driver info",
    0x15: "attribute info", 0x16: "reference count", 0x17: "file space info",
}  # fmt: skip
#: What Keras writes, and what has a rule of its own.
_KNOWN = frozenset({NIL, DATASPACE, DATATYPE, FILL, LAYOUT, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, MODIFIED})
_KNOWN |= {LINK_INFO, LINK, EXTERNAL, GROUP_INFO, FILTERS}
_NEW_GROUP = frozenset({LINK_INFO, LINK, GROUP_INFO})
_LINK_TYPES = {1: "soft", 64: "external"}
_CONSTANT = 1
#: A header of one object has one block and the few that it grew by.
_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a header: its type, its body and where the body lies in the file."""

    kind: int
    body: bytes
    address: int


@dataclass(frozen=True, slots=True)
class StoredText:
    """Where the text of an attribute lies: object `index` of the global heap at `heap`, `size` bytes."""

    heap: int
    index: int
    size: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: its value where that is a text, else `None`."""

    name: str
    text: StoredText | None


def messages(extents: Extents, address: int) -> list[Message]:
    """Return the messages of the header at `address`, from all its blocks.

    Raises:
        Refused: it is not a header of version 1, or has a message that Keras does not write.
    """
    head = extents.take(address, 16, "an object header")
    if head[:4] == b"OHDR":
        raise Refused(OTHER_FORMAT, "an object header of version 2")
    version, zero, count, references, size = struct.unpack_from("<BBHII", head)
    if version != 1 or zero:
        raise Refused(STRUCTURE, f"no object header at {address}: version {version}")
    if references != 1:
        raise Refused(ALIAS, f"an object that says it has {references} names")
    found: list[Message] = []
    blocks = [(address + 16, size)]
    total = 0
    for start, length in blocks:
        if len(blocks) > _BLOCKS or length % 8:
            raise Refused(STRUCTURE, f"an object header of {len(blocks)} blocks, the last of {length} bytes")
        block = extents.take(start, length, "an object header")
        position = 0
        while position < length:
            kind, body_size, flags = struct.unpack_from("<HHB", block, position)
            body = block[position + 8 : position + 8 + body_size]
            if len(body) != body_size or body_size % 8:
                raise Refused(STRUCTURE, f"a message of {body_size} bytes does not fit into its header")
            total += 1
            _check(kind, flags)
            if kind == CONTINUATION:
                if body_size != 16:
                    raise Refused(STRUCTURE, "a continuation of another size")
                blocks.append(struct.unpack("<QQ", body))
            elif kind != NIL:
                found.append(Message(kind, body, start + position + 8))
            position += 8 + body_size
    if total != count:
        raise Refused(STRUCTURE, f"an object header with {total} messages says that it has {count}")
    return found


def refuse_new_group(found: list[Message]) -> None:
    """Check that an object is not a group of the new format, the only one that can have external links.

    Raises:
        Refused: it is.
    """
    for message in found:
        # IV.A.2.g: bit 3 says that the type of the link follows; without it the link is hard.
        if message.kind == LINK and len(message.body) > 2 and message.body[1] & 8 and message.body[2]:
            kind = _LINK_TYPES.get(message.body[2], "user-defined")
            target = message.body[3:].strip(b"\0").decode("ascii", "replace")
            raise Refused(SOFT_LINK, f"a link that is {kind}: {target[:80]!r}")
    if any(message.kind in _NEW_GROUP for message in found):
        raise Refused(OTHER_FORMAT, "a group with link messages instead of a symbol table")


def attribute_name(message: Message) -> str:
    """Return the name in an attribute message.

    Raises:
        Refused: it is of another version, or the name is none.
    """
    body = message.body
    if len(body) < 8:
        raise Refused(STRUCTURE, "an attribute is cut short")
    version, zero, size = struct.unpack_from("<BBH", body)
    if version != 1 or zero:
        raise Refused(OTHER_FORMAT, f"an attribute of version {version}")
    raw, end, rest = body[8 : 8 + size].partition(b"\0")
    if not end or rest:
        raise Refused(STRUCTURE, "the name of an attribute has no end, or bytes after it")
    return name_of(raw, "an attribute")


def attribute(message: Message) -> Attribute:
    """Return what an attribute message says.

    Raises:
        Refused: it is of another version, or its value is not a text, number or string of its declared size.
    """
    name = attribute_name(message)
    body = message.body
    sizes = struct.unpack_from("<HHH", body, 2)
    parts: list[bytes] = []
    position = 8
    for size in sizes:
        parts.append(body[position : position + size])
        position += size + -size % 8
    if position > len(body):
        raise Refused(STRUCTURE, "an attribute is cut short")
    kind = datatype(parts[1], attribute=True)
    shape = dataspace(parts[2])
    value = body[position:]
    size = math.prod(shape) * kind.size
    if size > len(value) or any(value[size:]):
        raise Refused(STRUCTURE, f"the value of attribute {name!r} is not the {size} bytes of its type")
    if kind is not TEXT:
        return Attribute(name, None)
    if shape:
        raise Refused(MESSAGE, f"attribute {name!r} is a list of texts")
    length, heap, index = struct.unpack_from("<IQI", value)
    return Attribute(name, StoredText(heap, index, length))


def name_of(raw: bytes, what: str) -> str:
    """Return the name that is stored as `raw`.

    Raises:
        Refused: it is not a name that a path can have.
    """
    name = raw.decode("utf-8", "replace")
    if not raw or len(raw) > LIMITS.name_segment_bytes:
        raise Refused(NAME, f"{what} has an empty or too long name: {name[:60]!r}")
    if name in (".", "..") or "/" in name or "\\" in name or "\ufffd" in name or not name.isprintable():
        raise Refused(NAME, f"{what} has a name that is not part of a path: {name[:60]!r}")
    return name


def _check(kind: int, flags: int) -> None:
    if kind not in _KNOWN:
        raise Refused(MESSAGE, f"a message of type {kind:#x} ({_NAMES.get(kind, 'unknown')})")
    if flags & ~_CONSTANT:
        raise Refused(MESSAGE, f"a message of type {kind:#x} that is shared or has other flags: {flags:#x}")
