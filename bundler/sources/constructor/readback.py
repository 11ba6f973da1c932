"""The arguments that an object was made with, from its attributes and the text of its ``__init__``.

A parameter is found in an attribute that the constructor assigns it to, under whatever name and through steps that
can be undone (`solve`); in a part that got it as an argument of its own; in what the base class was handed; or in an
attribute of the same name. What is used and cannot be found is reported, not guessed.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.sources.constructor.constructor_text import Assignment, ConstructorBody, body_of, bound, definition
from bundler.sources.constructor.keywords import passes_on
from bundler.sources.constructor.others import changed_later, set_by_author
from bundler.sources.constructor.solve import UNKNOWN, Leaf, Solver, is_constant
from bundler.sources.live_objects import is_framework

#: Asks an object of the framework for one argument of its constructor; returns `UNKNOWN` where it cannot tell.
FrameworkReader = Callable[[Any, str], Any]

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MOST_DEPTH = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A parameter whose value is used and cannot be found again, with the place of its constructor.

    `attribute` is a name that the constructor does not use, to keep it under.
    """

    parameter: str
    attribute: str
    qualname: str
    file: str
    line: int
    method: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """What the constructor of one object was given.

    Attributes:
        values: by parameter. What the constructor never reads and what has a default is left out.
        positional: the values of ``*args``.
        certain: the parameters that the text of the constructor keeps under an attribute as they are.
        defaults: the defaults of the parameters that have one.
        takes: the parameters by name, also those that it, or a base class of the author's, takes out of ``**kwargs``.
        keywords_go_to: the class of the framework whose constructor gets what remains of ``**kwargs``.
        handed_on: the arguments that a base constructor gets by name.
        unread: what is missing.
    """

    values: Mapping[str, Any]
    positional: tuple[Any, ...] = ()
    certain: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    keywords_go_to: type | None = None
    handed_on: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()


def read_arguments(
    instance: Any, framework: FrameworkReader, *, skip: frozenset[str] = frozenset(), method: str = "__init__"
) -> Arguments:
    """Return the arguments that `instance` was made with.

    Args:
        instance: an object of a custom class.
        framework: asks an object of Keras for an argument of its constructor.
        skip: parameters that the caller knows another way (``name``, ``dtype``, ...).
        method: what was called with the arguments.
    """
    return _Reader(framework=framework, method=method).arguments(instance, type(instance), skip)


@dataclass(kw_only=True)
class _Reader:
    framework: FrameworkReader
    method: str = "__init__"
    depth: int = 0

    def arguments(self, instance: Any, cls: type, skip: frozenset[str]) -> Arguments:
        owner, function = _constructor(cls, self.method)
        if function is None or is_framework(owner.__module__):
            return Arguments(values={}, keywords_go_to=owner)
        parameters = _parameters(function)
        body = body_of(function, type(instance), self.method)
        values: dict[str, Any] = {}
        positional: tuple[Any, ...] = ()
        others: Mapping[str, Any] = {}
        certain: set[str] = set()
        unread = []
        defaults = {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}
        optional = dict(body.optional) if body else {}
        defaults |= {name: _literal(node) for name, node in optional.items() if node is not None}
        for name, kind in [*((item.name, item.kind) for item in parameters), *((name, None) for name in optional)]:
            if kind is inspect.Parameter.VAR_KEYWORD:
                others = self.other_keywords(instance, cls, body, name)
                continue
            if name in skip:
                continue
            found = self.parameter(instance, cls, name)
            if found is UNKNOWN and body is not None and not _is_used(body, name):
                if name not in defaults and kind not in _VARIADIC:
                    values[name] = None
            elif found is UNKNOWN and kind is inspect.Parameter.VAR_POSITIONAL and _is_only_passed_on(function, name):
                # The base class tells by keyword what it got.
                continue
            elif found is UNKNOWN:
                unread.append(_unread(name, owner, function, body, self.method))
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                positional = tuple(found)
            else:
                values[name] = found
                if body is not None and _is_kept_as_it_is(body, name):
                    certain.add(name)
        others = {key: item for key, item in others.items() if key not in values and key not in skip}
        takes, keywords_go_to = _taken(type(instance), self.method)
        return Arguments(
            values={**values, **others},
            positional=positional,
            certain=frozenset(certain),
            defaults=defaults,
            takes=(*takes, *(key for key in others if key not in takes)),
            keywords_go_to=keywords_go_to,
            handed_on=frozenset(_handed_on(type(instance), owner, body, self.method) if body else ()),
            unread=tuple(unread),
        )

    def other_keywords(self, instance: Any, cls: type, body: ConstructorBody | None, name: str) -> Mapping[str, Any]:
        """Return what ``**name`` got, where the constructor keeps that for itself (``self.options = options``)."""
        if body is None or body.passes_keywords_on or not _plain_attributes(body, name):
            return {}
        found = self.parameter(instance, cls, name)
        return found if isinstance(found, Mapping) and all(isinstance(key, str) for key in found) else {}

    def part(self, value: Any, parameter: str) -> Any:
        """Return the argument that `value`, a part of some object, was made with."""
        if is_framework(type(value).__module__):
            return self.framework(value, parameter)
        return self.parameter(value, type(value), parameter)

    def parameter(self, instance: Any, cls: type, name: str) -> Any:
        """Return the value of one parameter of the constructor of `cls`, or `UNKNOWN`."""
        if self.depth > _MOST_DEPTH:
            return UNKNOWN
        if is_framework(cls.__module__):
            return self.framework(instance, name)
        method = self.method if isinstance(instance, cls) and self.depth == 0 else "__init__"
        owner, function = _constructor(cls, method)
        body = body_of(function, type(instance), method) if function is not None else None
        if is_framework(owner.__module__) or body is None:
            return self.framework(instance, name) if is_framework(owner.__module__) else _by_name(instance, name)
        self.depth += 1
        try:
            return self._from_body(instance, owner, body, name, method)
        finally:
            self.depth -= 1

    def _from_body(self, instance: Any, owner: type, body: ConstructorBody, name: str, method: str) -> Any:
        if not _may_be_given_again(body, name):
            return UNKNOWN
        solver = Solver(part=self.part)
        leaf = Leaf(scope=body.scope, name=name, default=_default(owner, body, name, method))
        for is_plain in (True, False):
            for attribute, found in self._in_attributes(instance, body, solver, leaf):
                if found is not UNKNOWN and (is_plain is (attribute in _plain_attributes(body, name))):
                    return found
        for scope, call, base in body.calls:
            target = base or _next_constructor(type(instance), owner, method)
            _, function = _constructor(target, method)
            if function is None:
                continue
            for parameter, argument in bound(call, inspect.signature(function), skip=1):
                if solver.mentions(scope, argument, leaf):
                    given = self.parameter(instance, target, parameter)
                    found = UNKNOWN if given is UNKNOWN else solver.solve(scope, argument, given, leaf)
                    if found is not UNKNOWN:
                        return found
        if any(item.attribute == name for item in body.assignments):
            # The constructor keeps something else under this name.
            return UNKNOWN
        return _by_name(instance, name) if _is_used(body, name) else UNKNOWN

    def _in_attributes(
        self, instance: Any, body: ConstructorBody, solver: Solver, leaf: Leaf
    ) -> Iterator[tuple[str, Any]]:
        by_attribute: dict[str, list[Any]] = {}
        for item in body.assignments:
            by_attribute.setdefault(item.attribute, []).append(item)
        for attribute, items in by_attribute.items():
            value = _attribute(instance, attribute)
            if value is UNKNOWN or any(item.value is None for item in items):
                continue
            if changed_later(type(instance), attribute, self.method):
                continue
            mentioning = [item for item in items if solver.mentions(item.scope, item.value, leaf)]
            others = [item for item in items if item not in mentioning]
            # The text does not tell which of several branches ran; the value must tell.
            ran = [item for item in others if is_constant(item.value, value)]
            if len(ran) == 1 and len(items) > 1:
                yield attribute, _from_tests(solver, ran[0], leaf)
                continue
            if others and all(isinstance(item.value, ast.Constant) for item in items):
                continue
            if not mentioning and len(items) == 2 and len(others) == 2:
                made = [item for item in others if not isinstance(item.value, ast.Constant)]
                if len(made) == 1 and isinstance(leaf.default, bool):
                    yield attribute, _from_tests(solver, made[0], leaf)
                continue
            if not mentioning or any(not isinstance(item.value, ast.Constant) for item in others):
                continue
            answers = [solver.solve(item.scope, item.value, value, leaf) for item in mentioning]
            first = answers[0]
            if all(answer is first or (answer is not UNKNOWN and _equal(answer, first)) for answer in answers[1:]):
                yield attribute, first


def _constructor(cls: type, method: str) -> tuple[type, Any]:
    """Return the class in the resolution order of `cls` that has the method, and the function."""
    for base in cls.__mro__:
        function = vars(base).get(method)
        if function is not None:
            return base, function if isinstance(inspect.unwrap(function), types.FunctionType) else None
    return cls, None


def _taken(cls: type, method: str) -> tuple[tuple[str, ...], type | None]:
    """Return the keywords that a call of `cls` may have, and the framework's class that gets all others."""
    names: dict[str, None] = {}
    given: set[str] = set()
    owner, function = _constructor(cls, method)
    while function is not None and not is_framework(owner.__module__):
        parameters = _parameters(function)
        body = body_of(function, cls, method)
        mine = [item.name for item in parameters if item.kind not in _VARIADIC]
        # What a derived class gives its base itself cannot be given once more among its ``**kwargs``.
        names |= dict.fromkeys(name for name in (*mine, *(body.optional if body else ())) if name not in given)
        given.update(_handed_on(cls, owner, body, method) if body else ())
        is_open = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters)
        if not is_open or (body is not None and not body.passes_keywords_on):
            return tuple(names), None
        owner = _next_constructor(cls, owner, method)
        _, function = _constructor(owner, method)
        owner = _constructor(owner, method)[0]
    return tuple(names), owner if function is not None or is_framework(owner.__module__) else None


def _next_constructor(cls: type, owner: type, method: str) -> type:
    order = cls.__mro__
    return next((base for base in order[order.index(owner) + 1 :] if method in vars(base)), object)


def _parameters(function: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())[1:]


def _is_used(body: ConstructorBody, name: str) -> bool:
    return name in body.used or "locals" in body.used


def _handed_on(cls: type, owner: type, body: ConstructorBody, method: str) -> Iterator[str]:
    """Yield the parameters of base constructors that get a value here, by name or by their place."""
    for _, call, base in body.calls:
        yield from (keyword.arg for keyword in call.keywords if keyword.arg)
        _, function = _constructor(base or _next_constructor(cls, owner, method), method)
        if function is not None:
            yield from (name for name, _ in bound(call, inspect.signature(function), skip=1))


def _is_only_passed_on(function: Any, name: str) -> bool:
    """Say whether the constructor only hands its ``*args``, which are `name`, and ``**kwargs`` to its base class."""
    tree = definition(function)
    keywords = tree.args.kwarg.arg if tree is not None and tree.args.kwarg else None
    if tree is None or keywords is None or not passes_on(tree, keywords, "__init__"):
        return False
    starred = [node for node in ast.walk(tree) if isinstance(node, ast.Starred) and _is_name(node.value, name)]
    return len(starred) == 1 == sum(_is_name(node, name) for node in ast.walk(tree))


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _may_be_given_again(body: ConstructorBody, name: str) -> bool:
    """Say whether what the constructor makes of `name` before it keeps it is the same when made twice.

    ``units = units or 64`` and what an ``if units is None`` sets are; ``units = units * 2`` is not.
    """
    for value in body.changed.get(name, ()):
        mentioned = any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))
        if isinstance(value, ast.BinOp) or (mentioned and not isinstance(value, ast.BoolOp | ast.IfExp | ast.Call)):
            return False
        if isinstance(value, ast.Call) and mentioned:
            called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
            if called not in ("int", "float", "list", "tuple", "get", "dict"):
                return False
    return True


def _plain_attributes(body: ConstructorBody, name: str) -> set[str]:
    """Return the attributes that get the parameter itself."""
    return {
        item.attribute
        for item in body.assignments
        if item.scope is body.scope and isinstance(item.value, ast.Name) and item.value.id == name
    }


def _is_kept_as_it_is(body: ConstructorBody, name: str) -> bool:
    plain = _plain_attributes(body, name)
    return any(sum(item.attribute == attribute for item in body.assignments) == 1 for attribute in plain) and (
        name not in body.changed
    )


def _from_tests(solver: Solver, item: Assignment, leaf: Leaf) -> Any:
    """Return the value of `leaf` from the conditions under which the assignment `item` ran."""
    for test, truth in item.tests:
        if solver.mentions(item.scope, test, leaf):
            return solver.condition(item.scope, test, truth, leaf)
    return UNKNOWN


def _default(owner: type, body: ConstructorBody, name: str, method: str) -> Any:
    """Return the default of a parameter; for one that is declared a `bool` without one, `False`."""
    if name in body.optional:
        node = body.optional[name]
        return _literal(node) if node is not None else UNKNOWN
    parameter = inspect.signature(vars(owner)[method]).parameters.get(name)
    if parameter is None or parameter.default is inspect.Parameter.empty:
        is_flag = parameter is not None and parameter.annotation in (bool, "bool")
        return False if is_flag else UNKNOWN
    return parameter.default


def _by_name(instance: Any, name: str) -> Any:
    for attribute in (name, f"_{name}"):
        if not set_by_author(type(instance), attribute):
            continue
        value = _attribute(instance, attribute)
        if value is not UNKNOWN and not isinstance(value, types.MethodType):
            return value
    return UNKNOWN


def _attribute(instance: Any, name: str) -> Any:
    """Return what `instance` itself has, or a property of it; not what its class or ``__getattr__`` says for it."""
    static = inspect.getattr_static(type(instance), name, None)
    is_computed = hasattr(type(static), "__get__") and not isinstance(static, types.FunctionType)
    try:
        if not is_computed and name not in getattr(instance, "__dict__", ()):
            return UNKNOWN
        return getattr(instance, name, UNKNOWN)
    except Exception:  # noqa: BLE001 - a property may raise anything
        return UNKNOWN


def _equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or not isinstance(one, str | int | float | bool | tuple | list):
        return False
    return bool(one == other)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return UNKNOWN


def _unread(name: str, owner: type, function: Any, body: ConstructorBody | None, method: str) -> Unread:
    code = inspect.unwrap(function).__code__
    taken = {item.attribute for item in body.assignments} if body else set()
    return Unread(
        parameter=name,
        attribute=next(word for word in (name, f"_{name}", f"given_{name}") if word not in taken),
        qualname=owner.__qualname__,
        file=body.file if body else code.co_filename,
        line=body.line if body else code.co_firstlineno,
        method=method,
    )
