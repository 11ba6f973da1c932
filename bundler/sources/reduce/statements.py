"""A module as the statements of its top level: what each binds, reads and imports."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from bundler.formats.python.execution import SPLIT, Context, is_never_imported, parts_of
from bundler.formats.python.relative_imports import absolute
from bundler.formats.python.strings import Chain, chain_of
from bundler.sources.extract.free_names import names_of
from bundler.sources.extract.segments import first_line

#: What reads or makes names of the module without spelling them.
_BLIND = frozenset({"globals", "exec", "eval", "compile", "__import__"})
#: The same, where they are called without an argument.
_BLIND_ALONE = frozenset({"vars", "locals", "dir"})

#: What finds the classes and functions that decorators registered, by the text of their key.
_BY_KEY = frozenset({"get_registered_object", "get_custom_objects", "deserialize_keras_object"})


class Role(StrEnum):
    """What decides whether a statement stays."""

    ALWAYS = "always"
    NEVER = "never"
    IMPORT = "import"
    ORDINARY = "ordinary"


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """One name that an import statement binds: ``from module import attribute as name``.

    `attribute` is `None` for a module, and ``*`` for a star import, which binds no `name` of its own. `path` are the
    parts of the module that follow `name` in ``import name.b.c``.
    """

    name: str
    module: str
    attribute: str | None
    path: Chain = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement:
    """What can be left out by itself: one statement, or several that share a line.

    `first` and `last` are lines, counted from 1, decorators included. `binds` are the names of the module that it
    gives a value or deletes; `imports` those of them that come from other modules when it runs, `later` the imports
    inside of its functions.
    """

    nodes: tuple[ast.stmt, ...]
    first: int
    last: int
    role: Role
    binds: frozenset[str]
    imports: tuple[Imported, ...]
    later: tuple[Imported, ...]
    lazy_annotations: bool

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that it, or a function in it, takes from its module."""
        body = [_without_idle_annotations(node) for node in self.nodes] if self.lazy_annotations else [*self.nodes]
        try:
            names = names_of(ast.unparse(ast.Module(body=body, type_ignores=[]))).every
        except (SyntaxError, ValueError, RecursionError):
            names = frozenset(self.uses)
        return names | _of_text_annotations(self.nodes)

    @cached_property
    def uses(self) -> Mapping[str, frozenset[Chain]]:
        """Each name with the attributes that are asked of it; the empty chain is its value itself."""
        found: dict[str, set[Chain]] = {}
        stack: list[ast.AST] = list(self.nodes)
        while stack:
            node = stack.pop()
            chain = chain_of(node)
            if chain is not None:
                if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
                    found.setdefault(chain[0], set()).add(chain[1:])
                continue
            stack.extend(ast.iter_child_nodes(node))
        return {name: frozenset(chains) for name, chains in found.items()}

    @cached_property
    def is_blind(self) -> bool:
        """It reaches names of the module that the text does not spell."""
        for node in (part for top in self.nodes for part in ast.walk(top)):
            match node:
                case ast.Call(func=ast.Name(id=name)):
                    if name in _BLIND or (name in _BLIND_ALONE and not node.args and not node.keywords):
                        return True
                case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
                    return True
                case ast.Attribute(attr=name) | ast.Name(id=name) if name in _BY_KEY:
                    return True
        return False

    @cached_property
    def asks_for_subclasses(self) -> bool:
        """It asks a class who inherits from it."""
        return any(
            isinstance(node, ast.Attribute) and node.attr == "__subclasses__"
            for top in self.nodes
            for node in ast.walk(top)
        )


def statements_of(tree: ast.Module, package: str) -> tuple[Statement, ...]:
    """Return the statements of a module in the order of its text.

    Args:
        tree: the module.
        package: the package that its relative imports start from.
    """
    lazy = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )
    groups: list[list[ast.stmt]] = []
    for node in tree.body:
        if groups and first_line(node) <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(node)
        else:
            groups.append([node])
    return tuple(_statement(tuple(group), package, lazy) for group in groups)


def _statement(nodes: tuple[ast.stmt, ...], package: str, lazy: bool) -> Statement:
    binds: set[str] = set()
    imports: list[Imported] = []
    later: list[Imported] = []
    start = Context(strict=True, optional=False, top_level=True)
    # Names that a block of the module binds are the module's; those of functions and classes are not.
    stack: list[tuple[ast.AST, Context, bool]] = [(node, start, True) for node in reversed(nodes)]
    while stack:
        node, context, at_once = stack.pop()
        match node:
            case ast.Import() | ast.ImportFrom():
                found = list(_imported(node, package))
                (imports if at_once else later).extend(found)
                if context.top_level:
                    binds.update(item.name for item in found if item.attribute != "*")
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if context.top_level:
                    binds.add(node.name)
            case ast.Name(ctx=ast.Store() | ast.Del()):
                if context.top_level:
                    binds.add(node.id)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                if context.top_level:
                    binds.add(name)
        if type(node) in SPLIT:
            parts = [(part, inner) for part, inner in parts_of(node, context)]
        else:
            parts = [(part, context) for part in ast.iter_child_nodes(node)]
        for part, inner in reversed(parts):
            into_call = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and (
                part in node.body if isinstance(node.body, list) else part is node.body
            )
            stack.append((part, inner, at_once and not into_call))
    return Statement(
        nodes=nodes,
        first=min(first_line(node) for node in nodes),
        last=max(node.end_lineno or node.lineno for node in nodes),
        role=_role(nodes),
        binds=frozenset(binds),
        imports=tuple(imports),
        later=tuple(later),
        lazy_annotations=lazy,
    )


def _role(nodes: tuple[ast.stmt, ...]) -> Role:
    if len(nodes) > 1:
        is_future = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in nodes)
        return Role.ALWAYS if is_future else Role.ORDINARY
    match nodes[0]:
        case ast.ImportFrom(module="__future__"):
            return Role.ALWAYS
        case ast.Import() | ast.ImportFrom():
            return Role.IMPORT
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return Role.ALWAYS  # A docstring, or a remark in the form of one.
        case ast.If() as node if not node.orelse and is_never_imported(node.test):
            return Role.NEVER
    return Role.ORDINARY


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[Imported]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module = absolute(node.module or "", node.level, package)
            yield Imported(name=alias.asname or alias.name, module=module, attribute=alias.name)
        elif alias.asname:
            yield Imported(name=alias.asname, module=alias.name, attribute=None)
        else:
            top, *path = alias.name.split(".")
            yield Imported(name=top, module=alias.name, attribute=None, path=tuple(path))


def _without_idle_annotations(node: ast.stmt) -> ast.stmt:
    """Return a copy without the annotations of functions, which ``from __future__ import annotations`` leaves texts."""
    changed = copy.deepcopy(node)
    for part in ast.walk(changed):
        if isinstance(part, ast.arg):
            part.annotation = None
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            part.returns = None
    return changed


def _of_text_annotations(nodes: tuple[ast.stmt, ...]) -> frozenset[str]:
    """Return the names in annotations of fields that are written as strings: dataclasses and pydantic read them."""
    names: set[str] = set()
    for node in (part for top in nodes for part in ast.walk(top)):
        if not isinstance(node, ast.AnnAssign):
            continue
        for part in ast.walk(node.annotation):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    inner = ast.parse(part.value, mode="eval")
                except (SyntaxError, ValueError):
                    continue  # A text in a Literal, for example.
                names.update(item.id for item in ast.walk(inner) if isinstance(item, ast.Name))
    return frozenset(names)
