"""Makes a bundle's module tree known to Python: opening it, finding its modules, running them."""

from __future__ import annotations

import atexit
import builtins
import functools
import hashlib
import importlib.abc
import importlib.machinery
import importlib.resources.abc
import linecache
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType

from bundler.archive.scratch import private_folder, written_below
from bundler.errors import RebuildFailed
from bundler.namespace import tree
from bundler.namespace.builtin_guards import guarded_builtins
from bundler.namespace.effects import Crossing, always, net
from bundler.namespace.guard import Guard
from bundler.namespace.imports import bundle_import, host_codes, import_stand_ins, module_named
from bundler.namespace.reach import Reach
from bundler.namespace.shield import ShieldedModule
from bundler.namespace.stand_ins import modules_of, stand_ins_of

#: How much of the digest names a tree: 128 bits, so nobody can make two bundles that share one.
_DIGITS = 32


def open_namespace(
    digest: str,
    modules: Sequence[tree.ModuleText],
    data: Mapping[str, bytes],
    *,
    versions: Mapping[str, str],
    isolation: tree.Isolation,
    guard: Guard | None = None,
    pickles: Mapping[tuple[str, str], bytes] | None = None,
) -> tree.Namespace:
    """Return the tree of the bundle `digest`, made at the first call; nothing of the bundle is executed yet.

    A tree that is there already keeps its guard, which then accepts what `guard` accepts too. One with other functions
    closed is another tree.

    Raises:
        RebuildFailed: a module is not a text, or the files that the code looks for cannot be written.
    """
    prefix = tree.ROOT + digest.removeprefix("sha256:")[:_DIGITS] + _variant(modules)
    with tree.IMPORT_LOCK:
        if prefix in tree.NAMESPACES:
            known = tree.NAMESPACES[prefix]
            if guard is not None and known.guard is not None:
                # Whoever loads it now has accepted these words, and the code is one for all who loaded it.
                known.guard.join(guard)
            if known.directory is not None and not known.directory.is_dir():
                _write_files(known)  # Something tidied the place for temporary files up.
            return known
        namespace = tree.Namespace(
            prefix=prefix,
            digest=digest,
            modules={module.name: module for module in modules},
            data=dict(data),
            versions=dict(versions),
            isolation=isolation,
            guard=guard,
            pickles=dict(pickles or {}),
        )
        texts = {name: _text(namespace, name) for name in namespace.modules}
        if _wants_files(namespace):
            _write_files(namespace)
        namespace.builtins.update(vars(builtins))
        reach = None if guard is None else _held(namespace, guard)
        namespace.builtins["__import__"] = bundle_import(namespace, reach)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        tree.NAMESPACES[prefix] = namespace
        for name, text in texts.items():
            # No modification time: linecache then never replaces the entry with what a path holds (I8).
            linecache.cache[namespace.filename(name)] = (
                len(text),
                None,
                text.splitlines(keepends=True),
                namespace.filename(name),
            )
        return namespace


def _variant(modules: Sequence[tree.ModuleText]) -> str:
    """Return what tells a tree with closed functions from one where somebody accepted what they ask for."""
    closed = sorted((module.name, module.closed) for module in modules if module.closed is not None)
    return hashlib.sha256(repr(closed).encode()).hexdigest()[:8] if closed else ""


def _held(namespace: tree.Namespace, guard: Guard) -> Reach:
    """Hold the code of a tree that is not running yet to `guard`, by name and by effect."""
    guard.builtins, guard.root = namespace.builtins, namespace.prefix
    guard.files = {namespace.filename(name): name for name in namespace.modules}

    more: dict[str, object] = {}

    def stand_ins(reach: Reach) -> dict[str, object]:
        modules = modules_of(functools.partial(module_named, namespace, reach))
        more.update({} if guard.stand_ins is None else guard.stand_ins(reach))
        return {**stand_ins_of(reach, modules), **import_stand_ins(namespace, reach), **more}

    reach = Reach(guard, stand_ins)
    guarded = guarded_builtins(reach)
    for path, value in more.items():
        module, _, name = path.partition(".")
        if module == "builtins":
            guarded[name] = value
    namespace.builtins.update(guarded)
    reach.stand_in({f"builtins.{name}": value for name, value in guarded.items()})
    handles = net()
    handles.cross(Crossing(code=code, crosses=always) for code in host_codes())
    handles.watch(guard)
    return reach


def _text(namespace: tree.Namespace, name: str) -> str:
    try:
        return namespace.text(name)
    except (SyntaxError, ValueError, LookupError) as error:
        raise RebuildFailed(
            f"the source of a module is not Python text: {error}",
            place=name,
            hint="ask the author for a new bundle; this one was not written by kbundle",
        ) from error


def _wants_files(namespace: tree.Namespace) -> bool:
    """Say whether the code looks for itself on disk: then it gets real files, otherwise none are written."""
    marks = (b"__file__", b"__path__", b"pkgutil")
    return bool(namespace.data) or any(
        mark in module.running for module in namespace.modules.values() for mark in marks
    )


def _write_files(namespace: tree.Namespace) -> None:
    if namespace.directory is None:
        namespace.directory = private_folder(f"kbundle-{namespace.digest[7:19]}-")
        atexit.register(_remove_files, namespace.directory, os.getpid())
    else:
        with written_below(namespace.directory):
            namespace.directory.mkdir(mode=0o700)
    directory = namespace.directory
    if namespace.guard is not None:
        namespace.guard.folder = os.fspath(directory)
    contents = {namespace.filename(name): module.running for name, module in namespace.modules.items()}
    contents |= {os.fspath(directory / path): content for path, content in namespace.data.items()}
    with written_below(directory):
        for path, content in contents.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(content)


def _remove_files(directory: Path, owner: int) -> None:
    # A forked child runs the same exit handlers; the files are its parent's.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


class _Loader(importlib.abc.InspectLoader):
    """Serves one tree's modules to Python's import system, to `inspect` and to `importlib.resources`."""

    def __init__(self, namespace: tree.Namespace) -> None:
        self._namespace = namespace

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None if self._namespace.guard is None else ShieldedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        namespace = self._namespace
        name = namespace.original(module.__name__)
        if name == namespace.prefix or namespace.is_implicit(name):
            return
        vars(module)["__builtins__"] = namespace.builtins
        vars(module)["__name__"] = tree.ModuleName(module.__name__, name)
        code = self.get_code(module.__name__)
        with tree.IMPORT_LOCK, namespace.isolation(namespace, module):
            exec(code, vars(module))  # noqa: S102 - running the bundle's code is what loading it means

    def get_code(self, fullname: str) -> CodeType:
        name = self._namespace.original(fullname)
        text = self._namespace.modules[name].running
        return compile(text, self._namespace.filename(name), "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str | None:
        name = self._namespace.original(fullname)
        return self._namespace.text(name) if name in self._namespace.modules else None

    def is_package(self, fullname: str) -> bool:
        return self._namespace.is_package(self._namespace.original(fullname))

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def get_resource_reader(self, fullname: str) -> importlib.resources.abc.TraversableResources | None:
        directory = self._namespace.directory
        if directory is None:
            return None
        path = directory / self._namespace.original(fullname).replace(".", "/")
        return _Resources(path if self.is_package(fullname) else path.parent)


class _Resources(importlib.resources.abc.TraversableResources):
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
        if not fullname.startswith(tree.ROOT):
            return None
        namespace = tree.namespace_of(fullname)
        name = namespace.original(fullname) if namespace else fullname
        if namespace is None:
            raise ModuleNotFoundError(
                f"the bundle whose code is {fullname.partition('.')[0]!r} is not loaded in this process; unbundle it "
                "first, or pickle the model that unbundle returned as a whole: that carries its code",
                name=fullname,
            )
        if not (name == namespace.prefix or namespace.has(name)):
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
