"""The private module tree that a bundle's source runs in (invariants I8 and I9).

Every bundle gets one tree, named for its digest::

    _kbundle_<32 hex digits>                the root, made here
    _kbundle_<32 hex digits>.mypkg          "mypkg" of the bundle
    _kbundle_<32 hex digits>.mypkg.layers   "mypkg.layers" of the bundle

1. All of it is in `sys.modules`, parents included: dataclasses with string annotations, `pickle` and `inspect` look
   a class's module up there.
2. Code is compiled from the bytes that were hashed and audited, never read again from a path.
3. An import of a bundled name by bundled code resolves inside the tree, whatever the host has under that name; the
   host's own modules of that name are neither used nor replaced.
4. One digest has one tree in a process, so one bundle loaded twice has the same classes; two digests share nothing.
5. `__name__` and `__qualname__` of classes stay as they were: Keras derives weight paths from them.

This is hygiene, not a wall: the code in the tree can do whatever the process can do.
"""

from __future__ import annotations

import atexit
import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from bundler.namespace.imports import bundle_import

ROOT = "_kbundle_"
_DIGITS = 32

#: Held while any bundled module is executed. It is taken *before* Python's own per-module import locks (see
#: `Namespace.load`), because the code that runs under it imports further modules: the other order deadlocks.
IMPORT_LOCK = threading.RLock()

_namespaces: dict[str, Namespace] = {}

#: Wraps the execution of one module; the loading room passes the one that keeps Keras's registry private.
Isolation = Callable[["Namespace", ModuleType], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleText:
    """The source of one bundled module, as bytes, under its original dotted name."""

    name: str
    text: bytes
    package: bool


@dataclass(eq=False, kw_only=True)
class Namespace:
    """One bundle's module tree.

    Attributes:
        prefix: the root's name in `sys.modules`.
        digest: the bundle's digest, ``sha256:<64 hex digits>``.
        modules: source by original dotted name.
        data: package data by POSIX path below the source root.
        versions: version by canonical name of each distribution that travels as source.
        original_keys: Keras key by the bundle-unique key that replaces it (see `bundler.keras_io.registry`).
    """

    prefix: str
    digest: str
    modules: Mapping[str, ModuleText]
    data: Mapping[str, bytes]
    versions: Mapping[str, str]
    isolation: Isolation
    original_keys: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None

    def __post_init__(self) -> None:
        """Work out the implicit packages and give the tree its own builtins."""
        self._implicit = {
            ".".join(parts[:depth])
            for parts in (name.split(".") for name in self.modules)
            for depth in range(1, len(parts))
        } - set(self.modules)
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": bundle_import(self)}

    def private(self, name: str) -> str:
        """Return the name in `sys.modules` of the bundled module `name`."""
        return f"{self.prefix}.{name}"

    def original(self, name: str) -> str:
        """Return `name` without this tree's prefix; a name from elsewhere comes back as it is."""
        return name.removeprefix(f"{self.prefix}.")

    def has(self, name: str) -> bool:
        """Say whether `name` is a bundled module or a package on the way to one."""
        return name in self.modules or name in self._implicit

    def owns(self, name: str) -> bool:
        """Say whether an absolute import of `name` by bundled code is answered from this tree.

        An implicit namespace package may have parts on both sides (``google.mine`` here, ``google.protobuf``
        installed), so there only the names that are really bundled count.
        """
        return self.has(name) or name.partition(".")[0] in self.modules

    def is_package(self, name: str) -> bool:
        """Say whether the bundled module `name` is a package."""
        return name in self._implicit or self.modules[name].package

    def is_implicit(self, name: str) -> bool:
        """Say whether `name` is a package without an ``__init__.py``."""
        return name in self._implicit

    def load(self, name: str) -> ModuleType:
        """Import the bundled module `name` (original name) and return it.

        Raises:
            ModuleNotFoundError: there is no such module in the bundle.
            Exception: whatever the module's own code raises.
        """
        full_name = self.private(name)
        module = sys.modules.get(full_name)
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            return module
        with IMPORT_LOCK:
            return importlib.import_module(full_name)

    def filename(self, name: str) -> str:
        """Return the ``__file__`` of the bundled module `name`."""
        path = name.replace(".", "/")
        path += "/__init__.py" if self.modules[name].package else ".py"
        return os.fspath(self.directory / path) if self.directory else f"<kbundle {self.digest[7:19]}>/{path}"

    def text(self, name: str) -> str:
        """Return the source of the bundled module `name`, decoded as PEP 263 says."""
        return importlib.util.decode_source(self.modules[name].text)


def open_namespace(
    digest: str,
    modules: Sequence[ModuleText],
    data: Mapping[str, bytes],
    *,
    versions: Mapping[str, str],
    isolation: Isolation,
) -> Namespace:
    """Return the tree of the bundle `digest`, made at the first call; nothing of the bundle is executed yet."""
    prefix = ROOT + digest.removeprefix("sha256:")[:_DIGITS]
    with IMPORT_LOCK:
        if prefix in _namespaces:
            return _namespaces[prefix]
        namespace = Namespace(
            prefix=prefix,
            digest=digest,
            modules={module.name: module for module in modules},
            data=dict(data),
            versions=dict(versions),
            isolation=isolation,
        )
        if _wants_files(namespace):
            _write_files(namespace)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        _namespaces[prefix] = namespace
        for name in namespace.modules:
            text = namespace.text(name)
            # No modification time: linecache then never replaces the entry with what a path holds (I8).
            linecache.cache[namespace.filename(name)] = (
                len(text),
                None,
                text.splitlines(keepends=True),
                namespace.filename(name),
            )
        return namespace


def namespace_of(module_name: str) -> Namespace | None:
    """Return the tree that the module `module_name` of `sys.modules` belongs to, or `None`."""
    return _namespaces.get(module_name.partition(".")[0])


def loaded_namespaces() -> tuple[Namespace, ...]:
    """Return every tree of this process."""
    return tuple(_namespaces.values())


def _wants_files(namespace: Namespace) -> bool:
    """Say whether the code looks for itself on disk: then it gets real files, otherwise none are written."""
    marks = (b"__file__", b"__path__", b"pkgutil")
    return bool(namespace.data) or any(mark in module.text for module in namespace.modules.values() for mark in marks)


def _write_files(namespace: Namespace) -> None:
    # mkdtemp makes the folder for this user alone, so nobody else can swap a file under the code.
    directory = Path(tempfile.mkdtemp(prefix=f"kbundle-{namespace.digest[7:19]}-"))
    namespace.directory = directory
    contents = {namespace.filename(name): module.text for name, module in namespace.modules.items()}
    contents |= {os.fspath(directory / path): content for path, content in namespace.data.items()}
    for path, content in contents.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
    atexit.register(_remove_files, directory, os.getpid())


def _remove_files(directory: Path, owner: int) -> None:
    # A forked child runs the same exit handlers; the files are its parent's.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


class _Loader(importlib.abc.InspectLoader):
    """Serves one tree's modules to Python's import system, to `inspect` and to `importlib.resources`."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def exec_module(self, module: ModuleType) -> None:
        namespace = self._namespace
        name = namespace.original(module.__name__)
        if name == namespace.prefix or namespace.is_implicit(name):
            return
        vars(module)["__builtins__"] = namespace.builtins
        code = self.get_code(module.__name__)
        with IMPORT_LOCK, namespace.isolation(namespace, module):
            exec(code, vars(module))  # noqa: S102 - running the bundle's code is what loading it means

    def get_code(self, fullname: str) -> CodeType:
        name = self._namespace.original(fullname)
        text = self._namespace.modules[name].text
        return compile(text, self._namespace.filename(name), "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str | None:
        name = self._namespace.original(fullname)
        return self._namespace.text(name) if name in self._namespace.modules else None

    def is_package(self, fullname: str) -> bool:
        return self._namespace.is_package(self._namespace.original(fullname))

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def get_resource_reader(self, fullname: str) -> importlib.abc.TraversableResources | None:
        directory = self._namespace.directory
        if directory is None:
            return None
        path = directory / self._namespace.original(fullname).replace(".", "/")
        return _Resources(path if self.is_package(fullname) else path.parent)


class _Resources(importlib.abc.TraversableResources):
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def files(self) -> Path:
        return self._directory


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for names below `ROOT` and for no others, so the host's imports never pass through a bundle."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature of PEP 451
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(ROOT):
            return None
        namespace = namespace_of(fullname)
        name = namespace.original(fullname) if namespace else fullname
        if namespace is None or not (name == namespace.prefix or namespace.has(name)):
            # Raised, not None: the path finder must not look for it in the folder of package data.
            raise ModuleNotFoundError(f"the bundle has no module {name!r}", name=fullname)
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(namespace), is_package=name == namespace.prefix)
        if name != namespace.prefix:
            if namespace.is_package(name):
                directory = namespace.directory
                spec.submodule_search_locations = [os.fspath(directory / name.replace(".", "/"))] if directory else []
            if not namespace.is_implicit(name):
                spec.origin = namespace.filename(name)
                spec.has_location = True
                spec.cached = None
        return spec


_finder = _Finder()
