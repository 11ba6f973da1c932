"""What is certain to go wrong with a class although Keras has saved it without complaint."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.adapt import CONSTRUCTOR_ARGUMENTS, FUNCTIONAL_GRAPH, SURPLUS_ARGUMENTS
from bundler.keras_io.adapt.adapters import BASE_ARGUMENTS
from bundler.keras_io.adapt.arguments import VARIADIC, accepted, is_frameworks
from bundler.keras_io.adapt.graphs import is_functional
from bundler.keras_io.adapt.known_arguments import KnownArguments, Read
from bundler.keras_io.adapt.value_encoding import survives
from bundler.keras_io.framework import keras


def certain_failures(instance: Any, config: Mapping[str, Any], read: Read) -> dict[str, tuple[str, ...]]:
    """Return the kinds that `instance` needs although Keras has written `config` for it without complaint.

    Keras's own ``from_config`` calls the class with the entries of the config. What that call cannot take, or lacks,
    fails for certain; and an argument with a default that ``get_config`` leaves out, or that Keras itself records with
    its default (`keras.Model` never sees the arguments of its subclasses), comes back as another value without any
    failure, which no comparison of outputs would notice in a dropout rate.
    """
    cls = type(instance)
    if starts_over(instance):
        return {CONSTRUCTOR_ARGUMENTS: ()}
    if is_functional(instance) and graph_arguments(instance, read) is not None and is_frameworks(cls, "from_config"):
        return {FUNCTIONAL_GRAPH: ()}
    if not hasattr(cls, "from_config"):
        return {CONSTRUCTOR_ARGUMENTS: ()}
    if "layers" in config and "input_layers" in config and _is_stock_signature(cls):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    if cls.__init__ is object.__init__ or makes_models(cls.__init__):
        return {}
    given = read(instance, BASE_ARGUMENTS)
    # What the signature asks for: an argument that the code looks for in its **kwargs may be absent.
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    required = [item.name for item in parameters if item.default is item.empty and item.kind not in VARIADIC]
    lost = [name for name in required if name in given.takes and name not in (*config, *BASE_ARGUMENTS)]
    changed = [
        name
        for name in given.values
        if name in given.certain
        and _differs(given.values[name], config.get(name, given.defaults.get(name)))
        and (name not in config or is_frameworks(cls, "get_config"))
    ]
    if not is_frameworks(cls, "from_config"):
        return {CONSTRUCTOR_ARGUMENTS: tuple(changed)} if changed and not lost else {}
    surplus = tuple(name for name in config if not takes(given, name))
    if surplus:
        found[SURPLUS_ARGUMENTS] = surplus
    if lost or changed or given.positional:
        found[CONSTRUCTOR_ARGUMENTS] = tuple(dict.fromkeys([*lost, *changed]))
    return found


def starts_over(instance: Any) -> bool:
    """Say whether what ``get_config`` gives says nothing about the constructor: a Sequential with one of its own.

    Keras would call the class with a name and then add the layers that the constructor has made already.
    """
    cls = type(instance)
    return (
        isinstance(instance, keras().Sequential)
        and cls.__init__ is not keras().Sequential.__init__
        and is_frameworks(cls, "get_config")
        and is_frameworks(cls, "from_config")
    )


def graph_arguments(instance: Any, read: Read) -> tuple[str, ...] | None:
    """Return the parameters that a functional model's own constructor takes its inputs and outputs by, or `None`."""
    if not is_functional(instance) or _is_stock_signature(type(instance)):
        return None
    given = read(instance, BASE_ARGUMENTS)
    found = []
    for tensors in (instance.input, instance.output):
        names = [name for name, value in given.values.items() if value is tensors or _are_same(value, tensors)]
        if len(names) != 1:
            return None
        found += names
    return tuple(found) if len(set(found)) == 2 else None


def takes(given: KnownArguments, name: str) -> bool:
    """Say whether the constructor takes the argument `name`, itself or through ``**kwargs``."""
    if name in given.takes:
        return True
    if given.keywords_go_to is None or name in given.handed_on:
        return False
    return accepted(given.keywords_go_to, name)


def unsafe_values(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the entries of a config that come back as something else: tuples, arrays, raw Keras objects."""
    return tuple(name for name, value in config.items() if name not in BASE_ARGUMENTS and not survives(value))


def may_have_drifted(instance: Any, name: str, value: Any, config: Mapping[str, Any]) -> bool:
    """Say whether Keras recorded something else for the argument `name` than the `value` that was read back."""
    return is_frameworks(type(instance), "get_config") and _differs(value, config.get(name))


def _differs(one: Any, other: Any) -> bool:
    """Say whether two plain values differ; of anything else nothing is claimed."""
    plain = (str, int, float, bool, type(None))
    if isinstance(one, enum.Enum) is not isinstance(other, enum.Enum) and isinstance(one, plain):
        # Keras writes a member that is a number or a text as that.
        return True
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(_differs(left, right) for left, right in zip(one, other, strict=True))
    if not isinstance(one, plain) or not isinstance(other, plain):
        return False
    return bool(one != other)


def _is_stock_signature(cls: type) -> bool:
    """Say whether Keras takes the constructor of `cls` for that of a functional model (as it does `Model`'s)."""
    parameters = list(inspect.signature(vars(cls).get("__init__", cls.__init__)).parameters.values())[1:]  # type: ignore[misc]
    names = [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    kinds = {item.kind for item in parameters}
    return names == ["inputs", "outputs", "name"] or kinds == {*VARIADIC}


def _are_same(one: Any, other: Any) -> bool:
    tree = keras().tree
    try:
        left, right = tree.flatten(one), tree.flatten(other)
    except (TypeError, ValueError):
        return False
    tensors = keras().KerasTensor
    return (
        len(left) == len(right)
        and all(isinstance(item, tensors) for item in left)
        and all(first is second for first, second in zip(left, right, strict=True))
    )
