"""The author's modules as statements, and names followed from one to the other."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bundler.errors import SourceError
from bundler.formats.python.import_statements import parse_source
from bundler.formats.python.strings import Chain, chain_of
from bundler.sources.extract.segments import Definition
from bundler.sources.reduce.side_effects import Effects, changed_parameters, effects_of, effects_of_call
from bundler.sources.reduce.statements import Imported, Statement, statements_of

#: Attributes that every module has, whatever its text says.
_GIVEN = frozenset({"__name__", "__doc__", "__file__", "__package__", "__spec__", "__path__", "__loader__", "__dict__"})


@dataclass(frozen=True, kw_only=True, eq=False)
class AuthorModule:
    """One module of the author's. `is_fixed`: its text stays as it is."""

    name: str
    text: bytes
    is_package: bool
    is_fixed: bool
    statements: tuple[Statement, ...]

    @functools.cached_property
    def binding(self) -> Mapping[str, tuple[int, ...]]:
        """The statements that bind each name, by their position."""
        found: dict[str, list[int]] = {}
        for index, statement in enumerate(self.statements):
            for name in statement.binds:
                found.setdefault(name, []).append(index)
        return {name: tuple(positions) for name, positions in found.items()}

    @functools.cached_property
    def stars(self) -> tuple[tuple[int, Imported], ...]:
        """The star imports, by the position of their statement."""
        return tuple(
            (index, item)
            for index, statement in enumerate(self.statements)
            for item in statement.imports
            if item.attribute == "*"
        )

    @functools.cached_property
    def has_exports(self) -> bool:
        """It says itself what a star import takes."""
        return "__all__" in self.binding

    @functools.cached_property
    def definitions(self) -> Mapping[str, tuple[Definition, ...]]:
        """The functions and classes that it defines at its top level, or in a block there: a name may have several."""
        found: dict[str, list[Definition]] = {}
        stack: list[ast.AST] = [node for statement in self.statements for node in statement.nodes]
        while stack:
            node = stack.pop()
            if isinstance(node, Definition):
                found.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
                stack.extend(ast.iter_child_nodes(node))
        return {name: tuple(nodes) for name, nodes in found.items()}

    @functools.cached_property
    def effects(self) -> tuple[Effects, ...]:
        """What each statement may change when it runs."""
        return tuple(effects_of(statement) for statement in self.statements)


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundName:
    """The text of a module, as the search has it."""

    text: bytes
    is_package: bool
    is_fixed: bool


class Modules:
    """Reads modules when they are first asked for, and remembers them.

    Args:
        find: the text of a module of the author's, `None` for everything else.
        is_folder: says whether a name is a package of the author's without an ``__init__.py``.
    """

    def __init__(self, find: Callable[[str], FoundName | None], is_folder: Callable[[str], bool]) -> None:
        self._find = find
        self.is_folder = is_folder
        self._modules: dict[str, AuthorModule | None] = {}
        self._deep: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}

    def get(self, name: str) -> AuthorModule | None:
        """Return a module of the author's, or `None`."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> AuthorModule | None:
        found = self._find(name)
        if found is None:
            return None
        package = name if found.is_package else name.rpartition(".")[0]
        try:
            statements = statements_of(parse_source(found.text, name), package)
        except (SourceError, RecursionError):
            return None  # The closure says so, where the module is needed.
        return AuthorModule(
            name=name,
            text=found.text,
            is_package=found.is_package,
            is_fixed=found.is_fixed,
            statements=statements,
        )

    def origin(self, module: AuthorModule, chain: Chain) -> tuple[str, str]:
        """Return the module and the name that ``a.b.c``, read in `module`, leads to.

        What leads out of the author's modules ends where it leaves them.
        """
        name, *rest = chain
        seen = set()
        while (module.name, name) not in seen:
            seen.add((module.name, name))
            step = next(self._steps(module, name, tuple(rest)), None)
            if step is None:
                break
            module, name, rest = step[0], step[1], list(step[2])
        return module.name, name

    def _steps(self, module: AuthorModule, name: str, rest: Chain) -> Iterator[tuple[AuthorModule, str, Chain]]:
        for index in reversed(module.binding.get(name, ())):
            for item in module.statements[index].imports:
                if item.name == name and (step := self._enter(item, rest)) is not None:
                    yield step
        if name not in module.binding:
            for _, item in module.stars:
                origin = self.get(item.module)
                if origin is not None and origin is not module and self.gives(origin, name):
                    yield origin, name, rest

    def _enter(self, item: Imported, rest: Chain) -> tuple[AuthorModule, str, Chain] | None:
        if item.attribute is not None:
            origin = self.get(item.module)
            below = self.below(item.module, item.attribute)
            if below is None:
                return None if origin is None else (origin, item.attribute, rest)
            name = below
        else:
            name = item.name if item.path else item.module
        while rest and (below := self.below(name, rest[0])) is not None:
            name, rest = below, rest[1:]
        found = self.get(name)
        return (found, rest[0], rest[1:]) if found is not None and rest and rest[0] not in _GIVEN else None

    def below(self, package: str, name: str) -> str | None:
        """Return the module that `name` of a package is, unless the package binds that name to something else."""
        found, module = self.get(package), f"{package}.{name}"
        for index in found.binding.get(name, ()) if found is not None else ():
            imports = [item for item in found.statements[index].imports if item.name == name] if found else []
            if not any((item.module, item.attribute) == (package, name) for item in imports):
                return None
        return module if self.get(module) is not None or self.is_folder(module) else None

    def gives(self, module: AuthorModule, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Say whether `module` itself, or a star import in it, binds `name`."""
        if name in module.binding:
            return True
        for _, item in module.stars:
            origin = self.get(item.module)
            if origin is not None and origin.name not in seen and self.gives(origin, name, seen | {module.name}):
                return True
        return False

    def changed_by(self, module: AuthorModule, index: int) -> frozenset[tuple[str, str]]:
        """Return the module and name of what running the statement `index` of `module` may change."""
        effects = module.effects[index]
        nodes = module.statements[index].nodes
        changed = {self.origin(module, chain) for chain in effects.stores}
        for origin in (self.origin(module, chain) for chain in effects.methods):
            # `np.random.seed(0)` is there for what it changes; `x = np.random.rand(3)` for what it returns.
            if (len(nodes) == 1 and isinstance(nodes[0], ast.Expr)) or self._is_data(*origin):
                changed.add(origin)
        for chain in effects.calls:
            changed |= self._changed_by_call(*self.origin(module, chain))
        for chain, called in effects.handed:
            functions = () if called is None else self._definitions(*self.origin(module, called))
            # A class keeps what it is given, as a rule, and its instances are seen to be changed.
            changing = (not isinstance(item, ast.ClassDef) and changed_parameters(item) for item in functions)
            if not functions or any(changing):
                changed.add(self.origin(module, chain))
        for chain in effects.bases:
            origin = self.origin(module, chain)
            if self._is_watching(*origin):
                changed.add(origin)
        return frozenset(changed)

    def _definitions(self, module: str, name: str) -> tuple[Definition, ...]:
        found = self.get(module)
        return () if found is None else found.definitions.get(name, ())

    def _changed_by_call(self, module: str, name: str) -> frozenset[tuple[str, str]]:
        """Return what calling the function `name` of `module` may change, by what it calls in turn, too."""
        key = (module, name)
        if key in self._deep:
            return self._deep[key]
        self._deep[key] = frozenset()  # For functions that call each other.
        found = self.get(module)
        changed: set[tuple[str, str]] = set()
        for function in self._definitions(module, name) if found is not None else ():
            if found is None or isinstance(function, ast.ClassDef):
                continue
            effects = effects_of_call(function)
            # Imported modules have no state of the author's; what a function does to them, it does to itself.
            changed |= {
                origin
                for chain in effects.stores | effects.methods
                if chain[0] in found.binding and (origin := self.origin(found, chain)) and self._is_data(*origin)
            }
            changed |= {(module, written) for written in effects.writes}
            for chain in effects.calls:
                changed |= self._changed_by_call(*self.origin(found, chain))
        self._deep[key] = frozenset(changed)
        return self._deep[key]

    def _is_data(self, module: str, name: str) -> bool:
        """Say whether a name has a value of the author's, rather than a module or something of another package."""
        found = self.get(module)
        if found is None:
            return False
        statements = [found.statements[index] for index in found.binding.get(name, ())]
        return any(name not in {item.name for item in statement.imports} for statement in statements)

    def _is_watching(self, module: str, name: str, seen: frozenset[tuple[str, str]] = frozenset()) -> bool:
        """Say whether a class is told of the classes that inherit from it."""
        found = self.get(module)
        if found is None or (module, name) in seen:
            return False
        for node in self._definitions(module, name):
            if not isinstance(node, ast.ClassDef):
                continue
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            is_metaclass = any(isinstance(base, ast.Name) and base.id == "type" for base in node.bases)
            if "__init_subclass__" in methods or is_metaclass:
                return True
            chains = [*node.bases, *(item.value for item in node.keywords if item.arg == "metaclass")]
            origins = [self.origin(found, chain) for part in chains if (chain := chain_of(part)) is not None]
            if any(self._is_watching(*origin, seen | {(module, name)}) for origin in origins):
                return True
        return False
