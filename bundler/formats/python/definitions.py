"""What a source file defines at its top level, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bundler.formats.python.parsing import parse


class DefinitionKind(StrEnum):
    """How a name gets its value."""

    CLASS = "class"
    FUNCTION = "function"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A name that a source file defines at its top level, or a class inside such a class.

    `qualname` is the path of attributes that gives it; `key` is the key under which its decorator registers it,
    where that can be read off, with an empty package where only the package cannot.
    """

    module: str
    qualname: str
    line: int
    kind: DefinitionKind
    key: str | None = None

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]


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
    """Yield the definitions of one module; raises `SyntaxError` or `ValueError` where it is not Python."""
    yield from _definitions(_top_level(parse(text)), module, "")


def _definitions(statements: Sequence[ast.stmt], module: str, outer: str) -> Iterator[Definition]:
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            qualname = f"{outer}{statement.name}"
            key = _registered_key(statement, module)
            yield Definition(
                module=module, qualname=qualname, line=statement.lineno, kind=DefinitionKind.CLASS, key=key
            )
            nested = [item for item in statement.body if isinstance(item, ast.ClassDef)]
            yield from _definitions(nested, module, f"{qualname}.")
        elif isinstance(statement, ast.FunctionDef):
            key = _registered_key(statement, module)
            yield Definition(
                module=module, qualname=statement.name, line=statement.lineno, kind=DefinitionKind.FUNCTION, key=key
            )
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            for name in stored_names(statement):
                yield Definition(module=module, qualname=name, line=statement.lineno, kind=DefinitionKind.ASSIGNMENT)


def binds(text: bytes, name: str) -> bool:
    """Say whether the module `text` gives `name` a value at its top level, by definition, import or assignment."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return True  # The closure reports the syntax error with its line.
    for statement in _top_level(tree):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
            return True
        if isinstance(statement, ast.Import | ast.ImportFrom) and any(
            alias.name == "*" or (alias.asname or alias.name) == name for alias in statement.names
        ):
            return True
        if isinstance(statement, ast.Assign | ast.AnnAssign) and name in stored_names(statement):
            return True
    return False


def definition_line(text: bytes, qualname: str) -> int:
    """Return the line, counted from 1, where the module `text` defines `qualname`; 1 where it is not spelled out."""
    body: Sequence[ast.stmt] = _top_level(parse(text))
    line = 1
    for part in qualname.split("."):
        for statement in body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == part:
                line, body = statement.lineno, statement.body
                break
            if isinstance(statement, ast.Assign | ast.AnnAssign) and part in stored_names(statement):
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


def stored_names(node: ast.AST) -> list[str]:
    """Return the names that a statement or target stores, in the order of the text."""
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def _registered_key(statement: ast.ClassDef | ast.FunctionDef, module: str) -> str | None:
    """Return the key that ``@register_keras_serializable(package, name)`` gives, where it can be read off."""
    for decorator in statement.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        called = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
        if called != "register_keras_serializable" or not isinstance(decorator, ast.Call):
            continue
        values: dict[str, ast.expr] = dict(zip(("package", "name"), decorator.args, strict=False))
        values |= {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
        package = _literal(values["package"], module) or "" if "package" in values else "Custom"
        name = _literal(values["name"], module) if "name" in values else statement.name
        return f"{package}>{name or statement.name}" if name is not None else None
    return None


def _literal(value: ast.expr, module: str) -> str | None:
    """Return the text of a constant, or of ``__name__``; the name of a module is known without running it."""
    if isinstance(value, ast.Constant):
        return "" if value.value is None else str(value.value)
    return module if isinstance(value, ast.Name) and value.id == "__name__" else None
