"""Writes tests/namespace/powers.txt: the powers of Python, NumPy, TensorFlow and Keras, as the audit lists them.

Run it after the lists have changed on purpose, and read the difference: the test holds what a bundle gets to this file,
so that a power which falls out of a list by accident is noticed.

    python tools/powers.py > tests/namespace/powers.txt
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import textwrap
import warnings
from types import ModuleType
from typing import Any

from bundler.audit.source import framework_sinks, library_sinks
from bundler.audit.source.lookup import Kind, look

_SKIPPED = frozenset(
    {"antigravity", "this", "idlelib", "turtledemo", "test", "lib2to3", "__main__", "tkinter", "turtle"}
)


def main() -> None:
    """Print one paragraph a module."""
    warnings.simplefilter("ignore")
    roots = [name for name in sorted(sys.stdlib_module_names) if name not in _SKIPPED and not name.startswith("_")]
    roots += ["_io", "_socket", "_thread", "_pickle", "_posixsubprocess", "_ctypes", "posix"]
    tables = (framework_sinks.TENSORFLOW, framework_sinks.KERAS, framework_sinks.NUMPY)
    modules = {name: _module(name) for name in roots}
    for path in sorted({name for table in (*tables, library_sinks.DOORS) for name in table}):
        modules |= {name: module for name in (path.rpartition(".")[0], path) if (module := _reached(name))}
    for name, module in sorted(modules.items()):
        powers = sorted(set(_powers(name, module))) if isinstance(module, ModuleType) else []
        if powers:
            print(name)
            print(textwrap.fill(" ".join(powers), 118, initial_indent="  ", subsequent_indent="  "))


def _powers(name: str, module: ModuleType) -> list[str]:
    found = []
    for member in dir(module):
        value = getattr(module, member, None)
        if member.startswith("__") or isinstance(value, ModuleType) or not callable(value):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        public = getattr(sys.modules.get("numpy"), member, None) if name.startswith("numpy.") else None
        if value is public and look(f"numpy.{member}").kind in (Kind.PLAIN, Kind.CALL):
            continue  # The private module is a door as a whole; this is public under another name.
        if look(f"{name}.{member}").kind is Kind.DOOR:
            found.append(member)
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


if __name__ == "__main__":
    main()
