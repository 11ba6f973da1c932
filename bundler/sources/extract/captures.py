"""What a function or class took from the function around it, and that its text alone does not say."""

from __future__ import annotations

import ast
import builtins
import dis
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from bundler.sources.extract.constant_values import computed, is_plain, same
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.match import Match, described
from bundler.sources.extract.namespace_texts import captured_by, functions_of, nested


def captured(match: Match, obj: type | FunctionType) -> dict[str, Any]:
    """Return name -> value of the names of `obj` that its surroundings had, as they are now.

    The cells of closures; and what the definition read once: bases, defaults, and ``units = units`` in a class body.

    Raises:
        NotExtractable: the definition read another value once than its text would read now.
    """
    values: dict[str, Any] = {}
    functions: list[FunctionType] = []
    if isinstance(obj, FunctionType):
        functions = [obj]
        _add_defaults(values, match, match.node, obj)
    elif isinstance(match.node, ast.ClassDef):
        functions = [function for _, function in functions_of(obj) if _is_inside(match, function)]
        bases = getattr(obj, "__orig_bases__", obj.__bases__)
        match match.node.bases:
            case [ast.Starred(value=ast.Name(id=name))]:
                values[name] = tuple(bases)
        for base, value in zip(match.node.bases, bases, strict=False):
            if isinstance(base, ast.Starred):
                break
            if isinstance(base, ast.Name):
                values.setdefault(base.id, value)
        for statement in match.node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=name)) if target in vars(obj):
                    values.setdefault(name, vars(obj)[target])
                case ast.FunctionDef(name=name):
                    method = vars(obj).get(name)
                    if isinstance(method, FunctionType):
                        _add_defaults(values, match, statement, method)
    cells: dict[str, Any] = {}
    for function in functions:
        # What was never assigned fails when it is read in the original, too.
        cells |= captured_by(function)
    cells.pop("__class__", None)
    read_later = set().union(*(_globals_read(function.__code__) for function in functions))
    later = {**{name: match.namespace[name] for name in read_later & set(match.namespace)}, **cells}
    for name, value in values.items():
        if not same(later.get(name, value), value):
            raise defined_before(match, obj, name)
    values |= cells
    for expression, value in _computed_once(match.node, obj):
        around = {**vars(builtins), **match.namespace, **values}
        if is_plain(value) and (now := computed(expression, around)) is not None and not same(now[0], value):
            names = [item.id for item in ast.walk(expression) if isinstance(item, ast.Name)]
            raise defined_before(match, obj, names[0])
    return values


def defined_before(match: Match, obj: type | FunctionType, name: str) -> NotExtractable:
    """Return the refusal of `obj`, which read `name` when it had another value."""
    return NotExtractable(
        f"{match.where}: {described(obj)} was defined when {name!r} had another value; run it again, or give one of "
        "the values another name, and make the model anew"
    )


def surroundings(match: Match) -> set[str]:
    """Return the names that the functions around the definition bind."""
    names: set[str] = set()
    for above in match.unit.above(match.node):
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = above.args
            names.update(argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
            names.update(item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None)
            names.update(stored(above))
    return names


def stored(function: ast.AST) -> Iterator[str]:
    """Yield the names that a function, or another statement, binds itself."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
            continue
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0]
        if not isinstance(child, ast.Lambda):
            yield from stored(child)


def _is_inside(match: Match, function: FunctionType) -> bool:
    node = match.node
    code = function.__code__
    return code.co_filename == match.unit.filename and node.lineno <= code.co_firstlineno <= (
        node.end_lineno or node.lineno
    )


def _add_defaults(values: dict[str, Any], match: Match, node: ast.AST, function: FunctionType) -> None:
    for item, value in defaults_of(node, function):
        if not isinstance(item, ast.Name) or (match.node is node and is_plain(value)):
            continue  # The function that is written has the plain values themselves, where its names have others now.
        if not same(values.setdefault(item.id, value), value):
            raise defined_before(match, function, item.id)


def defaults_of(node: ast.AST, function: FunctionType) -> Iterator[tuple[ast.expr, Any]]:
    """Yield the default values of `function` with their expressions in its definition `node`."""
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments) or len(arguments.defaults) != len(function.__defaults__ or ()):
        return
    yield from zip(arguments.defaults, function.__defaults__ or (), strict=True)
    given = function.__kwdefaults__ or {}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None and argument.arg in given:
            yield default, given[argument.arg]


def _computed_once(node: ast.AST, obj: type | FunctionType) -> Iterator[tuple[ast.expr, Any]]:
    """Yield what the definition computed once from names, and what came out: defaults, values of a class body."""
    if isinstance(obj, FunctionType):
        return
    statements = node.body if isinstance(node, ast.ClassDef) else []
    own = [item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)]
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=expression)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as expression)
            ):
                pairs = [(expression, vars(obj)[name])] if name in vars(obj) and own.count(name) == 1 else []
            case ast.FunctionDef(name=name):
                method = vars(obj).get(name)
                pairs = list(defaults_of(statement, method)) if isinstance(method, FunctionType) else []
            case _:
                continue
        for expression, value in pairs:
            if not any(isinstance(item, ast.Name) and item.id in own for item in ast.walk(expression)):
                yield expression, value


def _globals_read(code: CodeType) -> set[str]:
    """Return the globals that `code`, and the functions in it, read when they run."""
    instructions = (item for inner in nested(code) for item in dis.get_instructions(inner))
    return {str(item.argval) for item in instructions if item.opname == "LOAD_GLOBAL"}
