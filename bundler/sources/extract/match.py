"""From a live function or class to the node of the text that made it.

A code object says where it was compiled: its file name, its first line and, since Python 3.11, the columns of every
instruction, which tell two lambdas of one line apart. `NamespaceTexts.unit_of` has checked that the text gives this
very code.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from bundler.sources.extract.constant_values import literal_is
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.namespace_texts import NamespaceTexts, Unit, functions_of, made_name
from bundler.sources.extract.segments import Definition, first_line
from bundler.sources.live_objects import bases_of, is_framework

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """The text of one object: the unit, its node, and the namespace that its free names live in."""

    unit: Unit
    node: ast.stmt | ast.Lambda
    namespace: Mapping[str, Any]

    @property
    def where(self) -> str:
        """The place, for messages."""
        return self.unit.at(self.node.lineno)


def match_function(texts: NamespaceTexts, function: FunctionType) -> Match:
    """Return the text of `function`.

    Raises:
        NotExtractable: there is none, or it was changed since.
    """
    code, what = function.__code__, described(function)
    unit = _unit(texts, code, function.__globals__, what)
    node = _function_node(unit, code)
    if node is None:
        raise NotExtractable(f"{unit.at(code.co_firstlineno)}: {what} cannot be told apart in its line; {_SPLIT}")
    return Match(unit=unit, node=node, namespace=function.__globals__)


def match_class(texts: NamespaceTexts, cls: type) -> Match:
    """Return the text of `cls`: the class statement around its methods.

    Raises:
        NotExtractable: there is none, it was changed since, or the class was changed after it was made.
    """
    what, made = described(cls), made_name(cls)
    own = [
        (name, function)
        for name, function in functions_of(cls)
        if function.__code__.co_qualname.startswith(f"{made}.")
        and "<locals>" not in function.__code__.co_qualname.removeprefix(f"{made}.")
        and "<lambda>" not in function.__code__.co_qualname
    ]
    if not own:
        return _match_without_methods(texts, cls)
    found: dict[ast.ClassDef, Unit] = {}
    for _, function in own:
        unit = _unit(texts, function.__code__, function.__globals__, what)
        method = _function_node(unit, function.__code__)
        above = unit.above(method) if method is not None else iter(())
        around = next((item for item in above if isinstance(item, ast.ClassDef)), None)
        if around is not None and around.name == made.rpartition(".")[2]:
            found[around] = unit
    if len(found) != 1:
        raise NotExtractable(
            f"{what} has methods from {len(found)} class statements; run the cell that defines it again, then make "
            "the model anew"
        )
    [(node, unit)] = found.items()
    namespace = own[0][1].__globals__
    if made != cls.__qualname__:
        _check_renamed(cls, node, unit, namespace)
    _check_unchanged(cls, node, unit, {other.filename for other in texts.units(namespace)})
    if "<locals>" in made:
        _check_nothing_added(cls, node, unit)
    return Match(unit=unit, node=node, namespace=namespace)


#: Decorators that leave the functions of a class alone.
_TRANSPARENT = frozenset({"register_keras_serializable", "dataclass", "total_ordering", "final", "runtime_checkable"})
_SPLIT = "write one lambda a line, or a named function (def ...)"
_REWRITE = (
    "write it as a class or def statement in a file or a notebook cell, or move it to a module and import it from there"
)


def _unit(texts: NamespaceTexts, code: CodeType, namespace: Mapping[str, Any], what: str) -> Unit:
    try:
        unit = texts.unit_of(code, namespace)
    except ValueError as error:
        raise NotExtractable(
            f"{error}: the text of {what} was changed after it ran; run it again and make the model anew"
        ) from None
    if unit is None:
        label = code.co_filename.rpartition("/")[2]
        raise NotExtractable(f"{what} has no source: it was compiled from {label}, which keeps no text; {_REWRITE}")
    return unit


def _function_node(unit: Unit, code: CodeType) -> Function | None:
    line = code.co_firstlineno
    if code.co_name == "<lambda>":
        return _lambda_node(unit, code)
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and first_line(node) == line:
            return node
    return None


def _lambda_node(unit: Unit, code: CodeType) -> ast.Lambda | None:
    candidates = [
        node for node in ast.walk(unit.tree) if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno
    ]
    spans = [
        (start, first, end, last)
        for start, end, first, last in code.co_positions()
        if start is not None and end is not None and first is not None and last is not None
        if (start, first) != (end, last)
    ]
    # The innermost lambda whose body holds every instruction.
    fitting = [node for node in candidates if all(_holds(node.body, span) for span in spans)]
    fitting = [node for node in fitting if not any(other in ast.walk(node.body) for other in fitting)]
    if spans and len(fitting) == 1:
        return fitting[0]
    # The interpreter was told to keep no columns, or the body is one constant.
    same = [node for node in fitting if _arguments(node) == code.co_varnames[: len(_arguments(node))]]
    distinct = {ast.dump(node) for node in same}
    return same[0] if len(distinct) == 1 else None


def _holds(body: ast.expr, span: tuple[int, int, int, int]) -> bool:
    start, first, end, last = span
    return (body.lineno, body.col_offset) <= (start, first) and (end, last) <= (
        body.end_lineno or body.lineno,
        body.end_col_offset or 0,
    )


def _arguments(node: ast.Lambda) -> tuple[str, ...]:
    return tuple(argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))


def _match_without_methods(texts: NamespaceTexts, cls: type) -> Match:
    """Find a class whose body has no function by its name and by the constants that its body sets."""
    what = described(cls)
    module = sys.modules.get(cls.__module__)
    namespace: Mapping[str, Any] = vars(module) if isinstance(module, ModuleType) else {}
    files = {unit.filename for unit in texts.units(namespace)}
    own = {
        name
        for name, value in vars(cls).items()
        if isinstance(value, FunctionType) and value.__code__.co_filename in files
    }
    found: list[tuple[Match, ast.ClassDef]] = []
    for unit in texts.units(namespace):
        for node in ast.walk(unit.tree):
            if not isinstance(node, ast.ClassDef) or _qualname(unit, node) != cls.__qualname__:
                continue
            if own <= _body_names(node) and _values_fit(cls, node):
                found.append((Match(unit=unit, node=node, namespace=namespace), node))
    found = [(item, node) for item, node in found if _bases_fit(cls, node, namespace)]
    if not found:
        raise NotExtractable(f"{what} has no class statement in the text of {cls.__module__}; {_REWRITE}")
    match, node = found[-1]
    _check_unchanged(cls, node, match.unit, files)
    return match


def _values_fit(cls: type, node: ast.ClassDef) -> bool:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() as value):
                held = vars(cls).get(name)
                # An enumeration keeps its values inside its members.
                if not literal_is(value, held) and not literal_is(value, getattr(held, "value", None)):
                    return False
    return True


def _bases_fit(cls: type, node: ast.ClassDef, namespace: Mapping[str, Any]) -> bool:
    names = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", None) for base in node.bases]
    real = {base.__name__ for base in cls.__bases__}
    return all(name is None or name in real or name in namespace for name in names)


def _check_unchanged(cls: type, node: ast.ClassDef, unit: Unit, files: Collection[str]) -> None:
    """Refuse a class that got methods from outside of its statement; its text is not all of it."""
    bound = _body_names(node)
    if not all(is_transparent(item) for item in node.decorator_list):
        return  # Decorators may add what they like, and do so again.
    for name, value in vars(cls).items():
        if isinstance(value, FunctionType) and name not in bound and value.__code__.co_filename in files:
            raise NotExtractable(
                f"{unit.at(node.lineno)}: {described(cls)} got its method {name!r} after it was made; "
                "write the method into the class, run it again and make the model anew"
            )
        defined = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == name]
        if (
            defined
            and not defined[-1].decorator_list
            and isinstance(value, FunctionType)
            and (value.__code__.co_filename, value.__code__.co_firstlineno) != (unit.filename, defined[-1].lineno)
        ):
            raise NotExtractable(
                f"{unit.at(defined[-1].lineno)}: the method {name!r} of {described(cls)} was replaced after the class "
                "was made; write the new one into the class, run it again and make the model anew"
            )


def _check_renamed(cls: type, node: ast.ClassDef, unit: Unit, namespace: Mapping[str, Any]) -> None:
    """Refuse a class that is not the one that `node` made, under another name, but has methods of it."""
    defined = {item.name for item in node.body if isinstance(item, Definition)}
    around = [above for above in unit.above(node) if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef)]
    bases = [namespace.get(base.id) for base in node.bases if isinstance(base, ast.Name) and not around]
    is_other = any(
        isinstance(item, ast.ClassDef) and item is not node and _qualname(unit, item) == cls.__qualname__
        for item in ast.walk(unit.tree)
    )
    if is_other or not defined <= set(vars(cls)) or not _values_fit(cls, node) or not set(bases) <= set(cls.__bases__):
        raise NotExtractable(
            f"{unit.at(node.lineno)}: {described(cls)} has methods of the class {node.name} and no class statement of "
            f"its own; {_REWRITE}"
        )


def _check_nothing_added(cls: type, node: ast.ClassDef, unit: Unit) -> None:
    """Refuse a local class that has attributes that neither its statement nor its bases gave it."""
    hooks = any("__init_subclass__" in vars(base) for base in bases_of(cls))
    metaclass = type(cls).__module__
    if hooks or not (is_framework(metaclass) or metaclass in ("abc", "enum", "typing")):
        return
    known = _body_names(node) | {
        item.attr for item in ast.walk(node) if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store)
    }
    known |= {f"_{node.name.lstrip('_')}{name}" for name in known if name.startswith("__")}
    opaque = not all(is_transparent(item) for item in node.decorator_list)
    if opaque and not _is_handed_on(node, unit):
        return  # What decorators of the statement add, they add again.
    for name, value in vars(cls).items():
        is_pythons = name.startswith("__") and name.endswith("__") and not _is_own_function(value)
        if not (is_pythons or name in known or name.startswith("_abc_") or isinstance(value, MemberDescriptorType)):
            raise NotExtractable(
                f"{unit.at(node.lineno)}: {described(cls)} got its attribute {name!r} after it was made; "
                "write it into the class, or what adds it above the class as a decorator, and make the model anew"
            )


def _is_own_function(value: object) -> bool:
    if not isinstance(value, FunctionType) or is_framework(value.__globals__.get("__name__")):
        return False
    # What Python writes for a data class has no file.
    return not value.__code__.co_filename.startswith("<string")


def _is_handed_on(node: ast.ClassDef, unit: Unit) -> bool:
    """Say whether the function around a class gives what something else makes of it: ``return register(Block)``."""
    around = next((item for item in unit.above(node) if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)), None)
    for statement in ast.walk(around) if around is not None else ():
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr=attribute)]):
                if name == node.name and attribute not in ("__name__", "__qualname__", "__doc__", "__module__"):
                    return True
            case ast.Return(value=ast.Call(args=arguments) as call) if not is_transparent(call):
                if any(isinstance(item, ast.Name | ast.Call) and _names(item, node.name) for item in arguments):
                    return True
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=arguments) as call):
                is_over = name == node.name and not is_transparent(call)
                if is_over and any(_names(item, node.name) for item in arguments):
                    return True
    return False


def _names(node: ast.AST, name: str) -> bool:
    return any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(node))


def is_transparent(decorator: ast.expr) -> bool:
    """Say whether a class decorator is known to give back the class with the functions of its text."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _TRANSPARENT


def _body_names(node: ast.ClassDef) -> set[str]:
    names: set[str] = set()
    for statement in node.body:
        for item in ast.walk(statement):
            if isinstance(item, Definition):
                names.add(item.name)
            elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                names.add(item.id)
            elif isinstance(item, ast.alias):
                names.add(item.asname or item.name.partition(".")[0])
    return names


def _qualname(unit: Unit, node: ast.ClassDef) -> str:
    parts = [node.name]
    for above in unit.above(node):
        if isinstance(above, ast.ClassDef):
            parts.append(above.name)
        elif isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
            parts += ["<locals>", above.name]
    return ".".join(reversed(parts))


def described(obj: type | FunctionType) -> str:
    """Return what messages call `obj`."""
    if isinstance(obj, type):
        return f"the class {obj.__qualname__}"
    return "the lambda" if obj.__name__ == "<lambda>" else f"the function {obj.__qualname__}"
