"""Reduced texts for the modules that a model needs, so that all of them agree."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bundler.sources.locate import ModuleVerdict
from bundler.sources.module_graph import ModuleGraph
from bundler.sources.reduce.author_modules import FoundName, Modules
from bundler.sources.reduce.cut import cut, is_reduced, left_names, left_out
from bundler.sources.reduce.reachable import reduce


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What decides how much of each module travels.

    Attributes:
        names: by module the names that the model's objects have there; a module that is not named here travels whole
            where something imports it in a way that no text tells.
        whole: patterns of module names that stay as they are, as ``mypkg.*``.
        included: modules of installed distributions are reduced, too.
    """

    names: Mapping[str, Collection[str] | None]
    whole: Sequence[str] = ()
    included: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReducedText:
    """One module of which some lines stay behind: its text without them, their number and the names that they bind."""

    text: bytes
    left_out: int
    left_names: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReductionPlan:
    """The reduced modules by name, the modules of which anything stays, and all that were looked at."""

    reduced: Mapping[str, ReducedText]
    kept: frozenset[str]
    seen: frozenset[str]


def plan(walk: ModuleGraph, needs: Needs, further: Collection[str] = ()) -> ReductionPlan:
    """Return what stays behind; `further` are modules that are known to be needed as a whole."""

    def find(name: str) -> FoundName | None:
        if not name or not is_reducible(walk, needs, name):
            return None
        located = walk.locate(name)
        text = walk.whole_text(name)
        if located is None or text is None:
            return None
        is_fixed = located.generated or any(fnmatch.fnmatchcase(name, pattern) for pattern in needs.whole)
        return FoundName(text=text, is_package=located.is_package, is_fixed=is_fixed)

    def is_folder(name: str) -> bool:
        located = walk.locate(name)
        return located is not None and located.verdict is ModuleVerdict.SOURCE and located.is_namespace

    found = reduce(Modules(find, is_folder), {**needs.names, **dict.fromkeys(further)})
    return ReductionPlan(
        reduced={
            name: ReducedText(text=cut(kept), left_out=left_out(kept), left_names=left_names(kept))
            for name, kept in found.kept.items()
            if not kept.module.is_fixed and is_reduced(kept)
        },
        kept=frozenset(found.kept),
        seen=found.seen,
    )


def is_reducible(walk: ModuleGraph, needs: Needs, name: str) -> bool:
    """Say whether a module is the author's own: neither of a loaded bundle nor of an installed distribution."""
    located = walk.locate(name)
    if located is None or located.verdict is not ModuleVerdict.SOURCE or located.is_namespace:
        return False
    if located.distribution is not None:
        return needs.included
    return located.text is None or located.generated
