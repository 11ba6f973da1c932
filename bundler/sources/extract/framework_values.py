"""Objects and functions of Keras, TensorFlow and NumPy as the public names and calls that give them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from bundler.sources.extract.constant_values import KERAS_BASES
from bundler.values import Unsayable

#: Where functions and classes have public names; the first that has the very object gives its name.
_PLACES = {
    "keras": (
        *("layers", "activations", "losses", "metrics", "initializers", "regularizers", "optimizers", "ops"),
        *("constraints", "optimizers.schedules", "dtype_policies", "quantizers", "random", "utils", ""),
        *("ops.image", "ops.linalg", "ops.nn", "ops.numpy"),
    ),
    "tensorflow": ("nn", "math", "", "linalg", "image", "signal", "strings", "sparse", "random", "audio"),
    "numpy": ("", "linalg", "random", "fft"),
}
_GENERATOR = "SeedGenerator"
#: What holds nothing but its settings, by the name of a base class.
_SETTINGS = KERAS_BASES | {"Quantizer"}
#: Classes of which ``from_config`` calls the class with the config.
_CALLED = frozenset(
    {
        *_SETTINGS,
        *("Layer", "Operation", "LossFunctionWrapper", "QuantizedDTypePolicy"),
        # These only take out of the config what was quantized, or make arrays of lists.
        *("Dense", "Embedding", "EinsumDense", "LSTM", "GRU", "SimpleRNN", "Rescaling"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The call that makes an object of Keras; `after` are calls on parts of it, by path, that set its state."""

    maker: str
    items: tuple[Any, ...]
    keywords: Mapping[str, Any]
    after: tuple[tuple[str, Any], ...] = ()


def is_function(value: Any) -> bool:
    """Say whether `value` is a function of NumPy's or TensorFlow's that Python did not make: a ufunc, say."""
    root = type(value).__module__.partition(".")[0]
    return root in ("numpy", "tensorflow") and callable(value) and public_place(value) is not None


def public_place(value: Any) -> tuple[str, str] | None:
    """Return the public module and name of a class or function of the framework, or `None`."""
    name = getattr(value, "__name__", None)
    root = str(getattr(value, "__module__", None) or type(value).__module__).partition(".")[0]
    if not isinstance(name, str) or root not in _PLACES:
        return None
    for part in _PLACES[root]:
        holder: Any = sys.modules.get(root)
        for step in filter(None, part.split(".")):
            holder = getattr(holder, step, None)
        if isinstance(holder, ModuleType) and getattr(holder, name, None) is value:
            return (f"{root}.{part}" if part else root), name
    return None


def import_of(name: str, value: Any) -> str | None:
    """Return the statement that binds `name` to a public class or function of the framework; `None` for others."""
    place = public_place(value) if isinstance(value, type | FunctionType) else None
    if place is None:
        return None
    return f"from {place[0]} import {place[1]}" + (f" as {name}" if place[1] != name else "")


def variable_for(value: Any) -> Call | None:
    """Return the call that makes a variable of TensorFlow or Keras, or `None` for anything else."""
    root, kind = type(value).__module__.partition(".")[0], type(value).__name__
    if (root, kind) not in (("tensorflow", "ResourceVariable"), ("keras", "Variable")):
        return None
    name = value.name.partition(":")[0]
    return Call(
        maker=f"{root}.Variable",
        items=(_numbers(value),),
        keywords={
            "trainable": bool(value.trainable),
            "dtype": str(getattr(value.dtype, "name", value.dtype)),
            "name": name,
        },
    )


def lines_for(value: Any, *, weights: bool = True) -> Call | None:
    """Return the call that makes an object of Keras's own, or `None` for anything else.

    A layer that has weights is made without them where `weights` are the caller's business.

    Raises:
        Unsayable: it has weights, or more than its config says.
    """
    cls = type(value)
    if cls.__module__.partition(".")[0] != "keras":
        return None
    place = public_place(cls)
    if place is None or not callable(getattr(value, "get_config", None)):
        raise Unsayable(f"of type {cls.__name__} of Keras")
    if cls.__name__ == _GENERATOR:
        return Call(
            maker=f"{place[0]}.{place[1]}",
            items=(),
            keywords={key: item for key, item in value.get_config().items() if key != "name"},
            after=((".state.assign", _numbers(value.state)),),
        )
    bases = {base.__name__ for base in cls.__mro__ if base.__module__.partition(".")[0] == "keras"}
    if not bases & _SETTINGS and not ("Layer" in bases and "Model" not in bases):
        raise Unsayable(f"of type {cls.__name__} of Keras, which has a state")
    config = dict(value.get_config())
    lost = [name for name in getattr(value, "_fn_kwargs", None) or () if name not in config]
    if lost:
        # Huber leaves the delta of its function out, which its constructor takes.
        if not set(lost) <= inspect.signature(cls).parameters.keys():
            raise Unsayable(f"of type {cls.__name__} of Keras, whose get_config does not say {lost[0]!r}")
        return Call(maker=f"{place[0]}.{place[1]}", items=(), keywords={**config, **value._fn_kwargs})
    after = []
    if "Layer" in bases:
        generator = getattr(value, "seed_generator", None)
        variables = list(value.variables)
        if generator is not None and len(variables) == 1 and variables[0] is generator.state:
            after.append((".seed_generator.state.assign", _numbers(generator.state)))
        elif variables and weights:
            raise Unsayable(f"of type {cls.__name__} of Keras, which has weights")
    maker, policy = f"{place[0]}.{place[1]}", config.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") == "DTypePolicy":
        config["dtype"] = policy["config"]["name"]
    for key, item in config.items():
        # The object itself, where the constructor takes one: a reader sees its class, and the audit, too.
        if isinstance(item, dict) and "class_name" in item and is_setting(getattr(value, key, None)):
            config[key] = getattr(value, key)
    owner = next(base.__name__ for base in cls.__mro__ if "from_config" in vars(base))
    if owner not in _CALLED or not _takes(cls, config):
        raise Unsayable(f"of type {cls.__name__} of Keras, which its constructor does not give alone")
    return Call(maker=maker, items=(), keywords=config, after=tuple(after))


def is_setting(value: Any) -> bool:
    """Say whether `value` is an object of Keras that holds nothing but its settings."""
    return any(base.__name__ in _SETTINGS and base.__module__.startswith("keras.") for base in type(value).__mro__)


def _takes(cls: type, config: Mapping[str, Any]) -> bool:
    """Say whether the constructor of `cls` takes the entries of a config, which the plain ``from_config`` gives it."""
    parameters = inspect.signature(cls).parameters
    is_open = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
    return is_open or set(config) <= set(parameters)


def _numbers(variable: Any) -> Any:
    return sys.modules["numpy"].array(variable)
