"""What a live model is made of, seen from Python rather than from Keras.

The config of a model does not name everything: layers made inside the ``__init__`` of other layers, functions that
a loss wraps, mixins. So the attributes are walked as well. This is plain attribute access on objects that the
author already has; Keras is recognised by the names of its base classes and never imported here.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from bundler.frameworks import NO_SOURCE

#: Keras links every layer to all graphs it was ever called in; through these the walk would reach other models.
_GRAPH = ("KerasHistory", "KerasTensor", "Node")

#: The kind of a class by the first Keras base class met in its method resolution order.
_KINDS = {
    "Model": "model",
    "Layer": "layer",
    "Loss": "loss",
    "Metric": "metric",
    "Optimizer": "optimizer",
    "BaseOptimizer": "optimizer",
    "LearningRateSchedule": "schedule",
    "Initializer": "initializer",
    "Regularizer": "regularizer",
    "Constraint": "constraint",
    "Quantizer": "quantizer",
    "DTypePolicy": "dtype_policy",
    "Operation": "operation",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveObjects:
    """The classes and functions that a model holds, apart from the framework's, each once, in the order met.

    `variables` are its variables, those of its optimizers and metrics too, by identity.
    """

    classes: tuple[type, ...]
    functions: tuple[FunctionType, ...]
    variables: frozenset[int] = frozenset()


def live_objects(model: object) -> LiveObjects:
    """Return the custom classes and functions that are reachable from `model` through attributes and containers."""
    classes: dict[type, None] = {}
    functions: dict[FunctionType, None] = {}
    variables: set[int] = set()
    for value in _reachable(model):
        if value is model or kind_of(type(value)) in ("optimizer", "metric"):
            variables |= _variables_of(value)
        if isinstance(value, FunctionType):
            if not is_frameworks_function(value):
                functions.setdefault(value)
        elif not is_framework(type(value).__module__):
            classes.setdefault(type(value))
    return LiveObjects(classes=tuple(classes), functions=tuple(functions), variables=frozenset(variables))


def _variables_of(value: object) -> set[int]:
    """Return the identities of the variables of a part of a model, and of what Keras keeps in each of them."""
    found = getattr(value, "variables", ())
    return {id(item) for variable in found for item in (variable, getattr(variable, "value", None))} - {id(None)}


def live_functions(model: object) -> list[FunctionType]:
    """Return the plain functions that are reachable from `model`, the framework's among them."""
    return [value for value in _reachable(model) if isinstance(value, FunctionType)]


def live_instances(model: object) -> list[object]:
    """Return the instances that are reachable from `model` through attributes and containers, `model` first."""
    return [value for value in _reachable(model) if not isinstance(value, FunctionType)]


def bases_of(cls: type) -> Iterator[type]:
    """Yield the custom base classes and mixins of `cls`, nearest first."""
    for base in cls.__mro__[1:]:
        if not is_framework(base.__module__) and base.__module__.partition(".")[0] not in sys.stdlib_module_names:
            yield base


def is_framework(module: str | None) -> bool:
    """Say whether `module` belongs to Keras, TensorFlow or what they stand on."""
    return str(module).partition(".")[0] in NO_SOURCE


def is_frameworks_function(function: FunctionType) -> bool:
    """Say whether `function` is the framework's own; by `functools.wraps` an author's claims another's module."""
    return is_framework(function.__module__) and is_framework(function.__globals__.get("__name__"))


def kind_of(obj: object) -> str:
    """Return the manifest's word for a class or function: ``layer``, ``loss``, ``function``, ..."""
    if not isinstance(obj, type):
        return "function"
    for base in obj.__mro__:
        if is_framework(base.__module__) and base.__name__ in _KINDS:
            kind = _KINDS[base.__name__]
            return "cell" if kind == "layer" and _has_state_size(obj) else kind
    return "object"


def _has_state_size(cls: type) -> bool:
    """Say whether a layer class is a recurrent cell: `state_size` is a property of it, or set by its ``__init__``."""
    code = getattr(inspect.getattr_static(cls, "__init__"), "__code__", None)
    return hasattr(cls, "state_size") or "state_size" in getattr(code, "co_names", ())


def attribute_of(module: ModuleType, obj: Any) -> str | None:
    """Return the dotted attribute by which `module` gives exactly `obj`, or `None` where it has none."""
    qualname = str(getattr(obj, "__qualname__", ""))
    found: Any = module
    for part in qualname.split("."):
        try:
            found = getattr(found, part, None)
        except Exception:  # noqa: BLE001 - a module's own __getattr__ may import something, and raise anything
            found = None
    if found is obj:
        return qualname
    # A decorator or a factory may have left another name than the one the object believes to have.
    return next((name for name, value in vars(module).items() if value is obj), None)


def _reachable(model: object) -> Iterator[object]:
    """Yield every function and every instance of a Keras or custom class below `model`, each once."""
    seen: set[int] = set()
    # The values are kept alive: a property that makes its value anew could otherwise reuse a freed id.
    keep: list[object] = []
    stack: list[object] = [model]
    while stack:
        value = stack.pop()
        if value is None or isinstance(value, str | bytes | int | float | complex | type) or id(value) in seen:
            continue
        seen.add(id(value))
        keep.append(value)
        if isinstance(value, Mapping):
            stack.extend(value.values())
        elif isinstance(value, Sequence | set | frozenset):
            stack.extend(value)
        elif isinstance(value, functools.partial):
            stack.extend((value.func, value.args, value.keywords))
        elif isinstance(value, MethodType):
            stack.append(value.__self__)
        elif isinstance(value, FunctionType):
            yield value
        elif isinstance(value, argparse.Namespace | SimpleNamespace):
            stack.extend(vars(value).values())
        elif _has_parts(value):
            yield value
            stack.extend(reversed(list(vars(value).values())))


def _has_parts(value: object) -> bool:
    root = type(value).__module__.partition(".")[0]
    if isinstance(value, ModuleType) or not hasattr(value, "__dict__"):
        return False
    if root == "keras" and type(value).__name__ in _GRAPH:
        return False
    return root == "keras" or (root not in NO_SOURCE and root not in sys.stdlib_module_names)
