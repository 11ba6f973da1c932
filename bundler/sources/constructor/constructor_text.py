"""The text of a constructor as scopes and assignments: what becomes of each parameter, without running anything."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.sources.constructor.keywords import KeywordsByName, passes_on

#: Methods that change a list, a dict or a set.
CHANGES_IN_PLACE = frozenset({"extend", "insert", "update", "pop", "remove", "reverse", "sort", "add", "clear"})
#: A name that holds a value of its own (a parameter, a loop variable), as against one that an expression defines.
LEAF = None


@dataclass(eq=False, kw_only=True)
class ConstructorScope:
    """Names of one function body, and what defines each.

    Attributes:
        function: the function, for its globals and closure.
        names: for each name the scope and the expression that define it, or `LEAF`.
        parent: the scope around a comprehension.
        receiver: what ``self`` is called in it.
    """

    function: Any
    names: dict[str, tuple[ConstructorScope, ast.expr] | None] = field(default_factory=dict)
    parent: ConstructorScope | None = None
    receiver: str | None = None

    def lookup(self, name: str) -> tuple[ConstructorScope, tuple[ConstructorScope, ast.expr] | None] | None:
        """Return the scope that has `name` and what defines it there, or `None` for a global."""
        scope: ConstructorScope | None = self
        while scope is not None:
            if name in scope.names:
                return scope, scope.names[name]
            scope = scope.parent
        return None

    def is_self(self, node: ast.expr) -> bool:
        """Say whether `node` is the object under construction."""
        return isinstance(node, ast.Name) and node.id == self.receiver

    def resolve(self, node: ast.expr) -> Any:
        """Return what a global (dotted) name stands for now, or `None` where it is none."""
        if isinstance(node, ast.Attribute):
            holder = self.resolve(node.value)
            return getattr(holder, node.attr, None) if holder is not None else None
        if not isinstance(node, ast.Name) or self.lookup(node.id) is not None:
            return None
        captured = inspect.getclosurevars(self.function) if getattr(self.function, "__closure__", None) else None
        if captured is not None and node.id in captured.nonlocals:
            return captured.nonlocals[node.id]
        found = getattr(self.function, "__globals__", {}).get(node.id)
        return found if found is not None else getattr(builtins, node.id, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """``self.<attribute> = <value>`` in some scope; `value` is `None` for a change in place (``+=``).

    `tests` are the conditions that it stands under, each with the truth that it needs.
    """

    attribute: str
    scope: ConstructorScope
    value: ast.expr | None
    tests: tuple[tuple[ast.expr, bool], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstructorBody:
    """What a constructor does, in order of the text.

    `calls` are the calls of base constructors: the scope, the call and the class, `None` for ``super()``. `changed`
    are the parameters that the body assigns to, with what. `used` are the names that are read anywhere. `optional`
    are the keywords that it takes out of ``**kwargs``, with the expression of their default.
    """

    scope: ConstructorScope
    line: int
    file: str
    assignments: tuple[Assignment, ...]
    calls: tuple[tuple[ConstructorScope, ast.Call, type | None], ...]
    changed: Mapping[str, tuple[ast.expr, ...]]
    used: frozenset[str]
    optional: Mapping[str, ast.expr | None]
    passes_keywords_on: bool


def body_of(function: Callable[..., Any], owner: type, method: str = "__init__") -> ConstructorBody | None:
    """Return the body of the constructor `function` of the class `owner`, or `None` where its text is not at hand.

    `method` is the name of what is read, for a `compile` that is read like a constructor.
    """
    tree = definition(function)
    if tree is None:
        return None
    keywords = tree.args.kwarg.arg if tree.args.kwarg else None
    optional: dict[str, ast.expr | None] = {}
    if keywords:
        tree = KeywordsByName(keywords, optional).visit(tree)
    scope = ConstructorScope(function=function, receiver=tree.args.args[0].arg if tree.args.args else None)
    for parameter in _parameters(tree):
        scope.names[parameter] = LEAF
    scope.names |= dict.fromkeys(optional, LEAF)
    reading = _Reading(owner=owner, method=method)
    reading.read(scope, tree.body)
    code = inspect.unwrap(function).__code__
    return ConstructorBody(
        scope=scope,
        line=code.co_firstlineno,
        file=code.co_filename,
        assignments=tuple(reading.assignments),
        calls=tuple(reading.calls),
        changed={name: tuple(values) for name, values in reading.changed.items()},
        used=frozenset(
            node.id
            for item in tree.body
            for node in ast.walk(item)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        ),
        optional=optional,
        passes_keywords_on=keywords is not None and passes_on(tree, keywords, method),
    )


def bound(call: ast.Call, signature: inspect.Signature, *, skip: int) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameter and the expression of each argument of `call`; unpacked arguments are left out.

    Args:
        call: the call.
        signature: of what is called.
        skip: how many parameters Python fills in itself (``self``).
    """
    parameters = list(signature.parameters.values())[skip:]
    positional = [
        item.name
        for item in parameters
        if item.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    rest = next((item.name for item in parameters if item.kind is inspect.Parameter.VAR_POSITIONAL), None)
    for index, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            if index == len(positional) and rest:
                yield rest, argument.value
            break
        if index < len(positional):
            yield positional[index], argument
    if rest and len(call.args) > len(positional) and not any(isinstance(item, ast.Starred) for item in call.args):
        yield rest, ast.List(elts=call.args[len(positional) :], ctx=ast.Load())
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg, keyword.value


@dataclass(eq=False, kw_only=True)
class _Reading:
    owner: type
    method: str = "__init__"
    assignments: list[Assignment] = field(default_factory=list)
    calls: list[tuple[ConstructorScope, ast.Call, type | None]] = field(default_factory=list)
    changed: dict[str, list[ast.expr]] = field(default_factory=dict)
    depth: int = 0
    tests: tuple[tuple[ast.expr, bool], ...] = ()

    def read(self, scope: ConstructorScope, statements: list[ast.stmt]) -> None:
        """Note what `statements` assign; every branch counts, since the text does not tell which one ran."""
        several = _assigned_often(statements)
        for statement in statements:
            self._statement(scope, statement, several, ())

    def _statement(
        self,
        scope: ConstructorScope,
        statement: ast.stmt,
        several: set[str],
        around: tuple[ast.For | ast.If | ast.While, ...],
    ) -> None:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                self._assign(scope, target, statement.value, several)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._assign(scope, statement.target, statement.value, several)
        elif isinstance(statement, ast.AugAssign):
            if isinstance(statement.target, ast.Attribute) and scope.is_self(statement.target.value):
                self.assignments.append(Assignment(attribute=statement.target.attr, scope=scope, value=None))
            elif isinstance(statement.target, ast.Name):
                self._changed_beyond_telling(scope, statement.target)
                scope.names.setdefault(statement.target.id, LEAF)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self._call(scope, statement.value, around)
        elif isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try):
            inside = (*around, statement) if isinstance(statement, ast.For | ast.If | ast.While) else around
            before = self.tests
            if isinstance(statement, ast.For):
                self._changed_beyond_telling(scope, statement.target)
            for handler in getattr(statement, "handlers", []):
                for inner in handler.body:
                    self._statement(scope, inner, several, inside)
            for part in ("body", "orelse", "finalbody"):
                if isinstance(statement, ast.If):
                    self.tests = (*before, (statement.test, part == "body"))
                for inner in getattr(statement, part, []):
                    self._statement(scope, inner, several, inside)
            self.tests = before

    def _assign(self, scope: ConstructorScope, target: ast.expr, value: ast.expr, several: set[str]) -> None:
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._assign(scope, one, its, several)
        elif isinstance(target, ast.Tuple | ast.List):
            self._changed_beyond_telling(scope, target)
        elif isinstance(target, ast.Attribute) and scope.is_self(target.value):
            self.assignments.append(Assignment(attribute=target.attr, scope=scope, value=value, tests=self.tests))
        elif isinstance(target, ast.Name):
            if scope.names.get(target.id, scope) is LEAF:
                self.changed.setdefault(target.id, []).append(value)
            elif target.id not in several:
                scope.names[target.id] = (scope, value)
            else:
                scope.names[target.id] = LEAF

    def _changed_beyond_telling(self, scope: ConstructorScope, target: ast.expr) -> None:
        """Note names and attributes that get parts of something, or something made of what they were."""
        for item in ast.walk(target):
            if isinstance(item, ast.Name) and scope.names.get(item.id, scope) is LEAF:
                unknown = ast.BinOp(left=item, op=ast.Add(), right=item)
                self.changed.setdefault(item.id, []).append(unknown)
            elif isinstance(item, ast.Attribute) and scope.is_self(item.value) and isinstance(item.ctx, ast.Store):
                self.assignments.append(Assignment(attribute=item.attr, scope=scope, value=None))

    def _call(self, scope: ConstructorScope, call: ast.Call, around: tuple[ast.For | ast.If | ast.While, ...]) -> None:
        function = call.func
        if not isinstance(function, ast.Attribute):
            return
        holder = function.value
        if function.attr == self.method:
            if isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name) and holder.func.id == "super":
                self.calls.append((scope, call, None))
            elif isinstance(base := scope.resolve(holder), type) and call.args and scope.is_self(call.args[0]):
                plain = ast.Call(func=function, args=call.args[1:], keywords=call.keywords)
                self.calls.append((scope, plain, base))
        elif function.attr == "append" and len(call.args) == 1:
            if isinstance(holder, ast.Attribute) and scope.is_self(holder.value):
                self._append_to_attribute(scope, holder.attr, call.args[0], around)
            elif isinstance(holder, ast.Name) and (found := scope.names.get(holder.id)) is not None:
                grown = _appended(found[1], call.args[0], around)
                scope.names[holder.id] = (scope, grown) if grown is not None else LEAF
        elif function.attr in CHANGES_IN_PLACE:
            if isinstance(holder, ast.Attribute) and scope.is_self(holder.value):
                self.assignments.append(Assignment(attribute=holder.attr, scope=scope, value=None))
            elif isinstance(holder, ast.Name) and holder.id in scope.names:
                self.changed.setdefault(holder.id, []).append(call)
                scope.names[holder.id] = LEAF
        elif scope.is_self(holder) and self.depth < 3:
            self._method(scope, function.attr, call)

    def _append_to_attribute(
        self,
        scope: ConstructorScope,
        attribute: str,
        element: ast.expr,
        around: tuple[ast.For | ast.If | ast.While, ...],
    ) -> None:
        before = [item for item in self.assignments if item.attribute == attribute]
        grown = None
        if len(before) == 1 and before[0].value is not None:
            grown = _appended(before[0].value, element, around)
        for item in before:
            self.assignments.remove(item)
        self.assignments.append(Assignment(attribute=attribute, scope=scope, value=grown))

    def _method(self, scope: ConstructorScope, name: str, call: ast.Call) -> None:
        """Read what a method of the object's own does, with its arguments defined by the call."""
        method = inspect.getattr_static(self.owner, name, None)
        tree = definition(method) if inspect.isfunction(method) else None
        if tree is None or method is None:
            return
        first = tree.args.args[0].arg if tree.args.args else None
        inner = ConstructorScope(function=method, receiver=first)
        inner.names |= dict.fromkeys(_parameters(tree), LEAF)
        inner.names |= {name: (scope, value) for name, value in bound(call, inspect.signature(method), skip=1)}
        self.depth += 1
        self.read(inner, tree.body)
        self.depth -= 1


def _appended(before: ast.expr, element: ast.expr, around: tuple[ast.For | ast.If | ast.While, ...]) -> ast.expr | None:
    """Return the list expression `before` with `element` appended inside `around`; `None` where that cannot be said."""
    loops = [item for item in around if isinstance(item, ast.For)]
    if len(loops) < len(around):
        return None
    if not loops:
        more: ast.expr = ast.List(elts=[element], ctx=ast.Load())
    else:
        generators = [ast.comprehension(target=loop.target, iter=loop.iter, ifs=[], is_async=0) for loop in loops]
        more = ast.ListComp(elt=element, generators=generators)
    if isinstance(before, ast.List) and not before.elts:
        return more
    if isinstance(before, ast.List) and isinstance(more, ast.List):
        return ast.List(elts=[*before.elts, element], ctx=ast.Load())
    return ast.BinOp(left=before, op=ast.Add(), right=more)


@functools.lru_cache(maxsize=512)
def _text(function: Callable[..., Any]) -> str | None:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return None


def definition(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """Return the parsed text of `function`, or `None` where it is not at hand."""
    text = _text(function)
    try:
        tree = ast.parse(text) if text else None
    except SyntaxError:
        return None
    first = tree.body[0] if tree and tree.body else None
    return first if isinstance(first, ast.FunctionDef) and _is_text_of(first, function) else None


def _is_text_of(tree: ast.FunctionDef, function: Callable[..., Any]) -> bool:
    """Say whether `tree` can be the function; the file may have been edited since it was read."""
    code = inspect.unwrap(function).__code__
    flags = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    count = code.co_argcount + code.co_kwonlyargcount + (code.co_flags & flags).bit_count()
    return bool(tree.name == code.co_name and len(_parameters(tree)) == count)


def _parameters(tree: ast.FunctionDef) -> list[str]:
    arguments = tree.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    return [item.arg for item in every]


def _assigned_often(statements: list[ast.stmt]) -> set[str]:
    seen: set[str] = set()
    often: set[str] = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                (often if node.id in seen else seen).add(node.id)
    return often
