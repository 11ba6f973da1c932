"""Measure what a model's code is before and after it is reduced: lines, modules, imported packages, capabilities.

    python -m tests.acceptance.reduced_sizes FOLDER [FOLDER ...]

Each folder is a checkout of a repository, as its entry of `sys.path`. The model is all of its classes that inherit from
something of Keras, in any module that can be read; nothing is run. A line a repository: whole -> reduced.
"""

from __future__ import annotations

import argparse
import ast
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from bundler.audit.finding import Severity
from bundler.audit.source import SourceText
from bundler.audit.source.closed_functions import close_source
from bundler.sources.locate import Locator, ModuleVerdict
from bundler.sources.module_graph import ModuleGraph
from bundler.sources.reduce.plan import Needs, plan
from tests.acceptance.benign import Everything

_BASES = frozenset({"Layer", "Model", "Loss", "Metric", "Optimizer", "LearningRateSchedule", "Regularizer"})


def modules_of(folder: Path) -> Iterator[str]:
    """Yield the names of the modules in a checkout, by their files."""
    for path in sorted(folder.rglob("*.py")):
        parts = list(path.relative_to(folder).with_suffix("").parts)
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and all(part.isidentifier() for part in parts):
            yield ".".join(parts)


def custom_classes(text: bytes) -> set[str]:
    """Return the top-level classes of a module that inherit from a class of Keras by its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(text).body
    return {
        node.name
        for node in body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).rpartition(".")[2] in _BASES for base in node.bases)
    }


def facts(walk: ModuleGraph, roots: list[str]) -> tuple[int, int, int, set[str]]:
    """Return lines, modules, imported packages and capabilities of what `roots` reach."""
    reached, stack = set(roots), list(roots)
    while stack:
        for edge in walk.node(stack.pop()).edges:
            if edge.target not in reached:
                reached.add(edge.target)
                stack.append(edge.target)
    nodes = [node for node in map(walk.node, sorted(reached)) if node.text is not None and not node.broken]
    own = {node.name.partition(".")[0] for node in nodes}
    packages = {item.name.partition(".")[0] for node in nodes for item in node.imports.imports}
    texts = [
        SourceText(name=node.name, member=node.member, text=node.text or b"", package=node.is_package) for node in nodes
    ]
    found = close_source(texts, Everything(), ()).findings
    lines = sum(bool(line.strip()) for node in nodes for line in (node.text or b"").splitlines())
    capabilities = {str(item.capability) for item in found if item.severity is Severity.CONSENT}
    return lines, len(nodes), len(packages - own - set(sys.stdlib_module_names)), capabilities


def main() -> None:
    """Measure each folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        walk = ModuleGraph(Locator(roots=[folder], loaded=False))
        names: dict[str, set[str]] = {}
        for name in modules_of(folder):
            located = walk.locate(name)
            if located is None or located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
                continue
            text = walk.whole_text(name)
            if text is not None and (found := custom_classes(text)):
                names[name] = found
        if not names:
            print(f"{folder.name}: no class of a model")
            continue
        reduced = plan(walk, Needs(names=names)).reduced
        after = ModuleGraph(walk.locator, {name: item.text for name, item in reduced.items()})
        old, new = (facts(one, sorted(names)) for one in (walk, after))
        told = ", ".join(
            f"{what} {one} -> {other}"
            for what, one, other in zip(("lines", "modules", "packages"), old[:3], new[:3], strict=True)
        )
        could = f"{', '.join(sorted(old[3])) or 'none'} -> {', '.join(sorted(new[3])) or 'none'}"
        print(f"{folder.name}: {sum(map(len, names.values()))} classes, {told}, capabilities {could}")


if __name__ == "__main__":
    main()
