"""The private names of Keras that are used, each with what is done where a version does not have it.

Tried on Keras 3.10 to 3.15. `tests/models/test_private.py` runs both ways.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

#: Attributes that lead to what an author made, also on objects of an author's class. One that a version does not have
#: leads nowhere, and what is behind it is not compared.
WAYS = (
    *("_layers", "_optimizer", "optimizer", "_metrics", "_learning_rate", "_fn", "_seed_generators"),
    *("_compile_loss", "_compile_metrics", "_user_loss", "_user_metrics", "_user_weighted_metrics"),
)
_STATELESS = "keras.src.backend.common.stateless_scope"
_GENERATORS = "tensorflow.python.ops.stateful_random_ops"
#: Where a loss or metric that wraps a function keeps its arguments; Huber leaves its delta out of its config.
ARGUMENTS = "_fn_kwargs"
#: What `compile` was told, as plain values where it was told names and numbers.
COMPILED = (ARGUMENTS, "_user_loss", "_user_loss_weights", "_user_metrics", "_user_weighted_metrics")


def trained_variables(optimizer: Any) -> list[Any]:
    """Return the variables that a built optimizer trains.

    Without the private name: none, and the optimizer starts anew where Keras would not build it for all weights.
    """
    return list(getattr(optimizer, "_trainable_variables", []))


def given_learning_rate(optimizer: Any) -> Any:
    """Return the schedule, function or variable that `optimizer` has its learning rate from.

    Without the private name: `None`, and a schedule that an author's optimizer was given is read as its number now.
    """
    return getattr(optimizer, "_learning_rate", None)


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


def eager_draws() -> tuple[Any, Any] | None:
    """Return what TensorFlow's eager draws without a seed come from: the seed, and Python's generator of that.

    Without the private names: `None`, and packing a model that draws so moves the draws of its process.
    """
    context = _eager_context()
    return None if context is None else (context._seed, context._rng)


def set_eager_draws(seed: Any, generator: Any) -> None:
    """Put back what `eager_draws` gave."""
    context = _eager_context()
    if context is not None:
        context._seed, context._rng = seed, generator


def tensorflow_generator() -> Any:
    """Return TensorFlow's global generator, or `None` where nobody has asked for it, or without the private name."""
    return getattr(sys.modules.get(_GENERATORS), "global_generator", None)


def set_tensorflow_generator(generator: Any) -> None:
    """Put back what `tensorflow_generator` gave; `tf.random.set_global_generator` takes no `None`."""
    module = sys.modules.get(_GENERATORS)
    if module is not None and hasattr(module, "global_generator"):
        vars(module)["global_generator"] = generator


def _eager_context() -> Any:
    module = sys.modules.get("tensorflow.python.eager.context")
    found = module.context() if module is not None and hasattr(module, "context") else None
    return found if hasattr(found, "_rng") and hasattr(found, "_seed") else None


def exclusions(optimizer: Any) -> tuple[Any, Callable[[Any], Any], Any]:
    """Return what `exclude_from_weight_decay` was told: keys of variables, how a key is made, a pattern of names.

    Without the private names: nothing, as in Keras.
    """
    keys = getattr(optimizer, "_exclude_from_weight_decay", None) or set()
    return keys, getattr(optimizer, "_var_key", id), getattr(optimizer, "_exclude_from_weight_decay_pattern", None)


def plain_policy(value: Any) -> Any:
    """Return the dtype policy of a loss or metric; `None` without the private name, and it is not compared."""
    return getattr(value, "_dtype_policy", None)


def set_plain_policy(value: Any, policy: Any) -> None:
    """Give a loss or metric another dtype policy, where `plain_policy` found one."""
    if hasattr(value, "_dtype_policy"):
        vars(value)["_dtype_policy"] = policy
        vars(value)["_dtype"] = policy.compute_dtype


def tracked_layers(layer: Any) -> list[Any]:
    """Return the layers that Keras knows of in `layer`, in its order, also such as no attribute has any more.

    Without the private name: none, and replaced layers come after the others.
    """
    found = vars(layer).get("_layers")
    return list(found) if isinstance(found, list) else []


def set_tracked_layers(layer: Any, layers: list[Any]) -> None:
    """Let Keras know of `layers` in `layer`, in this order, where `tracked_layers` found some."""
    found, tracker = vars(layer).get("_layers"), getattr(layer, "_tracker", None)
    ids = getattr(tracker, "stored_ids", {}).get("layers")
    if isinstance(found, list) and isinstance(ids, set):
        found[:] = layers
        ids.clear()
        ids.update(map(id, layers))


@contextlib.contextmanager
def unlocked(layer: Any) -> Iterator[None]:
    """Let a built layer be given other layers, as Keras's own guide to LoRA does.

    Without the private name: Keras refuses that by its own error.
    """
    tracker = getattr(layer, "_tracker", None)
    is_locked = bool(getattr(tracker, "locked", False)) and hasattr(tracker, "unlock")
    if tracker is not None and is_locked:
        tracker.unlock()
    try:
        yield
    finally:
        if tracker is not None and is_locked:
            tracker.lock()


def saving_library() -> Any:
    """Return the module with the steps of Keras's own saving and loading.

    Without the private names: `None`, and weights are written to a file that Keras reads, in places of Keras's choice.
    """
    module: Any = sys.modules.get("keras.src.saving.saving_lib")
    loading = ("_model_from_config", "_load_state", "_raise_loading_failure")
    saving = ("_serialize_model_as_json", "_save_state")
    known = all(hasattr(module, name) for name in (*loading, *saving, "H5IOStore", "DiskIOStore"))
    return module if known and hasattr(module.H5IOStore, "_get_h5_file") else None


def variable_class() -> Any:
    """Return the class of Keras's variables on TensorFlow.

    Without the private names: `None`, and every variable is initialised before it is given its weights.
    """
    cls = getattr(sys.modules.get("keras.src.backend.tensorflow.core"), "Variable", None)
    names = ("_initialize", "_initialize_with_initializer", "_direct_assign")
    known = all(hasattr(cls, name) for name in names) and hasattr(sys.modules.get(_STATELESS), "in_stateless_scope")
    is_plain = not hasattr(cls, "__getattr__") and getattr(cls, "__reduce_ex__", None) is object.__reduce_ex__
    return cls if known and is_plain else None


def asks_for_shapes() -> bool:
    """Say whether Keras runs code for shapes alone; asked only where `variable_class` found a class."""
    return bool(sys.modules[_STATELESS].in_stateless_scope())
