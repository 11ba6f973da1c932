"""The classes of `enum` as a bundle has them: calling one makes a class from data, which the shield must see.

``Enum("E", {"__array_interface__": address})`` is a class whose members hand NumPy memory. The classes that stand for
those of `enum` have a metaclass that looks at the names; whatever derives from them has it too.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from bundler.namespace.guard import Guard
from bundler.namespace.shield import ABSENT, binds_memory


def enum_stand_ins(guard: Guard) -> Mapping[str, Any]:
    """Return what stands for the classes of `enum` in the code that `guard` holds."""
    bases: dict[type, type] = {}

    class EnumMeta(enum.EnumMeta):
        def __new__(meta, name: str, parents: Any, names: Any, **options: Any) -> Any:
            if binds_memory(names):
                guard.require("native-code", f"makes an enumeration with {sorted(ABSENT & set(names))}")
            return super().__new__(meta, name, parents, names, **options)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, bases[cls]) if cls in bases else type.__instancecheck__(cls, instance)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, bases[cls]) if cls in bases else type.__subclasscheck__(cls, subclass)

    EnumMeta.__module__, EnumMeta.__qualname__ = "enum", "EnumMeta"
    for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"):
        real = getattr(enum, name, None)
        if real is not None:
            made = EnumMeta(name, (real,), EnumMeta.__prepare__(name, (real,)))
            made.__module__, made.__doc__ = "enum", real.__doc__
            bases[made] = real
    return {f"enum.{real.__name__}": made for made, real in bases.items()}
