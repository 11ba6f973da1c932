"""What NumPy and Python have for raw memory, as a bundle has it: no memory of objects is read or written as bytes.

An array of objects is a row of addresses. Whoever makes one over bytes that he chose, or writes bytes into one, has
whatever object he likes, forged ones too, and with it the process. NumPy refuses that in most places (`ndarray.view`,
`numpy.frombuffer` with objects); the others are here. Not all of memory can be held so: docs/false-refusals.md.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from bundler.namespace.guard import Guard
from bundler.namespace.reach import Reach


def array_stand_ins(reach: Reach) -> Mapping[str, Any]:
    """Return the stand-ins of what takes memory, for the code that `reach` hands out to."""
    import numpy as np

    guard = reach.guard
    view = memoryview

    def bytes_of_objects(buffer: Any) -> bool:
        if isinstance(buffer, view):
            return "O" in buffer.format
        return isinstance(buffer, np.ndarray | np.generic) and buffer.dtype.hasobject

    def look(_shape: Any = None, dtype: Any = float, buffer: Any = None, *_: Any, buf: Any = None, **__: Any) -> None:
        given = buf if buffer is None else buffer
        if given is not None and (np.dtype(dtype).hasobject or bytes_of_objects(given)):
            guard.require("native-code", "takes memory for objects")

    def checked(function: Callable[..., Any], what: str) -> Callable[..., Any]:
        """Return a function of buffers that takes none of objects."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if any(map(bytes_of_objects, (*args, *kwargs.values()))):
                guard.require("native-code", f"{what} an array of objects as bytes")
            return function(*args, **kwargs)

        call.__name__ = call.__qualname__ = function.__name__
        call.__module__, call.autograph_info__ = function.__module__, {}  # type: ignore[attr-defined]
        return call

    def records(function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a maker of record arrays that takes bytes, with a type that has no objects."""

        def call(data: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
            formats = kwargs.get("formats", args[1] if len(args) > 1 else None)
            of_bytes = not isinstance(data, np.ndarray | list | tuple)
            if of_bytes and any(item is not None and _has_objects(np, item) for item in (dtype, formats)):
                guard.require("native-code", "takes memory for objects")
            return function(data, dtype, *args, **kwargs)

        return call

    class Struct(struct.Struct):
        def pack_into(self, buffer: Any, *args: Any) -> None:
            checked(super().pack_into, "writes to")(buffer, *args)

    Struct.__module__, Struct.__qualname__ = "struct", "Struct"
    rec = np.rec
    return {
        **{f"numpy.{kind.__name__}": _array_kind(guard, kind, look) for kind in (np.ndarray, np.recarray)},
        "numpy.frombuffer": checked(np.frombuffer, "takes"),
        "builtins.memoryview": _view_kind(view, checked(view, "views")),
        "struct.Struct": Struct,
        "struct.pack_into": checked(struct.pack_into, "writes to"),
        "numpy.rec.fromstring": records(rec.fromstring),
        "numpy.rec.array": records(rec.array),
    }


def _has_objects(np: Any, dtype: Any) -> bool:
    formats = dtype.split(",") if isinstance(dtype, str) else [dtype]
    return any(np.dtype(item).hasobject for item in formats)


def _array_kind(guard: Guard, real: Any, look: Callable[..., None]) -> type:
    """Return the class that stands for `real`, a class of arrays, and of which its arrays are instances."""

    class ArrayKind(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is not array:
                return super().__call__(*args, **kwargs)
            look(*args, **kwargs)
            return real(*args, **kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, real) if cls is array else type.__instancecheck__(cls, instance)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, real) if cls is array else type.__subclasscheck__(cls, subclass)

    class ndarray(real, metaclass=ArrayKind):  # type: ignore[misc]  # noqa: N801 - the name that it stands for
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            look(*args, **kwargs)
            return super().__new__(cls, *args, **kwargs)

        def resize(self, *shape: Any, refcheck: bool = True) -> None:
            if not refcheck:
                guard.require("native-code", "resizes an array while others look at its memory")
            real.resize(self, *shape)

    ndarray.__module__, ndarray.__qualname__ = "numpy", real.__name__
    ndarray.__name__ = real.__name__
    array = ndarray
    return array


def _view_kind(real: type, make: Callable[..., Any]) -> Any:
    class ViewKind(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return make(*args, **kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, real)

    return ViewKind("memoryview", (), {"__module__": "builtins"})
