"""What a config may name of the framework: the vocabulary of models, by public names.

A file without any code of its own must not get at `numpy.load`, `tensorflow.load_library` or
`keras.models.load_model` by naming them as somebody's activation. So the places are a closed list, and of the crowded
ones only some names.
"""

from __future__ import annotations

import functools
import importlib
import types
from typing import Any

from bundler.keras_io.framework import keras
from bundler.keras_io.public_functions import attribute_at

#: Where functions and classes have public names; the first place that gives the object is written.
_PLACES = {
    "keras": (
        *("layers", "activations", "losses", "metrics", "initializers", "regularizers", "optimizers", "ops"),
        *("constraints", "models", "optimizers.schedules", "dtype_policies", "quantizers"),
    ),
    "tensorflow": ("nn", "math", "", "linalg", "image", "signal", "strings", "sparse"),
    "numpy": ("", "linalg"),
}
#: Of TensorFlow's top level only these: it also has what reads files, loads libraries and calls back into Python.
_TENSORFLOW_TOP = frozenset({
    *("argmax", "argmin", "boolean_mask", "broadcast_to", "cast", "clip_by_norm", "clip_by_value", "concat", "einsum"),
    *("expand_dims", "gather", "gather_nd", "identity", "linspace", "matmul", "meshgrid", "norm", "one_hot", "ones"),
    *("ones_like", "pad", "range", "repeat", "reshape", "reverse", "roll", "shape", "sort", "split", "squeeze"),
    *("stack", "stop_gradient", "tensordot", "tile", "transpose", "unstack", "where", "zeros", "zeros_like"),
})  # fmt: skip

#: Of Keras's places not these: they load a folder, or make objects of a config.
_KERAS_OUTSIDE = frozenset({"TFSMLayer", "deserialize"})


def public_place(obj: Any) -> tuple[str, str] | None:
    """Return the public module and the name there of a class or function of the framework, or `None`."""
    name = getattr(obj, "__name__", None)
    root = str(getattr(obj, "__module__", "")).partition(".")[0]
    if not name or root not in _PLACES:
        return None
    library = keras() if root == "keras" else importlib.import_module(root)
    for part in _PLACES[root]:
        holder = attribute_at(library, part)
        found = getattr(holder, name, None)
        if holder is not None and found is obj and _is_vocabulary(root, part, str(name), obj):
            return (f"{root}.{part}" if part else root), str(name)
    return None


def public_object(module: str, name: str) -> Any:
    """Return what `public_place` names.

    Raises:
        ValueError: it is nothing that a config may name.
        AttributeError: this version of the framework does not have it.
    """
    root, _, part = module.partition(".")
    if root == "builtins" and not part:
        builtin = getattr(importlib.import_module(root), name)
        if isinstance(builtin, type):
            return builtin
    elif root in _PLACES and part in _PLACES[root]:
        found: Any = functools.reduce(getattr, [*filter(None, part.split(".")), name], importlib.import_module(root))
        if _is_vocabulary(root, part, name, found):
            return found
    raise ValueError(f"{module}.{name} is nothing that a model is made of")


def _is_vocabulary(root: str, part: str, name: str, obj: Any) -> bool:
    if isinstance(obj, types.ModuleType) or name.startswith("_"):
        return False
    if root == "numpy":
        numpy = importlib.import_module("numpy")
        # Not every kind of array: a `numpy.memmap` opens a file, and empties it if told to.
        is_type = obj is numpy.ndarray or (isinstance(obj, type) and issubclass(obj, numpy.generic))
        return is_type or isinstance(obj, numpy.ufunc)
    if root == "tensorflow" and not part:
        return name in _TENSORFLOW_TOP
    if root == "keras" and name in _KERAS_OUTSIDE:
        return False
    # keras.models has functions that read and write files beside its classes.
    return part != "models" or isinstance(obj, type)
