"""The texts that a namespace was made from: a script, the cells of a notebook, a module.

IPython and the REPL of Python 3.13 keep every input in `linecache` under a made-up file name, as it was compiled:
magics and shell lines are calls of ``get_ipython()`` there. The plain REPL of 3.11 and `exec` keep nothing.
"""

from __future__ import annotations
import __future__

import ast
import linecache
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
#: Numbers and hashes are what made-up names of one session differ by.
_COUNTER = re.compile(r"[0-9a-f]{6,}|\d+")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Unit:
    """One text that was compiled as a whole.

    Attributes:
        filename: the name that code objects have for it.
        lines: its lines, without line ends; line 1 of the tree is ``lines[0]``.
        tree: the parsed text.
        parents: the node above each node.
        order: its place among the texts of its namespace, in the order in which they ran last.
        label: what messages call it; no path.
    """

    filename: str
    lines: tuple[str, ...]
    tree: ast.Module
    parents: Mapping[ast.AST, ast.AST]
    order: int
    label: str

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines) + "\n"

    def at(self, line: int) -> str:
        """Where a line is, for messages."""
        return f"{self.label}, line {line}"

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes above `node`, nearest first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent


class Texts:
    """Finds texts and remembers them."""

    def __init__(self) -> None:
        self._units: dict[str, Unit | None] = {}
        self._namespaces: dict[int, tuple[Unit, ...]] = {}
        self._compiled: dict[tuple[str, int], tuple[CodeType, ...]] = {}

    def unit_of(self, code: CodeType, namespace: Mapping[str, Any]) -> Unit | None:
        """The text that `code` was compiled from, verified to give this very code, or `None` without any text.

        Raises:
            ValueError: there is a text, but it gives other code: it was changed after it ran.
        """
        self.units(namespace)
        unit = self._unit(code.co_filename, namespace)
        if unit is not None:
            self.check(code, unit)
        return unit

    def check(self, code: CodeType, unit: Unit) -> None:
        """Check that the text `unit` gives `code`; raises `ValueError` with the place where it does not."""
        if code not in self._codes(unit, code.co_flags & _FUTURES):
            raise ValueError(unit.at(code.co_firstlineno))

    def units(self, namespace: Mapping[str, Any]) -> tuple[Unit, ...]:
        """All texts of a namespace, in the order in which they ran last."""
        if id(namespace) not in self._namespaces:
            self._namespaces[id(namespace)] = ()
            found = _filenames(namespace)
            units = [self._unit(name, namespace, order, label) for order, (name, label) in enumerate(found.items())]
            self._namespaces[id(namespace)] = tuple(unit for unit in units if unit is not None)
        return self._namespaces[id(namespace)]

    def _unit(self, filename: str, namespace: Mapping[str, Any], order: int = -1, label: str = "") -> Unit | None:
        if filename not in self._units:
            self._units[filename] = _read(filename, namespace, order, label or _label(filename))
        return self._units[filename]

    def _codes(self, unit: Unit, flags: int) -> tuple[CodeType, ...]:
        key = (unit.filename, flags)
        if key not in self._compiled:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                code = compile(unit.text, unit.filename, "exec", flags=flags, dont_inherit=True)
            self._compiled[key] = tuple(_nested(code))
        return self._compiled[key]


def futures(code: CodeType) -> bool:
    """Say whether annotations of `code` are kept as text (``from __future__ import annotations``)."""
    return bool(code.co_flags & __future__.annotations.compiler_flag)


def functions_of(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """Yield (attribute, function) for what the body of `cls` holds, wrappers undone."""
    for name, value in list(vars(cls).items()):
        for function in unwrapped(value):
            yield name, function


def unwrapped(value: object, depth: int = 0) -> Iterator[FunctionType]:
    """Yield the functions that `value` is or wraps, as decorators leave them."""
    if depth > 4:
        return
    if isinstance(value, FunctionType):
        yield value
        for cell in value.__closure__ or ():
            content = _content(cell)
            if isinstance(content, FunctionType):
                yield from unwrapped(content, depth + 1)
    elif isinstance(value, property):
        for part in (value.fget, value.fset, value.fdel):
            yield from unwrapped(part, depth + 1)
    for attribute in ("__func__", "__wrapped__", "func", "python_function"):
        inner = vars(value).get(attribute) if hasattr(value, "__dict__") else getattr(value, attribute, None)
        if isinstance(inner, FunctionType):
            yield from unwrapped(inner, depth + 1)


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # Not assigned yet, or deleted again.
        return None


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _filenames(namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return file name -> label of the texts that made `namespace`, in the order in which they ran last."""
    names: dict[str, str] = {}
    file = namespace.get("__file__")
    if isinstance(file, str) and not file.endswith((".pyc", ".so")):
        names[file] = _label(file)
    used: dict[str, None] = {}
    for value in list(namespace.values()):
        functions = [value] if isinstance(value, FunctionType) else []
        if isinstance(value, type) and value.__module__ == namespace.get("__name__"):
            functions += [function for _, function in functions_of(value)]
        for function in functions:
            if function.__globals__ is namespace:
                used.setdefault(function.__code__.co_filename)
    cells = _cells(namespace)
    kin = {_COUNTER.sub("#", name) for name in used if not os.path.exists(name)}
    for name in list(linecache.cache):
        if name not in cells and name not in used and not os.path.exists(name) and _COUNTER.sub("#", name) in kin:
            used.setdefault(name)
    position = {name: index for index, name in enumerate(linecache.cache)}
    for name in sorted(used, key=lambda name: position.get(name, -1)):
        if name not in cells:
            names.setdefault(name, _label(name))
    return {**names, **cells}


def _cells(namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return file name -> "cell N" for an IPython session, by the history that it keeps in its namespace."""
    history = namespace.get("In")
    if not isinstance(history, list) or "get_ipython" not in namespace:
        return {}
    by_text = {}
    for name, entry in list(linecache.cache.items()):
        if len(entry) == 4 and not os.path.exists(name):
            by_text["".join(entry[2]).rstrip()] = name
    cells: dict[str, str] = {}
    for number, text in enumerate(history):
        filename = by_text.get(str(text).rstrip())
        if filename is not None and str(text).strip():
            cells.pop(filename, None)
            cells[filename] = f"cell {number}"
    return cells


def _label(filename: str) -> str:
    return Path(filename).name.strip("<>") or filename


def _read(filename: str, namespace: Mapping[str, Any], order: int, label: str) -> Unit | None:
    if os.path.exists(filename):
        linecache.checkcache(filename)
    # What `%%file` and an unsaved editor leave behind may not be Python; it is no source of anything then.
    lines = [line.rstrip("\r\n") for line in linecache.getlines(filename, dict(namespace))]
    try:
        tree = ast.parse("\n".join(lines) + "\n")
    except (SyntaxError, ValueError):
        return None
    if not lines:
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Unit(filename=filename, lines=tuple(lines), tree=tree, parents=parents, order=order, label=label)
