"""What a model takes: TensorFlow specs in the structure of its call, and the names of its inputs.

A structure is one spec, or lists, tuples and dicts of them; `Keywords` are the arguments of the call by name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bundler.keras_io.files.save_keras import DATATYPES
from bundler.keras_io.framework import keras
from bundler.keras_io.selftest.arrays import Keywords, leaves, mapped
from bundler.manifest import TensorSpec

#: Dtypes tried where only the shape was recorded: Keras writes the shapes of a subclassed model down, no more.
_DTYPES = ("float32", "int32", "string")
_UNNAMED = re.compile(r"^(keras_tensor|input_layer)(_\d+)?$")


class Unknown(Exception):
    """Nothing says what the model takes, or it takes what cannot be made; the message says why."""


def signatures(model: Any) -> Iterator[Any]:
    """Yield structures of specs that `model` may be called with, the likeliest first.

    They are the inputs that a Functional or Sequential model declares; else the shapes that Keras recorded when the
    model was built, in every dtype that they may stand for.

    Raises:
        Unknown: nothing says what the model takes.
    """
    declared = declared_inputs(model)
    if declared is not None:
        yield mapped(_spec_of_symbol, declared)
        return
    shapes = recorded_shapes(model)
    if shapes is None:
        raise Unknown("it is a subclassed model that does not tell what it takes; give example_inputs=")
    for dtype in dict.fromkeys((str(model.input_dtype), *_DTYPES)):
        yield _spec_of_shape(shapes, dtype)


def declared_inputs(model: Any) -> Any:
    """Return the structure of symbolic tensors that `model` declares, or `None` for a subclassed model."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    try:
        # `input` of a Functional model is the structure that it was made with, `inputs` a flat list.
        structure = model.input
    except (AttributeError, ValueError):
        structure = None
    if {id(tensor) for _, tensor in leaves(structure)} == {id(tensor) for tensor in inputs}:
        return structure
    return inputs[0] if len(inputs) == 1 else list(inputs)


def are_arguments(model: Any, inputs: Mapping[str, Any]) -> bool:
    """Say whether the keys of `inputs` name arguments of the model's ``call`` and leave none out that it needs.

    Not so for a model that declares its inputs, whose dicts are by input name, and for one that was built with a dict
    of these very keys.
    """
    if declared_inputs(model) is not None:
        return False
    shapes = recorded_shapes(model)
    if isinstance(shapes, Mapping) and not isinstance(shapes, Keywords) and set(shapes) == set(inputs):
        return False
    parameters = inspect.signature(model.call).parameters
    needed = {
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    return bool(inputs) and needed - {"training", "mask"} <= set(inputs) <= set(parameters) - {"training"}


def computes_in_doubles(model: Any) -> bool:
    """Say whether the model takes doubles for what they are, and does not cast them first."""
    dtypes = {str(getattr(symbol, "dtype", "")) for _, symbol in leaves(declared_inputs(model))}
    return "float64" in dtypes | {str(model.input_dtype), str(keras().config.floatx())}


def specs_of(tensors: Any) -> list[Any]:
    """Return the specs of a structure of tensors, with a free batch dimension, then as they are."""
    return [mapped(partial(_spec_of, free=free), tensors) for free in (True, False)]


def names_by_path(structure: Any) -> list[str]:
    """Return a name for each spec or tensor of `structure`, each different, in the order of `tf.nest.flatten`.

    They are the model's own names of its inputs, else the keys of the dicts, else ``inputs`` and a number. `None` has
    no name.
    """
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


def recorded_shapes(model: Any) -> Any:
    """Return the nested shapes that a subclassed model was built with, `Keywords` for several arguments, or `None`."""
    recorded = model.get_build_config() or {}
    # A model that was loaded holds the build config itself in the place of the shapes.
    while isinstance(recorded, Mapping) and set(recorded) == {"input_shape"}:
        recorded = recorded["input_shape"]
    if not isinstance(recorded, Mapping) or "shapes_dict" not in recorded:
        return recorded or None
    # Keras names the shape of the argument "query" query_shape.
    shapes = {str(key).removesuffix("_shape"): shape for key, shape in recorded["shapes_dict"].items() if shape}
    return (Keywords(shapes) if len(shapes) > 1 else next(iter(shapes.values()))) if shapes else None


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


def _spec_of_shape(shapes: Any, dtype: str) -> Any:
    """Return the structure of specs for nested shapes; the lists of a configuration that was JSON are lists."""
    if shapes is None:
        return None
    if isinstance(shapes, Keywords):
        return Keywords({key: _spec_of_shape(item, dtype) for key, item in shapes.items()})
    if isinstance(shapes, Mapping):
        return {str(key): _spec_of_shape(item, dtype) for key, item in shapes.items()}
    if not isinstance(shapes, list | tuple):
        raise Unknown("the shapes that it was built with are of an unknown kind; give example_inputs=")
    if all(item is None or isinstance(item, int) for item in shapes):
        return importlib.import_module("tensorflow").TensorSpec(shapes, dtype)
    return [_spec_of_shape(item, dtype) for item in shapes]


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
