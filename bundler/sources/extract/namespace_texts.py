"""The texts that a namespace was made from: a script, the cells of a notebook, a module.

IPython and the REPL of Python 3.13 keep every input in `linecache` under a made-up file name, as it was compiled:
magics and shell lines are calls of ``get_ipython()`` there. The plain REPL of 3.11 and `exec` keep nothing.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import linecache
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
#: Numbers and hashes are what made-up names of one session differ by.
_COUNTER = re.compile(r"[0-9a-f]{6,}|\d+")
#: The file name of all code that the magic ``%%time`` ran; `linecache` does not have it, the history does.
_TIMED = "<timed exec>"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where a text is: under its file name in `linecache` or on disk, or here."""

    filename: str
    label: str
    text: str | None = None


class NamespaceTexts:
    """Finds texts and remembers them."""

    def __init__(self) -> None:
        self._units: dict[_Source, Unit | None] = {}
        self._namespaces: dict[int, tuple[Unit, ...]] = {}
        self._compiled: dict[tuple[Unit, int, bool], tuple[CodeType, ...]] = {}

    def unit_of(self, code: CodeType, namespace: Mapping[str, Any]) -> Unit | None:
        """The text that `code` was compiled from, verified to give this very code, or `None` without any text.

        Raises:
            ValueError: there is a text, but it gives other code: it was changed after it ran.
        """
        named = [unit for unit in self.units(namespace) if unit.filename == code.co_filename]
        if not named:
            source = _Source(filename=code.co_filename, label=_label(code.co_filename))
            named = [unit for unit in [self._unit(source, namespace, -1)] if unit is not None]
        for unit in reversed(named):
            if self.gives(unit, code):
                return unit
        if named:
            raise ValueError(named[-1].at(code.co_firstlineno))
        return None

    def gives(self, unit: Unit, code: CodeType) -> bool:
        """Say whether compiling `unit` gives `code`: all of it at once, or a statement at a time as IPython does.

        The two differ, since Python compiles ``math.sqrt(x)`` in another way where it sees ``import math``.
        """
        flags = code.co_flags & _FUTURES
        return code in self._codes(unit, flags, whole=True) or code in self._codes(unit, flags, whole=False)

    def units(self, namespace: Mapping[str, Any]) -> tuple[Unit, ...]:
        """All texts of a namespace, in the order in which they ran last."""
        if id(namespace) not in self._namespaces:
            units = [self._unit(source, namespace, order) for order, source in enumerate(_sources(namespace))]
            self._namespaces[id(namespace)] = tuple(unit for unit in units if unit is not None)
        return self._namespaces[id(namespace)]

    def _unit(self, source: _Source, namespace: Mapping[str, Any], order: int) -> Unit | None:
        if source not in self._units:
            self._units[source] = _read(source, namespace, order)
        return self._units[source]

    def _codes(self, unit: Unit, flags: int, *, whole: bool) -> tuple[CodeType, ...]:
        key = (unit, flags, whole)
        if key not in self._compiled:
            trees = [unit.tree] if whole else [ast.Module([statement], []) for statement in unit.tree.body]
            flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                codes = [compile(tree, unit.filename, "exec", flags=flags, dont_inherit=True) for tree in trees]
            self._compiled[key] = tuple(inner for code in codes for inner in nested(code))
        return self._compiled[key]


def futures(code: CodeType) -> bool:
    """Say whether annotations of `code` are kept as text (``from __future__ import annotations``)."""
    return bool(code.co_flags & __future__.annotations.compiler_flag)


def functions_of(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """Yield (attribute, function) for what the body of `cls` holds, wrappers undone."""
    for name, value in list(vars(cls).items()):
        for function in unwrapped(value):
            yield name, function


def owners_of(cls: type) -> tuple[str, ...]:
    """Return what the functions of `cls` were defined in, by the qualified name that their code keeps.

    A class may have got another name since it was made: ``make.<locals>.Block`` where its name is ``MixerBlock``.
    """
    own = (item.__code__ for _, item in functions_of(cls) if item.__globals__.get("__name__") == cls.__module__)
    return tuple(dict.fromkeys(code.co_qualname.rpartition(".")[0] for code in own))


def made_name(cls: type) -> str:
    """Return the qualified name that the class statement of `cls` gave it."""
    owners = [name for name in owners_of(cls) if name and not name.endswith("<locals>")]
    if cls.__qualname__ not in owners and len(owners) == 1:
        return owners[0]
    return cls.__qualname__


def unwrapped(value: object, depth: int = 0) -> Iterator[FunctionType]:
    """Yield the functions that `value` is or wraps, as decorators leave them."""
    if depth > 4:
        return
    if isinstance(value, FunctionType):
        yield value
        for content in captured_by(value).values():
            if isinstance(content, FunctionType):
                yield from unwrapped(content, depth + 1)
    elif isinstance(value, property):
        for part in (value.fget, value.fset, value.fdel):
            yield from unwrapped(part, depth + 1)
    for attribute in ("__func__", "__wrapped__", "func", "python_function"):
        inner = vars(value).get(attribute) if hasattr(value, "__dict__") else getattr(value, attribute, None)
        if isinstance(inner, FunctionType):
            yield from unwrapped(inner, depth + 1)


def captured_by(function: FunctionType) -> dict[str, Any]:
    """Return what `function` holds of the functions around it, by name: not what was never assigned, or deleted."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def nested(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and every code object inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def _sources(namespace: Mapping[str, Any]) -> list[_Source]:
    """Return the texts that made `namespace`, in the order in which they ran last."""
    names: dict[str, None] = {}
    file = namespace.get("__file__")
    if isinstance(file, str) and not file.endswith((".pyc", ".so")):
        names[file] = None
    used: dict[str, None] = {}
    for value in list(namespace.values()):
        functions = [value] if isinstance(value, FunctionType) else []
        if isinstance(value, type) and value.__module__ == namespace.get("__name__"):
            functions += [function for _, function in functions_of(value)]
        for function in functions:
            if function.__globals__ is namespace:
                used.setdefault(function.__code__.co_filename)
    cells = _cells(namespace)
    known = {source.filename for source in cells}
    kin = {_COUNTER.sub("#", name) for name in used if not os.path.exists(name)}
    for name in list(linecache.cache):
        if name not in known and name not in used and not os.path.exists(name) and _COUNTER.sub("#", name) in kin:
            used.setdefault(name)
    position = {name: index for index, name in enumerate(linecache.cache)}
    for name in sorted(used, key=lambda name: position.get(name, -1)):
        if name not in known:
            names.setdefault(name)
    return [*(_Source(filename=name, label=_label(name)) for name in names), *cells]


def _cells(namespace: Mapping[str, Any]) -> list[_Source]:
    """Return the cells of an IPython session, by the history that it keeps in its namespace."""
    history = namespace.get("In")
    if not isinstance(history, list) or "get_ipython" not in namespace:
        return []
    by_text = {}
    for name, entry in list(linecache.cache.items()):
        if len(entry) == 4 and not os.path.exists(name):
            by_text["".join(entry[2]).rstrip()] = name
    cells: dict[_Source, int] = {}
    for number, text in enumerate(history):
        for magic, body in _bodies(str(text)):
            filename = by_text.get(body.rstrip())
            if filename is not None and body.strip():
                source = _Source(filename=filename, label="")
            elif magic == "time":
                source = _Source(filename=_TIMED, label="", text=body)
            else:
                continue
            cells.pop(source, None)
            cells[source] = number
    return [replace(source, label=f"cell {number}") for source, number in cells.items()]


def _bodies(text: str) -> Iterator[tuple[str, str]]:
    """Yield a cell, and what a cell magic ran of it: (name of the magic, text)."""
    yield "", text
    if "run_cell_magic(" not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="run_cell_magic"),
                args=[ast.Constant(value=str(magic)), _, ast.Constant(value=str(body))],
            ):
                yield magic, body


def _label(filename: str) -> str:
    return Path(filename).name.strip("<>") or filename


def _read(source: _Source, namespace: Mapping[str, Any], order: int) -> Unit | None:
    filename = source.filename
    if source.text is not None:
        lines = source.text.rstrip("\n").split("\n")
    else:
        if os.path.exists(filename):
            linecache.checkcache(filename)
        lines = [line.rstrip("\r\n") for line in linecache.getlines(filename, dict(namespace))]
    try:
        # What `%%file` and an unsaved editor leave behind may not be Python; it is not a source of anything then.
        tree = ast.parse("\n".join(lines) + "\n")
    except (SyntaxError, ValueError):
        return None
    if not lines:
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Unit(filename=filename, lines=tuple(lines), tree=tree, parents=parents, order=order, label=source.label)
