"""Keras's process-wide registry, kept free of what a bundle brings (invariant I10).

Keras looks a custom object up by a key (``package>name``) in one table for the whole process. That table beats
``custom_objects`` and ``custom_object_scope``, so two bundles with one key, or a bundle and its host, would silently
get each other's classes. Therefore:

1. The decorators of a bundled module write into the table while the module runs; afterwards the table is what it
   was before. What another library registered when bundled code imported it stays, and what other threads register.
2. Every class and function of a bundle gets a key that no other bundle can have,
   ``_kbundle_<digest>>module:qualname``, and *that* stays in the table: `clone_model`, `copy.deepcopy`,
   ``from_config`` and `pickle` look objects up long after the load is over. A key of this form never ends in
   ``>name``, which Keras would take for an unregistered function of that name in an old file.
3. Only Keras's public functions are used.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from bundler.frameworks import LISTED
from bundler.keras_io.framework import keras
from bundler.namespace import ROOT, Namespace, namespace_of

_ABSENT = object()


def unique_key(namespace: Namespace, module: str, qualname: str) -> str:
    """Return the bundle-unique key of the object `qualname` of the bundled module `module` (original name)."""
    return f"{namespace.prefix}>{module}:{qualname}"


def table() -> Mapping[str, Any]:
    """Return Keras's live table of registered objects by key."""
    registered: dict[str, Any] = keras().saving.get_custom_objects()
    return registered


def saved_key(obj: Any) -> str:
    """Return the key that Keras writes for the class or function `obj` when it saves a model."""
    return str(keras().saving.get_registered_name(obj))


def has_own_key(obj: Any) -> bool:
    """Say whether Keras has a key for `obj` alone: no bound method, ufunc or partial function has, nor Keras's own."""
    return isinstance(obj, type | FunctionType) and not _is_frameworks(obj)


def public_key(obj: Any) -> str:
    """Return the key of `obj` that means the same in every process: bundle-unique keys are mapped back."""
    key = saved_key(obj)
    namespace = namespace_of(obj.__module__)
    if namespace is None:
        return key
    # A decorator that used __name__ as its package saw the tree's prefix in it.
    return namespace.original_keys.get(key, key).replace(f"{namespace.prefix}.", "")


def original_objects(namespace: Namespace) -> dict[str, Any]:
    """Return the objects of a tree by the key that their own code registered.

    A key that two objects share is left out (I11), and so is a bare name: Keras replaces any string of a config that
    it finds among the objects offered, and ``loss="mse"`` must not become a helper that happens to be called ``mse``.
    """
    registered = table()
    found: dict[str, list[Any]] = {}
    for key, original in list(namespace.original_keys.items()):
        if ">" in original:
            found.setdefault(original, []).append(registered.get(key))
    return {key: objects[0] for key, objects in found.items() if len(objects) == 1 and objects[0] is not None}


@contextlib.contextmanager
def isolated(namespace: Namespace, module: ModuleType) -> Iterator[None]:
    """Run one bundled module with Keras's registry as it is, and leave the registry without its registrations.

    The caller holds `bundler.namespace.IMPORT_LOCK`, so two bundles never run this at once.
    """
    registered_now: dict[str, Any] = keras().saving.get_custom_objects()
    before = dict(registered_now)
    modules_before = set(sys.modules)
    path_before = list(sys.path)
    try:
        yield
    finally:
        registered = _restore(namespace, registered_now, before, modules_before)
        if sys.path != path_before:
            sys.path[:] = path_before
    name = namespace.original(module.__name__)
    for attribute, value in list(vars(module).items()):
        _adopt_tree(namespace, module.__name__, name, attribute, value)
    for value in registered:
        if _is_from(namespace, value):
            adopt(namespace, value, namespace.original(value.__module__), value.__qualname__)


def adopt(namespace: Namespace, obj: Any, module: str, qualname: str) -> str | None:
    """Give `obj` its bundle-unique key in Keras's table and return the key.

    Returns `None` for what Keras cannot register (a class without ``get_config``, a lambda, a plain value), and for
    an object of the host's that the bundle only passes on: its registered name is the host's business.
    """
    is_class = isinstance(obj, type) and hasattr(obj, "get_config")
    is_function = isinstance(obj, FunctionType) and obj.__name__ != "<lambda>"
    if not (is_class or is_function) or _is_of_host(namespace, obj) or _is_frameworks(obj):
        return None
    saving = keras().saving
    key = unique_key(namespace, module, qualname)
    current = saved_key(obj)
    if current in namespace.original_keys and table().get(current) is obj:
        return current
    namespace.original_keys.setdefault(key, public_key(obj))
    saving.register_keras_serializable(package=namespace.prefix, name=f"{module}:{qualname}")(obj)
    return key


def _adopt_tree(namespace: Namespace, full_name: str, name: str, qualname: str, value: Any) -> None:
    """Adopt `value` and the classes nested in it, where they are defined in this very module."""
    if getattr(value, "__module__", None) != full_name or not isinstance(value, type | FunctionType):
        return
    adopt(namespace, value, name, qualname)
    if isinstance(value, type):
        for attribute, inner in list(vars(value).items()):
            if isinstance(inner, type) and inner.__qualname__.startswith(f"{value.__qualname__}."):
                _adopt_tree(namespace, full_name, name, f"{qualname}.{attribute}", inner)


def _restore(
    namespace: Namespace, table: dict[str, Any], before: Mapping[str, Any], modules_before: set[str]
) -> list[Any]:
    """Take the bundle's registrations out of `table` and return the registered objects."""
    taken = []
    for key, value in list(table.items()):
        old = before.get(key, _ABSENT)
        # A key of ours is never a decorator's: this tree's own, or another's that a thread loads right now.
        if old is value or key.startswith(ROOT):
            continue
        if old is _ABSENT and _is_of_others(namespace, value, modules_before):
            continue
        taken.append(value)
        if old is _ABSENT:
            table.pop(key, None)
        else:
            table[key] = old
    for key in before.keys() - table.keys():
        table[key] = before[key]
    return taken


def _is_of_host(namespace: Namespace, obj: Any) -> bool:
    """Say whether `obj` is an attribute of the module that it names, and that module is not the bundle's.

    What a decorator from another library made names that library's module, but is not an attribute of it.
    """
    if _is_from(namespace, obj):
        return False
    return vars(sys.modules.get(obj.__module__, object)).get(obj.__name__) is obj


def _is_frameworks(obj: Any) -> bool:
    """Say whether `obj` is a function of the framework, whatever it calls itself; its name is everybody's."""
    home = str(getattr(obj, "__globals__", {}).get("__name__"))
    return isinstance(obj, FunctionType) and all(
        module.partition(".")[0] in LISTED for module in (home, str(obj.__module__))
    )


def _is_from(namespace: Namespace, value: Any) -> bool:
    module = getattr(value, "__module__", None)
    return isinstance(value, type | FunctionType) and str(module).startswith(f"{namespace.prefix}.")


def _is_of_others(namespace: Namespace, value: Any, modules_before: set[str]) -> bool:
    """Say whether somebody else registered `value` while a bundled module ran.

    That is a library that bundled code imported for the first time (its decorators do not run again), or another
    thread of the host that registers a class or function of its own. What remains is the bundle registering its own
    objects, or handing the framework's functions and instances of other people's classes to Keras.
    """
    module = str(getattr(value, "__module__", None) or type(value).__module__)
    if module.startswith(f"{namespace.prefix}."):
        return False
    if module in sys.modules and module not in modules_before:
        return True
    root = module.partition(".")[0]
    is_frameworks = root in LISTED or root in sys.stdlib_module_names - {"__main__"}
    return isinstance(value, type | FunctionType) and not is_frameworks
