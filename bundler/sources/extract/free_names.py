"""Which names a piece of code takes from outside of it."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names that a text takes from its module.

    `every` has all of them, `at_once` those that are read as soon as the text runs (bases, decorators, defaults),
    `written` those that functions of the text rebind with ``global``.
    """

    every: frozenset[str]
    at_once: frozenset[str]
    written: frozenset[str]

    @classmethod
    def nothing(cls) -> Names:
        """Return no names."""
        return cls(every=frozenset(), at_once=frozenset(), written=frozenset())


def names_of(text: str, *, lazy_annotations: bool = False) -> Names:
    """Return the names that the statements of `text` take from outside, builtins included.

    Args:
        text: top-level statements.
        lazy_annotations: annotations are not evaluated.

    Raises:
        SyntaxError: the text does not stand for itself, as a function that writes a ``nonlocal`` name.
    """
    table = symtable.symtable(text, "<extracted>", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    every: set[str] = set()
    written: set[str] = set()
    _collect(table, every, written, top=True)
    tree = ast.parse(text)
    every |= _class_copies(tree)
    immediate = _Immediate(lazy_annotations)
    immediate.visit(tree)
    every -= bound
    return Names(every=frozenset(every), at_once=frozenset(immediate.names & every), written=frozenset(written))


def line_of(node: ast.AST, name: str) -> int:
    """Return the first line at or below `node` that reads `name`."""
    lines = [item.lineno for item in ast.walk(node) if isinstance(item, ast.Name) and item.id == name]
    return min(lines, default=getattr(node, "lineno", 1))


def _collect(table: symtable.SymbolTable, every: set[str], written: set[str], *, top: bool) -> None:
    for symbol in table.get_symbols():
        if top:
            if symbol.is_referenced():
                every.add(symbol.get_name())
        elif symbol.is_global():
            every.add(symbol.get_name())
            if symbol.is_assigned():
                written.add(symbol.get_name())
    for child in table.get_children():
        _collect(child, every, written, top=False)


def _class_copies(tree: ast.AST) -> set[str]:
    """Return the names that a class body takes from outside under their own name: ``units = units``."""
    return {
        statement.value.id
        for cls in ast.walk(tree)
        if isinstance(cls, ast.ClassDef)
        for statement in cls.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Name)
        and any(isinstance(target, ast.Name) and target.id == statement.value.id for target in statement.targets)
    }


class _Immediate(ast.NodeVisitor):
    """Collects the names outside of function bodies."""

    def __init__(self, lazy_annotations: bool) -> None:
        self.names: set[str] = set()
        self._lazy = lazy_annotations

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)
        if not self._lazy:
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            arguments += [argument for argument in (node.args.vararg, node.args.kwarg) if argument is not None]
            for annotation in (*(argument.annotation for argument in arguments), node.returns):
                if annotation is not None:
                    self.visit(annotation)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in (*node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if not self._lazy:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
