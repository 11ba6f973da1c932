"""The closed list of what a Keras config may name without declaring it: `stock.json`."""

from __future__ import annotations

from typing import Any

from packaging.version import InvalidVersion, Version

from bundler.generated import generated_table, made_from

#: Where Keras looks a function up that is written with the module ``builtins``: `BUILTIN_MODULES` in its
#: ``saving/serialization_lib.py``.
_BUILTIN = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")

#: Where a newer Keras may export a class that a model is made of. `bundler.keras_io.exported` has the kind of each.
_GROWING = frozenset(
    f"keras.{part}"
    for part in (
        *("constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "optimizers"),
        *("optimizers.schedules", "quantizers", "regularizers"),
    )
)

#: What Keras writes for values that JSON does not have; ``__lambda__`` is not one of them.
LITERALS = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"})


def is_stock_class(module: str | None, name: str) -> bool:
    """Say whether `module` and `name` are a modelling class of a supported Keras."""
    return name in _table()["classes"].get(module or "", ())


def is_stock_function(module: str | None, name: str) -> bool:
    """Say whether `module` and `name` are a function on tensors of a supported Keras."""
    functions = _table()["functions"]
    if module == "builtins":
        return any(name in functions.get(f"keras.{part}", ()) for part in _BUILTIN)
    return name in functions.get(module or "", ())


def is_legacy_name(name: str) -> bool:
    """Say whether Keras's reader of its old format, which goes by bare names, has something of its own for `name`."""
    return name in _table()["legacy"]


def keras_versions() -> tuple[str, ...]:
    """Return the versions of Keras that the list was made from, oldest first."""
    return made_from(__package__, "stock")["keras"]


def may_be_newer(module: str | None, keras_version: str) -> bool:
    """Say whether a class of `module` that is not listed may be one that `keras_version` exports, and came too late."""
    try:
        return module in _GROWING and Version(keras_version) > Version(keras_versions()[-1])
    except InvalidVersion:
        return False


def _table() -> Any:
    return generated_table(__package__, "stock")
