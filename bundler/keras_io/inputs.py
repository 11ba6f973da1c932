"""What a model takes: the author's inputs as arrays, and TensorFlow specs in the structure of the model's call.

A structure is one array or spec, or lists, tuples and dicts of them. A model that is called with arguments by name
takes a dict of them: `Keywords` of arrays, a plain dict of specs.
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
from bundler.keras_io import calls
from bundler.keras_io.arrays import Keywords, leaves, mapped
from bundler.keras_io.payload import DATATYPES
from bundler.manifest import TensorSpec

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


def read(model: Any, example_inputs: Any) -> Any:
    """Return the author's inputs as nested arrays; ragged and sparse tensors stay what they are.

    Python numbers and strings in lists become one array; tuples, lists and dicts of arrays stay what they are. A dict
    by names of arguments that the ``call`` of a subclassed model has, and that leaves none out that it needs, becomes
    `Keywords`. NumPy makes doubles out of everything, so its doubles become float32, unless the model takes doubles.

    Raises:
        PackError: they are no arrays.
    """
    declared = getattr(model, "inputs", None) or ()
    doubles = "float64" in {str(getattr(model, "compute_dtype", "")), *(str(tensor.dtype) for tensor in declared)}
    inputs = _read(example_inputs, doubles=doubles)
    if not leaves(inputs):
        raise PackError(
            "example_inputs holds no array", place="example_inputs", hint="give what you call the model with"
        )
    return Keywords(inputs) if isinstance(inputs, dict) and not declared and _are_arguments(model, inputs) else inputs


def ways_to_call(model: Any, inputs: Any = None) -> Iterator[Call]:
    """Yield the ways in which `model` may be called, the likeliest first, with a free batch dimension if possible.

    `inputs`, as `read` returns them, decide where there are any; then the inputs that a Functional or Sequential model
    declares; then the shapes that Keras recorded when the model was built, in every dtype that they may stand for.
    Nothing comes where nothing says what the model takes.
    """
    if inputs is not None:
        plain = dict(inputs) if isinstance(inputs, Keywords) else inputs
        for free in (True, False):
            specs = mapped(partial(_spec_of, free=free), calls.tensors(plain))
            yield Call(specs=specs, by_name=isinstance(inputs, Keywords))
        return
    declared = declared_inputs(model)
    if declared is not None:
        yield Call(specs=mapped(_spec_of_symbol, declared))
        return
    shapes = _recorded_shapes(model)
    if not shapes:
        return
    by_name = isinstance(shapes, Mapping) and all(str(key).endswith("_shape") for key in shapes)
    if by_name:
        # Keras names the shape of the argument "query" query_shape.
        shapes = {str(key).removesuffix("_shape"): shape for key, shape in shapes.items()}
    for free in (True, False):
        for dtype in dict.fromkeys((str(model.input_dtype), *_DTYPES)):
            yield Call(specs=_from_shapes(shapes, dtype, free), by_name=by_name)


def declared_inputs(model: Any) -> Any:
    """Return the structure of symbolic tensors that `model` declares, or `None` for a subclassed model."""
    declared = getattr(model, "inputs", None)
    if not declared:
        return None
    # `input` of a Functional model is the structure that it was made with. Of any other it belongs to the last model
    # that used it as a layer.
    structure = getattr(model, "input", None)
    if {id(tensor) for _, tensor in leaves(structure)} == {id(tensor) for tensor in declared}:
        return structure
    return declared[0] if len(declared) == 1 else list(declared)


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


def _read(value: Any, *, doubles: bool) -> Any:
    tf = importlib.import_module("tensorflow")
    if isinstance(value, Mapping):
        kind: Any = Keywords if isinstance(value, Keywords) else dict
        return kind({str(key): _read(item, doubles=doubles) for key, item in value.items()})
    if value is None or isinstance(value, tf.RaggedTensor | tf.SparseTensor):
        return value
    if isinstance(value, list | tuple) and not _is_plain(value):
        parts = [_read(item, doubles=doubles) for item in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    try:
        array = calls.array_of(value)
    except calls.Unstorable as error:
        raise PackError(
            f"this is no array: {error}",
            place="example_inputs",
            hint="give what you call the model with: an array, or a dict, list or tuple of arrays",
        ) from error
    return array.astype("float32") if array.dtype == "float64" and not doubles and not tf.is_tensor(value) else array


def _is_plain(value: Any) -> bool:
    """Say whether `value` is nested lists of Python numbers and strings: an array that nobody has made one yet."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return isinstance(value, bool | int | float | complex | str | bytes)


def _are_arguments(model: Any, inputs: Mapping[str, Any]) -> bool:
    """Say whether `inputs` are arguments of the model's ``call`` by name, and leave none out that it needs."""
    named = {
        name: parameter
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and name != "training"
    }
    needed = {name for name, parameter in named.items() if parameter.default is parameter.empty} - {"mask"}
    return needed <= set(inputs) <= set(named)


def _recorded_shapes(model: Any) -> Any:
    config = model.get_build_config() or {}
    # A model that was loaded holds the build config itself in the place of the shapes.
    while isinstance(config, Mapping) and set(config) in ({"input_shape"}, {"shapes_dict"}):
        (config,) = config.values()
    return config if _are_shapes(config) else None


def _are_shapes(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_are_shapes(item) for item in value.values())
    if not isinstance(value, list | tuple):
        return False
    return all(size is None or isinstance(size, int) for size in value) or all(_are_shapes(item) for item in value)


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
    if isinstance(shapes, Mapping):
        return {str(key): _from_shapes(value, dtype, free) for key, value in shapes.items()}
    if all(size is None or isinstance(size, int) for size in shapes):
        return tf.TensorSpec([None, *shapes[1:]] if free and shapes else shapes, dtype)
    return type(shapes)(_from_shapes(value, dtype, free) for value in shapes)


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
