"""Protocol buffers without protobuf: every field of a message is known, or the message is refused.

Other readers skip what they do not know, and let the last of two values win, so that two readers see two messages in
one file. `check` accepts one encoding with one meaning: known fields with their own wire type, singular fields once,
one field of a ``oneof``, one entry for a key, known numbers of an enumeration, the shortest form of every number, and
text that is UTF-8. `read` then reads one message of what was checked.

The encoding: https://protobuf.dev/programming-guides/encoding/. A field is a tag (``number << 3 | wire type``) and a
value: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes. Wire types 3 and 4 (groups) are refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bundler.generated import generated_table
from bundler.limits import LIMITS

_DEPTH = 100  # The depth that protobuf itself reads.
_VARINTS = re.compile(rb"(?:[\x80-\xff]{0,9}+[\x00-\x7f])*+")
_WIDTH = {"double": 8, "fixed64": 8, "float": 4, "fixed32": 4}
#: The least and the greatest value of a varint of each kind, as the 64 bits that are stored.
_NEGATIVE_INT32 = (1 << 64) - (1 << 31)


class UnreadableMessage(Exception):
    """The bytes are not one message with one meaning. `kind` is the name of the rule: ``malformed``, ..."""

    def __init__(self, kind: str, what: str, at: int) -> None:
        super().__init__(f"{what}, at byte {at}")
        self.kind = kind


class Span(NamedTuple):
    """Where a message is: the index of its first byte and of the one after its last."""

    start: int
    end: int


class Field(NamedTuple):
    """What the table says about a field, under one tag."""

    name: str
    kind: str
    type: str
    repeated: bool
    oneof: str
    packed: bool


@dataclass(slots=True)
class _State:
    data: bytes
    #: Where the messages are that somebody wants to look at, by their names.
    found: dict[str, list[Span]]
    left: int = field(default_factory=lambda: LIMITS.graph_values)


@functools.cache
def table(message: str) -> Mapping[int, Field]:
    """Return the fields of a message by tag."""
    fields = {}
    for number, text in _tables()["messages"][message].items():
        name, kind, *more = text.split()
        repeated = "repeated" in more
        of_type = more[0] if kind in ("message", "enum") else ""
        oneof = next((word[3:] for word in more if word.startswith("of:")), "")
        base = int(number) << 3
        packable = repeated and kind not in ("message", "string", "bytes")
        scalar = {8: 1, 4: 5}.get(_WIDTH.get(kind, 0), 2 if kind in ("message", "string", "bytes") else 0)
        fields[base | scalar] = Field(name, kind, of_type, repeated, oneof, packed=False)
        if packable:
            fields[base | 2] = Field(name, kind, of_type, repeated, oneof, packed=True)
    return fields


@functools.cache
def _numbers(enumeration: str) -> frozenset[int]:
    return frozenset(map(int, _tables()["enums"][enumeration]))


def _tables() -> Any:
    """Return the fields of messages, a text each (`tools/tensorflow_fields.py` says which), and enumerations."""
    return generated_table(__package__, "fields")


def check(data: bytes, message: str, wanted: Collection[str] = ()) -> dict[str, list[Span]]:
    """Check that `data` is one `message`, and return where in it the messages of the names `wanted` are.

    Raises:
        Unreadable: it is not.
    """
    state = _State(data, {name: [] for name in wanted})
    _check(state, 0, len(data), message, 0)
    return state.found


def read(data: bytes, span: Span, message: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Return the fields of one message of `data`, which `check` has accepted.

    Messages are a `Span`, repeated fields a list, fields that are absent are absent. Floating-point numbers are left
    out. `only` names the fields that are wanted.
    """
    fields = table(message)
    values: dict[str, Any] = {}
    at, end = span
    while at < end:
        tag, at = varint(data, at, end)
        name, kind, _, repeated, _, packed = fields[tag]
        wire = tag & 7
        value: Any
        if wire == 0:
            value, at = varint(data, at, end)
            value = _signed(value, kind)
        elif wire == 2:
            length, at = varint(data, at, end)
            start, at = at, at + length
            if only is not None and name not in only:
                continue
            if kind == "message":
                value = Span(start, at)
            elif kind == "string":
                value = data[start:at].decode()
            elif packed:
                if kind not in _WIDTH:
                    values.setdefault(name, []).extend(_unpacked(data, start, at, kind))
                continue
            else:
                value = data[start:at]
        else:
            width = 8 if wire == 1 else 4
            value = int.from_bytes(data[at : at + width], "little")
            at += width
            if kind in ("double", "float"):
                continue
        if only is not None and name not in only:
            continue
        if repeated:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values


def _check(state: _State, at: int, end: int, message: str, depth: int) -> bytes:
    """Check one message, and return the bytes of its field ``key``."""
    if depth > _DEPTH:
        raise UnreadableMessage("malformed", f"messages inside messages, deeper than {_DEPTH}", at)
    if message in state.found:
        state.found[message].append(Span(at, end))
    data, fields = state.data, table(message)
    seen: set[str] = set()
    keys: dict[str, set[bytes]] = {}
    key = b""
    while at < end:
        begin = at
        tag, at = varint(data, at, end)
        state.left -= 1
        if state.left < 0:
            raise UnreadableMessage("too-large", f"more than {LIMITS.graph_values} fields", begin)
        known = fields.get(tag)
        if known is None:
            raise UnreadableMessage("unknown-field", f"{message} has no field {tag >> 3} of wire type {tag & 7}", begin)
        name, kind, of_type, repeated, oneof, packed = known
        if not repeated:
            slot = oneof or name
            if slot in seen:
                raise UnreadableMessage("malformed", f"{message}.{slot} is there twice", begin)
            seen.add(slot)
        wire = tag & 7
        start = at
        if wire == 2:
            length, start = varint(data, at, end)
            at = start + length
            if at > end:
                raise UnreadableMessage("malformed", f"{message}.{name} is longer than what it is in", begin)
            if kind == "message":
                entry = _check(state, start, at, of_type, depth + 1)
                if of_type.endswith("Entry"):
                    if entry in keys.setdefault(name, set()):
                        raise UnreadableMessage("malformed", f"{message}.{name} has an entry twice", begin)
                    keys[name].add(entry)
            elif kind == "string":
                try:
                    data[start:at].decode()
                except UnicodeDecodeError as error:
                    raise UnreadableMessage("malformed", f"{message}.{name} is not UTF-8", begin) from error
            elif packed:
                _check_packed(data, start, at, known, message)
        elif wire == 0:
            value, at = varint(data, at, end)
            _check_number(value, known, message, begin)
        else:
            at += 8 if wire == 1 else 4
            if at > end:
                raise UnreadableMessage("malformed", f"{message}.{name} is longer than what it is in", begin)
        if name == "key":
            key = data[start:at]
    return key


def _check_packed(data: bytes, start: int, end: int, known: Field, message: str) -> None:
    width = _WIDTH.get(known.kind)
    if width is not None:
        if (end - start) % width:
            raise UnreadableMessage("malformed", f"{message}.{known.name} ends inside a number", start)
    elif known.kind in ("int64", "uint64"):
        if not _VARINTS.fullmatch(data, start, end):
            raise UnreadableMessage("malformed", f"{message}.{known.name} is not a list of numbers", start)
    else:
        at = start
        while at < end:
            begin = at
            value, at = varint(data, at, end)
            _check_number(value, known, message, begin)


def _check_number(value: int, known: Field, message: str, at: int) -> None:
    """Refuse a number that readers cut to the size of its kind: it would be two numbers."""
    kind = known.kind
    if kind == "bool":
        fits = value <= 1
    elif kind == "enum":
        fits = _signed(value, kind) in _numbers(known.type)
    elif kind == "int32":
        fits = value < 1 << 31 or value >= _NEGATIVE_INT32
    elif kind == "uint32":
        fits = value < 1 << 32
    else:
        fits = True
    if not fits:
        raise UnreadableMessage("malformed", f"{message}.{known.name} is no {known.type or kind}: {value}", at)


def _signed(value: int, kind: str) -> int:
    if kind == "sint64":
        return (value >> 1) ^ -(value & 1)
    return value - (1 << 64) if value >> 63 and not kind.startswith("u") else value


def _unpacked(data: bytes, at: int, end: int, kind: str) -> list[int]:
    values = []
    while at < end:
        value, at = varint(data, at, end)
        values.append(_signed(value, kind))
    return values


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at `at`, and where the next thing is."""
    if at < end:
        byte = data[at]
        if byte < 0x80:
            return byte, at + 1
    value = shift = 0
    start = at
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 or value >> 64:
                break
            return value, at
        shift += 7
    raise UnreadableMessage("malformed", "a number that is cut off, or too long", start)
