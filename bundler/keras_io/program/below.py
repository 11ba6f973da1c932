"""The objects below a model by place: the attributes, indexes and keys that lead to them.

A place means the same in the author's process and where the model was loaded, since it is made of names that code
gave, and not of the order in which things were made.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from bundler.frameworks import MODELS, makes_models
from bundler.keras_io import private
from bundler.keras_io.adapt.own_attributes import own_attributes
from bundler.keras_io.framework import keras
from bundler.values import SETTINGS_LIBRARIES

#: What fitting leaves on a model, and what leads out of it: to callbacks, to graphs, and to other models through them.
_LEFT_OUT = frozenset(
    {
        *("history", "loss", "train_function", "test_function", "predict_function", "input_spec"),
        *("build", "quantize", "get_config", "get_compile_config", "call_signature_parameters"),
    }
)
#: Keras links every layer to all graphs that it was ever called in.
_GRAPH = ("KerasHistory", "KerasTensor", "Node", "Tracker")
_PLAIN = (str, bytes, int, float, complex, type, types.ModuleType, types.FunctionType)
_CONTAINERS = (Mapping, list, tuple, set, frozenset, deque)
#: Bare holders of attributes, by which programs hand settings around.
HOLDERS = (argparse.Namespace, types.SimpleNamespace)
#: The classes of absl that hold flags, in the author's process; a bundle has a bare holder in their place.
_FLAGS = ("FlagValues", "FlagHolder")
_MOST = 200_000


def objects_below(model: Any) -> dict[str, Any]:
    """Return the objects of Keras and of the author's below `model` by place, each at the first place that leads to it.

    Places are shortest first, so that one object has the same place in two processes that reach it by the same ways.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    queue: deque[tuple[str, Any]] = deque([("", model)])
    while queue and len(found) < _MOST:
        place, value = queue.popleft()
        if value is None or isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        if has_parts(value):
            found[place] = value
        queue.extend((f"{place}/{step}" if place else step, item) for step, item in steps(value))
    return found


def held_by(value: Any) -> Mapping[str, Any] | None:
    """Return what a bare holder of settings holds, by name; `None` for anything else."""
    if isinstance(value, HOLDERS):
        return vars(value)
    if not (type(value).__module__.startswith("absl.flags") and type(value).__name__ in _FLAGS):
        return None
    try:
        return dict(value.flag_values_dict()) if hasattr(value, "flag_values_dict") else {"value": value.value}
    except Exception:  # noqa: BLE001 - absl's own error for flags that were not parsed
        return {}


def steps(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what one step leads to from `value`, with the name of the step."""
    if isinstance(value, types.MethodType):
        yield "__self__", value.__self__
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str | int) and "/" not in str(key):
                yield str(key), item
    elif isinstance(value, list | tuple | deque):
        for index, item in enumerate(value):
            yield str(index), item
    elif has_parts(value):
        named = vars(value)
        yield from attributes_of(value).items()
        for name in private.WAYS:
            if name in named:
                yield name, named[name]


def _is_held(value: Any) -> bool:
    """Say whether an attribute is what the loader gave a model, so that it runs under its settings."""
    # Of this room alone: `bundler.namespace` has classes of values that the bundle's code makes.
    return type(value).__module__.startswith("bundler.keras_io.")


def attributes_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object that are part of the program, without what Keras keeps for itself."""
    if isinstance(value, HOLDERS):
        return dict(vars(value))
    named = own_attributes(value) if not makes_models(type(value)) else vars(value)
    return {
        name: item
        for name, item in named.items()
        if name not in _LEFT_OUT
        and not _is_held(item)
        and not name.startswith("__")
        and (not name.startswith("_") or named is not vars(value))
    }


def optimizers_below(model: Any) -> dict[str, Any]:
    """Return the optimizers below `model` that have made a step, by place: its own, and those of parts of it."""
    base = keras().optimizers.Optimizer
    return {place: item for place, item in objects_below(model).items() if isinstance(item, base) and item.built}


def settings_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object that Keras's classes set: those of a base class, and what `compile` was told.

    They are not steps to other objects.
    """
    named = vars(value) if any(map(makes_models, type(value).__mro__)) else {}
    return {
        name: item
        for name, item in named.items()
        if name in private.COMPILED or (not name.startswith("_") and name not in _LEFT_OUT and not _is_held(item))
    }


def at_place(model: Any, place: str) -> Any:
    """Return the object at `place` below `model`.

    Raises:
        LookupError: no step of that name leads on somewhere on the way.
    """
    value = model
    for step in place.split("/") if place else ():
        value = next((item for name, item in steps(value) if name == step), steps)
        if value is steps:
            raise LookupError(step)
    return value


def has_parts(value: object) -> bool:
    """Say whether `value` is an object of Keras's or of an author's with attributes that are part of the program."""
    if not hasattr(value, "__dict__") or isinstance(value, (*_PLAIN, *_CONTAINERS)):
        return False
    if isinstance(value, HOLDERS):
        return True
    root = type(value).__module__.partition(".")[0]
    if root == "keras":
        return type(value).__name__ not in _GRAPH and not isinstance(
            value, keras().Variable | keras().callbacks.Callback
        )
    # What stands for a power in the code of a bundle is of ours, and a settings object is compared as the value it is.
    others = (*MODELS, *SETTINGS_LIBRARIES, "bundler")
    return root not in others and root not in sys.stdlib_module_names - {"__main__"}
