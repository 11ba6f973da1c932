"""The weights that an optimizer does not decay, which Keras does not save."""

from __future__ import annotations

from typing import Any

from bundler.keras_io.private import exclusions


def excluded(optimizer: Any, model: Any) -> dict[str, Any]:
    """Return what `exclude_from_weight_decay` of `optimizer` was told: numbers of weights, and a pattern of names."""
    keys, key_of, pattern = exclusions(optimizer)
    numbers = [index for index, variable in enumerate(model.weights) if key_of(variable) in keys]
    return {"weights": numbers, "names": None if pattern is None else str(pattern.pattern)}


def exclude(optimizer: Any, model: Any, told: dict[str, Any]) -> None:
    """Tell `optimizer` again what `excluded` gave."""
    weights = model.weights
    names = told["names"]
    optimizer.exclude_from_weight_decay(
        var_list=[weights[int(number)] for number in told["weights"]], var_names=None if names is None else [str(names)]
    )
