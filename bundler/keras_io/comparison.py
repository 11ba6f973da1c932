"""Whether two live models are the same: weights, what trains, outputs on made-up inputs."""

from __future__ import annotations

from typing import Any

from bundler.keras_io.adapt.calls import call_signature, made_inputs
from bundler.keras_io.framework import keras

_ABSOLUTE, _RELATIVE = 1e-5, 1e-4


def difference(model: Any, other: Any) -> tuple[str, str] | None:
    """Return the stage (``weights`` or ``outputs``) and a sentence about the first difference, or `None`."""
    import numpy

    for what in ("weights", "trainable_weights"):
        mine, its = getattr(model, what), getattr(other, what)
        if len(mine) != len(its):
            return "weights", f"the model has {len(mine)} {what}, and what was loaded has {len(its)}"
    for variable, loaded in zip(model.weights, other.weights, strict=True):
        if variable.shape != loaded.shape:
            return "weights", f"{variable.path} has the shape {variable.shape}, and {loaded.shape} when loaded"
        if not numpy.array_equal(_array(variable), _array(loaded), equal_nan=variable.dtype.startswith("float")):
            return "weights", f"{variable.path} has other values when loaded"
    signature = call_signature(model)
    if signature is None:
        return None
    arguments, keywords = made_inputs(signature, seed=0)
    expected = _outputs(model, arguments, keywords)
    again = _outputs(model, arguments, keywords)
    found = _outputs(other, arguments, keywords)
    if expected is None or again is None or found is None or not _close(expected, again):
        return None if expected is None or found is not None else ("outputs", "the loaded model cannot be called")
    return None if _close(expected, found) else ("outputs", "the loaded model gives other outputs")


def _outputs(model: Any, arguments: Any, keywords: Any) -> list[Any] | None:
    try:
        return [_array(item) for item in keras().tree.flatten(model(*arguments, training=False, **keywords))]
    except Exception:  # noqa: BLE001 - made-up inputs may be nothing that the author's code takes
        return None


def _array(value: Any) -> Any:
    return keras().ops.convert_to_numpy(value)


def _close(one: list[Any], other: list[Any]) -> bool:
    import numpy

    if len(one) != len(other):
        return False
    for left, right in zip(one, other, strict=True):
        if left.shape != right.shape or left.dtype != right.dtype:
            return False
        if left.dtype.kind in "fc" or left.dtype.name == "bfloat16":
            wide = left.astype("float64"), right.astype("float64")
            if not numpy.allclose(*wide, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True):
                return False
        elif not numpy.array_equal(left, right):
            return False
    return True
