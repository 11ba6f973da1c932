"""Keras models that code reads and that are not part of the packed one, as the calls that make them.

A loss that compares the features of a trained network, or a teacher in a closure: a graph of stock layers is written
as the author would write it, layer by layer, and takes its weights from the file beside the module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.values import Unsayable

_TENSOR, _TUPLE = "__keras_tensor__", "__tuple__"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pen:
    """What writes the parts of a model.

    Attributes:
        expression: gives the expression of a plain value.
        layer: gives the call that makes a layer, without its weights.
        bind: binds an expression to a new name and returns that.
        keras: gives the name by which the text has the package.
    """

    expression: Callable[[Any], str]
    layer: Callable[[Any], str]
    bind: Callable[[str], str]
    keras: Callable[[], str]


def is_model(value: Any) -> bool:
    """Say whether `value` is a sequential or functional model of Keras itself, and no subclass of one."""
    cls = type(value)
    return cls.__module__.startswith("keras.") and cls.__name__ in ("Sequential", "Functional")


def is_layer_with_weights(value: Any) -> bool:
    """Say whether `value` is a built layer of Keras itself."""
    cls = type(value)
    return cls.__module__.startswith("keras.src.layers.") and bool(getattr(value, "weights", None))


def input_shape_of(layer: Any) -> tuple[int | None, ...]:
    """Return the shape that `layer` was built for.

    Raises:
        Unsayable: it was built with more than a shape.
    """
    config = layer.get_build_config() or {}
    if list(config) != ["input_shape"]:
        raise Unsayable(f"a layer of type {type(layer).__name__} of Keras, which was built with more than a shape")
    return tuple(config["input_shape"])


def is_adapted(layer: Any) -> bool:
    """Say whether `layer` computes with what it made of its weights after it had got them."""
    return callable(getattr(layer, "finalize_state", None)) and bool(layer.weights)


def text_of(model: Any, pen: Pen) -> str:
    """Return the expression that makes `model` with new weights; lines that it needs are bound before.

    Raises:
        Unsayable: a layer of it cannot be written, or has its place by more than calls.
    """
    config = model.get_config()
    if type(model).__name__ == "Sequential":
        return _sequential(model, config, pen)
    return _LayerGraph(model=model, config=config, pen=pen).text()


def _sequential(model: Any, config: Mapping[str, Any], pen: Pen) -> str:
    layers = [_input(item["config"], pen) for item in config["layers"] if item["class_name"] == "InputLayer"]
    if not layers and config.get("build_input_shape") is not None:
        layers = [f"{pen.keras()}.Input(batch_shape={pen.expression(tuple(config['build_input_shape']))})"]
    layers += [pen.layer(layer) for layer in model.layers]
    inner = "".join(f"    {layer},\n" for layer in layers)
    return f"{pen.keras()}.Sequential([\n{inner}], name={pen.expression(model.name)})"


def _input(config: Mapping[str, Any], pen: Pen) -> str:
    given = {key: item for key, item in config.items() if key not in ("ragged", "optional", "sparse") or item}
    return f"{pen.keras()}.Input({', '.join(f'{key}={pen.expression(item)}' for key, item in given.items())})"


@dataclass(frozen=True, kw_only=True, slots=True)
class _LayerGraph:
    """A functional model: its layers, and the tensors that they are called with."""

    model: Any
    config: Mapping[str, Any]
    pen: Pen
    tensors: dict[tuple[str, int], str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        waiting = [(item, number) for item in self.config["layers"] for number in range(len(item["inbound_nodes"]))]
        for item in self.config["layers"]:
            if item["class_name"] == "InputLayer":
                self.tensors[item["name"], 0] = self.pen.bind(_input(item["config"], self.pen))
        while waiting:
            left = [(item, number) for item, number in waiting if not self._called(item, number)]
            if len(left) == len(waiting):
                raise Unsayable("a model of Keras whose layers wait for each other")
            waiting = left
        inputs, outputs = (self._structure(self.config[f"{name}_layers"]) for name in ("input", "output"))
        name = self.pen.expression(self.model.name)
        return f"{self.pen.keras()}.Model(inputs={inputs}, outputs={outputs}, name={name})"

    def _called(self, item: Mapping[str, Any], number: int) -> bool:
        """Write one call of a layer, once all that it is called with is there."""
        node = item["inbound_nodes"][number]
        # The nodes of a layer are counted in the order of its calls.
        is_next = number == 0 or (item["name"], number - 1) in self.tensors
        if not is_next or not all(place in self.tensors for place in _places(node)):
            return False
        given = [self._value(value) for value in node["args"]]
        given += [f"{key}={self._value(value)}" for key, value in node["kwargs"].items()]
        self.tensors[item["name"], number] = self.pen.bind(
            f"{self._layer(item['name'], len(item['inbound_nodes']))}({', '.join(given)})"
        )
        return True

    def _layer(self, name: str, calls: int) -> str:
        if name not in self.made:
            text = self.pen.layer(self.model.get_layer(name))
            self.made[name] = text if calls == 1 else self.pen.bind(text)
        return self.made[name]

    def _value(self, value: Any) -> str:
        if isinstance(value, Mapping) and value.get("class_name") == _TENSOR:
            return self._tensor(value["config"]["keras_history"])
        if isinstance(value, Mapping) and value.get("class_name") == _TUPLE:
            return self._display("({},)", value["config"]["value"])
        if isinstance(value, list | tuple):
            return self._display("[{}]" if isinstance(value, list) else "({},)", value)
        if isinstance(value, Mapping) and "class_name" in value:
            raise Unsayable(f"a model of Keras with a call that takes a {value['class_name']}")
        if isinstance(value, Mapping):
            return _dictionary({self.pen.expression(key): self._value(item) for key, item in value.items()})
        return self.pen.expression(value)

    def _display(self, form: str, values: Any) -> str:
        return form.format(", ".join(map(self._value, values))) if values else form.format("").replace(",", "")

    def _tensor(self, history: Any) -> str:
        name, node, index = history
        text = self.tensors[name, node]
        return text if self._is_single(name) else f"{self.pen.keras()}.tree.flatten({text})[{index}]"

    def _is_single(self, name: str) -> bool:
        layer = self.model.get_layer(name)
        try:
            outputs = layer.output
        except (AttributeError, ValueError):
            # It was called more than once.
            return False
        return not isinstance(outputs, list | tuple | dict)

    def _structure(self, value: Any) -> str:
        """Return the inputs or outputs: an entry, or a list, tuple or dictionary of entries."""
        if isinstance(value, list | tuple) and len(value) == 3 and isinstance(value[0], str):
            return self._tensor(value)
        if isinstance(value, dict):
            return _dictionary({self.pen.expression(key): self._structure(item) for key, item in value.items()})
        return f"[{', '.join(map(self._structure, value))}]"


def _dictionary(items: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{key}: {item}' for key, item in items.items())}}}"


def _places(node: Any) -> set[tuple[str, int]]:
    """Return the layer and call that every tensor in the arguments of a call came out of."""
    if isinstance(node, Mapping) and node.get("class_name") == _TENSOR:
        name, number, _ = node["config"]["keras_history"]
        return {(name, number)}
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    return set().union(*map(_places, parts)) if parts else set()


def weights_of(model: Any) -> list[Any]:
    """Return the weights of a model, as `set_weights` takes them."""
    numpy: Any = sys.modules["numpy"]
    return [numpy.asarray(weight) for weight in model.get_weights()]
