"""What Keras's own objects were made with, asked of them."""

from __future__ import annotations

import inspect
import types
from typing import Any

from bundler.keras_io.framework import keras

FRAMEWORK = ("keras", "tensorflow")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def argument_of(value: Any, name: str) -> Any:
    """Return the argument `name` that `value`, an instance of a class of Keras or a subclass, was made with.

    ``get_config`` is Keras's word for it where it gives a plain value; what it writes as a node is taken from the
    attribute of the same name, which is the object itself.

    Raises:
        LookupError: neither tells.
    """
    if name in ("args", "inputs", "outputs") and isinstance(value, keras().Model) and hasattr(value, "input"):
        both = [value.input, value.output]
        return both if name == "args" else both[name == "outputs"]
    try:
        attribute = getattr(value, name, None)
    except Exception as error:  # a property may raise anything
        raise LookupError(name) from error
    if attribute is not None and not isinstance(attribute, types.MethodType | str | int | float | bool):
        return attribute
    config = framework_config(value)
    if isinstance(config.get(name), str | int | float | bool):
        return config[name]
    if hasattr(value, name) and not isinstance(attribute, types.MethodType):
        return attribute
    if name in config:
        return keras().saving.deserialize_keras_object(config[name])
    raise LookupError(name)


def framework_config(value: Any) -> dict[str, Any]:
    """Return what the nearest class of the framework says about `value`; nothing where that raises."""
    for base in type(value).__mro__:
        if base.__module__.partition(".")[0] in FRAMEWORK and "get_config" in vars(base):
            try:
                return dict(vars(base)["get_config"](value))
            except Exception:  # noqa: BLE001 - it may ask parts that are the author's, whose code may raise anything
                return {}
    return {}


def accepted(cls: type, name: str) -> bool:
    """Say whether the constructor of a class of Keras takes the argument `name`, itself or in its ``**kwargs``."""
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base.__module__.partition(".")[0] not in FRAMEWORK:
            continue
        if "Trainer" in base.__name__:
            # Model calls it beside the constructor of Layer, which gets the arguments.
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
            return base.__module__.partition(".")[0] in FRAMEWORK
    return False
