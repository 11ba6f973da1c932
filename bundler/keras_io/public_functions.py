"""Functions of the framework by identity: their public names, and whether Keras's own word for one gives it back.

Keras writes a function by its bare name and looks the name up among its own. ``keras.ops.gelu`` is written "gelu" and
read as ``keras.activations.gelu``, which computes something else; ``tf.nn.softmax`` calls itself "softmax_v2".
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from bundler.keras_io.framework import keras

#: The public modules, in the order in which a name is looked for; the first that has the very object gives its name.
_PLACES = {
    "keras": (
        *("activations", "losses", "metrics", "initializers", "regularizers", "constraints", "ops", "random", "utils"),
        *("ops.image", "ops.linalg", "ops.nn", "ops.numpy"),
    ),
    "tensorflow": (
        *("nn", "math", "", "linalg", "image", "signal", "strings", "sparse", "bitwise", "random", "audio", "ragged"),
        *("quantization", "debugging", "io", "keras.backend", "raw_ops"),
    ),
    "numpy": ("", "linalg"),
}


def public_names() -> dict[int, str]:
    """Return the full public name of each function of the framework, ufuncs among them, by its identity."""
    found: dict[int, str] = {}
    for root, parts in _PLACES.items():
        library = keras() if root == "keras" else importlib.import_module(root)
        for part in parts:
            for name, value in _functions(attribute_at(library, part)):
                found.setdefault(id(value), ".".join(filter(None, (root, part, name))))
    return found


def gives_back(function: FunctionType) -> bool:
    """Say whether Keras reads back this very function from what it writes for it."""
    saving = keras().saving
    try:
        return saving.deserialize_keras_object(saving.serialize_keras_object(function)) is function
    except Exception:  # noqa: BLE001 - Keras raises many kinds for a name that it does not know
        return False


def attribute_at(library: Any, part: str) -> Any:
    """Return what `library` has at the dotted path `part`, `library` itself for none; `None` where it has nothing."""
    for step in filter(None, part.split(".")):
        library = getattr(library, step, None)
    return library


def _functions(module: Any) -> Iterator[tuple[str, Any]]:
    for name in dir(module):
        value = None if name.startswith("_") else getattr(module, name, None)
        if callable(value) and not isinstance(value, type | ModuleType):
            yield name, value
