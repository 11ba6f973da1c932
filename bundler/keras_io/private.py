"""The private names of Keras that are used, each with what is done where a version does not have it.

Tried on Keras 3.10 to 3.15. `tests/models/test_private.py` runs both ways.
"""

from __future__ import annotations

from typing import Any


def trained_variables(optimizer: Any) -> list[Any]:
    """Return the variables that a built optimizer trains.

    Without the private name: none, and the optimizer starts anew where Keras would not build it for all weights.
    """
    return list(getattr(optimizer, "_trainable_variables", []))


def compile_call(model: Any) -> dict[str, Any] | None:
    """Return the arguments that Keras's own `compile` was called with, as the objects themselves.

    Without the private name: `None`; what `get_compile_config` gives, serialised, must do.
    """
    kept = getattr(getattr(model, "_compile_config", None), "config", None)
    return dict(kept) if isinstance(kept, dict) else None
