"""What the other methods of the author's classes do with an attribute: is it still what the constructor made?"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from bundler.sources.constructor.constructor_text import CHANGES_IN_PLACE, definition
from bundler.sources.live_objects import is_framework

#: What sets attributes whose names no bytecode shows; the last three are those of the package attrs.
_BY_ANY_NAME = frozenset(
    {"setattr", "__setattr__", "__dict__", "vars", "locals", "_setattr", "_inst_dict", "_cached_setattr_get"}
)
#: Calls that give back what they, or the constructor, made before.
_REPEATABLE = frozenset({"int", "float", "str", "bool", "list", "tuple", "dict", "get"})


def changed_later(cls: type, attribute: str, constructor: str = "__init__") -> bool:
    """Say whether a method beside the constructor makes something else of what `attribute` was.

    ``self.x = self.x * 2`` does. ``self.x = self.x or 4`` does not: handing in the 4 gives the same object.
    """
    return any(
        attribute in function.__code__.co_names and _changes(function, attribute)
        for name, function in _functions(cls)
        if name != constructor
    )


def set_by_author(cls: type, attribute: str) -> bool:
    """Say whether code of the author's sets `attribute`, or computes it as a property.

    What the framework keeps under the name of a parameter, or a class has as a constant, is not the argument.
    """
    found = inspect.getattr_static(cls, attribute, None)
    owner = next((base for base in cls.__mro__ if attribute in vars(base)), cls)
    if isinstance(found, property | functools.cached_property):
        return not is_framework(owner.__module__)
    for _, function in _functions(cls):
        names = _names(function.__code__)
        if attribute in names or _BY_ANY_NAME & names:
            return True
    return not any("__init__" in vars(base) and isinstance(vars(base)["__init__"], FunctionType) for base in _own(cls))


def _own(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if not is_framework(base.__module__))


def _functions(cls: type) -> Iterator[tuple[str, FunctionType]]:
    for base in _own(cls):
        for name, value in vars(base).items():
            function = inspect.unwrap(value) if callable(value) else getattr(value, "fset", None)
            if isinstance(function, FunctionType):
                yield name, function


@functools.lru_cache(maxsize=4096)
def _names(code: CodeType) -> frozenset[str]:
    """Return the attributes that `code` sets, and of the names of `_BY_ANY_NAME` those that it uses."""
    stored = frozenset(str(item.argval) for item in dis.get_instructions(code) if item.opname == "STORE_ATTR")
    inner = (_names(item) for item in code.co_consts if isinstance(item, CodeType))
    return stored.union(_BY_ANY_NAME & {*code.co_names}, *inner)


@functools.lru_cache(maxsize=4096)
def _changes(function: FunctionType, attribute: str) -> bool:
    tree = definition(function)
    if tree is None or not tree.args.args:
        return False
    receiver = tree.args.args[0].arg

    def is_it(node: Any) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and node.attr == attribute
            and isinstance(node.value, ast.Name)
            and node.value.id == receiver
        )

    for node in ast.walk(tree):
        match node:
            case ast.AugAssign(target=target) if is_it(target):
                return True
            case ast.Assign(targets=targets, value=value) if any(map(is_it, targets)):
                if any(is_it(item) for item in ast.walk(value)) and not _is_repeatable(value):
                    return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method, value=holder))) if is_it(holder):
                if method in CHANGES_IN_PLACE or method == "append":
                    return True
    return False


def _is_repeatable(value: ast.expr) -> bool:
    if any(isinstance(item, ast.BinOp | ast.UnaryOp) for item in ast.walk(value)):
        return False
    if isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return called in _REPEATABLE
    return isinstance(value, ast.BoolOp | ast.IfExp | ast.Attribute)
