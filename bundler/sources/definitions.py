"""What a source file defines at its top level, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A top-level class or function of a source file. `key` is the literal name that its decorator registers."""

    module: str
    name: str
    line: int
    is_class: bool
    key: str | None


def definitions_below(folders: Sequence[Path]) -> tuple[list[Definition], list[Path]]:
    """Return all top-level definitions below the folders, and the files that are not Python of this version."""
    definitions: list[Definition] = []
    unreadable: list[Path] = []
    for root in folders:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if not module or any(not part.isidentifier() for part in parts):
                continue
            try:
                definitions += definitions_in(path.read_bytes(), module)
            except (SyntaxError, ValueError, OSError):
                unreadable.append(path)
    return definitions, unreadable


def definitions_in(text: bytes, module: str) -> Iterator[Definition]:
    """Yield the top-level definitions of one module; raises `SyntaxError` or `ValueError` where it is not Python."""
    for statement in _top_level(ast.parse(text)):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            yield Definition(
                module=module,
                name=statement.name,
                line=statement.lineno,
                is_class=isinstance(statement, ast.ClassDef),
                key=_registered_key(statement),
            )


def binds(text: bytes, name: str) -> bool:
    """Say whether the module `text` gives `name` a value at its top level, by definition, import or assignment."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return True  # The closure reports the syntax error with its line.
    for statement in _top_level(tree):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
            return True
        if isinstance(statement, ast.Import | ast.ImportFrom) and any(
            alias.name == "*" or (alias.asname or alias.name) == name for alias in statement.names
        ):
            return True
        if isinstance(statement, ast.Assign | ast.AnnAssign) and any(
            isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
            for node in ast.walk(statement)
        ):
            return True
    return False


def definition_line(text: bytes, qualname: str) -> int:
    """Return the line, counted from 1, where the module `text` defines `qualname`; 1 where it is not spelled out."""
    body: Sequence[ast.stmt] = _top_level(ast.parse(text))
    line = 1
    for part in qualname.split("."):
        for statement in body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == part:
                line, body = statement.lineno, statement.body
                break
            if isinstance(statement, ast.Assign | ast.AnnAssign) and any(
                isinstance(node, ast.Name) and node.id == part and isinstance(node.ctx, ast.Store)
                for node in ast.walk(statement)
            ):
                return statement.lineno
    return line


def _top_level(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements that bind names of the module, also those under ``if`` and ``try``."""
    statements: list[ast.stmt] = []
    stack: list[ast.stmt] = list(tree.body)
    while stack:
        statement = stack.pop(0)
        statements.append(statement)
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for field in ("body", "orelse", "finalbody"):
                stack.extend(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                stack.extend(handler.body)
    return statements


def _registered_key(statement: ast.ClassDef | ast.FunctionDef) -> str | None:
    """Return the key that ``@register_keras_serializable(package, name)`` gives, where both are literals."""
    for decorator in statement.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        called = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
        if called != "register_keras_serializable" or not isinstance(decorator, ast.Call):
            continue
        values: dict[str, ast.expr] = dict(zip(("package", "name"), decorator.args, strict=False))
        values |= {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
        if all(isinstance(value, ast.Constant) for value in values.values()):
            literal = {field: value.value for field, value in values.items() if isinstance(value, ast.Constant)}
            return f"{literal.get('package', 'Custom')!s}>{literal.get('name') or statement.name!s}"
    return None
