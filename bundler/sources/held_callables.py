"""What a model calls and that is not a plain function: bound methods, partial functions, callable objects, ufuncs.

They are values of attributes, and Keras has no word for them. Found as everything live is: by looking at attributes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from bundler.sources.live_objects import is_framework, is_frameworks_function, live_functions, live_instances

#: What Keras itself keeps, and writes in a way of its own.
_KEPT = frozenset({"_auto_config"})


def held_callables(model: object) -> list[Any]:
    """Return the callables, apart from plain functions, that parts of `model` hold as values, each once.

    What the author's own classes hold is theirs to write; of that only what Keras has no word for at all is taken.
    """
    found: dict[int, Any] = {}
    for instance in live_instances(model):
        is_kerass = is_framework(type(instance).__module__)
        for name, value in list(vars(instance).items()) if hasattr(instance, "__dict__") else ():
            if name in _KEPT or (name.startswith("_") and isinstance(value, MethodType)):
                continue
            for item in _flat(value, 0):
                if _is_wordless(item) or (is_kerass and _is_callable_value(item)):
                    found.setdefault(id(item), item)
    return list(found.values())


def framework_functions(model: object) -> list[FunctionType]:
    """Return the plain functions of the framework that parts of `model` hold, each once."""
    return [value for value in live_functions(model) if is_frameworks_function(value)]


def _flat(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, Mapping) and depth < 4:
        for item in list(value.values()):
            yield from _flat(item, depth + 1)
    elif isinstance(value, list | tuple) and depth < 4:
        for item in value:
            yield from _flat(item, depth + 1)
    elif callable(value) and not isinstance(value, FunctionType | type | ModuleType):
        yield value


def _is_wordless(value: Any) -> bool:
    """Say whether Keras writes nothing for `value` that means it, whoever asks."""
    if isinstance(value, MethodType | BuiltinFunctionType):
        return True
    root = type(value).__module__.partition(".")[0]
    # ufuncs, and what decorators such as tf.custom_gradient leave.
    return root in ("numpy", "tensorflow") and hasattr(value, "__name__")


def _is_callable_value(value: Any) -> bool:
    if isinstance(value, functools.partial):
        return True
    is_authors = not is_framework(type(value).__module__)
    return is_authors and not hasattr(type(value), "get_config") and not _is_kerass(type(value))


def _is_kerass(cls: type) -> bool:
    return any(base.__module__.partition(".")[0] == "keras" for base in cls.__mro__)
