"""What the author's process has around the packed code, and the consumer's will not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from bundler.proof.request import Surroundings
from bundler.proof.seclusion import authors_entries
from bundler.sources.closure import ClosedModule
from bundler.sources.installed import is_site


def surroundings_of(modules: Iterable[ClosedModule], roots: Iterable[Path]) -> Surroundings:
    """Return the author's folders and the names of the author's modules.

    The folders are the current one, `roots`, those that the packed modules were imported from, and every entry of
    `sys.path` that is neither the interpreter's nor holds installed distributions. What is packed from an installed
    distribution may well be installed where the bundle is loaded, as a need of another one, and is left alone.
    """
    closed = list(modules)
    own = [module for module in closed if not is_site(Path(module.display))]
    tops = {module.name for module in closed if "." not in module.name}
    folders = [*_current(), *map(str, roots), *authors_entries(sys.path)]
    folders += [str(root) for module in own if (root := _root(module)) is not None]
    names = {top if (top := module.name.partition(".")[0]) in tops else module.name for module in own}
    return Surroundings(folders=tuple(sorted(set(folders))), names=tuple(sorted(names)))


def _current() -> list[str]:
    try:
        return [os.getcwd()]
    except FileNotFoundError:  # Removed under our feet; then nothing is read from it either.
        return []


def _root(module: ClosedModule) -> Path | None:
    """Return the folder that `module` was imported from, as an entry of `sys.path`; `None` if it was not a file."""
    file = Path(module.display)
    if not file.is_absolute() or not file.is_file():
        return None
    depth = module.name.count(".") + (1 if module.is_package else 0)
    return file.parents[depth] if depth < len(file.parents) else None
