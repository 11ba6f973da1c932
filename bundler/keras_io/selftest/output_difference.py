"""How far two sets of outputs are apart, and what is still the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bundler.keras_io.selftest.arrays import dtype_name, leaves

#: Both tolerances of a self-test's floats: the same operations run again, on another machine or version.
SELF_TEST = 1e-5
#: Both tolerances between a model and its graph, which adds numbers in another order than single operations do.
GRAPH = 1e-4
#: Both tolerances where a model computes in a coarser dtype, whatever is compared: four roundings of it (of 2**-10 and
#: 2**-7), for machines that add in another order. On one machine two runs give the same bits.
#: float64 has no entry, since most of a float64 output was float32 on the way.
_COARSE = {
    "float16": 4e-3,
    "bfloat16": 3.2e-2,
    # A few steps of the 8-bit scale, where a rounding falls the other way.
    "int8": 5e-2,
    "float8_e4m3fn": 5e-1,
    "float8_e5m2": 5e-1,
}
#: Both tolerances of what other versions on another machine may round otherwise; beyond is another function.
_ROUNDING = 1e-3

_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerances:
    """How far numbers may be apart: `absolute` * scale + `relative` * the expected absolute value.

    The scale is the largest finite absolute value of the expected tensor, but at most 1 and at least a thousandth:
    outputs of a millionth would agree with anything to within a fixed absolute tolerance, and outputs that are nothing
    but rounding would agree with nothing.
    """

    absolute: float
    relative: float

    def __str__(self) -> str:
        return f"at most {self.absolute:g} * scale + {self.relative:g} * |expected| apart"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputComparison:
    """What `compare` found.

    `largest` is the largest absolute difference of any two numbers (infinite where one of them is NaN), 0 for what is
    compared exactly. `problem` is `None` where all agree, and else says of the worst output what is wrong with it.
    """

    largest: float
    problem: str | None


def same_machine(tolerances: Tolerances) -> Tolerances:
    """Return the tolerances between two processes of one machine: an eighth, half a rounding of a coarse dtype."""
    return Tolerances(
        absolute=max(SELF_TEST, tolerances.absolute / 8), relative=max(SELF_TEST, tolerances.relative / 8)
    )


def other_rounding(tolerances: Tolerances) -> Tolerances:
    """Return the tolerances within which numbers are the same ones, rounded otherwise; those of a coarse dtype are."""
    return Tolerances(absolute=max(_ROUNDING, tolerances.absolute), relative=max(_ROUNDING, tolerances.relative))


def tolerances_for(dtypes: Iterable[str], usual: float) -> Tolerances:
    """Return the tolerances for a model that computes in `dtypes`: those of the coarsest one, at least `usual`.

    `usual` is `SELF_TEST` or `GRAPH`.
    """
    widest = max([usual, *(_COARSE.get(dtype, usual) for dtype in dtypes)])
    return Tolerances(absolute=widest, relative=widest)


def compare(expected: Any, found: Any, tolerances: Tolerances, *, values: bool = True) -> OutputComparison:
    """Compare nested arrays: the structure, shapes and dtypes, then the numbers.

    NaN equals NaN. Integers, booleans and strings must be equal. Lists and tuples count as the same structure.

    Args:
        expected: what was recorded.
        found: what the model gives now.
        tolerances: how far floats may be apart.
        values: compare the numbers too; false for a model that is random.
    """
    problem = _structure_problem(expected, found, "")
    if problem is not None:
        return OutputComparison(largest=float("inf"), problem=problem)
    largest, worst, worst_excess = 0.0, None, 0.0
    for (path, old), (_, new) in zip(leaves(expected), leaves(found), strict=True):
        name = "the output" if path == "value" else f"the output {path!r}"
        if old.shape != new.shape or dtype_name(old) != dtype_name(new):
            return OutputComparison(
                largest=float("inf"),
                problem=f"{name} was {_described(old)} and is {_described(new)}",
            )
        if not values:
            continue
        difference, excess, text = _numbers(old, new, tolerances)
        largest = max(largest, difference)
        if excess > worst_excess:
            worst_excess, worst = excess, f"{name} {text}"
    return OutputComparison(largest=largest, problem=worst)


def _structure_problem(expected: Any, found: Any, path: str) -> str | None:
    kinds = [
        "dict" if isinstance(value, Mapping) else "list" if isinstance(value, list | tuple) else type(value).__name__
        for value in (expected, found)
    ]
    where = f"the output {path!r}" if path else "the output"
    if kinds[0] != kinds[1]:
        return f"{where} was a {kinds[0]} and is a {kinds[1]}"
    if isinstance(expected, Mapping):
        if set(expected) != set(found):
            return f"{where} had the keys {sorted(expected)} and has {sorted(found)}"
        items = [(str(key), expected[key], found[key]) for key in expected]
    elif isinstance(expected, list | tuple):
        if len(expected) != len(found):
            return f"{where} had {len(expected)} parts and has {len(found)}"
        items = [(str(index), *pair) for index, pair in enumerate(zip(expected, found, strict=True))]
    else:
        return None
    problems = (_structure_problem(old, new, f"{path}/{name}" if path else name) for name, old, new in items)
    return next((problem for problem in problems if problem is not None), None)


def _numbers(old: Any, new: Any, tolerances: Tolerances) -> tuple[float, float, str]:
    """Return the largest difference, how far the worst number is outside the tolerance (0: none is), and words."""
    import numpy as np

    if old.size == 0:
        return 0.0, 0.0, ""
    if old.dtype.kind in "biuSO" or dtype_name(old).startswith(("int", "uint")):
        # Of two arrays of one object each, `!=` is a plain bool.
        wrong = int(np.sum(old != new))
        if not wrong:
            return 0.0, 0.0, ""
        number = old.dtype.kind in "iu" or dtype_name(old).startswith(("int", "uint"))
        difference = float(np.abs(old.astype("float64") - new.astype("float64")).max()) if number else 0.0
        return difference, float("inf"), f"differs in {wrong} of {old.size} values, which must be equal"
    kind = "complex128" if old.dtype.kind == "c" else "float64"
    wide_old, wide_new = old.astype(kind), new.astype(kind)
    same = (wide_old == wide_new) | (np.isnan(wide_old) & np.isnan(wide_new))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.where(same, 0.0, np.abs(wide_old - wide_new))
        gap = np.where(np.isnan(gap), np.inf, gap)
        size = np.abs(np.where(np.isfinite(wide_old), wide_old, 0.0))
        allowed = tolerances.absolute * max(_SMALLEST_SCALE, min(1.0, float(size.max()))) + tolerances.relative * size
        over = gap - allowed
    index = np.unravel_index(int(np.argmax(over)), over.shape)
    excess = float(over[index])
    text = (
        f"differs by {float(gap[index]):.3g} where {float(allowed[index]):.3g} is allowed "
        f"(expected {wide_old[index]:.6g}, found {wide_new[index]:.6g})"
    )
    return float(gap.max()), max(excess, 0.0), text


def _described(array: Any) -> str:
    return f"{dtype_name(array)} {list(array.shape)}"
