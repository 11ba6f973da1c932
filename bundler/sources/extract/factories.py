"""The factory of a class whose own statement is not all of it: what to call so that the class is made again.

Decorators that a factory calls itself (``return register(kind)(auto_config(Block))``) stand in no class statement. The
call of the factory does what they do. It is known where each argument is: held in a closure, or in the class itself.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from bundler.sources.extract.captures import stored
from bundler.sources.extract.constant_values import is_plain
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.namespace_texts import NamespaceTexts, Unit, captured_by, functions_of, nested, owners_of
from bundler.sources.live_objects import is_framework

#: Where the value of an argument is not known.
_UNKNOWN = object()
#: Functions that leave a list as it is.
_READERS = frozenset({"len", "list", "tuple", "enumerate", "sum", "zip", "reversed", "sorted", "min", "max", "range"})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Factory:
    """A function at the top level of `namespace` that made a class; `node` is its text."""

    name: str
    function: FunctionType
    namespace: Mapping[str, Any]
    unit: Unit
    node: ast.FunctionDef

    @property
    def where(self) -> str:
        """The place, for messages."""
        return self.unit.at(self.node.lineno)


def factory_of(texts: NamespaceTexts, cls: type) -> Factory | None:
    """Return the function that made `cls`, if a name at the top level of its module gives it."""
    owners = owners_of(cls)
    statements = [name for name in owners if "<locals>" in name and not name.endswith("<locals>")]
    for owner in statements or owners:
        name = owner.partition(".<locals>")[0]
        for _, method in functions_of(cls):
            found = method.__globals__.get(name)
            function = inspect.unwrap(found) if isinstance(found, functools._lru_cache_wrapper) else found
            if not isinstance(function, FunctionType) or method.__code__ not in list(nested(function.__code__))[1:]:
                continue
            if not statements and "type" not in function.__code__.co_names:
                continue  # A decorator of its methods, which made no class.
            try:
                unit = texts.unit_of(function.__code__, function.__globals__)
            except ValueError as error:
                raise NotExtractable(
                    f"{error}: the text of {name} was changed after it ran; run it again and make the model anew"
                ) from None
            for node in () if unit is None else unit.tree.body:
                if isinstance(node, ast.FunctionDef) and node.name == name and unit is not None:
                    return Factory(name=name, function=function, namespace=function.__globals__, unit=unit, node=node)
    return None


def check_explained(factory: Factory, cls: type) -> None:
    """Refuse a class that was given something by others than its factory and the functions that this one calls.

    Raises:
        NotExtractable: calling the factory again would lose it.
    """
    codes = set(_reachable([factory.function, *_hooks(cls)]))
    set_there = {str(item.argval) for code in codes for item in dis.get_instructions(code) if item.opname in _SETS}
    constants = [item for code in codes for item in code.co_consts]
    constants += [part for item in constants if isinstance(item, tuple) for part in item]
    set_there |= {item for item in constants if isinstance(item, str)}
    for name, value in vars(cls).items():
        is_own = isinstance(value, FunctionType) and not _is_others(value)
        if name.startswith("__") and name.endswith("__") and not is_own:
            continue  # Python's own.
        plain = name.partition("__")[2] if name.startswith("_") and "__" in name else name
        known = value.__code__ in codes if is_own else bool({name, plain, f"__{plain}"} & set_there)
        if not known and not name.startswith("_abc_") and not isinstance(value, MemberDescriptorType):
            raise NotExtractable(
                f"{factory.where}: the class {cls.__qualname__} was given {name!r} by others than {factory.name}, "
                f"which made it; do that in {factory.name}, and make the model anew"
            )


_SETS = frozenset({"STORE_ATTR", "STORE_NAME"})


def arguments(factory: Factory, cls: type) -> dict[str, Any]:
    """Return the arguments with which the factory makes `cls` again.

    Raises:
        NotExtractable: one of them is not known.
    """
    function, given = factory.function, factory.node.args
    names = [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    more = [item.arg for item in (given.vararg, given.kwarg) if item is not None]
    read = {item.id for item in ast.walk(factory.node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)}
    rebound = {name for item in ast.walk(factory.node) if isinstance(item, ast.Nonlocal) for name in item.names}
    rebound.update(stored(factory.node))
    defaults = {name for name, item in inspect.signature(function).parameters.items() if item.default is not item.empty}
    held = {**_set_values(factory, cls), **_captured(function, cls)}
    found: dict[str, Any] = {}
    for name in (*names, *more):
        if name not in read and (name in more or name in defaults):
            continue  # Nothing can depend on it.
        value = held.get(name, _UNKNOWN)
        if name in more or name in rebound or value is _UNKNOWN:
            how = "changes" if name in rebound else "takes" if name in more else "leaves no trace of"
            raise _unknown(factory, cls, f"{factory.name} {how} its argument {name!r}")
        if value is cls or not (
            _is_constant(value) or _is_list(factory, name, value) or isinstance(value, type | FunctionType)
        ):
            raise _unknown(factory, cls, f"the argument {name!r} of {factory.name} was of type {type(value).__name__}")
        found[name] = value
    return found


def _unknown(factory: Factory, cls: type, what: str) -> NotExtractable:
    return NotExtractable(
        f"{factory.where}: {factory.name} made the class {cls.__qualname__}, whose statement is not all of it, and how "
        f"to call it again is not known: {what}; assign the class to a name at the top level of a module "
        f"({cls.__name__} = {factory.name}(...)), and make the model of that"
    )


def _hooks(cls: type) -> Iterator[FunctionType]:
    """Yield the functions of the author's that run whenever a class like `cls` is made."""
    for above in [*cls.__mro__[1:], *inspect.getmro(type(cls))]:
        for name in ("__init_subclass__", "__new__", "__init__", "__set_name__"):
            function = getattr(vars(above).get(name), "__func__", vars(above).get(name))
            if isinstance(function, FunctionType) and (name == "__init_subclass__" or issubclass(above, type)):
                yield function


def _reachable(functions: Sequence[FunctionType]) -> Iterator[CodeType]:
    """Yield the code of `functions` and of the author's functions that they name, with what is inside."""
    seen: dict[int, FunctionType] = {}
    waiting = list(functions)
    while waiting:
        current = waiting.pop()
        if id(current) in seen or _is_others(current):
            continue
        seen[id(current)] = current
        codes = list(nested(current.__code__))
        yield from codes
        names = {name for code in codes for name in code.co_names}
        for name in names & set(current.__globals__):
            found = current.__globals__[name]
            # A module, a class or an object: what is called of it is named beside it.
            kind = found if isinstance(found, type) else type(found)
            parts = {**vars(kind), **(vars(found) if isinstance(found, ModuleType) else {})}
            if is_framework(getattr(found, "__name__", None) if isinstance(found, ModuleType) else kind.__module__):
                parts = {}
            held: list[Any] = [found, *(parts.get(item) for item in {*names, "__call__", "__init__"})]
            called = [inspect.unwrap(getattr(item, "__func__", item)) for item in held if callable(item)]
            waiting += [item for item in called if isinstance(item, FunctionType)]


def _is_others(function: FunctionType) -> bool:
    return is_framework(function.__globals__.get("__name__"))


def _captured(function: FunctionType, cls: type) -> dict[str, Any]:
    """Return the variables of `function` itself that the functions of `cls` hold in their cells."""
    found: dict[str, Any] = {}
    own = dict(_free_names(function.__code__, frozenset(function.__code__.co_cellvars)))
    for _, method in functions_of(cls):
        seen = own.get(method.__code__, ())
        found |= {name: value for name, value in captured_by(method).items() if name in seen}
    return found


def _free_names(code: CodeType, names: frozenset[str]) -> Iterator[tuple[CodeType, frozenset[str]]]:
    """Yield each code inside `code` with the names of the outermost that it sees, none of them bound between."""
    for item in code.co_consts:
        if isinstance(item, CodeType):
            seen = names & frozenset(item.co_freevars)
            yield item, seen
            yield from _free_names(item, seen)


def _set_values(factory: Factory, cls: type) -> dict[str, Any]:
    """Return the values that the text of the factory gives the class: ``rate = dropout``, ``C.__name__ = name``."""
    held = {**vars(cls), "__name__": cls.__name__, "__qualname__": cls.__qualname__}
    found: dict[str, Any] = {}
    classes = [item for item in factory.node.body if isinstance(item, ast.ClassDef)]
    calls = [
        item
        for item in ast.walk(factory.node)
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "type"
    ]
    if len(classes) + len(calls) != 1:
        return {}
    attributes = [item for item in ast.walk(factory.node) if isinstance(item, ast.Attribute)]
    times = [item.attr for item in attributes if not isinstance(item.ctx, ast.Load)]
    for statement in factory.node.body:
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr=attribute)], value=ast.Name(id=read)):
                if [item.name for item in classes] == [name] and attribute in held and times.count(attribute) == 1:
                    found.setdefault(read, held[attribute])
    for node in classes:
        for base, value in zip(node.bases, cls.__bases__, strict=False):
            if isinstance(base, ast.Starred):
                break
            if isinstance(base, ast.Name):
                found.setdefault(base.id, value)
        own = {name for item in node.body for name in stored(item)}
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=target)], value=ast.Name(id=name)) if target in held:
                    if name not in own - {target} and [*stored(node), *times].count(target) == 1:
                        found.setdefault(name, held[target])
    for call in calls:
        match call.args:
            case [first, ast.Tuple(elts=bases), *_]:
                if isinstance(first, ast.Name):
                    found.setdefault(first.id, cls.__name__)
                for base, value in zip(bases, cls.__bases__, strict=False):
                    if isinstance(base, ast.Starred):
                        break
                    if isinstance(base, ast.Name):
                        found.setdefault(base.id, value)
    return found


def _is_constant(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return is_plain(value)


def _is_list(factory: Factory, name: str, value: Any) -> bool:
    """Say whether `value` is a plain list or dictionary that the factory and its class only read."""
    if type(value) not in (list, dict) or not is_plain(value):
        return False
    for node in ast.walk(factory.node):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            match factory.unit.parents[node]:
                case ast.Subscript(ctx=ast.Load()) | ast.For() | ast.comprehension() | ast.Compare():
                    continue
                case ast.Call(func=ast.Name(id=called)) if called in _READERS:
                    continue
                case _:
                    return False
    return True
