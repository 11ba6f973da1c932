"""What a packed module defines, imports and names, as far as its text tells; nothing is executed.

The outline answers three questions only: is a declared object spelled out here, and in which line; which other packed
modules does this one lead to; which data files can it mean. It errs on the side of leading somewhere: a name in a
string counts as one that may be imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bundler.formats.python.definitions import stored_names
from bundler.formats.python.parsing import parse
from bundler.formats.python.relative_imports import absolute

_LONGEST_TEXT = 1_024
_MOST_TEXTS = 20_000
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While, ast.Match)
_IMPORTERS = frozenset({"import_module", "__import__"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """One module.

    Attributes:
        spelled: the lines, counted from 1, in which each qualified name gets its value by ``def``, ``class`` or an
            assignment; of a class in a class as well.
        bound: names that the top level imports.
        imports: dotted names that importing or running this module may import, absolute.
        texts: short strings of the code.
        computed: it imports by a name that is computed.
        parsed: this Python can parse it; nothing else is known where it cannot.
    """

    spelled: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    computed: bool = False
    parsed: bool = True


def definitions_of(texts: Mapping[str, bytes], packages: frozenset[str] = frozenset()) -> dict[str, Outline]:
    """Return the outline of each module.

    Args:
        texts: module name -> its text.
        packages: the modules that are an ``__init__.py``; a relative import means something else in these.
    """
    return {name: _outline(text, name, is_package=name in packages) for name, text in texts.items()}


def _outline(text: bytes, module: str, *, is_package: bool) -> Outline:
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # The audit of the source says so, with the line.
        return Outline(parsed=False)
    spelled: dict[str, list[int]] = {}
    bound: set[str] = set()
    for name, line in _definitions(tree.body, ""):
        spelled.setdefault(name, []).append(line)
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    reader = _OutlineReader(module if is_package else module.rpartition(".")[0])
    reader.read(tree)
    return Outline(
        spelled={name: tuple(lines) for name, lines in spelled.items()},
        bound=frozenset(bound),
        imports=frozenset(reader.imports),
        texts=frozenset(reader.texts),
        computed=reader.computed,
    )


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of one scope, those in its blocks too, in the order of the text."""
    stack = body[::-1]
    while stack:
        statement = stack.pop()
        yield statement
        if isinstance(statement, _BLOCKS):
            parts: list[ast.stmt] = []
            for name in ("body", "handlers", "cases", "orelse", "finalbody"):
                for part in getattr(statement, name, ()):
                    parts += part.body if isinstance(part, ast.ExceptHandler | ast.match_case) else [part]
            stack += parts[::-1]


def _definitions(body: list[ast.stmt], outer: str) -> Iterator[tuple[str, int]]:
    stack = [(outer, body)]
    while stack:
        prefix, statements = stack.pop()
        for statement in _statements(statements):
            if isinstance(statement, _DEFINITIONS):
                yield f"{prefix}{statement.name}", statement.lineno
                if isinstance(statement, ast.ClassDef) and len(prefix) < _LONGEST_TEXT:
                    stack.append((f"{prefix}{statement.name}.", statement.body))
            elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
                for name in stored_names(statement):
                    yield f"{prefix}{name}", statement.lineno
            elif isinstance(statement, ast.For | ast.AsyncFor):
                for name in stored_names(statement.target):
                    yield f"{prefix}{name}", statement.lineno


class _OutlineReader:
    """One pass over a whole tree, with an explicit stack: crafted source nests deeper than Python recurses."""

    def __init__(self, package: str) -> None:
        self.imports: set[str] = set()
        self.texts: set[str] = set()
        self.computed = False
        self._package = package

    def read(self, tree: ast.Module) -> None:
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            match node:
                case ast.Constant(value=str() as text):
                    if 0 < len(text) <= _LONGEST_TEXT and len(self.texts) < _MOST_TEXTS:
                        self.texts.add(text)
                case ast.Import():
                    self.imports |= {alias.name for alias in node.names}
                case ast.ImportFrom():
                    # Past its top-level package a module of a bundle finds the bundle's other ones.
                    name = absolute(node.module or "", node.level, self._package).lstrip(".")
                    self.imports.add(name)
                    self.imports |= {f"{name}.{alias.name}".lstrip(".") for alias in node.names}
                case ast.Call():
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if called in _IMPORTERS:
                        self._look_at_import(node)
            stack.extend(ast.iter_child_nodes(node))

    def _look_at_import(self, call: ast.Call) -> None:
        match call.args:
            case [ast.Constant(value=str() as name), *_]:
                stem = name.lstrip(".")
                self.imports.add(absolute(stem, len(name) - len(stem), self._package).lstrip("."))
            case _:
                self.computed = True
