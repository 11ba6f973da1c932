"""Calling a model for its outputs, without leaving a trace in it.

The call is ``model(inputs, training=False)`` on the CPU, whatever else the machine has: a GPU rounds otherwise (TF32
is its default for products of matrices), and the numbers are meant to be the same on every machine.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from bundler.keras_io.files.inference_model import is_inference_model
from bundler.keras_io.held import layers
from bundler.keras_io.selftest.arrays import Keywords, leaves, mapped
from bundler.keras_io.selftest.output_difference import SELF_TEST, compare, tolerances_for
from bundler.keras_io.selftest.tensors import as_arrays, as_tensors
from bundler.keras_io.selftest.untouched import untouched

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CALLING = re.compile(r"^(Exception encountered when calling [^\n]*\n\n)+")


def call_model(model: Any, tensors: Any) -> Any:
    """Return what `model` gives for `tensors` at inference; `Keywords` are its arguments by name.

    The model of a graph takes them as one dict.
    """
    if not isinstance(tensors, Keywords):
        return model(tensors, training=False)
    return model(dict(tensors), training=False) if is_inference_model(model) else model(**tensors, training=False)


def answer(model: Any, inputs: Any) -> Any:
    """Return the model's outputs for nested arrays, as nested arrays.

    All that the model holds (counters, random states, states of RNNs) is afterwards what it was, and so are the
    generators of the process.

    Raises:
        Unstorable: an output is neither a tensor nor made of tensors.
        Exception: whatever the model raises.
    """
    with untouched(model):
        return answer_of(partial(call_model, model), inputs)


def answer_twice(model: Any, inputs: Any) -> tuple[Any, bool]:
    """Return the outputs, and whether a second call gives the same; raises as `answer`.

    The second call starts from the state that the first one left: a model that draws random numbers, or carries a
    state from call to call, is not deterministic.
    """
    with untouched(model):
        first, second = (answer_of(partial(call_model, model), inputs) for _ in range(2))
    return first, compare(first, second, tolerances_for(compute_dtypes(model, first), SELF_TEST)).problem is None


def answer_of(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Return what `function` gives for the tensors of nested arrays, as nested arrays; raises as `answer`."""
    with importlib.import_module("tensorflow").device("CPU:0"):
        return as_arrays(function(as_tensors(inputs)))


def compute_dtypes(model: Any, outputs: Any) -> set[str]:
    """Return the names of the dtypes that the layers of a model compute in, and of its outputs.

    A layer that is quantized counts as ``int8``, or as ``float8_e4m3fn``.
    """
    found = {str(array.dtype) for _, array in leaves(outputs) if array.dtype.kind not in "biu"}
    for layer in (model, *layers(model)):
        found.add(str(getattr(layer, "compute_dtype", "float32")))
        mode = getattr(layer, "quantization_mode", None)
        if mode:
            found.add("float8_e4m3fn" if str(mode).startswith("float8") else "int8")
    return found


def zeros_like(outputs: Any) -> Any:
    """Return arrays of the same shapes and dtypes without their numbers."""
    import numpy as np

    return mapped(np.zeros_like, outputs)


def all_finite(outputs: Any) -> bool:
    """Say whether no float of the arrays is NaN or infinite."""
    import numpy as np

    floats = [array.astype("float64") for _, array in leaves(outputs) if _is_float(array)]
    return all(bool(np.isfinite(array).all()) for array in floats)


def told(error: BaseException) -> str:
    """Return the exception in one line: its type and what it says, without the colours and arguments of Keras."""
    text = _COLOUR.sub("", str(error)).rpartition("Exception encountered:")[2]
    text = _CALLING.sub("", text).split("\n\nArguments received by")[0].strip() or str(error)
    return f"{type(error).__name__}: {' '.join(text.split())[:1000]}"


def _is_float(array: Any) -> bool:
    return array.dtype.kind == "f" or str(array.dtype).startswith(("bfloat", "float"))
