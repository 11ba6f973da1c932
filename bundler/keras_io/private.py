"""The private names of Keras that are used, each with what is done where a version does not have it.

Tried on Keras 3.10 to 3.15. `tests/models/test_private.py` runs both ways.
"""

from __future__ import annotations

import sys
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


def keras_globals() -> Any:
    """Return where Keras keeps the state of this thread: name counters, the generator of draws without a seed.

    Without the private name: `None`, and packing leaves a trace in both, as saving with Keras does.
    """
    module = sys.modules.get("keras.src.backend.common.global_state")
    return getattr(module, "GLOBAL_STATE_TRACKER", None)


def tensorflow_eager_state() -> Any:
    """Return what TensorFlow's eager draws without a seed come from.

    Without the private names: `None`, and packing a model that draws so moves the draws of its process.
    """
    module = sys.modules.get("tensorflow.python.eager.context")
    found = module.context() if module is not None and hasattr(module, "context") else None
    return found if hasattr(found, "_rng") and hasattr(found, "_seed") else None
