"""Where the texts of a namespace bind a name at their top level, and imports written anew."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from bundler.formats.python import relative_imports
from bundler.namespace import namespace_of
from bundler.sources.extract.constant_values import awake, same
from bundler.sources.extract.namespace_texts import Unit
from bundler.sources.extract.segments import Definition
from bundler.sources.places import SCRIPTS

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TopLevelBinding:
    """One statement that gives `name` a value. `alias` is set for imports; `name` is ``*`` for a star import."""

    name: str
    unit: Unit
    node: ast.stmt
    alias: ast.alias | None = None

    @property
    def in_loop(self) -> bool:
        """The statement may run more than once."""
        return any(isinstance(above, _LOOPS) for above in self.unit.above(self.node))


def bindings_in(unit: Unit, statements: Sequence[ast.stmt]) -> Iterator[TopLevelBinding]:
    """Yield the bindings of `statements` in order, those under ``if``, ``try``, ``with`` and loops included."""
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                bound = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
                yield TopLevelBinding(name=bound, unit=unit, node=node, alias=alias)
        elif isinstance(node, Definition):
            yield TopLevelBinding(name=node.name, unit=unit, node=node)
        else:
            for name in _stored(node):
                yield TopLevelBinding(name=name, unit=unit, node=node)
            for field in ("body", "orelse", "handlers", "finalbody", "cases"):
                for inner in getattr(node, field, []):
                    yield from bindings_in(unit, inner.body if not isinstance(inner, ast.stmt) else [inner])


def _stored(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement stores itself, without the statements inside it and other scopes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case | ast.Lambda | ast.comprehension):
            yield from _stored(child)


def import_text(binding: TopLevelBinding, value: object, namespace: Mapping[str, Any]) -> str | None:
    """Return an import statement of one alias that gives `value` under the name of `binding`, or `None`.

    Relative imports are made absolute; a star import becomes the import of the one name.
    """
    node, alias = binding.node, binding.alias
    if isinstance(node, ast.Import) and alias is not None:
        module = sys.modules.get(alias.name if alias.asname else alias.name.partition(".")[0])
        if not same(module, value):
            return None
        return f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    if isinstance(node, ast.ImportFrom) and alias is not None:
        origin = absolute(node, namespace)
        if origin is None or origin in SCRIPTS or not _gives(origin, alias.name, value):
            return None
        return f"from {public_name(origin)} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
    return None


def star_text(binding: TopLevelBinding, name: str, value: object, namespace: Mapping[str, Any]) -> str | None:
    """Return the import of `name` from the module of a star import, where that gives `value`."""
    origin = absolute(binding.node, namespace) if isinstance(binding.node, ast.ImportFrom) else None
    if origin is None or not _gives(origin, name, value):
        return None
    return f"from {public_name(origin)} import {name}"


def import_by_value(name: str, value: object) -> str | None:
    """Return an import statement that gives `value`, a module or what a module has as an attribute, as `name`."""
    if isinstance(value, ModuleType):
        origin = value.__name__
        if sys.modules.get(origin) is not awake(value) or origin in SCRIPTS:
            return None
        origin = public_name(origin)
        return f"import {origin}" if origin == name else f"import {origin} as {name}"
    try:
        module, attribute = getattr(value, "__module__", None), getattr(value, "__name__", None)
    except Exception:  # noqa: BLE001 - an author's __getattr__ may raise anything for a name that it does not know
        return None
    if not isinstance(module, str) or not isinstance(attribute, str) or module in SCRIPTS:
        return None
    if not attribute.isidentifier() or not _gives(module, attribute, value):
        return None
    return f"from {public_name(module)} import {attribute}" + ("" if attribute == name else f" as {name}")


def absolute(node: ast.ImportFrom, namespace: Mapping[str, Any]) -> str | None:
    """Return the full name of the module that a from-import names."""
    if not node.level:
        return node.module
    package = namespace.get("__package__")
    if not isinstance(package, str) or not package:
        own = str(namespace.get("__name__"))
        package = own if "__path__" in namespace else own.rpartition(".")[0]
    name = relative_imports.absolute(node.module or "", node.level, package)
    return None if name.startswith(".") else name


def public_name(module: str) -> str:
    """Return the name that a module has in source; one of a loaded bundle runs under another."""
    namespace = namespace_of(module)
    return namespace.original(module) if namespace is not None else module


def _gives(module: str, name: str, value: object) -> bool:
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    try:
        found = getattr(loaded, name)
    except Exception:  # noqa: BLE001 - a module's own __getattr__ may import something, and raise anything
        found = sys.modules.get(f"{module}.{name}")
    # A framework's lazy attribute may give a new wrapper each time; a class or a function does not.
    return same(found, value)


def guarded_import(unit: Unit, node: ast.stmt) -> ast.Try | None:
    """Return the ``try ... except ImportError`` around an import, where imports and constants are all it has."""
    around = unit.parents.get(node)
    if isinstance(around, ast.ExceptHandler):
        around = unit.parents.get(around)
    if not isinstance(around, ast.Try) or around.finalbody:
        return None
    caught = [handler.type for handler in around.handlers]
    names = [getattr(item, "id", "") for item in caught]
    inside = [*around.body, *around.orelse, *(item for handler in around.handlers for item in handler.body)]
    if not all(name in ("ImportError", "ModuleNotFoundError") for name in names):
        return None
    return around if all(_is_quiet(item) for item in inside) else None


def _is_quiet(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return not getattr(node, "level", 0)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
