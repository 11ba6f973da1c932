"""The classes of `enum` as a bundle has them: calling one makes a class from data, which the shield must see.

``Enum("E", {"__array_interface__": address})`` is a class whose members hand NumPy memory. The classes that stand for
those of `enum` have a guarded metaclass, and whatever derives from them has it too.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any


def enum_stand_ins(guarded: Any) -> Mapping[str, type]:
    """Return what stands for the classes of `enum`, made by `guarded`, a metaclass that stands for `enum.EnumMeta`."""
    bases: dict[type, type] = {}

    class EnumMeta(guarded):  # type: ignore[misc]
        def __instancecheck__(self, instance: Any) -> bool:
            return isinstance(instance, bases[self]) if self in bases else type.__instancecheck__(self, instance)

        def __subclasscheck__(self, subclass: Any) -> bool:
            return issubclass(subclass, bases[self]) if self in bases else type.__subclasscheck__(self, subclass)

    EnumMeta.__module__, EnumMeta.__qualname__ = "enum", "EnumMeta"
    for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"):
        real = getattr(enum, name, None)
        if real is not None:
            made = EnumMeta(name, (real,), EnumMeta.__prepare__(name, (real,)))
            made.__module__, made.__doc__ = "enum", real.__doc__
            bases[made] = real
    return {f"enum.{real.__name__}": made for made, real in bases.items()}
