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
from bundler.keras_io.difference import REPLAYED, Tolerances, compare, default_tolerances
from bundler.keras_io.held import layers, unchanged

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CALLING = re.compile(r"^(Exception encountered when calling [^\n]*\n\n)+")


class Unstorable(Exception):
    """A value is neither an array nor made of arrays; the message says what it is."""


def answer(model: Any, inputs: Any) -> Any:
    """Return the model's outputs for nested arrays, as `nested_arrays`.

    The model's variables (counters, random states, states of RNNs) are afterwards what
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
    return first, compare(first, second, tolerances_of(model, first)).problem is None


def tolerances_of(model: Any, outputs: Any, usual: float = REPLAYED) -> Tolerances:
    """Return how far `outputs` of `model` may be apart, by the dtypes that its layers compute in and its outputs have.

    Args:
        model: a live model.
        outputs: nested arrays.
        usual: the tolerance where all is float32 or finer.
    """
    below = layers(model)
    dtypes = {str(getattr(layer, "compute_dtype", "")) for layer in below}
    # Of int4 the step is coarser still, but its products are summed in the same way.
    quantized = any(getattr(layer, "quantization_mode", None) for layer in below)
    outer = {str(array.dtype) for _, array in leaves(outputs) if _is_float(array)}
    return default_tolerances(dtypes | outer | ({"int8"} if quantized else set()), usual)


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
    """Return the exception in one line: its type and the start of what it says, without what Keras adds."""
    text = _COLOUR.sub("", str(error)).split("\n\nArguments received by")[0]
    text = _CALLING.sub("", text)
    text = text.rpartition("Exception encountered:")[2].strip() or text
    return f"{type(error).__name__}: {' '.join(text.split())[:500]}"


def tensors(inputs: Any) -> Any:
    """Return nested arrays as tensors; ragged and sparse tensors are tensors already."""
    tf = importlib.import_module("tensorflow")
    return mapped(lambda value: value if tf.is_tensor(value) else tf.constant(value), inputs)


def nested_arrays(value: Any) -> Any:
    """Return outputs as nested NumPy arrays; text as arrays of bytes objects.

    A ragged tensor becomes a dict of its ``values`` and ``row_splits``, a sparse one a dict of its ``indices``,
    ``values`` and ``dense_shape``, any other tensor made of tensors a list of them.

    Raises:
        Unstorable: an output is something else.
    """
    tf = importlib.import_module("tensorflow")
    if value is None:
        return None
    if isinstance(value, tf.RaggedTensor):
        splits = [_array(item) for item in value.nested_row_splits]
        return {"values": _array(value.flat_values), "row_splits": splits}
    if isinstance(value, tf.SparseTensor):
        return {name: _array(getattr(value, name)) for name in ("indices", "values", "dense_shape")}
    if isinstance(value, Mapping):
        return {str(key): nested_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nested_arrays(item) for item in value]
    if isinstance(value, tuple):
        return tuple(nested_arrays(item) for item in value)
    if isinstance(value, bool | int | float):
        # As a graph returns it, and not as NumPy's double.
        return _array(tf.constant(value))
    if isinstance(value, tf.Tensor | tf.Variable) or hasattr(value, "__array__"):
        return _array(value)
    if tf.is_tensor(value):
        return [_array(item) for item in tf.nest.flatten(value, expand_composites=True)]
    raise Unstorable(f"an output is a {type(value).__module__}.{type(value).__name__}")


def storable(value: Any) -> Any:
    """Return nested arrays as `arrays.dump` takes them.

    Raises:
        Unstorable: one is a ragged or a sparse tensor, or holds text that an array of bytes cannot.
    """
    return mapped(array_of, value)


def _array(value: Any) -> Any:
    import numpy as np

    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _answer(model: Any, inputs: Any) -> Any:
    from bundler.keras_io.inference_model import is_inference_model

    with importlib.import_module("tensorflow").device("CPU:0"):
        given = tensors(inputs)
        if isinstance(given, Keywords) and not is_inference_model(model):
            return nested_arrays(model(**given, training=False))
        # A graph takes the arguments as one dict, whatever it was traced from; Keras knows no class but dict itself.
        return nested_arrays(model(dict(given) if isinstance(given, Keywords) else given, training=False))


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
