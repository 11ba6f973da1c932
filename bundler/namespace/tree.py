"""The private module tree that a bundle's source runs in (invariants I8 and I9).

Every bundle gets one tree, named for its digest::

    _kbundle_<32 hex digits>                the root, made here; 8 more digits where functions are closed
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

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self, SupportsIndex

from bundler.namespace.guard import Guard, Record

ROOT = "_kbundle_"

#: Held while any bundled module is executed. It is taken *before* Python's own per-module import locks (see
#: `Namespace.load`), because the code that runs under it imports further modules: the other order deadlocks.
IMPORT_LOCK = threading.RLock()
_PATIENCE_S = 300

#: Every tree of this process by prefix; `bundler.namespace.loader` adds to it.
NAMESPACES: dict[str, Namespace] = {}

#: Wraps the execution of one module; the loading room passes the one that keeps Keras's registry private.
Isolation = Callable[["Namespace", ModuleType], AbstractContextManager[None]]


class ModuleName(str):
    """The ``__name__`` of a bundled module: its private name, which also starts as the original name does.

    Packages ask ``cls.__module__.startswith("mypkg")`` to know their own classes (HGQ2's metaclass does, and would
    otherwise leave its layers half made). Everything else sees the private name.
    """

    __slots__ = ("original",)
    original: str

    def __new__(cls, private: str, original: str) -> Self:
        """Return the private name that remembers the original one."""
        name = super().__new__(cls, private)
        name.original = original
        return name

    def startswith(self, prefix: str | tuple[str, ...], *bounds: int) -> bool:  # type: ignore[override]
        """Say whether the private or the original name starts with `prefix`."""
        return str.startswith(self, prefix, *bounds) or self.original.startswith(prefix, *bounds)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Pickle as a plain string: a class is pickled by its module's name, which must be one."""
        return str, (str(self),)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[str], tuple[str]]:
        """Pickle as `__reduce__` does; `str` has a reduction of its own that would win."""
        return self.__reduce__()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleText:
    """The source of one bundled module, as bytes, under its original dotted name.

    Attributes:
        name: the name.
        text: the author's text.
        package: whether it is a package's ``__init__``.
        generated: whether kbundle wrote it.
        closed: the text that runs in its place, with functions closed that nobody accepted (`bundler.audit`).
    """

    name: str
    text: bytes
    package: bool
    generated: bool = False
    closed: bytes | None = None

    @property
    def running(self) -> bytes:
        """The text that runs, and that whoever asks for the source is shown."""
        return self.text if self.closed is None else self.closed


@dataclass(eq=False, kw_only=True)
class Namespace:
    """One bundle's module tree.

    Attributes:
        prefix: the root's name in `sys.modules`.
        digest: the bundle's digest, ``sha256:<64 hex digits>``.
        modules: source by original dotted name.
        data: package data by POSIX path below the source root.
        pickles: what has no source, pickled, by (module, qualname) (see `bundler.namespace.opaque`).
        versions: version by canonical name of each distribution that travels as source.
        directory: where the tree also lies on disk, for code that looks for its files, or `None`.
        guard: what the code may import and call, or `None` for the author's own, which nobody has to accept.
        builtins: the builtins of its modules, with an ``__import__`` of their own.
        opaque: the objects that came out of `pickles`, by (module, qualname).
        original_keys: Keras key by the bundle-unique key that replaces it (see `bundler.keras_io.registry`).
        values_set: whether the values that the author's modules had got since their import have been set in them.
    """

    prefix: str
    digest: str
    modules: Mapping[str, ModuleText]
    data: Mapping[str, bytes]
    versions: Mapping[str, str]
    isolation: Isolation
    guard: Guard | None = None
    pickles: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    opaque: dict[tuple[str, str], Any] = field(default_factory=dict)
    original_keys: dict[str, str] = field(default_factory=dict)
    directory: Path | None = None
    builtins: dict[str, Any] = field(default_factory=dict)
    values_set: bool = False

    def seen(self, module: str) -> Any:
        """Return a module of the host as the code of this tree sees it."""
        return self.builtins["__import__"](module, {"__name__": self.prefix}, None, ("__doc__",), 0)

    def __post_init__(self) -> None:
        """Work out the packages that have no ``__init__.py``."""
        self._implicit = {
            ".".join(parts[:depth])
            for parts in (name.split(".") for name in self.modules)
            for depth in range(1, len(parts))
        } - set(self.modules)

    @property
    def record(self) -> Record:
        """What its code has used and what it was refused; empty for the author's own."""
        return Record() if self.guard is None else self.guard.record

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
        if not IMPORT_LOCK.acquire(timeout=_PATIENCE_S):
            raise ImportError(
                f"waited {_PATIENCE_S} s to import {name!r} while another thread imports bundled code; "
                "a module must not wait, while it is imported, for a thread that imports too",
                name=full_name,
            )
        try:
            return importlib.import_module(full_name)
        finally:
            IMPORT_LOCK.release()

    def filename(self, name: str) -> str:
        """Return the ``__file__`` of the bundled module `name`."""
        path = name.replace(".", "/")
        path += "/__init__.py" if self.modules[name].package else ".py"
        if self.directory:
            return os.fspath(self.directory / path)
        variant = self.prefix[len(ROOT) + 32 :]
        return f"<kbundle {self.digest[7:19]}{variant and '-'}{variant}>/{path}"

    def text(self, name: str) -> str:
        """Return the source of the bundled module `name`, decoded as PEP 263 says."""
        return importlib.util.decode_source(self.modules[name].running)


def namespace_of(module_name: str) -> Namespace | None:
    """Return the tree that the module `module_name` of `sys.modules` belongs to, or `None`."""
    return NAMESPACES.get(module_name.partition(".")[0])


def loaded_namespaces() -> tuple[Namespace, ...]:
    """Return every tree of this process."""
    return tuple(NAMESPACES.values())
