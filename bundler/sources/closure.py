"""From root modules to everything that must travel with them: modules, data files and requirements.

The walk follows every import of every packed module. Two walks over its result decide what a failed step means: a
module that loading always reaches must be there, one that only optional imports reach may be absent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bundler.errors import PackError, SourceError
from bundler.formats.python.minimum_version import python_floor
from bundler.limits import LIMITS
from bundler.manifest import Unresolved
from bundler.sources.data import DataFinder
from bundler.sources.import_order import import_order
from bundler.sources.locate import ModuleVerdict
from bundler.sources.module_graph import Edge, ModuleGraph, ModuleNode, member_of
from bundler.sources.reduce.plan import Needs, ReductionPlan, is_reducible, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bundler.sources.locate import Locator


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedModule:
    """One module to pack. `display` is the path for messages; `reason` holds no path of the author's machine.

    `generated`: its text was taken from a notebook, a script or the inside of a function. `whole` is the author's text
    where `text` is a reduced one, `left_out` how many lines of statements that lacks, `left_names` what they bind.
    """

    name: str
    text: bytes
    is_package: bool
    member: str
    display: str
    reason: str
    generated: bool = False
    whole: bytes | None = None
    left_out: int = 0
    left_names: frozenset[str] = frozenset()

    @property
    def original(self) -> bytes:
        """The text as the author has it."""
        return self.text if self.whole is None else self.whole


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedData:
    """One data file to pack. `path` is its place below the source root; `content` is the file or its bytes."""

    path: str
    content: Path | bytes
    member: str
    reason: str

    def read(self) -> bytes:
        """The content itself."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredImport:
    """One installed package that a packed module imports.

    Attributes:
        name: the import name: the top-level one, or the first below a namespace package.
        distribution: the canonical name of what provides it.
        optional: the packed code goes on without it.
        required_by: the module that imports it.
        file: the path of that module, for messages; empty for what no module says.
        line: where in it, counted from 1; 0 for no line.
    """

    name: str
    distribution: str
    optional: bool = False
    required_by: str = "the model"
    file: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """Everything that the roots need; every tuple but `order` is sorted. `python` is a PEP 440 specifier.

    `left_modules` and `left_distributions` are what the author's modules import and the roots do not need. `order` are
    the author's modules that loading imports in any case, in the order in which this process imported them.
    """

    modules: tuple[ClosedModule, ...]
    data: tuple[ClosedData, ...]
    requirements: tuple[RequiredImport, ...]
    unresolved: tuple[Unresolved, ...]
    python: str
    left_modules: tuple[str, ...] = ()
    left_distributions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


def close(
    roots: Mapping[str, str], locator: Locator, *, skip_data: Sequence[str] = (), needs: Needs | None = None
) -> Closure:
    """Follow the imports of `roots` to the end.

    Args:
        roots: module name -> why it is needed, in words.
        locator: says what each name stands for.
        skip_data: patterns of data paths, as ``mypkg/assets/*``, that do not travel.
        needs: what of the modules is needed; `None` packs them as they are.

    Raises:
        SourceError: roots without source, imports that nothing answers, files that cannot be read; all at once.
        PackError: a file, or all files together, are over the limits.
    """
    original = ModuleGraph(locator)
    walk, planned = (original, None) if needs is None else _reduced_walk(original, needs, sorted(roots))
    found = _reach(walk, sorted(roots), lambda _: True)
    needed = _reach(walk, sorted(roots), lambda edge: not edge.optional)
    always = _reach(walk, sorted(roots), lambda edge: edge.strict and not edge.optional)
    nodes = {name: walk.node(name) for name in found}
    problems = [problem for node in nodes.values() for problem in node.problems]
    for root in sorted(roots):
        located = walk.locate(root)
        if located is None:
            continue
        if located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
            problems.append(f"{root} {roots[root]}, but its source cannot be packed: {located.detail}")
        elif nodes[root].broken:
            problems.append(f"{root} {roots[root]}: {nodes[root].broken}")
    unresolved: set[tuple[str, str, int]] = set()
    for name, node in sorted(nodes.items()):
        for edge in node.edges:
            target = nodes.get(edge.target)
            if target is None or not target.broken or target.name in roots:
                continue
            if name in needed and not edge.optional:
                problems.append(_chain(nodes, needed, name, edge.line, f"{edge.target}: {target.broken}"))
            elif edge.line and not edge.guessed:
                unresolved.add((edge.target, node.member, edge.line))
    packed = {name: node for name, node in nodes.items() if node.text is not None and not node.broken}
    data = _data(walk, packed, skip_data, problems)
    for name, node in sorted(packed.items()):
        for failure in node.failures:
            if failure.folder and _has_below(failure.target, packed, data):
                continue
            if name in always and failure.strict and not failure.optional:
                problems.append(_chain(nodes, always, name, failure.line, failure.detail))
            else:
                unresolved.add((failure.target, node.member, failure.line))
    if problems:
        raise SourceError(
            "the source of the model is not complete",
            list(dict.fromkeys(problems)),
            hint="install what is missing, add the folder that holds it as a source root, or guard the import",
        )
    _check_total(packed)
    own = {name for name in always if locator.loaded and name in packed and not packed[name].located.generated}
    return Closure(
        modules=tuple(
            ClosedModule(
                name=name,
                text=node.text or b"",
                is_package=node.is_package,
                member=node.member,
                display=node.display,
                reason=roots.get(name) or _reason(nodes, found, name),
                generated=node.located.generated,
                **_left_of(planned, original, name),
            )
            for name, node in sorted(packed.items())
        ),
        data=tuple(data[path] for path in sorted(data)),
        requirements=_requirements(packed, needed),
        unresolved=tuple(
            Unresolved(module=module, member=member, line=line) for module, member, line in sorted(unresolved)
        ),
        python=python_floor(node.text or b"" for node in packed.values()),
        order=import_order(
            {name: [edge.target for edge in node.edges if edge.strict] for name, node in packed.items() if name in own}
        ),
        **_left_behind(planned, original, packed),
    )


def _reduced_walk(original: ModuleGraph, needs: Needs, roots: Sequence[str]) -> tuple[ModuleGraph, ReductionPlan]:
    """Return a walk over reduced texts. What only the walk finds, as by a computed import, it needs as a whole."""
    further: set[str] = set()
    while True:
        planned = plan(original, needs, further)
        walk = ModuleGraph(original.locator, {name: item.text for name, item in planned.reduced.items()})
        found = set(_reach(walk, roots, lambda _: True)) - further
        missed = {name for name in found - planned.kept if is_reducible(original, needs, name)}
        if not missed:
            return walk, planned
        further |= missed


def _left_of(planned: ReductionPlan | None, original: ModuleGraph, name: str) -> dict[str, Any]:
    reduced = None if planned is None else planned.reduced.get(name)
    if reduced is None:
        return {}
    return {
        "whole": original.whole_text(name),
        "left_out": reduced.left_out,
        "left_names": reduced.left_names,
    }


def _left_behind(
    planned: ReductionPlan | None, original: ModuleGraph, packed: Mapping[str, ModuleNode]
) -> dict[str, Any]:
    """Return the modules and distributions that the whole texts import and the packed ones do not."""
    if planned is None:
        return {}
    used = {need.distribution for node in packed.values() for need in node.needs}
    known = {need.distribution for name in planned.seen for need in original.node(name).needs}
    return {
        "left_modules": tuple(sorted(planned.seen - set(packed))),
        "left_distributions": tuple(sorted(known - used)),
    }


Reached = dict[str, tuple[str, Edge] | None]


def _reach(walk: ModuleGraph, roots: Sequence[str], follows: Callable[[Edge], bool]) -> Reached:
    """Every module in reach of the roots, each with the first step that leads to it, shortest way first."""
    reached: Reached = dict.fromkeys(roots)
    queue = deque(roots)
    while queue:
        name = queue.popleft()
        for edge in walk.node(name).edges:
            if edge.target not in reached and follows(edge):
                reached[edge.target] = (name, edge)
                queue.append(edge.target)
    return reached


def _chain(nodes: Mapping[str, ModuleNode], reached: Reached, name: str, line: int, end: str) -> str:
    """``a (a.py:1) -> b (b.py:3) -> what is wrong``."""
    steps = [f"{name} ({nodes[name].display}:{line})" if line else name]
    while (step := reached.get(name)) is not None:
        name, edge = step
        steps.append(f"{name} ({nodes[name].display}:{edge.line})" if edge.line else name)
    return " -> ".join([*reversed(steps), end])


def _reason(nodes: Mapping[str, ModuleNode], found: Reached, name: str) -> str:
    step = found[name]
    return step[1].reason if step is not None else nodes[name].name


def _has_below(name: str, packed: Mapping[str, ModuleNode], data: Mapping[str, ClosedData]) -> bool:
    folder = name.replace(".", "/") + "/"
    return any(other.startswith(f"{name}.") for other in packed) or any(path.startswith(folder) for path in data)


def _data(
    walk: ModuleGraph, packed: Mapping[str, ModuleNode], skip: Sequence[str], problems: list[str]
) -> dict[str, ClosedData]:
    finder = DataFinder(walk.locator, skip)
    data: dict[str, ClosedData] = {}

    def add(path: str, content: Path | bytes, reason: str) -> None:
        known = data.setdefault(path, ClosedData(path=path, content=content, member=f"code/{path}", reason=reason))
        if known.content != content:
            problems.append(f"two files are to be packed as {path}: {known.content!s} and {content!s}")

    for _, node in sorted(packed.items()):
        if node.located.text is not None or not walk.reads_files(node):
            continue
        try:
            for file, path, reason in finder.find(node.located, node.imports):
                add(path, file, reason)
        except SourceError as error:
            problems.extend(error.problems)
    for provider in walk.locator.providers:
        names = {name for name in packed if walk.locator.provider_of(name) is provider}
        tops = {name.partition(".")[0] for name in names}
        for path, content in sorted(provider.data().items()):
            if names and not finder.skips(path) and ("/" not in path or PurePosixPath(path).parts[0] in tops):
                add(path, content, "data of the bundle that the code was loaded from")
    return data


def _requirements(packed: Mapping[str, ModuleNode], needed: Reached) -> tuple[RequiredImport, ...]:
    merged: dict[tuple[str, str, str], RequiredImport] = {}
    for name, node in packed.items():
        for need in node.needs:
            optional = need.optional or name not in needed
            key = (need.target, need.distribution, name)
            if (known := merged.get(key)) is not None and (optional or not known.optional):
                continue
            merged[key] = RequiredImport(
                name=need.target,
                distribution=need.distribution,
                optional=optional,
                required_by=name,
                file=node.display,
                line=need.line,
            )
    return tuple(merged[key] for key in sorted(merged))


def _check_total(packed: Mapping[str, ModuleNode]) -> None:
    total = sum(len(node.text or b"") for node in packed.values())
    for found, limit, what in (
        (total, LIMITS.source_total, "bytes of source"),
        (len(packed), LIMITS.members, "modules"),
    ):
        if found > limit:
            raise PackError(
                f"the model needs too many {what}",
                expected=f"at most {limit}",
                found=found,
                hint="pack fewer distributions with include, and let the others be requirements",
            )


__all__ = ["ClosedData", "ClosedModule", "Closure", "RequiredImport", "close", "member_of"]
