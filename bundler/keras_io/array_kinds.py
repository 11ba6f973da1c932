"""`numpy.ndarray` as a bundle has it: it makes no array of objects over memory that somebody chose.

``ndarray((1,), dtype=object, buffer=address)`` is whatever object lies there: with it code forges objects, and
writes where it likes. NumPy refuses that in `numpy.frombuffer` and in `ndarray.view`, and not in the class itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bundler.namespace.reach import Reach


def array_stand_ins(reach: Reach) -> Mapping[str, Any]:
    """Return the stand-in for `numpy.ndarray` in the code that `reach` hands out to."""
    import numpy as np

    guard = reach.guard

    class ArrayKind(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is not array:
                return super().__call__(*args, **kwargs)
            look(*args, **kwargs)
            return np.ndarray(*args, **kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, np.ndarray) if cls is array else type.__instancecheck__(cls, instance)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, np.ndarray) if cls is array else type.__subclasscheck__(cls, subclass)

    def look(_shape: Any = None, dtype: Any = float, buffer: Any = None, *_: Any, **__: Any) -> None:
        if buffer is not None and np.dtype(dtype).hasobject:
            guard.require("native-code", "takes memory for objects")

    class ndarray(np.ndarray, metaclass=ArrayKind):  # noqa: N801 - the name that it stands for
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            look(*args, **kwargs)
            return super().__new__(cls, *args, **kwargs)

    ndarray.__module__, ndarray.__qualname__ = "numpy", "ndarray"
    array = ndarray
    return {"numpy.ndarray": array}
