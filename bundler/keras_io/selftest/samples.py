"""Inputs to call a model with: given by the author, or made to its signature.

Made inputs come from a fixed seed. What the signature leaves open is tried: a free dimension gets one size after
the other, integers get smaller until every `Embedding` takes them, text becomes digits where words are refused.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundler.errors import PackError
from bundler.keras_io.selftest import input_specs
from bundler.keras_io.selftest.arrays import Keywords, Ragged, Sparse, has_parts, leaves, mapped
from bundler.keras_io.selftest.tensors import Unstorable, array_of, as_arrays, as_tensors

SEED = 20_261
#: Given inputs keep this many rows.
ROWS = 8

#: Sizes to try for free dimensions, the likely ones first.
_SIZES = (16, 32, 64, 128, 224, 8, 4, 1)
_IDS = (16, 2, 1)
_WORDS = ("the quick brown fox", "jumps over", "a lazy dog", "once", "more than twice")
_DIGITS = ("1", "0", "2", "1", "0")
#: No made inputs take more memory than this, in bytes.
LARGEST = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Nested arrays to call a model with, and the structures of specs that they stand for, the freest first."""

    inputs: Any
    specs: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attempt:
    """One way to fill in what a signature leaves open."""

    size: int = _SIZES[0]
    batch: int = 2
    ids: int = _IDS[0]
    low: float = -1.0
    words: tuple[str, ...] = _WORDS


def given(model: Any, example_inputs: Any) -> Sample:
    """Return the author's inputs.

    A dict whose keys are argument names of a subclassed model's ``call`` gives the arguments by name. Python numbers
    and strings in lists become one array; tuples, lists and dicts of arrays stay what they are. Doubles in NumPy
    arrays and Python numbers become float32, as they do in `predict`, unless the model takes doubles: NumPy makes
    doubles out of everything. Tensors keep their dtype.

    Raises:
        PackError: they are not arrays.
    """
    inputs = _arrays_of(example_inputs, doubles=input_specs.computes_in_doubles(model))
    if type(inputs) is dict and input_specs.are_arguments(model, inputs):
        inputs = Keywords(inputs)
    if not leaves(inputs):
        raise PackError(
            "example_inputs holds no array", place="example_inputs", hint="give what you call the model with"
        )
    try:
        specs = input_specs.specs_of(as_tensors(inputs))
    except Exception as error:
        raise PackError(
            f"TensorFlow takes no such arrays: {error}",
            place="example_inputs",
            hint="give arrays of numbers, truth values or text",
        ) from error
    return Sample(inputs=inputs, specs=tuple(specs))


def first_rows(inputs: Any) -> Any:
    """Return the first `ROWS` rows of nested arrays if all have the same first dimension."""
    batches = {array.shape[0] if array.ndim else None for _, array in leaves(inputs)}
    if len(batches) != 1 or None in batches or has_parts(inputs):
        return inputs
    return mapped(lambda array: array[:ROWS], inputs)


def made(model: Any, largest: int = LARGEST) -> Iterator[Sample]:
    """Yield inputs made to the model's signature, the likeliest first, of at most `largest` bytes each.

    A subclassed model that declares no inputs gets those of the shapes that it was built with.

    Raises:
        Unknown: the model does not say what it takes, or takes what cannot be made.
    """
    declared = input_specs.declared_inputs(model) is not None
    for signature in input_specs.signatures(model):
        for attempt in _attempts(signature):
            inputs = _fill(signature, attempt, largest)
            if inputs is None:
                continue
            # The shapes of a call are an example; those of a declaration say what is free.
            yield Sample(
                inputs=inputs, specs=(signature,) if declared else tuple(input_specs.specs_of(as_tensors(inputs)))
            )


def _attempts(signature: Any) -> Iterator[_Attempt]:
    """Yield ways to fill in the signature: the values first, then the sizes, then a batch of one."""
    shapes = [spec.shape.as_list() for _, spec in leaves(signature)]
    dtypes = {spec.dtype.name for _, spec in leaves(signature)}
    values = [_Attempt()]
    if any(_is_integer(dtype) for dtype in dtypes):
        values += [dataclasses.replace(values[0], ids=ids) for ids in _IDS[1:]]
    if "string" in dtypes:
        values += [dataclasses.replace(attempt, words=_DIGITS) for attempt in values[:1]]
    if any(dtype.startswith(("float", "bfloat")) for dtype in dtypes):
        values += [dataclasses.replace(values[0], low=0.0)]
    yield from values
    if any(size is None for shape in shapes for size in shape[1:]):
        for size in _SIZES[1:]:
            yield from (dataclasses.replace(attempt, size=size) for attempt in values)
    if any(shape and shape[0] is None for shape in shapes):
        yield dataclasses.replace(values[-1], batch=1)


def _fill(signature: Any, attempt: _Attempt, largest: int) -> Any:
    """Return nested arrays for the specs of `signature`, or `None` where they would take more than `largest` bytes."""
    import numpy as np

    random = np.random.RandomState(SEED)  # The only generator whose numbers NumPy promises never to change.

    def shape_of(spec: Any) -> tuple[int, ...]:
        sizes = spec.shape.as_list()
        free = [attempt.batch if index == 0 else attempt.size for index in range(len(sizes))]
        return tuple(one if size is None else size for one, size in zip(free, sizes, strict=True))

    if sum(math.prod(shape_of(spec)) * max(spec.dtype.size or 1, 1) for _, spec in leaves(signature)) > largest:
        return None
    return mapped(lambda spec: _parts(_values(random, shape_of(spec), spec.dtype.name, attempt), spec), signature)


def _parts(dense: Any, spec: Any) -> Any:
    """Return a dense array as the kind of tensor that `spec` asks for."""
    tf = importlib.import_module("tensorflow")
    if isinstance(spec, tf.SparseTensorSpec):
        return as_arrays(tf.sparse.from_dense(dense))
    if isinstance(spec, tf.RaggedTensorSpec):
        return as_arrays(tf.RaggedTensor.from_tensor(dense, ragged_rank=spec.ragged_rank))
    return dense


def _values(random: Any, shape: tuple[int, ...], dtype: str, attempt: _Attempt) -> Any:
    import ml_dtypes
    import numpy as np

    if dtype == "string":
        return np.array([word.encode() for word in random.choice(attempt.words, size=shape).ravel()]).reshape(shape)
    if dtype == "bool":
        return random.randint(0, 2, size=shape).astype(bool)
    if _is_integer(dtype):
        return random.randint(0, attempt.ids, size=shape).astype(dtype)
    try:
        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    except TypeError:
        raise input_specs.Unknown(f"it takes {dtype}, for which no values are made") from None
    return random.uniform(attempt.low, 1.0, size=shape).astype(kind)


def _is_integer(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))


def _arrays_of(value: Any, *, doubles: bool) -> Any:
    """Return the author's inputs as nested arrays."""
    tf = importlib.import_module("tensorflow")
    if isinstance(value, Mapping):
        kind: Any = type(value) if isinstance(value, Keywords | Ragged | Sparse) else dict
        return kind({str(key): _arrays_of(item, doubles=doubles) for key, item in value.items()})
    if value is None:
        return None
    if isinstance(value, list | tuple) and not _is_plain(value):
        parts = [_arrays_of(item, doubles=doubles) for item in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    try:
        if isinstance(value, tf.RaggedTensor | tf.SparseTensor):
            return as_arrays(value)
        array = array_of(value)
    except Unstorable as error:
        raise PackError(
            f"this is not an array: {error}",
            place="example_inputs",
            hint="give what you call the model with: an array, or a dict, list or tuple of arrays",
        ) from error
    return array if doubles or tf.is_tensor(value) or array.dtype != "float64" else array.astype("float32")


def _is_plain(value: Any) -> bool:
    """Say whether `value` is nested lists of Python numbers and strings: an array that nobody has made one yet."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return isinstance(value, bool | int | float | complex | str | bytes)
