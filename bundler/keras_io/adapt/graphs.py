"""A functional model from its config, also where a layer of it has been called in another model before.

Keras counts the calls of a layer from the first one ever, so it finds the wrong one for such a layer. Here the calls
of each graph are counted by themselves. All else is as in Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bundler.errors import InvalidBundle
from bundler.frameworks import root_of
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.keras_io.framework import keras

_TENSOR = "__keras_tensor__"
#: In the key of a layer that is shared.
_MARK = ">shared:"


class _NotMadeYet(Exception):
    """A call needs the output of another one that has not been made."""


def is_graph(config: Any) -> bool:
    """Say whether `config` is that of a functional model."""
    return isinstance(config, dict) and isinstance(config.get("layers"), list) and "output_layers" in config


def is_rebuilt_by_keras(cls: Any) -> bool:
    """Say whether `cls` is a class of models that has Keras's own ``from_config``."""
    return isinstance(cls, type) and issubclass(cls, keras().Model) and is_frameworks(cls, "from_config")


def is_functional(value: Any) -> bool:
    """Say whether `value` is a model that is a graph of layers."""
    return isinstance(value, keras().Model) and any(
        base.__name__ == "Functional" and root_of(base) == "keras" for base in type(value).__mro__
    )


def stock_config(model: Any) -> dict[str, Any]:
    """Return the config of a stock model over the tensors of `model`: it has the same layers, and Keras can read it."""
    plain: dict[str, Any] = keras().Model(inputs=model.input, outputs=model.output, name=model.name).get_config()
    return plain


def rebuilt(config: dict[str, Any]) -> Any:
    """Return the plain functional model of `config`, by Keras unless a layer of it is shared with another model."""
    model = keras().Model
    is_shared = any(_MARK in str(node.get("registered_name")) for node in config["layers"])
    return model_from_config(model, dict(config)) if is_shared else model.from_config(config)


def stand_in(cls: Any, make: Callable[[dict[str, Any]], Any]) -> Any:
    """Return an object for the place of `cls` in a config: its ``from_config`` is `make`."""

    def from_config(config: Mapping[str, Any], custom_objects: Any = None) -> Any:  # noqa: ARG001 - Keras's signature
        return make(dict(config))

    # Keras names the class in its messages.
    return type(cls.__name__, (), {"from_config": staticmethod(from_config), "__module__": cls.__module__})


def prepared_to_compile(instance: Any, prepare: Callable[[Any], None]) -> None:
    """Let Keras's next step give `instance` to `prepare` before it compiles it.

    An optimizer is built for what is there then.
    """
    own = vars(instance).get("compile_from_config")

    def compile_from_config(config: Any) -> None:
        object.__delattr__(instance, "compile_from_config")
        if own is not None:
            object.__setattr__(instance, "compile_from_config", own)
        prepare(instance)
        instance.compile_from_config(config)

    object.__setattr__(instance, "compile_from_config", compile_from_config)


def adapter_of(cls: Any) -> Any:
    """Return an object whose ``from_config`` makes a functional model of the class `cls`."""
    return stand_in(cls, lambda config: model_from_config(cls, config))


def model_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """Return the model of class `cls` that `config` describes.

    Raises:
        InvalidBundle: a call in it needs what nothing gives.
    """
    graph = _FunctionalGraph()
    layers = config.pop("layers")
    waiting = []
    for node in layers:
        layer = keras().saving.deserialize_keras_object(node)
        graph.layers[node["name"]] = layer
        graph.outputs[node["name"]] = []
        if isinstance(layer, keras().layers.InputLayer):
            graph.outputs[node["name"]].append(keras().tree.flatten(layer.output))
        waiting.append((node["name"], list(node["inbound_nodes"])))
    while waiting:
        before = sum(len(calls) for _, calls in waiting)
        for name, calls in waiting:
            graph.make(name, calls)
        waiting = [(name, calls) for name, calls in waiting if calls]
        if waiting and sum(len(calls) for _, calls in waiting) == before:
            raise InvalidBundle(
                "the graph of a model has calls that need each other's outputs",
                place=f"config.json: {', '.join(str(name) for name, _ in waiting[:3])}",
                hint="ask the author for a new bundle",
            )
    inputs, outputs = graph.ends(config.pop("input_layers")), graph.ends(config.pop("output_layers"))
    more = {name: config.pop(name, None) for name in ("name", "trainable")}
    return cls(inputs=inputs, outputs=outputs, **more, **config)


class _FunctionalGraph:
    """The layers of one graph by name, and what each call of them in this graph gave."""

    def __init__(self) -> None:
        self.layers: dict[str, Any] = {}
        self.outputs: dict[str, list[list[Any]]] = {}

    def make(self, name: str, calls: list[Any]) -> None:
        """Make those of `calls` of a layer that can be made, in order, and take them from the list."""
        while calls:
            try:
                arguments, keywords = self._given(calls[0]["args"]), self._given(calls[0]["kwargs"])
            except _NotMadeYet:
                return
            given = self.layers[name](*arguments, **keywords)
            self.outputs[name].append(keras().tree.flatten(given))
            del calls[0]

    def ends(self, structure: Any) -> Any:
        """Return the tensors that the inputs or outputs of a config name."""
        if isinstance(structure, dict):
            return {name: self.ends(part) for name, part in structure.items()}
        if len(structure) == 3 and isinstance(structure[0], str):
            name, call, index = structure
            # Keras counts one more for a model, which has a call of its own from the start.
            return self._tensor(name, call - (1 if is_functional(self.layers[name]) else 0), index)
        return [self.ends(part) for part in structure]

    def _tensor(self, name: str, call: int, index: int) -> Any:
        made = self.outputs[name]
        if call >= len(made):
            raise _NotMadeYet(name)
        return made[call][index]

    def _given(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._given(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind, inner = value.get("class_name"), value.get("config")
        if kind == _TENSOR and isinstance(inner, dict):
            history = inner.get("keras_history")
            return self._tensor(*history) if history else keras().saving.deserialize_keras_object(value)
        if isinstance(kind, str):
            return keras().saving.deserialize_keras_object(value)
        return {name: self._given(item) for name, item in value.items()}
