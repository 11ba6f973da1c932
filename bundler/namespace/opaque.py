"""Objects that have no source and travel as a pickle; their consent is `bundler.consent`'s business.

A pickle of `bundler.sources.by_value` names three kinds of things that are not in it: installed modules, by import;
bundled modules and what they define, by a persistent id; and other objects without source, by a persistent id too.
The ids are answered from the bundle's own tree, and the code runs with the tree's ``import``, so nothing of the host
takes the place of what was packed. An object gets a home in the tree, a module of its own, because `pickle` and
`dataclasses` look a class's module up in `sys.modules`.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import re
import sys
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

from bundler.namespace.tree import IMPORT_LOCK, ModuleName, Namespace, namespace_of

#: The module of a tree that objects without source live in.
HOME = "kbundle_opaque"
#: First word of the persistent ids: (MARK, module) is a module, (MARK, module, qualname) what it defines.
MARK = "kbundle"


def load_opaque(namespace: Namespace, module: str, qualname: str) -> Any:
    """Return the class or function that `namespace` has as the pickle of `module` and `qualname`, loaded once.

    Raises:
        KeyError: the bundle has no such pickle.
        Exception: whatever loading the pickle raises.
    """
    with IMPORT_LOCK:
        return _load(namespace, (module, qualname), ())


def opaque_place(obj: Any) -> tuple[str, str] | None:
    """Return the original module and qualified name of an object that `load_opaque` made, else `None`."""
    namespace = namespace_of(str(getattr(obj, "__module__", "")))
    if namespace is None:
        return None
    return next((place for place, known in namespace.opaque.items() if known is obj), None)


def _load(namespace: Namespace, place: tuple[str, str], above: tuple[tuple[str, str], ...]) -> Any:
    if place in namespace.opaque:
        return namespace.opaque[place]
    if place in above:
        raise pickle.UnpicklingError(f"the pickles of {place} and {above[-1]} need each other")
    home = _home(namespace)
    # Not the home itself: what others settled there is registered by whoever asked for it, under its own key.
    with namespace.isolation(namespace, ModuleType(home.__name__)):
        obj = _Unpickler(namespace, namespace.pickles[place], (*above, place)).load()
    if not isinstance(obj, type | FunctionType):
        raise pickle.UnpicklingError(f"the pickle of {place} holds neither a class nor a function")
    _settle(home, obj, place)
    namespace.opaque[place] = obj
    return obj


def _home(namespace: Namespace) -> ModuleType:
    name = namespace.private(HOME)
    if name not in sys.modules:
        importlib.import_module(namespace.prefix)
        home = ModuleType(name, "What this bundle holds without source.")
        home.__spec__ = ModuleSpec(name, None)
        home.__dict__["__builtins__"] = namespace.builtins
        sys.modules[name] = home
    return sys.modules[name]


def _settle(home: ModuleType, obj: Any, place: tuple[str, str]) -> None:
    """Make `obj` an attribute of `home` under a name by which `pickle` finds it."""
    module, qualname = place
    stem = re.sub(r"\W+", "_", qualname).strip("_") or "unnamed"
    attribute, number = stem, 1
    while hasattr(home, attribute):
        attribute, number = f"{stem}_{number}", number + 1
    obj.__module__ = ModuleName(home.__name__, module)
    obj.__qualname__ = attribute
    if isinstance(obj, FunctionType) and obj.__name__ == "<lambda>":
        # Keras writes a function of this name as bytecode when the model is saved.
        obj.__name__ = attribute
    setattr(home, attribute, obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, namespace: Namespace, content: bytes, above: tuple[tuple[str, str], ...]) -> None:
        super().__init__(io.BytesIO(content))
        self._namespace = namespace
        self._above = above

    def persistent_load(self, pid: Any) -> Any:
        mark, module, *qualname = pid
        if mark != MARK or len(qualname) > 1:
            raise pickle.UnpicklingError(f"the pickle asks for {pid!r}, which means nothing")
        if qualname and (module, qualname[0]) in self._namespace.pickles:
            return _load(self._namespace, (module, qualname[0]), self._above)
        return self._bundled(module, *qualname)

    def find_class(self, module: str, name: str) -> Any:
        if self._namespace.owns(module):
            return self._bundled(module, name)
        found = super().find_class(module, name)
        if (module, name) == ("cloudpickle.cloudpickle", "_make_function"):
            # cloudpickle gives every function the process's builtins, and with them the host's modules.
            return self._make_function
        return found

    def _bundled(self, module: str, *qualname: str) -> Any:
        return functools.reduce(
            getattr, ".".join(qualname).split(".") if qualname else (), self._namespace.load(module)
        )

    def _make_function(self, code: Any, global_names: dict[str, Any], *rest: Any) -> FunctionType:
        global_names["__builtins__"] = self._namespace.builtins
        return FunctionType(code, global_names, *rest)
