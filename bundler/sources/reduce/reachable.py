"""Which statements of the author's modules the objects of a model can reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bundler.formats.python.strings import Chain
from bundler.sources.reduce.author_modules import AuthorModule, Modules
from bundler.sources.reduce.statements import Imported, Role

#: Asks nothing of a module but that it runs: every module has this attribute.
_ONLY_RUN: Chain = ("__name__",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What stays of one module: positions of statements, and of import statements the names that stay."""

    module: AuthorModule
    statements: frozenset[int]
    names: Mapping[int, frozenset[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reduction:
    """What stays, by module; `seen` are the modules that were looked at, those that stay behind included."""

    kept: Mapping[str, Kept]
    seen: frozenset[str]


def reduce(modules: Modules, needed: Mapping[str, Collection[str] | None]) -> Reduction:
    """Return what the names `needed` can reach: by module the names, or `None` for all that it has."""
    reach = _Reach(modules)
    for name, names in needed.items():
        reach.start(name, names)
    return reach.close()


class _Reach:
    """Follows names, and statements that change what is kept, until nothing is added."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._queue: deque[tuple[AuthorModule, str, Chain]] = deque()
        self._asked: set[tuple[str, str, Chain]] = set()
        self._kept: dict[str, set[int]] = {}
        self._aliases: dict[tuple[str, int], set[str]] = {}
        self._names: set[tuple[str, str]] = set()
        self._whole: set[str] = set()
        self._seen: dict[str, AuthorModule] = {}
        self._importers: dict[str, list[tuple[AuthorModule, int, Imported]]] = {}
        self._wants_all = False

    def start(self, name: str, names: Collection[str] | None) -> None:
        module = self._modules.get(name)
        if module is None:
            return
        self._enter(module)
        if names is None:
            self._keep_whole(module)
        for item in names or ():
            self._need(module, item, ())

    def close(self) -> Reduction:
        while True:
            while self._queue:
                self._follow(*self._queue.popleft())
            if not self._keep_effects():
                break
        kept = {
            name: Kept(
                module=self._seen[name],
                statements=frozenset(positions),
                names={
                    index: frozenset(self._aliases.get((name, index), ()))
                    for index in positions
                    if self._seen[name].statements[index].role is Role.IMPORT
                },
            )
            for name, positions in self._kept.items()
        }
        return Reduction(kept=kept, seen=frozenset(self._seen))

    def _need(self, module: AuthorModule, name: str, chain: Chain) -> None:
        key = (module.name, name, chain)
        if key not in self._asked:
            self._asked.add(key)
            self._queue.append((module, name, chain))

    def _follow(self, module: AuthorModule, name: str, chain: Chain) -> None:
        self._enter(module)
        self._names.add((module.name, name))
        positions = module.binding.get(name, ())
        for index in positions:
            if module.statements[index].role is Role.NEVER:
                continue
            self._keep(module, index, name)
            for item in module.statements[index].imports:
                if item.name == name:
                    self._use(item, chain)
        if positions:
            return
        for index, item in module.stars:
            origin = self._modules.get(item.module)
            if origin is None:
                self._keep(module, index, "*")
            elif self._modules.gives(origin, name):
                self._keep(module, index, "*")
                # What a star takes is told by __all__, which names what would be gone.
                self._enter(origin)
                if origin.has_exports:
                    self._keep_whole(origin)
                self._need(origin, name, chain)
        below = self._modules.get(f"{module.name}.{name}")
        if below is not None:
            self._use_module(below.name, chain)
        elif "__getattr__" in module.binding and name != "__getattr__":
            self._need(module, "__getattr__", ())

    def _use(self, item: Imported, chain: Chain) -> None:
        """Follow what an import binds, and what is asked of it."""
        origin = self._modules.get(item.module)
        if origin is not None:
            # The statement runs all of these, whatever it binds.
            self._enter(origin)
        if item.attribute == "*":
            if origin is not None:
                self._keep_whole(origin)
        elif item.attribute is not None:
            below = self._modules.below(item.module, item.attribute)
            if below is not None:
                self._use_module(below, chain)
            elif origin is not None:
                self._need(origin, item.attribute, chain)
        else:
            self._use_module(item.name if item.path else item.module, chain)

    def _use_module(self, name: str, chain: Chain) -> None:
        module = self._modules.get(name)
        if module is not None:
            self._enter(module)
        if not chain:
            if module is not None:
                self._keep_whole(module)
            return
        below = self._modules.below(name, chain[0])
        if below is not None:
            self._use_module(below, chain[1:])
        elif module is not None and not (chain[0].startswith("__") and chain[0].endswith("__")):
            self._need(module, chain[0], chain[1:])

    def _keep(self, module: AuthorModule, index: int, name: str | None) -> None:
        statement = module.statements[index]
        if statement.role is Role.IMPORT and name is not None:
            self._aliases.setdefault((module.name, index), set()).add(name)
        kept = self._kept[module.name]
        if index in kept:
            return
        kept.add(index)
        if statement.role is Role.IMPORT and name is not None:
            return
        for read in statement.reads:
            for chain in statement.uses.get(read, frozenset({()})):
                self._need(module, read, chain)
        # A whole block stays as it is, so all that it imports must be there.
        for item in (*(statement.imports if statement.role is not Role.IMPORT else ()), *statement.later):
            for chain in statement.uses.get(item.name, frozenset({_ONLY_RUN})):
                self._use(item, chain)
        if statement.is_blind:
            self._keep_whole(module)
        self._wants_all |= statement.asks_for_subclasses

    def _keep_whole(self, module: AuthorModule) -> None:
        """Keep every statement but those that no import runs."""
        if module.name in self._whole:
            return
        self._whole.add(module.name)
        self._enter(module)
        for index, statement in enumerate(module.statements):
            if statement.role is Role.NEVER and not module.is_fixed:
                continue
            self._keep(module, index, None)
            for item in statement.imports:
                self._names.add((module.name, item.name))
                if statement.role is Role.IMPORT:
                    self._aliases.setdefault((module.name, index), set()).add(_alias(item))
                    for chain in _uses(module, item.name):
                        self._use(item, chain)
            self._names.update((module.name, name) for name in statement.binds)

    def _enter(self, module: AuthorModule) -> None:
        """Let `module` run where the model is loaded: it, and the packages that it is in."""
        if module.name in self._kept:
            return
        self._kept[module.name] = set()
        self._see(module)
        for index, statement in enumerate(module.statements):
            if statement.role is Role.ALWAYS:
                self._keep(module, index, None)
        if (parent := self._modules.get(module.name.rpartition(".")[0])) is not None:
            self._enter(parent)
        if module.is_fixed:
            self._keep_whole(module)

    def _see(self, module: AuthorModule) -> None:
        """Note what the imports of `module` run, whether they stay or not."""
        stack = [module]
        while stack:
            current = stack.pop()
            if current.name in self._seen:
                continue
            self._seen[current.name] = current
            for index, statement in enumerate(current.statements):
                if statement.role is Role.NEVER:
                    continue
                for item in statement.imports:
                    for target in _targets(item):
                        found = self._modules.get(target)
                        if found is not None and found is not current:
                            self._importers.setdefault(found.name, []).append((current, index, item))
                            stack.append(found)

    def _keep_effects(self) -> bool:
        """Keep the statements that change what is kept; say whether there were any that were not kept before."""
        added = False
        if self._wants_all:
            before = len(self._whole)
            for module in list(self._seen.values()):
                self._activate(module)
                self._keep_whole(module)
            added = len(self._whole) > before
        for module in list(self._seen.values()):
            is_in = module.name in self._kept
            for index, statement in enumerate(module.statements):
                if statement.role is not Role.ORDINARY or (is_in and index in self._kept[module.name]):
                    continue
                changed = self._modules.changed_by(module, index)
                # Where the module does not run anyway, what it does to other packages does not count.
                counting = (origin for origin in changed if is_in or origin[0] != module.name)
                if not self._names.isdisjoint(counting):
                    self._activate(module)
                    self._keep(module, index, None)
                    self._names.update((module.name, name) for name in statement.binds)
                    for name in statement.binds:
                        self._need(module, name, ())
                    added = is_in = True
        return added

    def _activate(self, module: AuthorModule) -> None:
        """Let `module` run by the imports that ran it where the model was made."""
        if module.name in self._kept:
            return
        self._enter(module)
        importers = self._importers.get(module.name, [])
        running = [item for item in importers if item[0].name in self._kept]
        for importer, index, item in running or importers[:1]:
            self._activate(importer)
            self._keep(importer, index, _alias(item))


def _targets(item: Imported) -> Iterator[str]:
    yield item.module
    if item.attribute not in (None, "*"):
        yield f"{item.module}.{item.attribute}"
    parts = item.module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def _uses(module: AuthorModule, name: str) -> Iterable[Chain]:
    found: set[Chain] = set()
    for statement in module.statements:
        found |= statement.uses.get(name, frozenset())
    return found or {_ONLY_RUN}


def _alias(item: Imported) -> str:
    return "*" if item.attribute == "*" else item.name
