"""Calling a model once, for the layers that only a call builds."""

from __future__ import annotations

import itertools
from typing import Any

from bundler.keras_io.framework import keras
from bundler.keras_io.selftest.arrays import Keywords
from bundler.keras_io.selftest.input_specs import declared_inputs, recorded_shapes

_DATATYPES = ("float32", "int32", "string")


def call_signature(model: Any) -> dict[str, Any] | None:
    """Return the inputs that `model` can be called with, as JSON, or `None` where it cannot be told.

    Shapes come from what the model was built with; dtypes are tried, symbolically and without changing the model.
    ``{"arguments": {name: spec}}`` for a call with several arguments, ``{"inputs": spec}`` for one, where a spec is
    ``[shape, dtype]`` in the structure of the input.
    """
    declared = declared_inputs(model)
    if declared is not None:
        return {"inputs": _declared(declared)}
    shapes = recorded_shapes(model)
    if shapes is None or not _are_shapes(shapes):
        return None
    named = dict(shapes) if isinstance(shapes, Keywords) else {"": shapes}
    flat = [shape for structure in named.values() for shape in _shapes(structure)]
    if len(flat) > 4:
        combinations = [(dtype,) * len(flat) for dtype in _DATATYPES]
    else:
        combinations = list(itertools.product(_DATATYPES, repeat=len(flat)))
    for dtypes in combinations:
        remaining = iter(dtypes)
        specs = {name: _spec(structure, remaining) for name, structure in named.items()}
        if _can_be_called(model, specs):
            return {"inputs": specs[""]} if "" in specs else {"arguments": specs}
    return None


def call_once(model: Any, signature: dict[str, Any]) -> None:
    """Call `model` on zeros of `signature`, with 1 for every free dimension, and throw the result away."""
    import numpy

    def zeros(shape: list[int | None], dtype: str) -> Any:
        sizes = [1 if size is None else size for size in shape]
        values = numpy.full(sizes, "") if dtype == "string" else numpy.zeros(sizes, dtype)
        return keras().ops.convert_to_tensor(values, dtype=dtype)

    if "inputs" in signature:
        model(_map(signature["inputs"], zeros))
    else:
        model(**{name: _map(spec, zeros) for name, spec in signature["arguments"].items()})


def _can_be_called(model: Any, specs: dict[str, Any]) -> bool:
    try:
        tensors = {name: _map(spec, keras().KerasTensor) for name, spec in specs.items()}
        if "" in tensors:
            model.compute_output_spec(tensors[""])
        else:
            model.compute_output_spec(**tensors)
    except Exception:  # noqa: BLE001 - the author's call() may raise anything for a dtype that it does not take
        return False
    return True


def _declared(structure: Any) -> Any:
    """Return the spec of the inputs that a functional model declares."""
    if isinstance(structure, dict):
        return {"named": {name: _declared(part) for name, part in structure.items()}}
    if isinstance(structure, list | tuple):
        return {"listed": [_declared(part) for part in structure]}
    return {"shape": [None if size is None else int(size) for size in structure.shape], "dtype": str(structure.dtype)}


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(item is None or isinstance(item, int) for item in value)


def _are_shapes(structure: Any) -> bool:
    if _is_shape(structure):
        return True
    parts = structure.values() if isinstance(structure, dict) else structure
    return isinstance(structure, dict | list | tuple) and all(_are_shapes(part) for part in parts)


def _shapes(structure: Any) -> list[Any]:
    if _is_shape(structure):
        return [structure]
    parts = structure.values() if isinstance(structure, dict) else structure
    return [shape for part in parts for shape in _shapes(part)]


def _spec(structure: Any, dtypes: Any) -> Any:
    if _is_shape(structure):
        return {"shape": list(structure), "dtype": next(dtypes)}
    if isinstance(structure, dict):
        return {"named": {name: _spec(part, dtypes) for name, part in structure.items()}}
    return {"listed": [_spec(part, dtypes) for part in structure]}


def _map(spec: dict[str, Any], make: Any) -> Any:
    if "shape" in spec:
        return make(spec["shape"], spec["dtype"])
    if "named" in spec:
        return {name: _map(part, make) for name, part in spec["named"].items()}
    return [_map(part, make) for part in spec["listed"]]
