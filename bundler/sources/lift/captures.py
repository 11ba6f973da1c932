"""What a function or class took from the function around it, and that its text alone does not say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from bundler.sources.lift.match import Match
from bundler.sources.lift.texts import functions_of


def captured(match: Match, obj: type | FunctionType) -> dict[str, Any]:
    """Return name -> value of the names of `obj` that its surroundings had, as they are now.

    The cells of closures; and what the definition read once: bases, defaults, and ``units = units`` in a class body.
    """
    values: dict[str, Any] = {}
    functions: list[FunctionType] = []
    if isinstance(obj, FunctionType):
        functions = [obj]
        _add_defaults(values, match.node, obj)
    elif isinstance(match.node, ast.ClassDef):
        functions = [function for _, function in functions_of(obj) if _is_inside(match, function)]
        for base, value in zip(match.node.bases, getattr(obj, "__orig_bases__", obj.__bases__), strict=False):
            if isinstance(base, ast.Name):
                values.setdefault(base.id, value)
        for statement in match.node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=name)) if target in vars(obj):
                    values.setdefault(name, vars(obj)[target])
                case ast.FunctionDef(name=name):
                    method = vars(obj).get(name)
                    if isinstance(method, FunctionType):
                        _add_defaults(values, statement, method)
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name == "__class__":
                continue
            try:
                values[name] = cell.cell_contents
            except ValueError:  # Never assigned: reading it fails in the original, too.
                continue
    return values


def surroundings(match: Match) -> set[str]:
    """Return the names that the functions around the definition bind."""
    names: set[str] = set()
    for above in match.unit.above(match.node):
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = above.args
            names.update(argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
            names.update(item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None)
            names.update(_stored(above))
    return names


def _stored(function: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
            continue
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0]
        if not isinstance(child, ast.Lambda):
            yield from _stored(child)


def _is_inside(match: Match, function: FunctionType) -> bool:
    node = match.node
    code = function.__code__
    return code.co_filename == match.unit.filename and node.lineno <= code.co_firstlineno <= (
        node.end_lineno or node.lineno
    )


def _add_defaults(values: dict[str, Any], node: ast.AST, function: FunctionType) -> None:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments) or len(arguments.defaults) != len(function.__defaults__ or ()):
        return
    for item, value in zip(arguments.defaults, function.__defaults__ or (), strict=True):
        if isinstance(item, ast.Name):
            values.setdefault(item.id, value)
    given = function.__kwdefaults__ or {}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if isinstance(default, ast.Name) and argument.arg in given:
            values.setdefault(default.id, given[argument.arg])
