"""What a module imports and which files it names, read from its syntax tree; nothing is executed.

The walk keeps two facts about every import, because they decide what a missing module means: whether loading the
module always runs it (`Import.strict`), and whether its absence is provided for (`Import.optional`).
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from bundler.errors import SourceError
from bundler.formats.python.execution import SPLIT, Context, parts_of
from bundler.formats.python.parsing import parse
from bundler.formats.python.relative_imports import absolute
from bundler.formats.python.strings import StringTexts

_IMPORT_CALLS = frozenset(
    {"importlib.import_module", "importlib.__import__", "builtins.__import__", "__import__"},
)
_RESOURCE_ROOTS = ("importlib.resources", "importlib_resources", "pkg_resources")
_FILE_CALLS = frozenset({"pkgutil.get_data", "inspect.getfile", "inspect.getsourcefile"})
_FILE_NAMES = frozenset({"__file__", "__path__", "__spec__"})
_LONGEST_FILE_NAME = 1_024
_LOOKED_AT = frozenset(
    {
        *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Name, ast.Attribute),
        *(ast.Assign, ast.AugAssign, ast.Call, ast.Constant, ast.JoinedStr, ast.BinOp),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One module that the code asks for.

    Attributes:
        name: the absolute dotted name; one that leaves the top-level package keeps its leading dots.
        line: where, counted from 1.
        strict: importing the module always runs this import.
        optional: the code goes on when the import fails.
        attribute: `name` of ``from x import name``, which may be a submodule; ``*`` for a star import.
    """

    name: str
    line: int
    strict: bool
    optional: bool
    attribute: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicImport:
    """An ``import_module`` or ``__import__`` call whose argument is computed. `prefix` is what the name starts with."""

    line: int
    prefix: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A string of the code. Where `glob` is true, ``*`` stands for a part that is computed."""

    text: str
    line: int
    glob: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Imports:
    """All that one module says about other modules and files.

    Attributes:
        imports: in the order of the text.
        dynamic: imports whose name is computed.
        literals: strings of the code, without docstrings.
        resources: packages that are named literally to `importlib.resources` and its like.
        touches_files: the code asks where it lies on disk.
        bindings: the names that the module's top level binds; ``*`` where a star import hides some.
        assigned: those of them that are assigned, rather than defined or imported.
        exports: a literal ``__all__``.
    """

    imports: tuple[Import, ...]
    dynamic: tuple[DynamicImport, ...]
    literals: tuple[Literal, ...]
    resources: tuple[str, ...]
    touches_files: bool
    bindings: frozenset[str]
    assigned: frozenset[str]
    exports: tuple[str, ...]


def find_imports(text: bytes, module: str, is_package: bool, display: str) -> Imports:
    """What the source `text` of `module` imports.

    Args:
        text: the file's bytes; a coding cookie and a byte order mark count.
        module: the dotted name under which it is imported.
        is_package: the file is an ``__init__.py``.
        display: the path for messages.

    Raises:
        SourceError: this Python cannot parse the text.
    """
    tree = parse_source(text, display)
    package = module if is_package else module.rpartition(".")[0]
    return _ImportReader(tree, module, package).read()


def parse_source(text: bytes, display: str) -> ast.Module:
    """The syntax tree of a file, or a `SourceError` that names file and line."""
    try:
        return parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SourceError(
            "a source file cannot be read",
            [f"{display}:{line}: Python {running} cannot parse it: {said}"],
            hint="mend the file, or pack with the Python version that it is written for",
        ) from error


class _ImportReader:
    """One pass over one tree, with an explicit stack: generated code nests deeper than Python recurses."""

    def __init__(self, tree: ast.Module, module: str, package: str) -> None:
        self._tree = tree
        self._package = package
        self._texts = StringTexts(tree, module, package)
        self._imports: list[Import] = []
        self._dynamic: list[DynamicImport] = []
        self._literals: list[Literal] = []
        self._resources: list[str] = []
        self._bindings: set[str] = set()
        self._assigned: set[str] = set()
        self._exports: list[str] = []
        self._touches_files = False

    def read(self) -> Imports:
        start = Context(strict=True, optional=False, top_level=True)
        stack: list[tuple[ast.AST, Context]] = [(self._tree, start)]
        while stack:
            node, context = stack.pop()
            if type(node) in _LOOKED_AT:
                self._look(node, context)
            if type(node) in SPLIT:
                stack.extend(reversed(list(parts_of(node, context))))
            else:
                stack.extend([(part, context) for part in ast.iter_child_nodes(node)][::-1])
        return Imports(
            imports=tuple(self._imports),
            dynamic=tuple(self._dynamic),
            literals=tuple(dict.fromkeys(self._literals)),
            resources=tuple(dict.fromkeys(self._resources)),
            touches_files=self._touches_files,
            bindings=frozenset(self._bindings | self._assigned),
            assigned=frozenset(self._assigned),
            exports=tuple(self._exports),
        )

    def _look(self, node: ast.AST, context: Context) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    self._add(alias.name, node.lineno, context)
                    self._bind(alias.asname or alias.name.partition(".")[0], context)
            case ast.ImportFrom():
                name = absolute(node.module or "", node.level, self._package)
                for alias in node.names:
                    self._add(name, node.lineno, context, alias.name)
                    self._bind(alias.asname or alias.name, context)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._bind(node.name, context)
            case ast.Name():
                self._touches_files |= node.id in _FILE_NAMES
                if isinstance(node.ctx, ast.Store) and context.top_level:
                    self._assigned.add(node.id)
            case ast.Attribute():
                self._touches_files |= node.attr in _FILE_NAMES
            case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AugAssign(target=ast.Name(id="__all__")):
                self._exports += [
                    part.value
                    for part in ast.walk(node.value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
            case ast.Call():
                self._look_at_call(node, context)
                self._look_at_text(node)
            case ast.Constant() | ast.JoinedStr() | ast.BinOp():
                self._look_at_text(node)

    def _look_at_call(self, call: ast.Call, context: Context) -> None:
        target = self._texts.target(call.func)
        if target in _IMPORT_CALLS:
            self._look_at_import_call(call, target, context)
            return
        is_resource = target.startswith(_RESOURCE_ROOTS)
        if not is_resource and target not in _FILE_CALLS:
            return
        self._touches_files = True
        if not call.args or target.startswith("inspect."):
            return
        package = self._texts.literal(call.args[0]) or self._texts.module_name(call.args[0])
        if package and all(part.isidentifier() for part in package.split(".")):
            self._resources.append(package)

    def _look_at_import_call(self, call: ast.Call, target: str, context: Context) -> None:
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        argument = call.args[0] if call.args else named.get("name")
        if argument is None:
            return
        prefix, complete = self._texts.prefix(argument)
        if target == "importlib.import_module":
            if prefix.startswith("."):
                anchor = call.args[1] if len(call.args) > 1 else named.get("package")
                package = self._texts.literal(anchor) if anchor is not None else None
                if package is None:
                    # The package is computed; in practice it is the one that the code is in.
                    package = self._package
                    complete = complete and anchor is None
                stem = prefix.lstrip(".")
                prefix = absolute(stem, len(prefix) - len(stem), package)
                prefix += "." if not stem and not complete else ""
        else:
            depth = call.args[4] if len(call.args) > 4 else named.get("level")
            if depth is not None and self._texts.number(depth) > 0:
                prefix = absolute(prefix, self._texts.number(depth), self._package)
        if complete and prefix:
            self._add(prefix, call.lineno, context)
            items = call.args[3] if len(call.args) > 3 else named.get("fromlist")
            for item in getattr(items, "elts", ()):
                if target != "importlib.import_module" and (text := self._texts.literal(item)):
                    self._add(prefix, call.lineno, context, text)
        else:
            self._dynamic.append(DynamicImport(line=call.lineno, prefix=prefix or None))

    def _look_at_text(self, node: ast.expr) -> None:
        pattern, is_glob = self._texts.pattern(node)
        if 0 < len(pattern) <= _LONGEST_FILE_NAME and "\n" not in pattern:
            self._literals.append(Literal(text=pattern, line=node.lineno, glob=is_glob))

    def _add(self, name: str, line: int, context: Context, attribute: str | None = None) -> None:
        self._imports.append(
            Import(name=name, line=line, strict=context.strict, optional=context.optional, attribute=attribute)
        )
        if f"{name}.{attribute}".startswith(_RESOURCE_ROOTS) or name.startswith(_RESOURCE_ROOTS):
            self._touches_files = True

    def _bind(self, name: str, context: Context) -> None:
        if context.top_level:
            self._bindings.add(name)
