"""What ``import`` means inside a bundle.

A function finds ``__import__`` in the builtins of its module, so giving a tree its own builtins changes every
``import`` statement of its code, also those inside functions, and nothing outside. Bundled names are answered from
the tree. Of everything else the code gets a view (`bundler.namespace.reach`), and what neither Python, the framework
nor the lock has is not installed, whatever this machine has: a missing optional package must fail like a missing one.

The import itself is the host's: what a requirement does while it is imported, it does for whoever installed it.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import io
import os
import pathlib
import pickle
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, ModuleType
from typing import Any

from packaging.utils import canonicalize_name

from bundler.namespace.reach import Reach
from bundler.namespace.source_texts import exact
from bundler.namespace.tree import Namespace

#: Functions of importlib.resources whose first argument is a package, as an object or by name.
_BY_PACKAGE = ("contents", "is_resource", "open_binary", "open_text", "read_binary", "read_text")
#: Modules that act when they are imported.
_ACTING = frozenset({"antigravity", "this", "__main__", "idlelib", "turtledemo", "numpy.distutils"})


def bundle_import(namespace: Namespace, reach: Reach | None) -> Callable[..., ModuleType]:
    """Return the ``__import__`` for the code of `namespace`; without `reach` modules of the host come as they are."""

    def import_in_bundle(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the signature of __import__ (PEP 302)
        locals: Mapping[str, object] | None = None,  # noqa: A002, ARG001
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        name = exact(name)
        fromlist = tuple(map(exact, fromlist or ()))
        if name == namespace.prefix or name.startswith(f"{namespace.prefix}."):
            # C code asks by the names in `sys.modules`: pickle does, for a class.
            return builtins.__import__(name, {}, {}, fromlist, 0)
        if level:
            package = exact((globals or {}).get("__package__") or namespace.prefix)
            target = namespace.original(importlib.util.resolve_name("." * level + name, package))
        elif namespace.owns(name) and not _is_from_elsewhere(namespace, name, fromlist):
            target = name
        else:
            return imported_from_host(name, fromlist, reach)
        if target == namespace.prefix:
            # "from . import x" in a top-level module: x is a top-level module of the bundle.
            for item in fromlist:
                namespace.load(item)
            return sys.modules[namespace.prefix]
        module = namespace.load(target)
        if not fromlist:
            # "import a.b" binds a; a relative import always has a fromlist.
            _bind_parts(namespace, target)
            return namespace.load(target.partition(".")[0])
        wanted = getattr(module, "__all__", ()) if "*" in fromlist else fromlist
        for item in wanted:
            if hasattr(module, item):
                continue
            if not namespace.has(f"{target}.{item}"):
                # Python would look for it in `sys.modules` under the name that the module gives itself.
                raise ImportError(f"cannot import name {item!r} from {target!r}", name=target)
            part = namespace.load(f"{target}.{item}")
            if not hasattr(module, item):
                setattr(module, item, part)
        return module

    return import_in_bundle


def _bind_parts(namespace: Namespace, target: str) -> None:
    """Set every module on the way to `target` on its parent: "import a.b as c" reads b of a.

    Where it is missing, Python looks in `sys.modules` under the name that a gives itself.
    """
    parent, *parts = target.split(".")
    for part in parts:
        holder = namespace.load(parent)
        parent = f"{parent}.{part}"
        if not hasattr(holder, part):
            setattr(holder, part, namespace.load(parent))


def imported_from_host(name: str, fromlist: Sequence[str], reach: Reach | None) -> ModuleType:
    """Return a module of the host for the code of a bundle, as the ``import`` statement does.

    C code imports through here too (NumPy does when it prints a dtype): it takes the module from `sys.modules`
    afterwards, so a view is no harm to it.

    Raises:
        ModuleNotFoundError: nothing that the bundle may count on has a module of this name.
    """
    if reach is None:
        return builtins.__import__(name, {}, {}, tuple(fromlist), 0)
    root = name.partition(".")[0]
    if (
        root in _ACTING
        or ".".join(name.split(".")[:2]) in _ACTING
        or name.endswith(".__main__")
        or not reach.guard.tables.installed(root)
    ):
        raise ModuleNotFoundError(
            f"No module named {root!r}: neither Python, the framework, the lock nor the bundle has it", name=root
        )
    module = _imported(name, tuple(fromlist))
    return reach.view(module)


def _imported(name: str, fromlist: tuple[str, ...]) -> ModuleType:
    return builtins.__import__(name, {}, {}, fromlist, 0)


def host_codes() -> tuple[CodeType, ...]:
    """Return the functions here that ask Python's import system about a name: above their frames the host acts."""
    return _imported.__code__, _is_there.__code__, _version.__code__


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _version(name: str) -> str:
    return importlib.metadata.version(name)


def _is_from_elsewhere(namespace: Namespace, name: str, fromlist: Sequence[str] | None) -> bool:
    """Say whether "from google import protobuf" means the host's part of an implicit package that both sides have."""
    return (
        bool(fromlist)
        and namespace.is_implicit(name)
        and not any(namespace.has(f"{name}.{item}") for item in fromlist or ())
    )


def _package_of(frame: FrameType) -> ModuleType:
    return sys.modules[frame.f_globals["__name__"]]


def module_named(namespace: Namespace, reach: Reach, name: str) -> ModuleType:
    """Return what ``sys.modules[name]`` is for the code of `namespace`.

    Raises:
        KeyError: it is not there, or the bundle cannot see it.
    """
    name = exact(name)
    original = namespace.original(name)
    if namespace.owns(original):
        return sys.modules[namespace.private(original)]
    if name == namespace.prefix:
        return sys.modules[name]
    if not reach.guard.tables.installed(name.partition(".")[0]):
        raise KeyError(name)
    return reach.view(sys.modules[name])


def import_stand_ins(namespace: Namespace, reach: Reach) -> dict[str, Any]:
    """Return the stand-ins for the calls that import, or read the files of a package, by a string."""

    def mapped(package: Any) -> Any:
        if not isinstance(package, str):
            return package
        name = namespace.original(exact(package))
        if namespace.owns(name):
            return namespace.load(name)
        # Reading the files of a package imports it, as the statement does.
        imported_from_host(name, (), reach)
        return name

    def import_module(name: str, package: str | None = None) -> ModuleType:
        name = exact(name)
        if name.startswith("."):
            anchor = exact(package)
            base = namespace.private(anchor) if namespace.owns(anchor) else anchor
            name = importlib.util.resolve_name(name, base)
        name = namespace.original(name)
        return namespace.load(name) if namespace.owns(name) else imported_from_host(name, ("__doc__",), reach)

    def find_spec(name: str, package: str | None = None) -> Any:
        name = exact(name)
        full_name = importlib.util.resolve_name(name, exact(package)) if name.startswith(".") else name
        if namespace.has(namespace.original(full_name)):
            return ModuleSpec(namespace.original(full_name), None)
        if namespace.owns(full_name) or not reach.guard.tables.installed(full_name.partition(".")[0]):
            return None
        # Whether it is there is all that the code learns: a spec with a loader reads any file.
        return ModuleSpec(full_name, None) if _is_there(full_name) else None

    def version(distribution_name: str) -> str:
        # "version(__name__)" is a habit, and __name__ carries the tree's prefix here.
        name = namespace.original(exact(distribution_name))
        packed = namespace.versions.get(canonicalize_name(name))
        return packed if packed is not None else _version(name)

    def by_package(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not args and not kwargs:
                # files() without an anchor means the caller's package, and the caller is one frame up.
                args = (_package_of(sys._getframe(1)),)
            return function(*(mapped(arg) if index == 0 else arg for index, arg in enumerate(args)), **kwargs)

        return call

    def get_data(package: str, resource: str) -> bytes | None:
        name = namespace.original(exact(package))
        return pkgutil.get_data(namespace.private(name) if namespace.owns(name) else package, resource)

    class Unpickler(pickle.Unpickler):
        """Finds classes of the bundle under the names that they had when they were pickled."""

        def find_class(self, module: str, name: str) -> Any:
            if not namespace.owns(module):
                return super().find_class(module, name)
            get = reach.guard.builtins["getattr"]
            return functools.reduce(get, exact(name).split("."), namespace.load(exact(module)))

    class LazyModule:
        """As in ``keras.src.utils.module_utils``: a module that is imported when it is first used, if it is there."""

        def __init__(self, name: str, pip_name: str | None = None, import_error_msg: str | None = None) -> None:
            self.name = exact(name)
            self.pip_name = pip_name or name
            self.import_error_msg = import_error_msg or f"This requires the {name} module: pip install {self.pip_name}"

        @property
        def available(self) -> bool:
            try:
                import_module(self.name)
            except ImportError:
                return False
            return True

        def initialize(self) -> Any:
            try:
                return import_module(self.name)
            except ImportError:
                raise ImportError(self.import_error_msg) from None

        def __getattr__(self, attribute: str) -> Any:
            if attribute.startswith("__") or attribute == "name":
                raise AttributeError(attribute)
            return getattr(self.initialize(), attribute)

    def files(anchor: Any = None) -> Any:
        # Without an anchor it means the caller's package, and the caller is one frame up.
        found = importlib.resources.files(mapped(anchor) if anchor is not None else _package_of(sys._getframe(1)))
        # A namespace package has several folders, of which the first one counts here.
        found = next(iter(getattr(found, "_paths", [found])))
        return reach.path_kind(os.fspath(found)) if isinstance(found, pathlib.Path) else found

    @contextlib.contextmanager
    def path(package: Any, resource: str) -> Iterator[Any]:
        with importlib.resources.as_file(importlib.resources.files(mapped(package)) / resource) as found:
            yield reach.path_kind(os.fspath(found))

    def memory(options: Mapping[str, Any]) -> list[memoryview]:
        # A pickle takes whatever is in the list for an object that it made, and fills that.
        return [memoryview(item) for item in options.get("buffers") or ()]

    def load(file: Any, **options: Any) -> Any:
        return Unpickler(file, **{**options, "buffers": memory(options)}).load()

    def loads(data: Any, **options: Any) -> Any:
        return Unpickler(io.BytesIO(data), **{**options, "buffers": memory(options)}).load()

    found: dict[str, Any] = {
        "importlib.resources.files": files,
        "importlib.resources.path": path,
        "importlib_resources.files": files,
        "importlib.import_module": import_module,
        "importlib.metadata.version": version,
        "importlib.metadata.PackageNotFoundError": importlib.metadata.PackageNotFoundError,
        "importlib.util.find_spec": find_spec,
        "keras.src.utils.module_utils.LazyModule": LazyModule,
        "pickle.load": reach.tagged(load),
        "pickle.loads": reach.tagged(loads),
        "pkgutil.get_data": reach.tagged(get_data),
    }
    backport = sys.modules.get("importlib_resources")
    for module in (importlib.resources, *([backport] if backport is not None else [])):
        for name in _BY_PACKAGE:
            if hasattr(module, name):
                found[f"{module.__name__}.{name}"] = by_package(getattr(module, name))
    return found
