"""Lets a bundle's model with a `Lambda` be copied: Keras writes the bytes of its code into the config, and reads them.

Whoever copies, pickles or clones a model makes Keras unmarshal code that the config holds, and what `get_config` of a
bundle's class returns may be any code. So that is refused (`crossings.deputies`), but for the bytes that Keras itself
has just made of a function that is still there. The copy then has the names of its own module too, where Keras gives
it those of `keras.src.utils.python_utils`, so that ``lambda x: tf.abs(x)`` fails.
"""

from __future__ import annotations

import importlib
import weakref
from types import FunctionType
from typing import Any

from bundler.namespace import namespace_of


def keep_lambdas() -> None:
    """Replace the two functions of Keras once in a process; where this Keras lacks them, nothing changes."""
    try:
        library = importlib.import_module("keras.src.utils.python_utils")
    except ImportError:
        return
    dump, load = getattr(library, "func_dump", None), getattr(library, "func_load", None)
    if not (isinstance(dump, FunctionType) and isinstance(load, FunctionType)) or hasattr(load, "__wrapped__"):
        return
    known: weakref.WeakValueDictionary[str, FunctionType] = weakref.WeakValueDictionary()

    def func_dump(func: Any) -> Any:
        dumped = dump(func)
        if isinstance(func, FunctionType) and namespace_of(str(func.__globals__.get("__name__"))) is not None:
            known[dumped[0]] = func
        return dumped

    def func_load(code: Any, defaults: Any = None, closure: Any = None, globs: Any = None) -> Any:
        text, *rest = code if isinstance(code, tuple | list) else (code, defaults, closure)
        original = known.get(text) if type(text) is str else None
        if original is None:
            return load(code, defaults, closure, globs)
        given = rest[0] if rest else None
        # The values that it closes over are the function's own: Keras copies them into the config as they are.
        return FunctionType(
            original.__code__,
            original.__globals__,
            original.__name__,
            tuple(given) if isinstance(given, tuple | list) else original.__defaults__,
            original.__closure__,
        )

    func_load.__wrapped__ = load  # type: ignore[attr-defined]
    library.func_dump, library.func_load = func_dump, func_load  # type: ignore[attr-defined]
