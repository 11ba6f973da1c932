"""The powers of Python, NumPy, TensorFlow and Keras, as the audit lists them, in this environment.

The test holds what a bundle gets to this table, so that a power which falls out of a list by accident is noticed. One
that was taken out on purpose stays in the table until it is made ``--anew``.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from types import ModuleType
from typing import Any

from bundler.audit.source import framework_sinks, library_sinks
from bundler.audit.source.lookup import Kind, look

_SKIPPED = frozenset(
    {"antigravity", "this", "idlelib", "turtledemo", "test", "lib2to3", "__main__", "tkinter", "turtle"}
)


def powers() -> dict[str, Any]:
    """Return the tree of the table `powers`: names by module."""
    warnings.simplefilter("ignore")
    roots = [name for name in sorted(sys.stdlib_module_names) if name not in _SKIPPED and not name.startswith("_")]
    roots += ["_io", "_socket", "_thread", "_pickle", "_posixsubprocess", "_ctypes", "posix"]
    tables = (framework_sinks.TENSORFLOW, framework_sinks.KERAS, framework_sinks.NUMPY)
    modules = {name: _module(name) for name in roots}
    for path in sorted({name for table in (*tables, library_sinks.SINKS) for name in table}):
        modules |= {name: module for name in (path.rpartition(".")[0], path) if (module := _reached(name))}
    return {
        name: found
        for name, module in modules.items()
        if isinstance(module, ModuleType) and (found := _powers(name, module))
    }


def _powers(name: str, module: ModuleType) -> set[str]:
    found = set()
    for member in dir(module):
        value = getattr(module, member, None)
        if member.startswith("__") or isinstance(value, ModuleType) or not callable(value):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        public = getattr(sys.modules.get("numpy"), member, None) if name.startswith("numpy.") else None
        if value is public and look(f"numpy.{member}").kind in (Kind.PLAIN, Kind.CALL):
            continue  # The private module is a sink as a whole; this is public under another name.
        if look(f"{name}.{member}").kind is Kind.SINK:
            found.add(member)
    return found


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - modules of other systems fail in their own ways
        return None


def _reached(path: str) -> ModuleType | None:
    try:
        value: Any = pkgutil.resolve_name(path)
    except Exception:  # noqa: BLE001 - the lists cover several versions
        return None
    return value if isinstance(value, ModuleType) else None
