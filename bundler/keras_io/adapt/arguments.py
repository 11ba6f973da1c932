"""What Keras's own objects were made with, asked of them."""

from __future__ import annotations

import types
from typing import Any

from bundler.keras_io.framework import keras


def argument_of(value: Any, name: str) -> Any:
    """Return the argument `name` that `value`, an instance of a class of Keras or a subclass, was made with.

    ``get_config`` is Keras's word for it where it gives a plain value; what it writes as a node is taken from the
    attribute of the same name, which is the object itself.

    Raises:
        LookupError: neither tells.
    """
    if name in ("args", "inputs", "outputs") and isinstance(value, keras().Model) and hasattr(value, "input_names"):
        return {"inputs": lambda: value.input, "outputs": lambda: value.output}.get(
            name, lambda: [value.input, value.output]
        )()
    try:
        config = value.get_config()
    except Exception:  # noqa: BLE001 - a subclass of the author's may raise anything here
        config = {}
    if isinstance(config, dict) and isinstance(config.get(name), str | int | float | bool):
        return config[name]
    if hasattr(value, name) and not isinstance(getattr(value, name), types.MethodType):
        return getattr(value, name)
    if isinstance(config, dict) and name in config:
        return keras().saving.deserialize_keras_object(config[name])
    raise LookupError(name)
