"""From a live model to a SavedModel that predicts as it does, without any of its code.

Keras's own `model.export` traces layers whose ``call`` has ``training=True`` as its default in training mode (3.15),
and nobody compares its result. Here the call says ``training=False``, and what was saved is loaded again and compared
with the model before anybody believes it.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.errors import PackError
from bundler.keras_io import calls, inputs, samples
from bundler.keras_io.arrays import Keywords
from bundler.keras_io.canonical import canonicalise
from bundler.keras_io.difference import TRACED, compare
from bundler.keras_io.held import resources, unchanged
from bundler.keras_io.inputs import Call
from bundler.keras_io.python_calls import python_calls, refuse_python_calls
from bundler.keras_io.samples import NoSamples, Samples
from bundler.manifest import Agreement, TensorSpec

#: The function of the SavedModel that keeps the structure of inputs and outputs, as `model.export` calls it.
ENDPOINT = "serve"
#: The flat one, for servers: tensors by name.
FLAT = "serving_default"
_FINGERPRINT = "fingerprint.pb"


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """A model as a SavedModel on disk. `weights` is the number of scalars in the variables that the graph uses."""

    directory: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: int
    agreement: Agreement


def save_graph(model: Any, directory: Path, example_inputs: Any = None) -> Graph:
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
    call, found, function = _traced(model, example_inputs)
    concrete = function.get_concrete_function()
    holder = tf.Module()
    holder.serve = function
    # What the graph uses and no more: tracking the model would take its optimizer along.
    holder.weights = list(concrete.variables)
    holder.resources = resources(model)
    names = inputs.names_of(call)
    outputs = _output_names(model, concrete.structured_outputs)
    flat = _flat(concrete, call, names, outputs)
    _write(holder, flat, directory, model, debug=False)
    lines = python_calls(directory)
    if lines:
        # Once more, with the lines of the author's files: in the graph that travels they would be other people's paths.
        shutil.rmtree(directory)
        _write(holder, flat, directory, model, debug=True)
        refuse_python_calls(python_calls(directory), f"the model {model.name!r}")
    # Its one fact that the manifest does not have is a random number.
    (directory / _FINGERPRINT).unlink(missing_ok=True)
    canonicalise(directory)
    agreement = _agreement(model, found, directory)
    specs = tf.nest.flatten(call.specs)
    return Graph(
        directory=directory,
        inputs=tuple(inputs.described(name, spec) for name, spec in zip(names, specs, strict=True)),
        outputs=tuple(
            inputs.described(name, tensor)
            for name, tensor in zip(outputs, _tensors(concrete.structured_outputs), strict=True)
        ),
        weights=sum(variable.shape.num_elements() or 0 for variable in holder.weights),
        agreement=agreement,
    )


def _traced(model: Any, example_inputs: Any) -> tuple[Call, Samples, Any]:
    """Return how `model` can be called, inputs for it with its outputs, and the traced `tf.function`.

    Only a call tells: Keras records shapes without dtypes, pooling wants more than a few steps of a free dimension,
    and code that loops over a batch traces with a fixed number of examples alone.
    """
    given = None if example_inputs is None else samples.given(model, example_inputs)
    refused: list[NoSamples] = []
    untraced: list[Exception] = []
    for call in inputs.ways_to_call(model, None if given is None else given.inputs):
        try:
            found = samples.made_for(model, call) if given is None else given
        except NoSamples as error:
            refused.append(error)
            continue
        try:
            with unchanged(model):
                return call, found, _function(model, call)
        except Exception as error:  # noqa: BLE001 - the author's code may raise anything; it is told below
            untraced.append(error)
    if untraced:
        raise PackError(
            f"the model runs, but cannot be traced to a graph: {calls.told(untraced[0])}",
            place=model.name,
            hint="write its call with tf or keras.ops operations, or pack it with builder=, a function that makes it",
        ) from untraced[0]
    raise PackError(
        f"the model cannot be called: {refused[0]}" if refused else "nothing says what this model takes",
        place=model.name,
        hint="pass example_inputs=, a batch that it takes (a dict by argument name where it takes several arguments)",
    ) from (refused[0] if refused else None)


def _function(model: Any, call: Call) -> Any:
    """Return a `tf.function` that calls `model`, traced once."""

    def serve(inputs: Any) -> Any:
        return model(**inputs, training=False) if call.by_name else model(inputs, training=False)

    # No autograph: Keras calls its models without it too.
    function = importlib.import_module("tensorflow").function(serve, input_signature=[call.specs], autograph=False)
    function.get_concrete_function()
    return function


def _flat(concrete: Any, call: Call, names: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return a concrete function with one tensor an argument and a dict of tensors as its result, as servers want."""
    tf = importlib.import_module("tensorflow")
    specs = tf.nest.flatten(call.specs)

    def serving_default(**tensors: Any) -> Any:
        packed = tf.nest.pack_sequence_as(call.specs, [tensors[name] for name in names])
        return dict(zip(outputs, _tensors(concrete(packed)), strict=True))

    flat = tf.function(serving_default, autograph=False)
    named = {name: _renamed(spec, name) for name, spec in zip(names, specs, strict=True)}
    return flat.get_concrete_function(**named)


def _renamed(spec: Any, name: str) -> Any:
    tf = importlib.import_module("tensorflow")
    return tf.TensorSpec(spec.shape, spec.dtype, name=name) if isinstance(spec, tf.TensorSpec) else spec


def _output_names(model: Any, structure: Any) -> list[str]:
    """Return a name for each output: the keys of a dict, the layer that a Functional model names, or ``output_1``."""
    if isinstance(structure, Mapping):
        return inputs.names_by_path(structure)
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
        tf.saved_model.save(holder, str(directory), signatures={FLAT: flat}, options=options)
    except Exception as error:
        raise PackError(
            f"TensorFlow cannot save the graph of this model: {calls.told(error)}",
            place=model.name,
            hint="make the tables and variables that its call uses attributes of the layer or the model",
        ) from error


def _agreement(model: Any, known: Samples, directory: Path) -> Agreement:
    """Load what was saved and compare it with what the model gave.

    Raises:
        PackError: the outputs differ by more than the tolerance, and not because the model is random.
    """
    tf = importlib.import_module("tensorflow")
    tolerances = calls.tolerances_of(model, known.outputs, TRACED)
    try:
        with tf.device("CPU:0"):  # As the model was called.
            loaded = tf.saved_model.load(str(directory))
            given = calls.tensors(known.inputs)
            given = dict(given) if isinstance(given, Keywords) else given
            actual, again = (calls.nested_arrays(loaded.serve(given)) for _ in range(2))
    except Exception as error:
        raise PackError(
            f"the graph of this model does not run: {calls.told(error)}",
            place=model.name,
            hint="pack it with builder=, a function that makes the model, or as a full model",
        ) from error
    repeats = compare(actual, again, tolerances).problem is None
    found = compare(known.outputs, actual, tolerances)
    if found.problem and not known.deterministic and not repeats:
        # Random or stateful in both forms: there is nothing to hold the numbers against.
        found = compare(known.outputs, actual, tolerances, values=False)
    if found.problem:
        raise PackError(
            f"the graph of this model gives other outputs than the model itself: {found.problem}",
            place=model.name,
            expected=f"a difference of at most {tolerances}",
            found=f"a largest difference of {found.largest:g}",
            hint="the call draws a random number, or counts, in Python, and the graph would repeat one value for ever; "
            "use keras.random, and keep counts in variables"
            if repeats and not known.deterministic
            else "its call depends on something that a graph does not see, such as Python state; "
            "pack it with builder=, a function that makes the model",
        )
    return Agreement(
        largest_difference=found.largest,
        absolute_tolerance=tolerances.absolute,
        relative_tolerance=tolerances.relative,
        deterministic=known.deterministic,
    )
