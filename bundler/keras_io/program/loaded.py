"""The account of a program that was loaded from a bundle, to be compared with the author's."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from bundler.keras_io.program.account import Account, account_of
from bundler.keras_io.program.plain import is_renamed
from bundler.namespace import Namespace, namespace_of

#: In place of the folder that the bundle's modules are in.
SOURCE = "<source>"


def loaded_account(model: Any, namespace: Namespace, expected: Account, folders: Sequence[str] = ()) -> Account:
    """Return the account of `model`, which came out of the bundle of `namespace`, with the parts that `expected` has.

    `model` may be `None`, where it did not come back: then only its code is described. `folders` are those of the
    author's source.
    """
    classes = {place: cls for place in expected.classes if (cls := _class_at(place, namespace)) is not None}
    return account_of(
        model,
        _name_of,
        loaded_modules(namespace, expected.modules),
        classes,
        lambda _: True,
        lambda text: _portable(text, namespace, folders),
    )


def loaded_modules(namespace: Namespace, names: Any) -> dict[str, ModuleType]:
    """Return those of the modules `names` that have been imported, by their original name."""
    found = ((name, sys.modules.get(namespace.private(name))) for name in names)
    return {name: module for name, module in found if module is not None}


def _class_at(place: str, namespace: Namespace) -> type | None:
    module, _, qualname = place.partition(":")
    found: Any = sys.modules.get(namespace.private(module))
    for part in qualname.split("."):
        found = None if found is None else inspect.getattr_static(found, part, None)
    return found if isinstance(found, type) else None


def _name_of(obj: Any) -> str | None:
    if isinstance(obj, type) and obj.__name__.startswith("Bare") and _is_written(obj):
        # The writer makes such a class, to have an object without its constructor.
        obj = obj.__base__
    return original_name(obj)


def original_name(obj: Any) -> str | None:
    """Return the name ``module:qualname`` of a function or class, in the bundle where it is of one."""
    if is_renamed(obj):
        return None
    module = str(getattr(obj, "__module__", None))
    qualname = str(getattr(obj, "__qualname__", None) or getattr(obj, "__name__", ""))
    namespace = namespace_of(module)
    module = namespace.original(module) if namespace is not None else module
    return None if "<" in qualname else f"{module}:{qualname}"


def _is_written(cls: type) -> bool:
    """Say whether the writer made the module of `cls` for functions that the model holds as values."""
    namespace = namespace_of(cls.__module__)
    if namespace is None:
        return False
    original = namespace.original(cls.__module__)
    return original.startswith(("model_functions", "model_values")) and namespace.modules[original].generated


def _portable(text: str, namespace: Namespace, folders: Sequence[str]) -> str:
    for folder in folders:
        text = text.replace(folder, SOURCE)
    if namespace.directory is not None:
        text = text.replace(str(namespace.directory), SOURCE)
    first = next(iter(namespace.modules), None)
    if first is not None:
        text = text.replace(namespace.filename(first).partition(">/")[0] + ">", SOURCE)
    return text
