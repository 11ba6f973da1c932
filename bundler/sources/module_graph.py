"""The graph of source modules: one node a module, one edge for every way in which it needs another."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundler.errors import PackError, SourceError
from bundler.formats.python.import_statements import Import, Imports, find_imports
from bundler.limits import LIMITS
from bundler.sources.locate import Located, Locator, ModuleVerdict
from bundler.sources.places import modules_below

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NOTHING = Imports(
    imports=(),
    dynamic=(),
    literals=(),
    resources=(),
    touches_files=False,
    bindings=frozenset(),
    assigned=frozenset(),
    exports=(),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One module needs another. `line` is 0 for a package; `guessed`: no text names the target."""

    target: str
    line: int
    strict: bool
    optional: bool
    reason: str
    guessed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFailure:
    """An import that nothing answers. `folder`: it is a folder, and fine once something below it is packed."""

    target: str
    line: int
    strict: bool
    optional: bool
    detail: str
    folder: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """An import that an installed distribution answers."""

    target: str
    distribution: str
    line: int
    optional: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleNode:
    """One module with all that it asks for.

    `text` is `None` for what is not a source module; `broken` says why a source module cannot be read or placed;
    `problems` are faults that no way of importing excuses.
    """

    name: str
    located: Located
    text: bytes | None = None
    imports: Imports = _NOTHING
    edges: tuple[Edge, ...] = ()
    failures: tuple[ImportFailure, ...] = ()
    needs: tuple[Need, ...] = ()
    problems: tuple[str, ...] = ()
    broken: str = ""

    @property
    def is_package(self) -> bool:
        """The module is an ``__init__.py``."""
        return self.located.is_package

    @property
    def member(self) -> str:
        """The name of its file in the bundle."""
        return member_of(self.name, is_package=self.is_package)

    @property
    def display(self) -> str:
        """The path for messages."""
        return str(self.located.file or self.member)


def member_of(name: str, *, is_package: bool) -> str:
    """``code/a/b.py`` or ``code/a/b/__init__.py`` for the module ``a.b``."""
    return f"code/{name.replace('.', '/')}{'/__init__.py' if is_package else '.py'}"


class ModuleGraph:
    """Makes nodes on demand and remembers them; `texts` are in place of those of the files."""

    def __init__(self, locator: Locator, texts: Mapping[str, bytes] | None = None) -> None:
        self.locator = locator
        self._texts = texts or {}
        self._nodes: dict[str, ModuleNode] = {}
        self._read: dict[str, tuple[bytes, Imports, str]] = {}

    def locate(self, name: str) -> Located | None:
        """Where a module is; `None` where several places contradict each other, which its node reports."""
        try:
            return self.locator.locate(name)
        except SourceError:
            return None

    def node(self, name: str) -> ModuleNode:
        """The node of a module."""
        if name not in self._nodes:
            self._nodes[name] = self._make(name)
        return self._nodes[name]

    def whole_text(self, name: str) -> bytes | None:
        """The text of a source module; `None` where it cannot be read."""
        located = self.locate(name)
        if located is None or located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
            return None
        text, _, broken = self._text(located)
        return None if broken else text

    def reads_files(self, node: ModuleNode) -> bool:
        """The module asks where it lies on disk, or imports a path from a module that does."""
        if node.imports.touches_files:
            return True
        for item in node.imports.imports:
            if item.attribute is None:
                continue
            located = self.locate(item.name)
            if located is None or located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
                continue
            origin = self._imports_of(located)
            if origin.touches_files and item.attribute in origin.assigned:
                return True
        return False

    def _make(self, name: str) -> ModuleNode:
        try:
            located = self.locator.locate(name)
        except SourceError as error:
            nowhere = Located(name=name, verdict=ModuleVerdict.UNPACKABLE)
            return ModuleNode(name=name, located=nowhere, problems=error.problems)
        if located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
            return ModuleNode(name=name, located=located)
        text, imports, broken = self._text(located)
        collector = _Collector(self, located, imports)
        collector.collect()
        return ModuleNode(
            name=name,
            located=located,
            text=text,
            imports=imports,
            edges=tuple(dict.fromkeys(collector.edges)),
            failures=tuple(dict.fromkeys(collector.failures)),
            needs=tuple(dict.fromkeys(collector.needs)),
            broken=broken or collector.broken,
        )

    def _imports_of(self, located: Located) -> Imports:
        return self._text(located)[1]

    def _text(self, located: Located) -> tuple[bytes, Imports, str]:
        if located.name not in self._read:
            self._read[located.name] = self._open(located)
        return self._read[located.name]

    def _open(self, located: Located) -> tuple[bytes, Imports, str]:
        display = str(located.file or member_of(located.name, is_package=located.is_package))
        if not all(part.replace("-", "_").isidentifier() for part in located.name.split(".")):
            return b"", _NOTHING, f"{located.name!r} cannot be the name of a file in a bundle"
        try:
            text = self._texts.get(located.name)
            if text is None:
                text = located.text if located.text is not None else _bytes_of(located.file)
        except OSError as error:
            return b"", _NOTHING, f"{display}: cannot be read: {error.strerror}"
        try:
            return text, find_imports(text, located.name, located.is_package, display), ""
        except SourceError as error:
            return text, _NOTHING, "; ".join(error.problems)

    def binds(self, located: Located, name: str) -> bool:
        """A package defines `name` itself, so that ``from package import name`` need not import a submodule."""
        bindings = self._imports_of(located).bindings
        return name in bindings or "*" in bindings

    def exports(self, located: Located) -> tuple[str, ...]:
        """The literal ``__all__`` of a package."""
        return self._imports_of(located).exports


class _Collector:
    """Turns the imports of one module into edges, failures and needs."""

    def __init__(self, walk: ModuleGraph, located: Located, imports: Imports) -> None:
        self._walk = walk
        self._located = located
        self._imports = imports
        self.edges: list[Edge] = []
        self.failures: list[ImportFailure] = []
        self.needs: list[Need] = []
        self.broken = ""

    def collect(self) -> None:
        name = self._located.name
        self._parents(name, f"package of {name}", 0, strict=True, optional=False)
        for item in self._imports.imports:
            self._follow(item)
        for package in self._imports.resources:
            located = self._walk.locate(package)
            if located is not None and located.verdict is ModuleVerdict.SOURCE:
                # importlib.resources imports the package that it is given.
                self._follow(Import(name=package, line=1, strict=False, optional=False))
        for call in self._imports.dynamic:
            for target in sorted(self._guesses(call.prefix) - {name}):
                how = " (loaded on the author's machine)" if self._walk.locator.loaded else ""
                reason = f"imported dynamically by {name}, line {call.line}{how}"
                # Without a process that has imported it, the target is a guess, and the code may do without.
                optional = not self._walk.locator.loaded and self._located.text is None
                self._edge(target, call.line, reason, strict=False, optional=optional, guessed=True)

    def _follow(self, item: Import, *, strict: bool | None = None) -> None:
        strict = item.strict if strict is None else strict
        located = self._walk.locate(item.name)
        reason = f"imported by {self._located.name}, line {item.line}"
        self._parents(item.name, reason, item.line, strict=strict, optional=item.optional)
        if located is None:
            self._edge(item.name, item.line, reason, strict=strict, optional=item.optional)
            return
        if located.is_namespace:
            self._follow_namespace(item, located)
            return
        match located.verdict:
            case ModuleVerdict.SOURCE:
                self._edge(item.name, item.line, reason, strict=strict, optional=item.optional)
                if located.is_package and item.attribute:
                    self._follow_attribute(item, located, strict=strict)
            case ModuleVerdict.REQUIREMENT:
                self._need(located, item)
            case ModuleVerdict.MISSING | ModuleVerdict.UNPACKABLE:
                detail = f"{item.name}: {located.detail}"
                if item.name == "__main__" and item.attribute:
                    # Also inside a function: where the model is loaded, another script runs.
                    detail += f"; move {item.attribute} to a module and import it from there"
                    strict = True
                self._fail(item.name, item, detail, strict=strict)

    def _follow_namespace(self, item: Import, located: Located) -> None:
        if item.attribute and item.attribute != "*":
            below = f"{item.name}.{item.attribute}"
            self._follow(Import(name=below, line=item.line, strict=item.strict, optional=item.optional))
        elif located.verdict is ModuleVerdict.SOURCE:
            self._fail(item.name, item, f"{item.name}: a folder without modules", strict=item.strict, folder=True)

    def _follow_attribute(self, item: Import, package: Located, *, strict: bool) -> None:
        names = self._walk.exports(package) if item.attribute == "*" else (item.attribute or "",)
        for name in names:
            target = f"{package.name}.{name}"
            located = self._walk.locate(target)
            if located is None or (located.verdict is ModuleVerdict.SOURCE and not located.is_namespace):
                reason = f"imported by {self._located.name}, line {item.line}"
                bound = self._walk.binds(package, name)
                self._edge(target, item.line, reason, strict=strict and not bound, optional=item.optional)
            elif located.verdict is ModuleVerdict.UNPACKABLE and located.file is not None:
                bound = self._walk.binds(package, name)
                self._fail(target, item, f"{target}: {located.detail}", strict=strict and not bound)

    def _parents(self, name: str, reason: str, line: int, *, strict: bool, optional: bool) -> None:
        """The packages above a module; those without an ``__init__.py`` have nothing to pack."""
        own = not line
        while name := name.rpartition(".")[0]:
            parent = self._walk.locate(name)
            if parent is None or (parent.verdict is ModuleVerdict.SOURCE and not parent.is_namespace):
                self._edge(name, line, reason, strict=strict, optional=optional)
            elif (
                own and parent.verdict in (ModuleVerdict.REQUIREMENT, ModuleVerdict.STDLIB) and not parent.is_namespace
            ):
                whose = parent.distribution or "Python"
                self.broken = f"it lies in the package {name} of {whose}, which is not packed"
            elif own and parent.verdict is ModuleVerdict.UNPACKABLE and parent.file is not None:
                self.broken = f"its package {name} cannot be packed: {parent.detail}"

    def _need(self, located: Located, item: Import) -> None:
        parts = located.name.split(".")
        prefixes = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        regular = (prefix for prefix in prefixes if (at := self._walk.locate(prefix)) and not at.is_namespace)
        self.needs.append(
            Need(
                target=next(regular, located.name),
                distribution=located.distribution or prefixes[0],
                line=item.line,
                optional=item.optional,
            )
        )

    def _fail(self, target: str, item: Import, detail: str, *, strict: bool, folder: bool = False) -> None:
        self.failures.append(
            ImportFailure(
                target=target, line=item.line, strict=strict, optional=item.optional, detail=detail, folder=folder
            )
        )

    def _edge(
        self, target: str, line: int, reason: str, *, strict: bool, optional: bool, guessed: bool = False
    ) -> None:
        if target != self._located.name:
            self.edges.append(
                Edge(target=target, line=line, strict=strict, optional=optional, reason=reason, guessed=guessed)
            )

    def _guesses(self, prefix: str | None) -> set[str]:
        """The source modules that a computed import may ask for."""
        locator, name = self._walk.locator, self._located.name
        top = name.partition(".")[0]
        start = prefix or f"{top}."
        provider = locator.provider_of(name)
        if provider is not None:
            candidates = set(provider.names())
        elif locator.loaded:
            candidates = set(sys.modules)
        else:
            package = name if self._located.is_package else name.rpartition(".")[0]
            start = prefix or f"{package}."
            at = self._walk.locate(start.rpartition(".")[0]) if "." in start else None
            candidates = (
                set(modules_below(at.name, at.search))
                if at is not None and at.verdict is ModuleVerdict.SOURCE
                else set()
            )
        return {
            candidate
            for candidate in candidates
            if candidate.startswith(start)
            and (at := self._walk.locate(candidate)) is not None
            and at.verdict is ModuleVerdict.SOURCE
            and not at.is_namespace
        }


def _bytes_of(file: Path | None) -> bytes:
    if file is None:
        raise FileNotFoundError(2, "there is no file")
    size = file.stat().st_size
    if size > LIMITS.source_file:
        raise PackError(
            "a source file is too large",
            place=str(file),
            expected=f"at most {LIMITS.source_file} bytes",
            found=size,
            hint="move the data in it to a data file",
        )
    return file.read_bytes()
