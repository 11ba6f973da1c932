"""The `keras.Model` around a SavedModel: it predicts, and says so when it is asked for more.

The class is made when it is first asked for, because its base class comes with Keras. `InferenceModel` is an
attribute of this module all the same.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from bundler.errors import InferenceOnly
from bundler.keras_io.framework import keras
from bundler.manifest import Payload

#: What Keras offers and a graph cannot do, and why.
_NOT_OFFERED = {
    "fit": "it has no code to train with",
    "train_on_batch": "it has no code to train with",
    "train_step": "it has no code to train with",
    "save": "its graph is no Keras file; pack it again with bundle(model, path)",
    "export": "its graph is a SavedModel already; kbundle extract FILE DIR writes it to DIR/model/saved_model",
    "save_weights": "its variables belong to the graph",
    "load_weights": "its variables belong to the graph",
    "get_config": "it has no code to make it anew with",
    "quantize": "its layers are gone",
}


def __getattr__(name: str) -> Any:
    if name == "InferenceModel":
        return inference_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def inference_class() -> type[Any]:
    """Return the class `InferenceModel`."""

    class InferenceModel(keras().Model):  # type: ignore[misc]
        """A model of a bundle with ``fidelity: inference``.

        Attributes:
            facts: the manifest's `Payload`.
            fidelity: ``inference``.
            graph: what `tf.saved_model.load` returned.
            signatures: the functions by name that the SavedModel offers to servers.
            input_names: the names of the inputs, in the order in which a list of inputs is taken.
            output_names: the names of the outputs.
        """

        def __init__(self, *, graph: Any, facts: Payload, endpoint: Any, reduce: Callable[[Any], Any]) -> None:
            # autocast would turn doubles into floats before the graph sees them.
            super().__init__(name=_snake(facts.class_name), autocast=False)
            self.graph = graph
            self.facts = facts
            self._call_graph = _Endpoint(endpoint, facts)
            self._reduce = reduce
            self._graph_variables = tuple(_variables(graph, endpoint))
            self.built = True

        fidelity = "inference"

        @property
        def signatures(self) -> Mapping[str, Any]:
            found: Mapping[str, Any] = self.graph.signatures
            return found

        @property
        def argument_names(self) -> list[str]:
            """The names that the graph itself has for its inputs, in the order in which it takes them."""
            return self._call_graph.argument_names()

        @property
        def input_names(self) -> list[str]:
            return [spec.name for spec in self.facts.inputs or ()]

        @property
        def output_names(self) -> list[str]:
            return [spec.name for spec in self.facts.outputs or ()]

        @property
        def inputs(self) -> list[Any]:
            return _symbols(self.facts.inputs)

        @property
        def outputs(self) -> list[Any]:
            return _symbols(self.facts.outputs)

        @property
        def weights(self) -> list[Any]:
            return list(self._graph_variables)

        variables = non_trainable_weights = non_trainable_variables = weights

        @property
        def trainable_weights(self) -> list[Any]:
            return []

        trainable_variables = trainable_weights

        def call(self, inputs: Any, training: bool = False) -> Any:
            if training:
                raise InferenceOnly("the model has fidelity: inference, and was called with training=True")
            return self._call_graph(inputs)

        def __repr__(self) -> str:
            return (
                f"<InferenceModel name={self.name}, of class {self.facts.class_name}, "
                f"inputs={self.input_names}, outputs={self.output_names}, fidelity: inference>"
            )

        def summary(self, *args: Any, **kwargs: Any) -> None:
            super().summary(*args, **kwargs)
            say = kwargs.get("print_fn") or print
            say(f"fidelity: inference (a graph of the class {self.facts.class_name}; it predicts and does not train)")

        def __reduce__(self) -> Any:
            return self._reduce(self)

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            function, arguments = self.__reduce__()
            return function(*arguments)

        @classmethod
        def from_config(cls, config: Any, custom_objects: Any = None) -> Any:  # noqa: ARG003
            raise InferenceOnly(f"a model with fidelity: inference has no from_config: {_NOT_OFFERED['get_config']}")

    for name, reason in _NOT_OFFERED.items():
        setattr(InferenceModel, name, _refusal(name, reason))
    InferenceModel.__module__, InferenceModel.__qualname__ = __name__, "InferenceModel"
    return InferenceModel


def is_inference_model(value: object) -> bool:
    """Say whether `value` is an `InferenceModel`."""
    return isinstance(value, inference_class())


class _Endpoint:
    """A function of a loaded SavedModel, called with inputs as a Keras model is called with them."""

    def __init__(self, function: Any, facts: Payload) -> None:
        tf = importlib.import_module("tensorflow")
        self._function = function
        concrete = getattr(function, "concrete_functions", None) or [function]
        positional, self._named = concrete[0].structured_input_signature
        self._one = len(positional) == 1
        self._specs = self._named if self._named else positional[0] if self._one else positional
        self._flat = tf.nest.flatten(self._specs)
        names = [spec.name for spec in facts.inputs or ()]
        self._names = names if len(names) == len(self._flat) else []

    def __call__(self, inputs: Any) -> Any:
        tf = importlib.import_module("tensorflow")
        flat = [_fitted(value, spec) for value, spec in zip(self._in_order(inputs), self._flat, strict=True)]
        packed = tf.nest.pack_sequence_as(self._specs, flat)
        if self._named:
            outputs = self._function(**packed)
            # A signature always gives a dict; a model with one output gives that output.
            return next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return self._function(packed) if self._one else self._function(*packed)

    def argument_names(self) -> list[str]:
        """Return the names in the specs of the function, in order; those of a signature in the order of the words."""
        return sorted(self._named) if self._named else [str(getattr(spec, "name", None)) for spec in self._flat]

    def _in_order(self, inputs: Any) -> list[Any]:
        tf = importlib.import_module("tensorflow")
        if isinstance(inputs, dict) and not _same_keys(inputs, self._specs):
            if self._names and set(self._names) <= set(inputs):
                return [inputs[name] for name in self._names]
            if len(self._flat) > 1:
                # In the order of its own keys two inputs could be swapped without a word.
                wanted = self._names or self.argument_names()
                raise ValueError(f"the model takes the inputs {', '.join(wanted)}, not {', '.join(map(str, inputs))}")
        flat = tf.nest.flatten(inputs)
        if len(flat) != len(self._flat):
            raise ValueError(
                f"the model takes {len(self._flat)} inputs ({', '.join(self._names)}) and was given {len(flat)}"
            )
        return list(flat)


def _same_keys(inputs: dict[str, Any], specs: Any) -> bool:
    return isinstance(specs, Mapping) and set(inputs) == set(specs)


def _fitted(value: Any, spec: Any) -> Any:
    """Return `value` as the tensor that `spec` asks for: its dtype, and the last dimension of one that it may lack."""
    tf = importlib.import_module("tensorflow")
    if not isinstance(spec, tf.TensorSpec):
        return value
    tensor = tf.convert_to_tensor(value)
    if tensor.dtype != spec.dtype and tf.string not in (tensor.dtype, spec.dtype):
        tensor = tf.cast(tensor, spec.dtype)
    if spec.shape.rank is None or tensor.shape.rank is None:
        return tensor
    if spec.shape.rank == tensor.shape.rank + 1 and spec.shape[-1] == 1:
        return tf.expand_dims(tensor, -1)
    if spec.shape.rank == tensor.shape.rank - 1 and tensor.shape[-1] == 1:
        return tf.squeeze(tensor, -1)
    return tensor


def _variables(graph: Any, endpoint: Any) -> list[Any]:
    concrete = getattr(endpoint, "concrete_functions", None) or [endpoint]
    found = {id(variable): variable for function in concrete for variable in function.variables}
    # A function of a signature does not always know its variables; then those of the object count.
    return list(found.values()) or list(getattr(graph, "variables", None) or ())


def _symbols(specs: Any) -> list[Any]:
    from bundler.keras_io.files.save_keras import DATATYPES

    dtypes = {datatype: dtype for dtype, datatype in DATATYPES.items()}
    return [
        keras().KerasTensor(
            [None if size < 0 else size for size in spec.shape],
            dtypes.get(spec.datatype, spec.datatype.lower()),
            name=spec.name,
        )
        for spec in specs or ()
    ]


def _refusal(name: str, reason: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise InferenceOnly(f"the model has fidelity: inference, so {name} is not offered: {reason}", place=self.name)

    refuse.__name__ = name
    refuse.__doc__ = f"Raise `InferenceOnly`: {reason}."
    return refuse


def _snake(name: str) -> str:
    """Return `name` as Keras would name a layer of that class."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_") or "model"
