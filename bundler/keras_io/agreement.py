"""Two forms of one model, compared: the largest difference of their outputs, against a tolerance."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

#: (absolute, relative) tolerance by the coarsest dtype that the model computes in. A graph adds numbers in another
#: order than single operations do, so equality to the last bit is not to be had.
_TOLERANCES = {
    "float64": (1e-6, 1e-5),
    "float32": (1e-4, 1e-4),
    "float16": (2e-2, 2e-2),
    "bfloat16": (5e-2, 5e-2),
    # One step of the 8-bit scale, where a rounding falls the other way.
    "int8": (5e-2, 5e-2),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How far two outputs are apart.

    `largest` is the largest absolute difference of any number, `beyond` says whether one is out of tolerance. `shape`
    is what is wrong with number, shape or dtype of the tensors, in words, or `None`.
    """

    largest: float
    beyond: bool
    shape: str | None = None


def tolerance_of(model: Any) -> tuple[float, float]:
    """Return the absolute and the relative tolerance for the outputs of the live model `model`."""
    found = {"float32"}
    for layer in model._flatten_layers() if hasattr(model, "_flatten_layers") else model.layers:
        found.add(str(getattr(layer, "compute_dtype", "")))
        if getattr(layer, "quantization_mode", None):
            found.add("int8")
    return max(_TOLERANCES[dtype] for dtype in found if dtype in _TOLERANCES)


def difference(expected: Any, actual: Any, tolerance: tuple[float, float]) -> Difference:
    """Compare two structures of tensors; numbers must be close, integers, strings and truth values equal.

    The structures may be of different types (a list for a tuple), their tensors in `tf.nest.flatten` order not.
    """
    numpy = importlib.import_module("numpy")
    left, right = _arrays(expected), _arrays(actual)
    if len(left) != len(right):
        return Difference(largest=0.0, beyond=True, shape=f"{len(left)} tensors became {len(right)}")
    largest, beyond = 0.0, False
    for index, (one, other) in enumerate(zip(left, right, strict=True)):
        if one.shape != other.shape or one.dtype != other.dtype:
            text = f"tensor {index}: {one.dtype}{list(one.shape)} became {other.dtype}{list(other.shape)}"
            return Difference(largest=largest, beyond=True, shape=text)
        if one.dtype.kind not in "fcV":
            equal = bool(numpy.array_equal(one, other))
            beyond |= not equal
            if not equal and one.dtype.kind in "iub":
                gaps = numpy.abs(one.astype("float64") - other.astype("float64"))
                largest = max(largest, float(gaps.max()))
            continue
        # bfloat16 has kind V, and NumPy's own functions do not know it.
        wide = "complex128" if one.dtype.kind == "c" else "float64"
        one, other = one.astype(wide), other.astype(wide)
        same = (one == other) | (numpy.isnan(one) & numpy.isnan(other))
        with numpy.errstate(invalid="ignore"):
            gaps = numpy.where(same, 0.0, numpy.abs(one - other))
            # Outputs of a millionth would agree with anything to within a fixed 0.0001.
            scale = min(1.0, float(numpy.abs(one[numpy.isfinite(one)]).max(initial=0.0)))
            close = numpy.isfinite(gaps) & (gaps <= tolerance[0] * scale + tolerance[1] * numpy.abs(one))
        beyond |= not bool((close | same).all())
        finite = gaps[numpy.isfinite(gaps)]
        largest = max(largest, float(finite.max()) if finite.size else 0.0)
    return Difference(largest=largest, beyond=beyond)


def _arrays(structure: Any) -> list[Any]:
    tf, numpy = importlib.import_module("tensorflow"), importlib.import_module("numpy")
    return [numpy.asarray(leaf) for leaf in tf.nest.flatten(structure, expand_composites=True) if leaf is not None]
