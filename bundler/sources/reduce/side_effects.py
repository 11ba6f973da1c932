"""What running a statement may change besides the names that it binds.

``TABLE["a"] = f``, ``cfg.update(...)``, ``@register`` and ``Base.registry`` filled by ``__init_subclass__`` change
objects that other statements read. Nothing is executed: a call of a method changes its object, unless the method is
known to leave objects alone, and a call of an own function changes what that function does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bundler.formats.python.strings import Chain, chain_of
from bundler.sources.reduce.statements import Statement

#: Methods that leave their object as it is, by the types and loggers that people keep at the top of a module.
_IDLE_METHODS = frozenset(
    {
        *("get", "items", "keys", "values", "copy", "index", "count", "union", "intersection", "difference"),
        *("format", "join", "split", "strip", "lower", "upper", "replace", "startswith", "endswith", "encode"),
        *("debug", "info", "warning", "warn", "error", "exception", "critical", "log", "isEnabledFor"),
        *("astype", "reshape", "tolist", "item", "numpy", "mean", "sum", "max", "min", "exists", "is_file", "is_dir"),
    }
)
#: Functions of Python that leave their arguments as they are.
_IDLE_FUNCTIONS = frozenset(
    {
        *("print", "len", "isinstance", "issubclass", "repr", "str", "int", "float", "bool", "type", "id", "hash"),
        *("list", "tuple", "dict", "set", "frozenset", "sorted", "sum", "min", "max", "abs", "round", "range", "zip"),
        *("enumerate", "map", "filter", "any", "all", "getattr", "hasattr", "callable", "super", "format", "open"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """What one piece of code does when it runs.

    Attributes:
        stores: names with attributes that it sets an attribute or an item of.
        methods: the same, whose methods it calls.
        calls: what it calls by name.
        handed: for each name that it hands to a call, what is called; `None` for what has no name.
        bases: the classes that a class statement in it inherits from, and its metaclass.
        writes: names of the module that it rebinds inside of a function, with ``global``.
    """

    stores: frozenset[Chain]
    methods: frozenset[Chain]
    calls: frozenset[Chain]
    handed: frozenset[tuple[Chain, Chain | None]]
    bases: frozenset[Chain]
    writes: frozenset[str]


def effects_of(statement: Statement) -> Effects:
    """Return what running a statement of a module does at once: bodies of functions run when they are called."""
    return _effects(_at_once(statement.nodes), statement.nodes)


def effects_of_call(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Effects:
    """Return what a call of `function` may do, the functions inside of it included."""
    nodes = [part for node in function.body for part in ast.walk(node)]
    return _effects(iter(nodes), ())


def changed_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a call of `function` may change what it is given."""
    arguments = function.args
    parameters = {item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    parameters |= {item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None}
    effects = effects_of_call(function)
    by_setattr = {handed[0] for handed, called in effects.handed if called in {("setattr",), ("delattr",)}}
    return not parameters.isdisjoint({chain[0] for chain in effects.stores | effects.methods} | by_setattr)


def _effects(nodes: Iterator[ast.AST], top: tuple[ast.stmt, ...]) -> Effects:
    stores: set[Chain] = set()
    methods: set[Chain] = set()
    calls: set[Chain] = set()
    handed: set[tuple[Chain, Chain | None]] = set()
    bases: set[Chain] = set()
    writes: set[str] = set()
    for node in nodes:
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                if (chain := _root(node.value)) is not None:
                    stores.add(chain)
            case ast.Global():
                writes.update(node.names)
            case ast.Call():
                _note_call(node, methods, calls, handed)
            case ast.ClassDef():
                bases.update(filter(None, map(chain_of, node.bases)))
                bases.update(filter(None, (chain_of(item.value) for item in node.keywords if item.arg == "metaclass")))
                calls.update(_decorators(node, methods))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                calls.update(_decorators(node, methods))
    is_call = len(top) == 1 and isinstance(top[0], ast.Expr)
    return Effects(
        stores=frozenset(stores),
        methods=frozenset(methods),
        calls=frozenset(calls),
        # What is made by a constructor or a function and bound to a name leaves its arguments alone, as a rule.
        handed=frozenset(handed) if is_call or not top else frozenset(),
        bases=frozenset(bases),
        writes=frozenset(writes),
    )


def _note_call(call: ast.Call, methods: set[Chain], calls: set[Chain], handed: set[tuple[Chain, Chain | None]]) -> None:
    called = chain_of(call.func)
    if called is not None:
        calls.add(called)
    if isinstance(call.func, ast.Attribute) and call.func.attr in _IDLE_METHODS:
        return
    if called is not None and called[0] in _IDLE_FUNCTIONS:
        return
    if isinstance(call.func, ast.Attribute) and (root := _root(call.func.value)) is not None:
        methods.add(root)
    stack: list[ast.AST] = [*call.args, *(keyword.value for keyword in call.keywords)]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            handed.add(((node.id,), called))
        elif isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict | ast.Starred):
            stack.extend(ast.iter_child_nodes(node))


def _decorators(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, methods: set[Chain]) -> Iterator[Chain]:
    for decorator in node.decorator_list:
        chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if chain is not None:
            yield chain
            if len(chain) > 1:
                methods.add(chain[:-1])


def _root(node: ast.AST) -> Chain | None:
    """Return the name that ``a.b[0]().c`` starts from, with the attributes that follow it at once."""
    while (chain := chain_of(node)) is None:
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return None
    return chain


def _at_once(nodes: tuple[ast.stmt, ...]) -> Iterator[ast.AST]:
    """Yield what runs with the module, and the head of each function without its body."""
    stack: list[ast.AST] = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            stack.extend(part for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST))
