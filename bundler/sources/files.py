"""From a ``.keras`` file and folders of source to the custom objects, without importing any of that source.

A class node says its module, so its file is looked up by name. A function node, and a class that was defined in a
script, do not; those are searched for by name in the folders given, and must be found exactly once (I11).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler import configtree
from bundler.sources.found import FoundObject
from bundler.sources.locate import Located, Locator, Verdict
from bundler.sources.resolve import Resolution, defines

JSON = Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A top-level class or function of a source file. `key` is the literal name that its decorator registers."""

    module: str
    name: str
    line: int
    is_class: bool
    key: str | None


def resolve_file(
    config: JSON,
    *,
    sources: Sequence[Path],
    locator: Locator,
    is_builtin_function: Callable[[dict[str, JSON]], bool],
) -> Resolution:
    """Find the custom objects of a saved model file in the folders `sources`.

    Args:
        config: the value of ``config.json``.
        sources: folders that stand for entries of `sys.path`.
        locator: says where modules come from; made with the same folders as roots.
        is_builtin_function: says whether a function node is one of Keras's own.
    """
    definitions: list[Definition] | None = None
    unreadable: list[Path] = []
    problems: list[str] = []
    refused: dict[str, list[str]] = {}
    found: dict[tuple[str, str, str, str | None], list[str]] = {}
    for pointer, node in configtree.nodes(config):
        if node["class_name"] == "__lambda__":
            problems.append(
                f"{pointer}: a Python lambda has no source in the file; "
                "write it as a named function in a module and save the model again"
            )
            continue
        is_function = configtree.is_function(node)
        if configtree.is_builtin_class(node) or "module" not in node or (is_function and is_builtin_function(node)):
            continue
        key = configtree.lookup_key(node)
        name = key.rpartition(">")[2] if is_function else str(node["class_name"])
        module = str(node.get("module"))
        located = None if is_function or module in ("None", "builtins", "__main__") else locator.locate(module)
        if located is not None and located.verdict is Verdict.REQUIREMENT:
            found.setdefault((module, name, key, located.distribution), []).append(pointer)
            continue
        if located is not None and located.verdict is Verdict.SOURCE and _binds(located, name):
            found.setdefault((module, name, key, None), []).append(pointer)
            continue
        if definitions is None:
            definitions, unreadable = _definitions(sources)
        candidates = _candidates(definitions, key, name, is_class=not is_function)
        if len(candidates) == 1:
            found.setdefault((candidates[0].module, candidates[0].name, key, None), []).append(pointer)
            continue
        refused.setdefault(_explain(node, name, located, candidates, sources, unreadable), []).append(pointer)
    objects = tuple(
        FoundObject(kind="object", key=key, module=module, qualname=name, paths=tuple(paths), distribution=distribution)
        for (module, name, key, distribution), paths in sorted(found.items(), key=lambda item: item[0][:3])
    )
    problems += [f"{', '.join(pointers)}: {text}" for text, pointers in refused.items()]
    roots = {
        module: defines(item.qualname for item in objects if item.module == module)
        for module in {item.module for item in objects if item.distribution is None}
    }
    return Resolution(objects=objects, roots=roots, problems=tuple(problems))


def _candidates(definitions: Sequence[Definition], key: str, name: str, *, is_class: bool) -> list[Definition]:
    of_kind = [item for item in definitions if item.is_class == is_class]
    if ">" in key:
        by_key = [item for item in of_kind if item.key == key]
        if by_key:
            return by_key
    return [item for item in of_kind if item.name == name]


def _explain(
    node: dict[str, JSON],
    name: str,
    located: Located | None,
    candidates: Sequence[Definition],
    sources: Sequence[Path],
    unreadable: Sequence[Path],
) -> str:
    what = "function" if configtree.is_function(node) else "class"
    if candidates:
        places = ", ".join(f"{item.module} line {item.line}" for item in candidates)
        return f"the {what} {name!r} is defined in {len(candidates)} places ({places}); give one source folder"
    where = ", ".join(str(source) for source in sources) or "no source folder was given"
    module = node.get("module")
    asked = f" of the module {module!r}" if module not in (None, "builtins", "__main__") else ""
    detail = f" ({located.detail})" if located is not None and located.detail else ""
    if unreadable:
        detail += f"; not Python that this version reads: {', '.join(path.name for path in unreadable[:5])}"
    return f"the {what} {name!r}{asked} is not defined in any source file; searched: {where}{detail}"


def _definitions(sources: Sequence[Path]) -> tuple[list[Definition], list[Path]]:
    """Return all top-level definitions below the folders, and the files that are not Python of this version."""
    definitions: list[Definition] = []
    unreadable: list[Path] = []
    for root in sources:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if not module or any(not part.isidentifier() for part in parts):
                continue
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError, OSError):
                unreadable.append(path)
                continue
            definitions += [
                Definition(
                    module=module,
                    name=statement.name,
                    line=statement.lineno,
                    is_class=isinstance(statement, ast.ClassDef),
                    key=_registered_key(statement),
                )
                for statement in _top_level(tree)
                if isinstance(statement, ast.ClassDef | ast.FunctionDef)
            ]
    return definitions, unreadable


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


def _binds(located: Located, name: str) -> bool:
    """Say whether the module's text gives the name `name` a value at its top level."""
    text = located.text if located.text is not None else (located.file.read_bytes() if located.file else b"")
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
