"""What ``import`` means inside a bundle.

A function finds ``__import__`` in the builtins of its module, so giving a tree its own builtins changes every
``import`` statement of its code, also those inside functions, and nothing outside. The calls that import or read
by a *string* (`importlib.import_module`, `importlib.resources`, `pkgutil.get_data`, ...) do not pass there; bundled
code gets stand-ins of those few modules that map the bundled names first and hand on the rest.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import io
import pickle
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from packaging.utils import canonicalize_name

from bundler.namespace.tree import Namespace

#: Functions of importlib.resources whose first argument is a package, as an object or by name.
_BY_PACKAGE = ("contents", "files", "is_resource", "open_binary", "open_text", "path", "read_binary", "read_text")


def bundle_import(namespace: Namespace) -> Callable[..., ModuleType]:
    """Return the ``__import__`` for the code of `namespace`."""
    stand_ins = functools.cache(lambda: _stand_ins(namespace))

    def import_in_bundle(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the signature of __import__ (PEP 302)
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            package = str((globals or {}).get("__package__") or namespace.prefix)
            target = namespace.original(importlib.util.resolve_name("." * level + name, package))
        elif namespace.owns(name) and not _is_from_elsewhere(namespace, name, fromlist):
            target = name
        else:
            if namespace.guard is not None:
                namespace.guard.check_import(name, fromlist or ())
            imported = builtins.__import__(name, globals, locals, fromlist, 0)
            top_level = name if fromlist else name.partition(".")[0]
            return stand_ins().get(top_level, imported)
        if target == namespace.prefix:
            # "from . import x" in a top-level module: x is a top-level module of the bundle.
            for item in fromlist or ():
                namespace.load(item)
            return sys.modules[namespace.prefix]
        module = namespace.load(target)
        if not fromlist:
            # "import a.b" binds a; a relative import always has a fromlist.
            return namespace.load(target.partition(".")[0])
        if namespace.is_package(target):
            wanted = getattr(module, "__all__", ()) if "*" in fromlist else fromlist
            for item in wanted:
                if not hasattr(module, item) and namespace.has(f"{target}.{item}"):
                    namespace.load(f"{target}.{item}")
        return module

    return import_in_bundle


def _is_from_elsewhere(namespace: Namespace, name: str, fromlist: Sequence[str] | None) -> bool:
    """Say whether "from google import protobuf" means the host's part of an implicit package that both sides have."""
    return (
        bool(fromlist)
        and namespace.is_implicit(name)
        and not any(namespace.has(f"{name}.{item}") for item in fromlist or ())
    )


class _StandIn(ModuleType):
    """Another module with a few functions replaced."""

    def __init__(self, module: ModuleType, replaced: Mapping[str, object]) -> None:
        super().__init__(module.__name__, module.__doc__)
        vars(self).update(replaced)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_module"])


def _stand_ins(namespace: Namespace) -> dict[str, ModuleType]:
    def mapped(package: Any) -> Any:
        if isinstance(package, str) and namespace.owns(package):
            return namespace.load(package)
        return package

    def import_module(name: str, package: str | None = None) -> ModuleType:
        if name.startswith("."):
            anchor = str(package)
            base = namespace.private(anchor) if namespace.owns(anchor) else anchor
            name = importlib.util.resolve_name(name, base)
        name = namespace.original(name)
        return namespace.load(name) if namespace.owns(name) else importlib.import_module(name)

    def find_spec(name: str, package: str | None = None) -> Any:
        full_name = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        if namespace.has(namespace.original(full_name)):
            return importlib.util.find_spec(namespace.private(namespace.original(full_name)))
        return None if namespace.owns(full_name) else importlib.util.find_spec(full_name)

    def version(distribution_name: str) -> str:
        # "version(__name__)" is a habit, and __name__ carries the tree's prefix here.
        name = namespace.original(distribution_name)
        packed = namespace.versions.get(canonicalize_name(name))
        return packed if packed is not None else importlib.metadata.version(name)

    def by_package(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not args and not kwargs:
                # files() without an anchor means the caller's package, and the caller is one frame up.
                args = (sys.modules[sys._getframe(1).f_globals["__name__"]],)
            return function(*(mapped(arg) if index == 0 else arg for index, arg in enumerate(args)), **kwargs)

        return call

    def get_data(package: str, resource: str) -> bytes | None:
        name = namespace.original(package)
        return pkgutil.get_data(namespace.private(name) if namespace.owns(name) else package, resource)

    def resolve_name(name: str) -> Any:
        module = name.partition(":")[0]
        owned = namespace.owns(namespace.original(module))
        return pkgutil.resolve_name(namespace.private(namespace.original(name)) if owned else name)

    class Unpickler(pickle.Unpickler):
        """Finds classes of the bundle under the names that they had when they were pickled."""

        def find_class(self, module: str, name: str) -> Any:
            if not namespace.owns(module):
                return super().find_class(module, name)
            return functools.reduce(getattr, name.split("."), namespace.load(module))

    def load(file: Any, **options: Any) -> Any:
        return Unpickler(file, **options).load()

    def loads(data: Any, **options: Any) -> Any:
        return Unpickler(io.BytesIO(data), **options).load()

    def resources_of(module: ModuleType) -> _StandIn:
        functions = {name: by_package(getattr(module, name)) for name in _BY_PACKAGE if hasattr(module, name)}
        return _StandIn(module, functions)

    resources = resources_of(importlib.resources)
    metadata = _StandIn(importlib.metadata, {"version": version})
    util = _StandIn(importlib.util, {"find_spec": find_spec})
    parts = {"import_module": import_module, "metadata": metadata, "resources": resources, "util": util}
    found: dict[str, ModuleType] = {
        "importlib": _StandIn(importlib, parts),
        "importlib.metadata": metadata,
        "importlib.resources": resources,
        "importlib.util": util,
        # The C unpickler imports through our __import__, and then looks for the original name in sys.modules.
        "pickle": _StandIn(pickle, {"Unpickler": Unpickler, "load": load, "loads": loads}),
        "pkgutil": _StandIn(pkgutil, {"get_data": get_data, "resolve_name": resolve_name}),
    }
    backport = sys.modules.get("importlib_resources")
    if backport is not None:
        found["importlib_resources"] = resources_of(backport)
    return found
