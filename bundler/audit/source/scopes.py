"""Which scope a name belongs to, and what binds it: Python's own rules, over one module's tree.

A mistake here is a hole: a name taken for a local that is a global denotes something else when it runs. Therefore the
tests compare these scopes with the interpreter's own (`symtable`) over the standard library.

Private names are mangled as the compiler does: ``__x`` inside ``class A`` is ``_A__x``, also where it reads a global.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_COMPREHENSIONS = (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Binding(NamedTuple):
    """One way in which a name gets a value.

    ``how``: ``value`` (the expression `node`), ``item`` (one item of it), ``import`` (`node` is an alias of `parent`),
    ``definition`` (a class or function), ``self`` and ``cls`` (the first parameter of a
    method), ``parameter`` (any other) or ``unknown``.
    """

    how: str
    node: ast.AST | None
    scope: Scope
    parent: ast.AST | None = None


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class, function or comprehension, and what it binds."""

    kind: str
    path: str
    module: str
    outer: Scope | None
    node: ast.AST
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    private: str | None = None

    def mangled(self, name: str) -> str:
        """Return `name` as the compiler stores it here."""
        if self.private and name.startswith("__") and not name.endswith("__") and "." not in name:
            return f"_{self.private}{name}"
        return name

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def top(self) -> Scope:
        """Return the module's scope."""
        *_, last = self.chain()
        return last


@dataclass(eq=False, slots=True)
class ScopedModule:
    """One parsed module: its scopes by the node that opens them, and every scope in order."""

    name: str
    package: bool
    tree: ast.Module
    scope: Scope
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    #: The scope around the parameters of a generic class, function or alias (PEP 695).
    generic: dict[ast.AST, Scope] = field(default_factory=dict)
    order: list[Scope] = field(default_factory=list)


def read_scopes(name: str, package: bool, tree: ast.Module) -> ScopedModule:
    """Return the scopes of a module named `name`."""
    top = Scope("module", "", name, None, tree)
    module = ScopedModule(name, package, tree, top)
    module.order.append(top)
    builder = _Builder(module)
    for statement in tree.body:
        builder.visit(statement, top)
    for scope, bound, binding in builder.nonlocals:
        enclosing = [outer for outer in scope.chain() if outer is not scope and outer.kind == "function"]
        owner = next((outer for outer in enclosing if bound in outer.bindings), top)
        owner.bindings.setdefault(bound, []).append(binding)
    return module


class _Builder:
    """Walk a tree once and record each binding in the scope that owns it."""

    def __init__(self, module: ScopedModule) -> None:
        self.module = module
        #: What a ``nonlocal`` name is given, until the scope that owns it is known: it may be bound further down.
        self.nonlocals: list[tuple[Scope, str, Binding]] = []

    def visit(self, node: ast.AST, scope: Scope) -> None:
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is not None:
            method(node, scope)
        else:
            self.children(node, scope)

    def children(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            self.visit(child, scope)

    def each(self, nodes: Sequence[ast.AST | None], scope: Scope) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node, scope)

    def bind(self, scope: Scope, name: str, binding: Binding) -> None:
        name = scope.mangled(name)
        if name in scope.globals:
            scope = scope.top()
        elif name in scope.nonlocals:
            self.nonlocals.append((scope, name, binding))
            return
        scope.bindings.setdefault(name, []).append(binding)

    def open(self, kind: str, node: ast.AST, name: str, outer: Scope) -> Scope:
        path = f"{outer.path}.{name}" if outer.path else name
        scope = Scope(kind, path, self.module.name, outer, node, private=outer.private)
        self.module.order.append(scope)
        return scope

    def target(self, node: ast.AST, binding: Binding) -> None:
        """Bind each name of an assignment's left side."""
        scope = binding.scope
        if isinstance(node, ast.Name):
            self.bind(scope, node.id, binding)
        elif isinstance(node, (ast.Tuple, ast.List)):
            right = binding.node if binding.how == "value" else None
            plain = not any(isinstance(item, ast.Starred) for item in node.elts)
            if plain and isinstance(right, (ast.Tuple, ast.List)) and len(right.elts) == len(node.elts):
                for item, value in zip(node.elts, right.elts, strict=True):
                    self.target(item, Binding("value", value, scope))
            else:
                for item in node.elts:
                    inner = item.value if isinstance(item, ast.Starred) else item
                    how = "item" if binding.how == "value" else "unknown"
                    self.target(inner, Binding(how, binding.node, scope))
        elif isinstance(node, ast.Starred):
            self.target(node.value, Binding("unknown", None, scope))
        else:
            self.visit(node, scope)

    def _Assign(self, node: ast.Assign, scope: Scope) -> None:
        self.visit(node.value, scope)
        for target in node.targets:
            self.target(target, Binding("value", node.value, scope))

    def _AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self.visit(node.annotation, scope)
        if node.value is not None:
            self.visit(node.value, scope)
        # An annotation alone makes a name local, and its value what it was.
        self.target(node.target, Binding("value" if node.value else "unknown", node.value, scope))

    def _AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        self.visit(node.value, scope)
        self.target(node.target, Binding("unknown", None, scope))

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> None:
        self.visit(node.value, scope)
        holder = next(outer for outer in scope.chain() if not isinstance(outer.node, _COMPREHENSIONS))
        name = scope.mangled(node.target.id)
        self.bind(holder, name, Binding("value", node.value, scope))

    def _For(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        self.visit(node.iter, scope)
        how = "item" if isinstance(node, ast.For) else "unknown"
        self.target(node.target, Binding(how, node.iter, scope))
        self.each([*node.body, *node.orelse], scope)

    _AsyncFor = _For

    def _withitem(self, node: ast.withitem, scope: Scope) -> None:
        self.visit(node.context_expr, scope)
        if node.optional_vars is not None:
            self.target(node.optional_vars, Binding("unknown", None, scope))

    def _ExceptHandler(self, node: ast.ExceptHandler, scope: Scope) -> None:
        if node.type is not None:
            self.visit(node.type, scope)
        if node.name:
            self.bind(scope, node.name, Binding("unknown", None, scope))
            scope.deleted.add(scope.mangled(node.name))
        self.each(node.body, scope)

    def _Delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            for item in ast.walk(target):
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Del):
                    self.bind(scope, item.id, Binding("unknown", None, scope))
                    scope.deleted.add(scope.mangled(item.id))
            self.visit(target, scope)

    def _Global(self, node: ast.Global, scope: Scope) -> None:
        scope.globals.update(map(scope.mangled, node.names))

    def _Nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        scope.nonlocals.update(map(scope.mangled, node.names))

    def _Import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.bind(scope, name, Binding("import", alias, scope, node))

    def _ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                scope.stars.append(node)
            else:
                self.bind(scope, alias.asname or alias.name, Binding("import", alias, scope, node))

    def type_parameters(self, node: ast.AST, scope: Scope) -> Scope:
        """Return the scope in which the parts of a generic definition stand; names of type variables live there."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return scope
        inner = self.open("function", node, getattr(node, "name", "type") and "<generic>", scope)
        self.module.generic[node] = inner
        for parameter in parameters:
            self.bind(inner, parameter.name, Binding("unknown", None, inner))
            self.children(parameter, inner)
        return inner

    def _TypeAlias(self, node: ast.AST, scope: Scope) -> None:
        self.target(node.name, Binding("unknown", None, scope))  # type: ignore[attr-defined]  # Python 3.12
        inner = self.type_parameters(node, scope)
        self.visit(node.value, inner)  # type: ignore[attr-defined]

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        self.each(node.decorator_list, scope)
        self.each([*node.args.defaults, *node.args.kw_defaults], scope)
        self.bind(scope, node.name, Binding("definition", node, scope))
        around = self.type_parameters(node, scope)
        self.each([*(item.annotation for item in parameters(node.args)), node.returns], around)
        inner = self.open("function", node, node.name, around)
        self.module.scopes[node] = inner
        declare(node.body, inner)
        self.parameters(node.args, inner, method=around.kind == "class" or scope.kind == "class", node=node)
        self.each(node.body, inner)

    _AsyncFunctionDef = _FunctionDef

    def parameters(self, arguments: ast.arguments, inner: Scope, *, method: bool, node: ast.AST | None) -> None:
        by_position = bool(arguments.posonlyargs or arguments.args)
        for index, item in enumerate(parameters(arguments)):
            own = method and index == 0 and by_position and not _is_static(node)
            how = ("cls" if _is_class_method(node) else "self") if own else "parameter"
            self.bind(inner, item.arg, Binding(how, None, inner))

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> None:
        self.each([*node.args.defaults, *node.args.kw_defaults], scope)
        inner = self.open("function", node, "<lambda>", scope)
        self.module.scopes[node] = inner
        self.parameters(node.args, inner, method=False, node=None)
        self.visit(node.body, inner)

    def _ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        self.each(node.decorator_list, scope)
        self.bind(scope, node.name, Binding("definition", node, scope))
        around = self.type_parameters(node, scope)
        self.each([*node.bases, *(keyword.value for keyword in node.keywords)], around)
        inner = self.open("class", node, node.name, around)
        inner.private = node.name.lstrip("_") or None
        self.module.scopes[node] = inner
        declare(node.body, inner)
        self.each(node.body, inner)

    def comprehension(self, node: ast.AST, scope: Scope) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        self.visit(generators[0].iter, scope)
        inner = self.open("function", node, "<comprehension>", scope)
        self.module.scopes[node] = inner
        for index, generator in enumerate(generators):
            where = scope if index == 0 else inner
            how = "unknown" if generator.is_async else "item"
            self.comprehension_target(generator.target, Binding(how, generator.iter, where), inner)
            if index:
                self.visit(generator.iter, inner)
            self.each(generator.ifs, inner)
        if isinstance(node, ast.DictComp):
            self.each([node.key, node.value], inner)
        else:
            self.visit(node.elt, inner)  # type: ignore[attr-defined]

    def comprehension_target(self, node: ast.AST, binding: Binding, inner: Scope) -> None:
        """Bind the target of a comprehension in its own scope, from a value of the scope that `binding` names."""
        if isinstance(node, ast.Name):
            self.bind(inner, node.id, binding)
        elif isinstance(node, (ast.Tuple, ast.List, ast.Starred)):
            for item in node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node.value]:
                self.comprehension_target(item, Binding("unknown", None, inner), inner)
        else:
            self.target(node, Binding("unknown", None, inner))

    _GeneratorExp = _ListComp = _SetComp = _DictComp = comprehension

    def _pattern(self, node: ast.AST, scope: Scope) -> None:
        if name := getattr(node, "name", None) or getattr(node, "rest", None):
            self.bind(scope, name, Binding("unknown", None, scope))
        self.children(node, scope)

    _MatchAs = _MatchStar = _MatchMapping = _pattern


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return every parameter, those by position first."""
    rest = [*arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [*arguments.posonlyargs, *arguments.args, *(item for item in rest if item is not None)]


def declare(body: Sequence[ast.stmt], scope: Scope) -> None:
    """Read the ``global`` and ``nonlocal`` statements of `body` first: they hold for the whole scope."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            scope.globals.update(map(scope.mangled, node.names))
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(map(scope.mangled, node.names))
        elif not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.expr)):
            waiting.extend(ast.iter_child_nodes(node))


def _is_static(node: ast.AST | None, decorator: str = "staticmethod") -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(item, ast.Name) and item.id == decorator for item in decorators)


def _is_class_method(node: ast.AST | None) -> bool:
    special = getattr(node, "name", "") in ("__new__", "__init_subclass__", "__class_getitem__", "__prepare__")
    return special or _is_static(node, "classmethod")
