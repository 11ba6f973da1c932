"""What installed distributions need in turn, as their metadata says for this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from bundler.requirements.machine import Installed, find_installed


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """One distribution that an installed one needs, in which versions."""

    name: str
    by: str
    specifier: SpecifierSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """Everything in reach of some distributions.

    `found` is by name, the ones that were started from included; `extras` are those that somebody asks for; `demands`
    are all needs, of what is installed and of what is not.
    """

    found: Mapping[str, Installed]
    extras: Mapping[str, frozenset[str]]
    demands: tuple[Demand, ...]


def close_over(roots: Iterable[tuple[str, Collection[str]]]) -> Closed:
    """Follow the needs of `roots`, pairs of a canonical name and extras, to the end."""
    found: dict[str, Installed] = {}
    extras: dict[str, set[str]] = {}
    demands: dict[tuple[str, str, str], Demand] = {}
    queue = deque((name, frozenset(wanted)) for name, wanted in roots)
    while queue:
        name, wanted = queue.popleft()
        if name in found and wanted <= extras[name]:
            continue
        installed = found.get(name) or find_installed(name)
        if installed is None:
            continue
        found[name] = installed
        extras.setdefault(name, set()).update(wanted)
        for need in installed.requires:
            if not applies(need, extras[name]):
                continue
            target = canonicalize_name(need.name)
            demands[target, name, str(need.specifier)] = Demand(name=target, by=name, specifier=need.specifier)
            queue.append((target, frozenset(canonicalize_name(extra) for extra in need.extras)))
    return Closed(
        found=found,
        extras={name: frozenset(wanted) for name, wanted in extras.items()},
        demands=tuple(demands.values()),
    )


def applies(need: Requirement, extras: Collection[str] = ()) -> bool:
    """Say whether a requirement counts on this machine, for a distribution that was asked for with `extras`."""
    if need.marker is None:
        return True
    for extra in ("", *extras):
        try:
            if need.marker.evaluate({"extra": extra}):
                return True
        except (UndefinedComparison, UndefinedEnvironmentName):
            continue
    return False
