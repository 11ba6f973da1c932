"""From a live model to a SavedModel that predicts as it does, without any of its code.

Keras's own `model.export` traces layers whose ``call`` has ``training=True`` as its default in training mode (3.15),
and nobody compares its result. Here the call says ``training=False``, and what was saved is loaded again and compared
with the model before anybody believes it.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.errors import PackError
from bundler.keras_io.files.canonical_graph import canonicalise, write_saved_model
from bundler.keras_io.held import resources
from bundler.keras_io.native.python_calls import python_calls, refuse_python_calls
from bundler.keras_io.selftest import input_specs, model_call, samples
from bundler.keras_io.selftest.arrays import Keywords
from bundler.keras_io.selftest.model_call import told
from bundler.keras_io.selftest.output_difference import GRAPH, compare, tolerances_for
from bundler.keras_io.selftest.untouched import untouched
from bundler.manifest import Agreement, TensorSpec

#: The function of the SavedModel that keeps the structure of inputs and outputs, as `model.export` calls it.
ENDPOINT = "serve"
#: The flat one, for servers: tensors by name.
FLAT = "serving_default"
#: Inputs that are made for a graph are not kept, and may be larger than those of a self-test.
_LARGEST = 256 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedGraph:
    """A model as a SavedModel on disk. `weights` is the number of scalars in the variables that the graph uses."""

    directory: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: int
    agreement: Agreement


@dataclass(frozen=True, kw_only=True, slots=True)
class _Traced:
    """A traced `tf.function` and the specs that it takes; inputs and the model's outputs for them, as nested arrays."""

    function: Any
    specs: Any
    inputs: Any
    outputs: Any
    deterministic: bool


def save_graph(model: Any, directory: Path, example_inputs: Any = None) -> ExportedGraph:
    """Trace `model` with ``training=False``, save it below the new folder `directory`, and compare the two.

    Args:
        model: a live model.
        directory: where the SavedModel goes.
        example_inputs: a batch of what the model is called with, for models that do not declare their inputs, or
            on which numbers at random say little.

    Raises:
        PackError: the model cannot be traced, or its graph gives other outputs.
        SourceError: the graph calls back into Python.
    """
    tf = importlib.import_module("tensorflow")
    traced = _traced(model, example_inputs)
    function = traced.function
    concrete = function.get_concrete_function()
    holder = tf.Module()
    holder.serve = function
    # What the graph uses and no more: tracking the model would take its optimizer along.
    holder.weights = list(concrete.variables)
    holder.resources = resources(model)
    names = input_specs.names_by_path(traced.specs)
    outputs = _output_names(model, concrete.structured_outputs)
    flat = _flat(concrete, traced.specs, names, outputs)
    _write(holder, flat, directory, model, debug=False)
    lines = python_calls(directory)
    if lines:
        # Once more, with the lines of the author's files: in the graph that travels they would be other people's paths.
        shutil.rmtree(directory)
        _write(holder, flat, directory, model, debug=True)
        refuse_python_calls(python_calls(directory), f"the model {model.name!r}")
    canonicalise(directory)
    agreement = _agreement(model, traced, directory)
    specs = tf.nest.flatten(traced.specs)
    return ExportedGraph(
        directory=directory,
        inputs=tuple(input_specs.described(name, spec) for name, spec in zip(names, specs, strict=True)),
        outputs=tuple(
            input_specs.described(name, tensor)
            for name, tensor in zip(outputs, _tensors(concrete.structured_outputs), strict=True)
        ),
        weights=sum(variable.shape.num_elements() or 0 for variable in holder.weights),
        agreement=agreement,
    )


def _traced(model: Any, example_inputs: Any) -> _Traced:
    """Return the traced function of `model`, with inputs for it and the outputs.

    Only a call tells: Keras records shapes without dtypes, pooling wants more than a few steps of a free dimension,
    and code that loops over a batch traces with a fixed number of examples alone.

    Raises:
        PackError: nothing says what the model takes, it fails on all that was tried, or it cannot be traced.
    """
    refused: list[Exception] = []
    untraced: list[Exception] = []
    tried: list[Any] = []
    try:
        for sample in _samples(model, example_inputs):
            remaining = [specs for specs in sample.specs if specs not in tried]
            if not remaining:
                continue  # Another size of the same inputs gives the same graph.
            try:
                outputs, deterministic = model_call.answer_twice(model, sample.inputs)
            except Exception as error:  # noqa: BLE001 - the author's code may raise anything; it is told below
                refused.append(error)
                continue
            for specs in remaining:
                tried.append(specs)
                try:
                    with untouched(model, numbers_only=True):
                        function = _function(model, specs)
                except Exception as error:  # noqa: BLE001 - as above
                    untraced.append(error)
                else:
                    return _Traced(
                        function=function,
                        specs=specs,
                        inputs=sample.inputs,
                        outputs=outputs,
                        deterministic=deterministic,
                    )
    except input_specs.Unknown as error:
        raise PackError(
            f"nothing says what this model takes: {error}",
            place=model.name,
            hint="pass example_inputs=, a batch of what the model is called with",
        ) from error
    if untraced:
        raise PackError(
            f"the model runs, but cannot be traced to a graph: {told(untraced[0])}",
            place=model.name,
            hint="write its call with tf or keras.ops operations, or pack it with builder=, a function that makes it",
        ) from untraced[0]
    cause = refused[0] if refused else None
    raise PackError(
        f"the model cannot be called: {told(cause) if cause else 'its inputs would be too large to make'}",
        place=model.name,
        hint="pass example_inputs=, a batch that it takes (a dict by argument name where it takes several arguments)",
    ) from cause


def _samples(model: Any, example_inputs: Any) -> Iterator[samples.Sample]:
    if example_inputs is not None:
        yield samples.given(model, example_inputs)
    else:
        yield from samples.made(model, _LARGEST)


def _function(model: Any, specs: Any) -> Any:
    """Return a `tf.function` that calls `model`, traced once. Arguments by name are one dict to it."""
    by_name = isinstance(specs, Keywords)

    def serve(inputs: Any) -> Any:
        return model_call.call_model(model, Keywords(inputs) if by_name else inputs)

    signature = [dict(specs) if by_name else specs]
    # No autograph: Keras calls its models without it too.
    function = importlib.import_module("tensorflow").function(serve, input_signature=signature, autograph=False)
    function.get_concrete_function()
    return function


def _flat(concrete: Any, specs: Any, names: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return a concrete function with one tensor an argument and a dict of tensors as its result, as servers want."""
    tf = importlib.import_module("tensorflow")
    # The function takes arguments by name as one dict.
    structure = dict(specs) if isinstance(specs, Keywords) else specs

    def serving_default(**tensors: Any) -> Any:
        packed = tf.nest.pack_sequence_as(structure, [tensors[name] for name in names])
        return dict(zip(outputs, _tensors(concrete(packed)), strict=True))

    flat = tf.function(serving_default, autograph=False)
    named = {name: _renamed(spec, name) for name, spec in zip(names, tf.nest.flatten(structure), strict=True)}
    return flat.get_concrete_function(**named)


def _renamed(spec: Any, name: str) -> Any:
    tf = importlib.import_module("tensorflow")
    return tf.TensorSpec(spec.shape, spec.dtype, name=name) if isinstance(spec, tf.TensorSpec) else spec


def _output_names(model: Any, structure: Any) -> list[str]:
    """Return a name for each output: the keys of a dict, the layer that a Functional model names, or ``output_1``."""
    if isinstance(structure, Mapping):
        return input_specs.names_by_path(structure)
    count = len(_tensors(structure))
    declared = [str(name) for name in getattr(model, "output_names", None) or ()]
    if len(declared) == count and len(set(declared)) == count:
        return declared
    return ["output" if count == 1 else f"output_{index}" for index in range(count)]


def _tensors(structure: Any) -> list[Any]:
    tf = importlib.import_module("tensorflow")
    return [leaf for leaf in tf.nest.flatten(structure) if leaf is not None]


def _write(holder: Any, flat: Any, directory: Path, model: Any, *, debug: bool) -> None:
    tf = importlib.import_module("tensorflow")
    options = tf.saved_model.SaveOptions(save_debug_info=debug)
    try:
        write_saved_model(holder, directory, {FLAT: flat}, options)
    except Exception as error:
        raise PackError(
            f"TensorFlow cannot save the graph of this model: {told(error)}",
            place=model.name,
            hint="make the tables and variables that its call uses attributes of the layer or the model",
        ) from error


def _agreement(model: Any, traced: _Traced, directory: Path) -> Agreement:
    """Load what was saved and compare it with the model, both from the state that the model is in.

    Raises:
        PackError: the outputs differ by more than the tolerance, and not because the model is random.
    """
    loaded = importlib.import_module("tensorflow").saved_model.load(str(directory))

    def serve(tensors: Any) -> Any:
        return loaded.serve(dict(tensors) if isinstance(tensors, Keywords) else tensors)

    tolerances = tolerances_for(model_call.compute_dtypes(model, traced.outputs), GRAPH)
    try:
        actual, again = (model_call.answer_of(serve, traced.inputs) for _ in range(2))
    except Exception as error:
        raise PackError(
            f"the graph of this model does not run: {told(error)}",
            place=model.name,
            hint="pack it with builder=, a function that makes the model, or as a full model",
        ) from error
    found = compare(traced.outputs, actual, tolerances)
    if found.problem is not None:
        repeats = compare(actual, again, tolerances).problem is None
        other_shapes = compare(traced.outputs, actual, tolerances, values=False).problem is not None
        if traced.deterministic or repeats or other_shapes:
            raise PackError(
                "the graph of this model gives other outputs than the model itself",
                place=model.name,
                expected=f"outputs {tolerances}",
                found=found.problem,
                hint="the call draws a random number, or counts, in Python, and the graph would repeat one value for "
                "ever; use keras.random, and keep counts in variables"
                if repeats and not traced.deterministic
                else "its call depends on something that a graph does not see, such as Python state; "
                "pack it with builder=, a function that makes the model",
            )
    agrees = found.problem is None
    return Agreement(
        # How far two random answers are apart differs from one packing to the next, and would change the bundle.
        largest_difference=float(found.largest) if agrees else 0.0,
        absolute_tolerance=tolerances.absolute,
        relative_tolerance=tolerances.relative,
        deterministic=agrees,
    )
