"""The state of a model as digests: what must come back, without a second copy of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bundler.keras_io.program.below import optimizers_below

_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """One variable: Keras's path of it, for messages, its shape, dtype, and the sha256 of its bytes."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelState:
    """The weights of a model and what it was compiled with.

    `optimizer` is the class of the optimizer, and `optimizer_weights` its variables; `None` for a model that has
    none, or whose optimizer has never made a step and holds nothing yet. `further` are the variables of other
    optimizers below the model, by place.
    """

    weights: tuple[Weight, ...]
    compiled: bool
    optimizer: str | None
    optimizer_weights: tuple[Weight, ...] | None
    further: Mapping[str, tuple[Weight, ...]] = field(default_factory=dict)


def state_of(model: Any) -> ModelState:
    """Return the state of `model`; one variable after the other is read, never all at once."""
    optimizer = getattr(model, "optimizer", None)
    return ModelState(
        weights=_weights(model.weights),
        compiled=bool(model.compiled),
        optimizer=type(optimizer).__name__ if optimizer is not None else None,
        optimizer_weights=_weights(optimizer.variables) if optimizer is not None and optimizer.built else None,
        further={
            place: _weights(item.variables)
            for place, item in optimizers_below(model).items()
            if item is not optimizer and item is not getattr(optimizer, "inner_optimizer", None)
        },
    )


def state_problems(expected: ModelState, found: ModelState) -> list[str]:
    """Return one line a difference between two states, a few of each kind; none where they are the same.

    Variables are compared in their order, since Keras numbers the paths of unnamed layers by process, unless both
    states have the same paths.
    """
    problems = _differences("weight", expected.weights, found.weights)
    if expected.compiled != found.compiled:
        problems.append(f"the model was {_compiled(expected.compiled)} and comes back {_compiled(found.compiled)}")
    if expected.optimizer != found.optimizer:
        problems.append(f"the optimizer was {expected.optimizer} and comes back as {found.optimizer}")
    elif expected.optimizer_weights is not None:
        problems += _differences("optimizer variable", expected.optimizer_weights, found.optimizer_weights or ())
    for place, weights in expected.further.items():
        # Of a part that is not trained by itself any more, Keras may leave the optimizer as it was made.
        if len(found.further.get(place, ())) == len(weights):
            problems += _differences(f"variable of the optimizer at {place}", weights, found.further[place])
    return problems


def _compiled(flag: bool) -> str:
    return "compiled" if flag else "not compiled"


def _differences(what: str, expected: Sequence[Weight], found: Sequence[Weight]) -> list[str]:
    if len(expected) != len(found):
        names = {weight.path for weight in expected} ^ {weight.path for weight in found}
        told = f", such as {', '.join(sorted(names)[:_SHOWN])}" if names else ""
        return [f"the model has {len(expected)} {what}s, and {len(found)} come back{told}"]
    problems = []
    by_path = {weight.path: weight for weight in found}
    if len(by_path) == len(found) and by_path.keys() == {weight.path for weight in expected}:
        # A layer may list its parts in another order when they are made in another order.
        found = [by_path[weight.path] for weight in expected]
    for old, new in zip(expected, found, strict=True):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            is_now = f"{new.dtype} {list(new.shape)}"
            problems.append(f"the {what} {old.path} is {old.dtype} {list(old.shape)} and comes back as {is_now}")
        elif old.sha256 != new.sha256:
            problems.append(f"the {what} {old.path} comes back with other numbers")
    more = len(problems) - _SHOWN
    return problems if more <= 0 else [*problems[:_SHOWN], f"and {more} more {what}s"]


def _weights(variables: Iterable[Any]) -> tuple[Weight, ...]:
    return tuple(_weight(variable) for variable in variables)


def _weight(variable: Any) -> Weight:
    import numpy as np

    array = np.ascontiguousarray(variable.numpy())
    if array.dtype.kind == "O":  # Text: the bytes of the array would be addresses.
        content: Any = repr(array.tolist()).encode()
    else:
        content = array.reshape(-1).view("uint8").data
    return Weight(
        path=str(getattr(variable, "path", variable.name)),
        shape=tuple(int(size) for size in variable.shape),
        dtype=str(variable.dtype),
        sha256=hashlib.sha256(content).hexdigest(),
    )
