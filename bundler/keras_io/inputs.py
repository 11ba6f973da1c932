"""What a model takes: TensorFlow specs in the structure of its call, and inputs made to them.

A structure is what `tf.nest` knows: one spec, or lists, tuples and dicts of them. A model that was called with more
than one argument takes a dict by argument name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bundler.errors import PackError
from bundler.keras_io.framework import keras
from bundler.keras_io.payload import DATATYPES
from bundler.manifest import TensorSpec

#: Sizes tried for a dimension that is free. Pooling and strides want many steps, a table of positions has a last one.
SIZES = (64, 16, 224)
#: Dtypes tried where only the shape was recorded: Keras writes the shapes of a subclassed model down, no more.
_DTYPES = ("float32", "int32", "string")
_UNNAMED = re.compile(r"^(keras_tensor|input_layer)(_\d+)?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One way to call a model.

    `specs` is a structure of TensorFlow specs. With `by_name` it is a dict of the keyword arguments of the call.
    """

    specs: Any
    by_name: bool = False


def ways_to_call(model: Any, example_inputs: Any = None) -> Iterator[Call]:
    """Yield the ways in which `model` may be called, the likeliest first, with a free batch dimension if possible.

    The examples decide where there are any; then the inputs that a Functional or Sequential model declares; then
    the shapes that Keras recorded when the model was built, in every dtype that they may stand for.

    Raises:
        PackError: nothing says what the model takes.
    """
    if example_inputs is not None:
        tensors = as_tensors(example_inputs)
        by_name = isinstance(tensors, dict) and _are_arguments(model, list(tensors))
        for free in (True, False):
            yield Call(specs=_map(partial(_spec_of, free=free), tensors), by_name=by_name)
        return
    declared = declared_inputs(model)
    if declared is not None:
        yield Call(specs=_map(_spec_of_symbol, declared))
        return
    recorded = model.get_build_config() or {}
    shapes = recorded.get("shapes_dict") or {"inputs": recorded.get("input_shape")}
    if not all(shapes.values()):
        raise PackError(
            "nothing says what this model takes",
            place=model.name,
            hint="pass example_inputs=, a batch of what the model is called with",
        )
    by_name = len(shapes) > 1
    for free in (True, False):
        for dtype in dict.fromkeys((str(model.input_dtype), *_DTYPES)):
            # Keras names the shape of the argument "query" query_shape.
            specs = {key.removesuffix("_shape"): _from_shapes(value, dtype, free) for key, value in shapes.items()}
            yield Call(specs=specs if by_name else next(iter(specs.values())), by_name=by_name)


def declared_inputs(model: Any) -> Any:
    """Return the structure of symbolic tensors that `model` declares, or `None` for a subclassed model."""
    if isinstance(model, keras().Sequential):
        inputs = model.inputs
        return inputs[0] if inputs and len(inputs) == 1 else inputs
    # `input` of a Functional model is the structure that it was made with, `inputs` a flat list.
    return model.input if getattr(model, "inputs", None) and _is_functional(model) else None


def as_tensors(values: Any) -> Any:
    """Return `values`, a structure of arrays or tensors, as tensors; Python and NumPy strings become TensorFlow's.

    Raises:
        PackError: something in it is no tensor.
    """
    try:
        return _map(_tensor, values)
    except Exception as error:
        raise PackError(
            f"example_inputs is no batch that TensorFlow takes: {error}",
            hint="pass arrays or tensors, in lists or dicts as the model is called with them",
        ) from error


def made_inputs(call: Call, seed: int, size: int) -> Any:
    """Return inputs for `call`, the same every time: 2 examples, and `size` for any other free dimension."""
    generator = importlib.import_module("numpy").random.default_rng(seed)
    return _map(lambda spec: _made(spec, generator, size), call.specs)


def names_of(call: Call) -> list[str]:
    """Return a name for each tensor of `call`, each different, in the order of `tf.nest.flatten`.

    They are the model's own names of its inputs, else the keys of its dicts, else ``inputs`` and a number.
    """
    return names_by_path(call.specs)


def names_by_path(structure: Any) -> list[str]:
    """Return a name for each spec or tensor of `structure`, as `names_of` does; `None` has no name."""
    leaves = importlib.import_module("tensorflow").nest.flatten(structure)
    names: list[str] = []
    for leaf, path in zip(leaves, _paths(structure), strict=True):
        if leaf is None:
            continue
        wanted = str(getattr(leaf, "name", None) or "inputs")
        if any(isinstance(part, str) for part in path):
            wanted = "_".join(str(part) for part in path)
        elif _UNNAMED.match(wanted):
            wanted = "inputs"  # Keras numbers what the author gave no name by process.
        wanted = _identifier(wanted)
        name, number = wanted, 1
        while name in names:
            name, number = f"{wanted}_{number}", number + 1
        names.append(name)
    return names


def described(name: str, spec: Any) -> TensorSpec:
    """Return the manifest's words for a tensor or spec of TensorFlow."""
    dtype = str(spec.dtype.name)
    shape = spec.shape
    # -1 for every dimension of a tensor whose rank is free cannot be said; no dimension is the nearest.
    return TensorSpec(
        name=name,
        shape=tuple(-1 if size is None else int(size) for size in shape) if shape.rank is not None else (),
        datatype=DATATYPES.get(dtype, dtype.upper()),
    )


def _are_arguments(model: Any, names: list[str]) -> bool:
    """Say whether `names` are arguments of the model's ``call``, the first of them among them."""
    parameters = list(inspect.signature(model.call).parameters)
    return bool(parameters) and parameters[0] in names and set(names) <= set(parameters)


def _is_functional(model: Any) -> bool:
    # Functional is not a public name; its mark is that `input` is there before any call.
    try:
        return model.input is not None
    except (AttributeError, ValueError):
        return False


def _map(function: Any, *structures: Any) -> Any:
    return importlib.import_module("tensorflow").nest.map_structure(function, *structures)


def _tensor(value: Any) -> Any:
    tf = importlib.import_module("tensorflow")
    if tf.is_tensor(value):
        return value
    if getattr(value, "dtype", None) is not None and value.dtype.kind == "f" and value.dtype.itemsize == 8:
        # NumPy makes doubles out of everything; what a model means is decided by its first cast.
        return tf.convert_to_tensor(value, tf.float32)
    return tf.convert_to_tensor(value)


def _spec_of(tensor: Any, *, free: bool) -> Any:
    tf = importlib.import_module("tensorflow")
    spec = tf.type_spec_from_value(tensor)
    shape = spec.shape
    if not free or shape.rank in (None, 0):
        return spec
    shape = tf.TensorShape([None, *shape[1:]])
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.RaggedTensorSpec(shape, spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    return (
        tf.SparseTensorSpec(shape, spec.dtype)
        if isinstance(spec, tf.SparseTensorSpec)
        else tf.TensorSpec(shape, spec.dtype)
    )


def _spec_of_symbol(symbol: Any) -> Any:
    tf = importlib.import_module("tensorflow")
    if getattr(symbol, "sparse", False):
        return tf.SparseTensorSpec(symbol.shape, symbol.dtype)
    if getattr(symbol, "ragged", False):
        return tf.RaggedTensorSpec(symbol.shape, symbol.dtype)
    return tf.TensorSpec(symbol.shape, symbol.dtype, name=_identifier(symbol.name))


def _from_shapes(shapes: Any, dtype: str, free: bool) -> Any:
    tf = importlib.import_module("tensorflow")
    if isinstance(shapes, dict):
        return {key: _from_shapes(value, dtype, free) for key, value in shapes.items()}
    if all(size is None or isinstance(size, int) for size in shapes):
        return tf.TensorSpec([None, *shapes[1:]] if free and shapes else shapes, dtype)
    return type(shapes)(_from_shapes(value, dtype, free) for value in shapes)


def _made(spec: Any, generator: Any, size: int) -> Any:
    tf = importlib.import_module("tensorflow")
    shape = [
        (2 if index == 0 else size) if length is None else length for index, length in enumerate(spec.shape.as_list())
    ]
    if spec.dtype == tf.string:
        words = generator.choice(["a", "b", "one", "two words", "three small words"], size=shape)
        value = tf.constant(words.tolist(), shape=shape, dtype=tf.string)
    elif spec.dtype == tf.bool:
        value = tf.constant(generator.integers(0, 2, size=shape) == 1)
    elif spec.dtype.is_integer:
        # 0 and 1 are in the range of every vocabulary and of every number of classes.
        value = tf.cast(tf.constant(generator.integers(0, 2, size=shape)), spec.dtype)
    else:
        value = tf.cast(tf.constant(generator.uniform(0.0, 1.0, size=shape)), spec.dtype)
    if isinstance(spec, tf.SparseTensorSpec):
        return tf.sparse.from_dense(value)
    return tf.RaggedTensor.from_tensor(value) if isinstance(spec, tf.RaggedTensorSpec) else value


def _paths(structure: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the keys on the way to each leaf, in the order of `tf.nest.flatten` (dicts by sorted key)."""
    if isinstance(structure, Mapping):
        return [found for key in sorted(structure) for found in _paths(structure[key], (*path, key))]
    if isinstance(structure, list | tuple):
        return [found for index, item in enumerate(structure) for found in _paths(item, (*path, index))]
    return [path]


def _identifier(name: str) -> str:
    """Return `name` as the name of a keyword argument."""
    plain = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name).strip("_")
    return plain if plain and not plain[0].isdigit() else f"inputs_{plain}".rstrip("_")
