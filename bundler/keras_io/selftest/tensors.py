"""Tensors to nested arrays, and back."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from bundler.keras_io.selftest.arrays import Keywords, Ragged, Sparse


class Unstorable(Exception):
    """A value is neither an array nor made of arrays; the message says what it is."""


def as_arrays(value: Any) -> Any:
    """Return a structure of tensors, arrays and numbers as nested arrays; a ragged or sparse tensor as its parts.

    Numbers of Python get the dtypes that they have in a graph, and not those of NumPy. Text that no fixed-width array
    can hold (it ends with a NUL) becomes an array of objects, which can be compared and not stored.

    Raises:
        Unstorable: there is something else in it.
    """
    tensorflow = importlib.import_module("tensorflow")
    if value is None:
        return None
    if isinstance(value, tensorflow.RaggedTensor):
        splits = [array_of(item) for item in value.nested_row_splits]
        return Ragged({"values": _lossless(value.flat_values), "row_splits": splits})
    if isinstance(value, tensorflow.SparseTensor):
        return Sparse({name: _lossless(getattr(value, name)) for name in ("indices", "values", "dense_shape")})
    if isinstance(value, Mapping):
        kind = type(value) if isinstance(value, Keywords | Ragged | Sparse) else dict
        return kind({str(key): as_arrays(item) for key, item in value.items()})
    if isinstance(value, list):
        return [as_arrays(item) for item in value]
    if isinstance(value, tuple):
        return tuple(as_arrays(item) for item in value)
    if isinstance(value, bool | int | float):
        return array_of(tensorflow.constant(value))
    if isinstance(value, tensorflow.Tensor | tensorflow.Variable) or hasattr(value, "__array__"):
        return _lossless(value)
    if tensorflow.is_tensor(value):
        # Any other tensor that is made of tensors.
        return [_lossless(item) for item in tensorflow.nest.flatten(value, expand_composites=True)]
    raise Unstorable(f"this is a {type(value).__module__}.{type(value).__name__}")


def as_tensors(value: Any) -> Any:
    """Return nested arrays as tensors in the same structure; the inverse of `as_arrays`.

    Raises:
        Exception: what TensorFlow raises about parts that make no tensor.
    """
    tf = importlib.import_module("tensorflow")
    if value is None:
        return None
    if isinstance(value, Ragged):
        return tf.RaggedTensor.from_nested_row_splits(value["values"], value["row_splits"])
    if isinstance(value, Sparse):
        return tf.SparseTensor(**value)
    if isinstance(value, Mapping):
        kind = Keywords if isinstance(value, Keywords) else dict
        return kind({key: as_tensors(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        parts = [as_tensors(item) for item in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    return tf.constant(value)


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


def _lossless(value: Any) -> Any:
    """Return what `array_of` does, and an array of bytes objects for text that it refuses."""
    import numpy as np

    original = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(original, bytes) or getattr(getattr(original, "dtype", None), "kind", "") == "O":
        array = np.asarray(original, dtype=object)
        if any(isinstance(item, bytes) and item.endswith(b"\0") for item in array.ravel().tolist()):
            return array
    return array_of(value)


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
