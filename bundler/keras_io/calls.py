"""Calling a model for its outputs, without leaving a trace in it.

The call is ``model(inputs, training=False)`` on the CPU, whatever else the machine has: a GPU rounds otherwise (TF32
is its default for products of matrices), and the numbers are meant to be the same on every machine.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from bundler.keras_io.arrays import Keywords, leaves, mapped
from bundler.keras_io.difference import compare, default_tolerances
from bundler.keras_io.held import unchanged

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Unstorable(Exception):
    """A value is neither an array nor made of arrays; the message says what it is."""


def answer(model: Any, inputs: Any) -> Any:
    """Return the model's outputs for nested arrays, as nested arrays.

    A ragged tensor becomes a dict of its ``values`` and ``row_splits``, a sparse one a dict of its ``indices``,
    ``values`` and ``dense_shape``. The model's variables (counters, random states, states of RNNs) are afterwards what
    they were.

    Raises:
        Unstorable: an output is something else.
        Exception: whatever the model raises.
    """
    with unchanged(model):
        return _answer(model, inputs)


def answer_twice(model: Any, inputs: Any) -> tuple[Any, bool]:
    """Return the outputs, and whether a second call gives the same; raises as `answer`.

    The second call starts from the state that the first one left: a model that draws random numbers, or carries a
    state from call to call, is not deterministic.
    """
    with unchanged(model):
        first = _answer(model, inputs)
        second = _answer(model, inputs)
    return first, compare(first, second, default_tolerances(compute_dtypes(model, first))).problem is None


def compute_dtypes(model: Any, outputs: Any) -> set[str]:
    """Return the names of the dtypes that the model computes in, as far as its own layers tell, and of its outputs."""
    layers = [model, *model.layers]
    return {str(getattr(layer, "compute_dtype", "float32")) for layer in layers} | {
        str(array.dtype) for _, array in leaves(outputs)
    }


def zeros_like(outputs: Any) -> Any:
    """Return arrays of the same shapes and dtypes without their numbers."""
    import numpy as np

    return mapped(np.zeros_like, outputs)


def all_finite(outputs: Any) -> bool:
    """Say whether no float of the arrays is NaN or infinite."""
    import numpy as np

    floats = [array.astype("float64") for _, array in leaves(outputs) if _is_float(array)]
    return all(bool(np.isfinite(array).all()) for array in floats)


def array_of(value: Any) -> Any:
    """Return one tensor, array or number as a NumPy array; text as UTF-8 bytes.

    Raises:
        Unstorable: it is something else.
    """
    import numpy as np

    try:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except Exception as error:
        raise Unstorable(f"{type(value).__module__}.{type(value).__name__}: {error}") from error
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind in "UO":
        array = _text(array, value)
    if array.dtype.kind == "S" and any(item.endswith(b"\0") for item in _items(value, array)):
        raise Unstorable("text that ends with a NUL character")
    return array


def told(error: BaseException) -> str:
    """Return the exception in one line: its type and the start of what it says."""
    text = _COLOUR.sub("", str(error)).rpartition("Exception encountered:")[2].strip() or str(error)
    return f"{type(error).__name__}: {' '.join(text.split())[:500]}"


def _answer(model: Any, inputs: Any) -> Any:
    tensorflow = importlib.import_module("tensorflow")
    with tensorflow.device("CPU:0"):
        tensors = mapped(tensorflow.constant, inputs)
        outputs = model(**tensors, training=False) if isinstance(inputs, Keywords) else model(tensors, training=False)
        return _arrays(outputs)


def _arrays(value: Any) -> Any:
    tensorflow = importlib.import_module("tensorflow")
    if value is None:
        return None
    if isinstance(value, tensorflow.RaggedTensor):
        splits = [array_of(item) for item in value.nested_row_splits]
        return {"values": array_of(value.flat_values), "row_splits": splits}
    if isinstance(value, tensorflow.SparseTensor):
        return {name: array_of(getattr(value, name)) for name in ("indices", "values", "dense_shape")}
    if isinstance(value, Mapping):
        return {str(key): _arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_arrays(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_arrays(item) for item in value)
    if isinstance(value, tensorflow.Tensor | tensorflow.Variable | bool | int | float) or hasattr(value, "__array__"):
        return array_of(value)
    raise Unstorable(f"an output is a {type(value).__module__}.{type(value).__name__}")


def _text(array: Any, value: Any) -> Any:
    import numpy as np

    items = [item.encode() if isinstance(item, str) else item for item in array.ravel().tolist()]
    if not all(isinstance(item, bytes) for item in items):
        raise Unstorable(f"{type(value).__module__}.{type(value).__name__} holds Python objects")
    return np.array(items, dtype="S" if items else "S1").reshape(array.shape)


def _items(value: Any, array: Any) -> list[bytes]:
    """Return the strings of `value` before NumPy cut NUL characters off their ends, where it still has them."""
    original = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(original, bytes):
        return [original]
    return original.ravel().tolist() if getattr(original, "dtype", array.dtype).kind == "O" else []


def _is_float(array: Any) -> bool:
    return array.dtype.kind == "f" or str(array.dtype).startswith(("bfloat", "float"))
