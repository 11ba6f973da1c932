"""What a live model holds below its attributes: its layers, tables and other resources.

Keras does not list all of them: not the tables that a function of the author's closes over.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Iterator, Mapping
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from bundler.keras_io.framework import keras

_PLAIN = (str, bytes, int, float, complex, type, ModuleType)


def resources(model: Any) -> list[Any]:
    """Return the lookup tables and other TensorFlow resources below `model`, in the order of its attributes.

    A graph refers to them, and TensorFlow saves only those that hang on the object that is saved.
    """
    resource = importlib.import_module("tensorflow").saved_model.experimental.TrackableResource
    return [value for value in _below(model) if isinstance(value, resource)]


def layers(model: Any) -> list[Any]:
    """Return `model` and every layer below it, also those that a layer keeps in plain attributes."""
    return [value for value in _below(model) if isinstance(value, keras().layers.Layer)]


def _below(model: Any) -> Iterator[Any]:
    """Yield every variable, resource and object of Keras or of the author's below `model`, each once.

    The optimizer is left out: no call for inference uses it. A function gives what it closes over, and the globals
    that its code names.
    """
    tf = importlib.import_module("tensorflow")
    leaves = (keras().Variable, tf.Variable, tf.saved_model.experimental.TrackableResource)
    seen = {id(getattr(model, "optimizer", None))}
    # The values are kept alive: a freed one could hand its id on.
    keep: list[Any] = []
    stack: list[Any] = [model]
    while stack:
        value = stack.pop()
        if value is None or isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        keep.append(value)
        if isinstance(value, leaves):
            yield value
        elif isinstance(value, Mapping):
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, list | tuple | set | frozenset | deque):
            stack.extend(reversed(list(value)))
        elif isinstance(value, tf.random.Generator):
            stack.append(value.state)
        elif isinstance(value, FunctionType):
            named = [value.__globals__.get(name) for name in value.__code__.co_names]
            stack.extend(
                item for item in (*map(content_of, value.__closure__ or ()), *named) if isinstance(item, leaves)
            )
        elif isinstance(value, MethodType):
            stack.append(value.__func__)
        elif type(value).__module__.partition(".")[0] not in ("tensorflow", "numpy") and hasattr(value, "__dict__"):
            yield value
            stack.extend(reversed(list(vars(value).values())))


def content_of(cell: CellType) -> Any:
    """Return what `cell` holds, `None` where its variable has no value yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
