"""From the imports of packed code to the distributions that answer them, as they are installed here.

No index is asked and nothing is resolved: what is recorded is what the model was packed with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from packaging.utils import canonicalize_name

from bundler.errors import PackError
from bundler.manifest import PinnedDistribution
from bundler.requirements.machine import FAMILIES, Installed, editable_needs, find_family, find_installed
from bundler.requirements.transitive import Closed, applies, close_over

#: What kbundle itself imports where a bundle is loaded. A test compares it with pyproject.toml.
LOADER = ("cloudpickle", "packaging", "rich", "zstandard")


class NeededImport(Protocol):
    """One import that an installed distribution answers, as the closure of the source reports it."""

    @property
    def name(self) -> str:
        """The import name."""

    @property
    def distribution(self) -> str:
        """The canonical name of what provides it."""

    @property
    def optional(self) -> bool:
        """The code goes on without it."""

    @property
    def required_by(self) -> str:
        """The module that imports it."""

    @property
    def line(self) -> int:
        """Where in that module, counted from 1; 0 for no line."""


def direct_pins(needed: Iterable[NeededImport]) -> tuple[PinnedDistribution, ...]:
    """Return one pin a distribution that the packed code imports, and those of the framework, sorted by name.

    An extra is known only where a project of the author's that is installed in editable mode asks for it: an
    installer keeps no note of it. The framework is what provides its import names here, of whichever name.

    Raises:
        PackError: a distribution has no metadata on this machine.
    """
    imports: dict[str, set[str]] = {}
    optional: dict[str, bool] = {}
    for item in needed:
        name = canonicalize_name(item.distribution)
        imports.setdefault(name, set()).add(item.name)
        optional[name] = optional.get(name, True) and item.optional
    for top in sorted(FAMILIES):
        provider = framework_here(top).name
        imports.setdefault(provider, set()).add(top)
        optional[provider] = False
    extras = _declared_extras()
    return tuple(
        pin_of(require_installed(name), imports=imports[name], optional=optional[name], extras=extras.get(name, ()))
        for name in sorted(imports)
    )


def transitive_pins(direct: Iterable[PinnedDistribution]) -> tuple[PinnedDistribution, ...]:
    """Return what `direct`, and kbundle where the bundle is loaded, need in turn, sorted by name."""
    known = {pin.name: pin.extras for pin in direct}
    closed = closed_over({**dict.fromkeys(LOADER, ()), **known})
    return tuple(
        pin_of(closed.found[name], extras=closed.extras[name]) for name in sorted(closed.found) if name not in known
    )


def closed_over(roots: Mapping[str, Collection[str]]) -> Closed:
    """Return everything in reach of `roots`, extras by canonical name."""
    return close_over((name, roots[name]) for name in sorted(roots))


def pin_of(
    installed: Installed, *, imports: Iterable[str] = (), optional: bool = False, extras: Iterable[str] = ()
) -> PinnedDistribution:
    """Return the manifest's statement about an installed distribution."""
    return PinnedDistribution(
        name=installed.name,
        version=installed.version,
        imports=tuple(sorted(imports)),
        optional=optional,
        extras=tuple(sorted(extras)),
        source=installed.source,
    )


def framework_here(top: str) -> Installed:
    """Return the distribution that provides an import name of the framework.

    Raises:
        PackError: none does.
    """
    found = find_family(top)
    if found is None:
        raise PackError(
            f"no installed distribution provides {top!r}", hint='install it: pip install "kbundle[tensorflow]"'
        )
    return found


def require_installed(name: str) -> Installed:
    """Return the installed distribution `name`.

    Raises:
        PackError: it has no metadata on this machine.
    """
    found = find_installed(name)
    if found is None:
        raise PackError(
            f"the packed code imports from {name}, which has no metadata on this machine",
            hint="install it again, so that its version can be recorded",
        )
    return found


def _declared_extras() -> dict[str, set[str]]:
    extras: dict[str, set[str]] = {}
    for need in editable_needs():
        if need.extras and applies(need):
            extras.setdefault(canonicalize_name(need.name), set()).update(map(canonicalize_name, need.extras))
    return extras
