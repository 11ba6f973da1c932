"""Values that Keras writes under keys of our choice while one model is saved.

Keras has no word for a bound method, a partial function or a ufunc (it writes one that nothing reads back, or
refuses), and the wrong word for many a function of the framework. Under a mark each is an ordinary function node of
the config, of which the manifest says what it is.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any

from bundler.formats import keras_config
from bundler.keras_io.framework import keras
from bundler.namespace import IMPORT_LOCK

#: What is marked at present: identity -> key. Written under the lock alone.
_KEYS: dict[Any, str] = {}


def key_of(value: Any) -> str | None:
    """Return the key under which Keras writes `value` at present, or `None` where it has no mark."""
    return _KEYS.get(_identity(value)) if _KEYS else None


@contextlib.contextmanager
def marked(values: Mapping[str, Any]) -> Iterator[None]:
    """Let Keras write each of `values` as a function of its key.

    Plain functions get the key as their name, which Keras asks for in several places. For everything else the function
    of Keras that writes objects is replaced in the module that its own code finds it in.
    """
    if not values:
        yield
        return
    with IMPORT_LOCK:
        functions = [(value, value.__name__) for value in values.values() if isinstance(value, FunctionType)]
        others = {_identity(value): key for key, value in values.items() if not isinstance(value, FunctionType)}
        saving = keras().saving
        original = saving.serialize_keras_object
        # The public module and the private one that defines it; Keras's own code calls it through the second.
        holders = [saving, sys.modules.get(str(getattr(original, "__module__", "")))]
        try:
            _KEYS.update(others)
            for key, value in values.items():
                if isinstance(value, FunctionType):
                    value.__name__ = key
            if others:
                _replace(holders, original, _writer(original))
            yield
        finally:
            _replace(holders, getattr(saving, "serialize_keras_object", original), original)
            for function, name in functions:
                function.__name__ = name
            for identity in others:
                _KEYS.pop(identity, None)


def unmark(config: Any, values: Mapping[str, Any]) -> None:
    """Write the own names of `values` wherever else `config` has a key: where an author's code wrote ``__name__``."""
    for pointer, value in list(keras_config.walk(config)):
        if isinstance(value, str) and value in values:
            keras_config.replace(config, pointer, str(getattr(values[value], "__name__", value)))


def _writer(original: Any) -> Any:
    def serialize_keras_object(obj: Any) -> Any:
        key = key_of(obj)
        if key is not None:
            return {"module": "builtins", "class_name": "function", "config": key, "registered_name": "function"}
        return original(obj)

    return serialize_keras_object


def _replace(holders: list[Any], before: Any, after: Any) -> None:
    for holder in holders:
        if holder is not None and vars(holder).get("serialize_keras_object") is before:
            holder.serialize_keras_object = after


def _identity(value: Any) -> Any:
    # Python makes a bound method anew each time that it is asked for.
    if isinstance(value, MethodType):
        return id(value.__self__), id(value.__func__)
    return id(value)
