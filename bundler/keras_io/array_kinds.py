"""`numpy.ndarray` as a bundle has it: it makes no array of objects over memory that somebody chose.

``ndarray((1,), dtype=object, buffer=address)`` is whatever object lies there: with it code forges objects, and
writes where it likes. NumPy refuses that in `numpy.frombuffer` and in `ndarray.view`, and not in the class itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bundler.namespace.reach import Reach


def array_stand_ins(reach: Reach) -> Mapping[str, Any]:
    """Return the stand-in for `numpy.ndarray` in the code that `reach` hands out to."""
    import numpy as np

    guard = reach.guard

    def checked(dtype: Any, buffer: Any) -> None:
        if buffer is not None and np.dtype(dtype).hasobject:
            guard.require("native-code", "takes memory for objects")

    class GuardedArray(np.ndarray):
        """The base of a bundle's own kinds of array."""

        def __new__(cls, shape: Any, dtype: Any = float, buffer: Any = None, *args: Any, **kwargs: Any) -> Any:
            checked(dtype, buffer)
            return super().__new__(cls, shape, dtype, buffer, *args, **kwargs)

    class Array:
        """Stands for the class: makes arrays, and knows them."""

        __slots__ = ()
        autograph_info__: Mapping[str, Any] = MappingProxyType({})

        def __call__(self, shape: Any, dtype: Any = float, buffer: Any = None, *args: Any, **kwargs: Any) -> Any:
            checked(dtype, buffer)
            return np.ndarray(shape, dtype, buffer, *args, **kwargs)

        def __instancecheck__(self, instance: Any) -> bool:
            return isinstance(instance, np.ndarray)

        def __subclasscheck__(self, subclass: Any) -> bool:
            return subclass is self or issubclass(subclass, np.ndarray)

        def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
            return (GuardedArray,)

        def __eq__(self, other: object) -> bool:
            return other is self or other is np.ndarray

        def __hash__(self) -> int:
            return hash(np.ndarray)

        def __getitem__(self, item: Any) -> Any:
            return self

        def __or__(self, other: Any) -> Any:
            return Any

        def __ror__(self, other: Any) -> Any:
            return Any

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") and name not in ("__name__", "__qualname__", "__module__", "__doc__"):
                raise AttributeError(name)
            return reach.attribute(name, getattr(np.ndarray, name))

        def __repr__(self) -> str:
            return repr(np.ndarray)

    return {"numpy.ndarray": Array()}
