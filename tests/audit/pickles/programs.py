"""Pickles made opcode by opcode, as an attacker makes them, and by cloudpickle, as kbundle does."""

from __future__ import annotations

import io
import struct
from typing import Any

import cloudpickle


def text(value: str) -> bytes:
    """The opcode that pushes a short text."""
    encoded = value.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded


def imported(module: str, name: str) -> bytes:
    """The opcodes that push an imported name, as protocol 4 has it."""
    return text(module) + text(name) + b"\x93"


def program(*parts: bytes) -> bytes:
    """A whole pickle of protocol 5 around `parts`."""
    return b"\x80\x05" + b"".join(parts) + b"."


def called(function: bytes, *arguments: bytes) -> bytes:
    """The opcodes that call `function`."""
    return function + b"(" + b"".join(arguments) + b"tR"


def through_memo(module: str, name: str) -> bytes:
    """An import whose module is stored, dropped and taken back from the memo."""
    return text(module) + b"\x940" + b"h\x00" + text(name) + b"\x93"


def old_global(module: str, name: str) -> bytes:
    """An import as protocol 0 has it."""
    return f"c{module}\n{name}\n".encode()


def old_instance(module: str, name: str) -> bytes:
    """A call as protocol 0 has it."""
    return b"(" + b"S'id'\n" + f"i{module}\n{name}\n".encode()


def old_object(module: str, name: str) -> bytes:
    """A call as protocol 1 has it."""
    return b"(" + old_global(module, name) + b"o"


def new_object(module: str, name: str, *, extended: bool = False) -> bytes:
    """An object made by ``__new__``."""
    return imported(module, name) + b")" + (b"}\x92" if extended else b"\x81")


def extension(number: int) -> bytes:
    """An import by a number of the process's registry."""
    if number < 256:
        return b"\x82" + bytes([number])
    if number < 65_536:
        return b"\x83" + struct.pack("<H", number)
    return b"\x84" + struct.pack("<i", number)


class _Pickler(cloudpickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return ("kbundle", "shop.late", "shift") if obj is io.BytesIO else None


def by_cloudpickle(value: Any) -> bytes:
    """What kbundle writes for `value`; `io.BytesIO` stands for an object of the bundle."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()
