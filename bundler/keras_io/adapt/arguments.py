"""What Keras's own objects were made with, asked of them."""

from __future__ import annotations

import importlib
import inspect
import types
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.framework import keras
from bundler.keras_io.private import given_learning_rate

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def argument_of(value: Any, name: str) -> Any:
    """Return the argument `name` that `value`, an instance of a class of Keras or a subclass, was made with.

    ``get_config`` is Keras's word for it where it gives a plain value; what it writes as a node is taken from the
    attribute of the same name, which is the object itself.

    Raises:
        LookupError: neither tells.
    """
    if is_variable(value) and name in ("initializer", "initial_value"):
        return number_of(value)
    if isinstance(value, keras().optimizers.Optimizer) and name == "learning_rate":
        return _learning_rate_of(value)
    if name in ("args", "inputs", "outputs") and isinstance(value, keras().Model) and hasattr(value, "input"):
        both = [value.input, value.output]
        return both if name == "args" else both[name == "outputs"]
    try:
        attribute = getattr(value, name, None)
    except Exception as error:  # a property may raise anything
        raise LookupError(name) from error
    if is_variable(attribute):
        return number_of(attribute)
    if attribute is not None and not isinstance(attribute, types.MethodType | str | int | float | bool):
        return attribute
    config = framework_config(value)
    if isinstance(config.get(name), str | int | float | bool):
        return config[name]
    if hasattr(value, name) and not isinstance(attribute, types.MethodType):
        return attribute
    if name in config:
        try:
            return keras().saving.deserialize_keras_object(config[name])
        except Exception as error:  # the author's part of it may not stand being made from a config
            # What a Bidirectional was given is not kept; it runs a copy.
            if name == "layer" and isinstance(value, keras().layers.Bidirectional):
                return value.forward_layer
            raise LookupError(name) from error
    raise LookupError(name)


def is_variable(value: Any) -> bool:
    """Say whether `value` is a variable of Keras or TensorFlow."""
    return isinstance(value, keras().Variable | importlib.import_module("tensorflow").Variable)


def number_of(variable: Any) -> Any:
    """Return what a variable holds, as the shortest number that gives the same one, or an array.

    Raises:
        LookupError: its value is something else than a number.
    """
    array = variable.numpy()
    if array.dtype.kind not in "fiub":
        raise LookupError(variable.name)
    if array.ndim:
        return array
    # 0.02 in a float32 is 0.0199999996; the author wrote 0.02.
    return float(str(array)) if array.dtype.kind == "f" else array.item()


def _learning_rate_of(optimizer: Any) -> Any:
    """Return the schedule or the number; the attribute of that name is what the schedule says at this step."""
    given = given_learning_rate(optimizer)
    return given if callable(given) and not is_variable(given) else number_of(optimizer.learning_rate)


def framework_config(value: Any) -> dict[str, Any]:
    """Return what the nearest class of the framework says about `value`; nothing where that raises."""
    for base in type(value).__mro__:
        if makes_models(base) and "get_config" in vars(base):
            try:
                return dict(vars(base)["get_config"](value))
            except Exception:  # noqa: BLE001 - it may ask parts that are the author's, whose code may raise anything
                return {}
    return {}


def accepted(cls: type, name: str) -> bool:
    """Say whether the constructor of a class of Keras takes the argument `name`, itself or in its ``**kwargs``."""
    for base in cls.__mro__:
        if "__init__" not in vars(base) or not makes_models(base):
            continue
        if issubclass(cls, keras().Operation) and not issubclass(base, keras().Operation):
            # A mixin that comes first (the trainer of a model): the keywords pass it by.
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters
        if name in parameters and parameters[name].kind not in VARIADIC:
            return True
        if base.__name__ == "Functional":
            return name == "trainable"
        if inspect.Parameter.VAR_KEYWORD not in {item.kind for item in parameters.values()}:
            return False
    return False


def is_frameworks(cls: type, method: str) -> bool:
    """Say whether `cls` has the framework's own `method`, not one of the author's."""
    for base in cls.__mro__:
        if method in vars(base):
            return makes_models(base)
    return False
