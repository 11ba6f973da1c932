"""A small writer of protocol buffers, so that a test can write any SavedModel, and any nonsense, without TensorFlow.

A message is a dict by field name, or a list of pairs where the order or a repetition matters. Names, numbers and kinds
are those of the audit's own table; `test_fields` compares that with TensorFlow's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from bundler.formats.saved_model.wire import table

Message = Mapping[str, Any] | list[tuple[str, Any]]


def varint(number: int) -> bytes:
    """Return the encoding of a number."""
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def tagged(number: int, wire: int, content: bytes) -> bytes:
    """Return a field by its number and wire type; the length is put before `content` of wire type 2."""
    return varint(number << 3 | wire) + (varint(len(content)) if wire == 2 else b"") + content


def encoded(message: str, values: Message) -> bytes:
    """Return the encoding of a message. A list is a field several times, a dict a map or a message."""
    tags = {}
    for tag, field in table(message).items():
        if not field.packed:
            tags[field.name] = (tag, field)
    parts = []
    for name, value in values.items() if isinstance(values, Mapping) else values:
        tag, field = tags[name]
        parts += [varint(tag) + _content(item, field) for item in _items(value, field)]
    return b"".join(parts)


def _items(value: Any, field: Any) -> Iterable[Any]:
    if not field.repeated:
        return [value]
    if isinstance(value, Mapping) and field.type.endswith("Entry"):
        return [{"key": key, "value": content} for key, content in value.items()]
    return value


def _content(value: Any, field: Any) -> bytes:
    if isinstance(value, bytes) and field.kind == "message":
        return varint(len(value)) + value
    if field.kind == "message":
        inner = encoded(field.type, value)
        return varint(len(inner)) + inner
    if field.kind in ("string", "bytes"):
        text = value.encode() if isinstance(value, str) else value
        return varint(len(text)) + text
    if field.kind in ("float", "double"):
        return struct.pack("<f" if field.kind == "float" else "<d", value)
    if field.kind in ("fixed32", "fixed64"):
        return int(value).to_bytes(4 if field.kind == "fixed32" else 8, "little")
    return varint(int(value))
