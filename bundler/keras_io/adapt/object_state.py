"""An object as its class and its attributes, for constructors of which the arguments are gone.

What a constructor was given only matters through what it left behind. Where an argument cannot be read back, the
attributes themselves are recorded, in the order in which they were set: layers as the config nodes that they are,
weights by shape and name, the rest as `values` says it. The loader makes an empty object of the class, lets the
framework's part of its constructor run, and sets them. The author's ``__init__`` and ``build`` do not run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.adapt import graphs
from bundler.keras_io.adapt.arguments import accepted
from bundler.keras_io.adapt.decoding import decode
from bundler.keras_io.adapt.own_attributes import framework_base, own_attributes
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras

ATTRIBUTES = f"{TAG}attributes"
WEIGHTS = f"{TAG}weights"
BUILT = f"{TAG}built"
GRAPH = f"{TAG}graph"


Encode = Callable[[str, Any, Callable[[Any], Any]], Any]


def state_of(instance: Any, base: Mapping[str, Any], encode: Encode, skip: frozenset[str]) -> dict[str, Any]:
    """Return the config of `instance` by its attributes.

    Args:
        instance: an object of a custom class.
        base: what the framework's class tells of it.
        encode: encodes the value of a named attribute; its last argument answers for weights and layers of a graph.
        skip: attributes that something else restores.
    """
    attributes = {name: value for name, value in own_attributes(instance).items() if name not in skip}
    weights = _own_weights(instance, attributes)
    numbers = {id(variable): index for index, variable in enumerate(weights)}
    graph = _graph_of(instance)
    layers = {id(layer): layer.name for layer in instance.layers} if graph is not None else {}

    def special(value: Any) -> Any:
        if id(value) in numbers:
            return {TAG: "weight", "index": numbers[id(value)]}
        if id(value) in layers:
            return {TAG: "graph_layer", "name": layers[id(value)]}
        return None

    config = dict(base)
    config[ATTRIBUTES] = [[name, encode(name, value, special)] for name, value in attributes.items()]
    if weights:
        config[WEIGHTS] = [
            {
                "shape": [int(size) for size in variable.shape],
                "dtype": str(variable.dtype),
                "trainable": bool(variable.trainable),
                "name": str(variable.name),
                "regularizer": variable.regularizer,
                "constraint": variable.constraint,
            }
            for variable in weights
        ]
    if graph is not None:
        config[GRAPH] = graph
    elif getattr(instance, "built", False) and has_own_build(type(instance)):
        config[BUILT] = True
    return config


def revive(cls: Any, config: dict[str, Any], lookup: Callable[[str], Any]) -> Any:
    """Return an instance of `cls` with the attributes that `config` records."""
    attributes, weights = config.pop(ATTRIBUTES), config.pop(WEIGHTS, [])
    graph, built = config.pop(GRAPH, None), config.pop(BUILT, False)
    instance = cls.__new__(cls)
    layers = _initialized(cls, instance, config, graph, lookup)
    variables = []
    add: Any = instance.add_weight if hasattr(instance, "add_weight") else getattr(instance, "add_variable", None)
    for spec in weights:
        options = {name: decode(spec[name], lookup) for name in ("regularizer", "constraint") if spec.get(name)}
        # Metrics have a method of that name, too, and none of their variables is trained.
        options |= {"trainable": spec["trainable"]} if isinstance(instance, keras().layers.Layer) else {}
        variables.append(
            add(shape=tuple(spec["shape"]), initializer="zeros", dtype=spec["dtype"], name=spec["name"], **options)
        )
    specials = {"weight": lambda value: variables[value["index"]], "graph_layer": lambda value: layers[value["name"]]}
    for name, value in attributes:
        decoded = decode(value, lookup, specials)
        if graph is None or not (hasattr(instance, name) and getattr(instance, name) is decoded):
            _set(instance, name, decoded)
    if built:
        instance.built = True
    return instance


def has_own_build(cls: type) -> bool:
    """Say whether `cls` has a ``build`` of the author's."""
    for base in cls.__mro__:
        if "build" in vars(base):
            return not makes_models(base)
    return False


def can_be_revived(cls: type) -> bool:
    """Say whether the framework's part of `cls` keeps no weights of its own: those only its ``build`` can make."""
    keras_module = keras()
    if not issubclass(cls, keras_module.layers.Layer):
        return not issubclass(cls, keras_module.optimizers.Optimizer)
    base = framework_base(cls)
    return base in (
        keras_module.layers.Layer,
        keras_module.Model,
        keras_module.Sequential,
        keras_module.layers.Wrapper,
    ) or (base.__name__ == "Functional")


def _initialized(
    cls: type, instance: Any, config: dict[str, Any], graph: Any, lookup: Callable[[str], Any]
) -> dict[str, Any]:
    """Run the framework's part of the constructor and return the layers of the graph by name."""
    base = framework_base(cls)
    framework = keras()
    options = {name: decode(value, lookup) for name, value in config.items() if accepted(base, name)}
    if graph is not None and issubclass(cls, framework.Sequential):
        rebuilt = framework.Sequential.from_config(graph)
        framework.Sequential.__init__(instance, rebuilt.layers, name=config.get("name"))
        if rebuilt.built and not instance.built and graph.get("build_input_shape"):
            instance.build(graph["build_input_shape"])
        return {layer.name: layer for layer in instance.layers}
    if graph is not None:
        rebuilt = graphs.rebuilt(graph)
        # The first object of a class makes Keras put `Functional` among its bases; doing that twice makes a circle.
        first = base if base.__name__ == "Functional" else framework.Model
        with _without_own_build(instance):
            first.__init__(instance, inputs=rebuilt.input, outputs=rebuilt.output, name=config.get("name"))  # type: ignore[misc]
        instance.built = True
        return {layer.name: layer for layer in instance.layers}
    if base is not object:
        vars(base).get("__init__", base.__init__)(instance, **options)  # type: ignore[misc]
    return {}


@contextlib.contextmanager
def _without_own_build(instance: Any) -> Iterator[None]:
    """Keep Keras from running a ``build`` of the author's: the weights that it made are among those that are recorded.

    The constructor of a functional model calls it.
    """
    named = vars(instance)
    kept = named.get("build")
    named["build"] = lambda *_: None
    try:
        yield
    finally:
        del named["build"]
        if kept is not None:
            named["build"] = kept


def _graph_of(instance: Any) -> Any:
    framework = keras()
    if isinstance(instance, framework.Sequential):
        return framework.Sequential.get_config(instance)
    return graphs.stock_config(instance) if graphs.is_functional(instance) else None


def _own_weights(instance: Any, attributes: Mapping[str, Any]) -> list[Any]:
    """Return the variables of `instance` that belong to none of its parts, in the order of their creation."""
    framework = keras()
    parts = [value for value in _leaves(list(attributes.values())) if isinstance(value, framework.layers.Layer)]
    theirs = {id(variable) for part in parts for variable in part.weights}
    # The variables of a layer are those of its parts' random generators, too; these are made with the parts.
    is_layer = isinstance(instance, framework.layers.Layer)
    mine = list(instance.weights if is_layer else getattr(instance, "variables", ()))
    if isinstance(instance, framework.Model):
        theirs |= {id(variable) for layer in instance.layers for variable in layer.weights}
    return [variable for variable in mine if id(variable) not in theirs]


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    if depth > 20:
        return
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item, depth + 1)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _leaves(item, depth + 1)
    else:
        yield value


def _set(instance: Any, name: str, value: Any) -> None:
    try:
        setattr(instance, name, value)
    except AttributeError:
        # A frozen dataclass sets its own fields this way.
        object.__setattr__(instance, name, value)
