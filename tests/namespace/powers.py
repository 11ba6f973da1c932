"""Asks what a bundle gets for each power of `powers.json`: it must be held, by a stub, a tag or a stand-in."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from bundler.generated import generated_table
from bundler.namespace.guard import Guard
from bundler.namespace.reach import _EVENTED, _FREE, Reach
from bundler.namespace.stand_ins import stand_ins_of
from bundler.namespace.stubs import Stub
from bundler.namespace.tables import Meaning, Named
from bundler.unpacking.confinement import tables_for

FRAMEWORKS = ("tensorflow", "keras", "numpy")


def powers(*, frameworks: bool) -> Iterator[tuple[ModuleType, str, str]]:
    """Yield (module, its dotted name, name of a power) for what is there on this machine."""
    for module_name, names in generated_table(__package__, "powers").items():
        wanted = (module_name.partition(".")[0] in FRAMEWORKS) is frameworks
        module = _module(module_name) if wanted else None
        # Some are there only later, or not in every Python: random._sha512 of 3.13 is None.
        for name in sorted(names) if module is not None else ():
            if getattr(module, name, None) is not None:
                yield module, module_name, name


def handed_out_raw(reach: Reach, wanted: Iterable[tuple[ModuleType, str, str]]) -> list[str]:
    """Return the powers that a bundle would get as they are."""
    raw = []
    for module, module_name, name in wanted:
        place = reach.guard.tables.look(module_name).path
        real, path = getattr(module, name), f"{place}.{name}"
        home = reach._home(real)
        if {path, reach.guard.tables.look(path).path, home.path if home else ""} & _FREE:
            continue
        got = reach.member(module, place, name)
        if got is real or not is_held(reach, got, real):
            raw.append(f"{module_name}.{name}")
    return raw


def is_held(reach: Reach, got: Any, real: Any) -> bool:
    """Say whether what a bundle got for a power asks before it acts, or raises an event where it does."""
    function = got.func if isinstance(got, functools.partial) else got
    tagged = isinstance(function, FunctionType) and function.__builtins__ is reach.guard.builtins
    if tagged and isinstance(real, BuiltinFunctionType) and str(real.__module__) in ("posix", "nt"):
        return real.__name__ in _EVENTED
    return tagged or isinstance(got, Stub) or got is not real


def reach_of(plain: str | None = None, more: Callable[[Reach], Mapping[str, Any]] | None = None) -> Reach:
    """Return what hands out to a bundle; with `plain` by lists that take the power of this name for harmless.

    `more` makes the stand-ins that need a framework.
    """
    tables = tables_for(())
    if plain is not None:
        look, bare = tables.look, plain.rpartition(".")[2]

        def without(path: str) -> Named:
            found = look(path)
            same = path == plain or found.path == look(plain).path or path.rpartition(".")[2] == bare
            return Named(path=found.path, kind=Meaning.PLAIN) if same else found

        tables = dataclasses.replace(tables, look=without)
    guard = Guard(tables=tables)
    return Reach(guard, lambda reach: {**stand_ins_of(reach, {}), **(more(reach) if more else {})})


def _module(name: str) -> ModuleType | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
        try:
            found = pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            return None
    return found if isinstance(found, ModuleType) else None
