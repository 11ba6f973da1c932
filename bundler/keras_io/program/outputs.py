"""The outputs of a model that draws random numbers, made so that two processes draw the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bundler.keras_io import arrays, samples
from bundler.keras_io.calls import answer
from bundler.keras_io.process_state import fixed_seeds
from bundler.keras_io.program.directions import measured

_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One output: its name, its norm, and its products with fixed directions."""

    name: str
    norm: float
    products: tuple[float, ...]

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Drawn:
        """Return what `dataclasses.asdict` made the JSON value `value` of."""
        return cls(name=value["name"], norm=value["norm"], products=tuple(value["products"]))


def drawn_outputs(model: Any, inputs: Any) -> tuple[Drawn, ...]:
    """Return what `model` answers when every draw of its process follows from one seed; it is as before afterwards.

    The generators that belong to the model go on from their own states.
    """
    with fixed_seeds(samples.SEED):
        outputs = answer(model, inputs)
    return tuple(_drawn(name, array) for name, array in arrays.leaves(outputs) if array.dtype.kind not in "OSU")


def drawn_problems(expected: Sequence[Drawn], found: Sequence[Drawn]) -> list[str]:
    """Return a line for each output that was drawn otherwise."""
    if [item.name for item in expected] != [item.name for item in found]:
        return ["the model gives other outputs"]
    return [
        f"the output {old.name!r} is drawn otherwise than in the author's process"
        for old, new in zip(expected, found, strict=True)
        if _far(old, new)
    ]


def _far(old: Drawn, new: Drawn) -> bool:
    most = _TOLERANCE * max(old.norm, new.norm, 1e-6)
    pairs = zip((old.norm, *old.products), (new.norm, *new.products), strict=True)
    return any(abs(one - other) > most for one, other in pairs)


def _drawn(name: str, array: Any) -> Drawn:
    norm, products = measured(array)
    return Drawn(name=name, norm=norm, products=products)
