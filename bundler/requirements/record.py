"""From the imports of packed code to pinned distributions, as they are installed here.

No index is asked and nothing is resolved: what is recorded is what the model was packed with.
"""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name

from bundler.errors import PackError
from bundler.manifest import PinnedDistribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ALWAYS = ("keras", "tensorflow")


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


def pins(needed: Iterable[NeededImport], always: Sequence[str] = _ALWAYS) -> tuple[PinnedDistribution, ...]:
    """One pin a distribution, sorted by name.

    Args:
        needed: the imports of the packed code.
        always: import names that every bundle needs, whichever distribution provides them here.

    Raises:
        PackError: a distribution has no metadata on this machine.
    """
    imports: dict[str, set[str]] = {}
    optional: dict[str, bool] = {}
    for item in needed:
        name = canonicalize_name(item.distribution)
        imports.setdefault(name, set()).add(item.name)
        optional[name] = optional.get(name, True) and item.optional
    provided = importlib.metadata.packages_distributions() if always else {}
    for top in always:
        provider = _provider(top, provided)
        imports.setdefault(provider, set()).add(top)
        optional[provider] = False
    return tuple(
        PinnedDistribution(
            name=name, version=_version(name), imports=tuple(sorted(imports[name])), optional=optional[name]
        )
        for name in sorted(imports)
    )


def requirements_text(pins: Iterable[PinnedDistribution], python: str) -> str:
    """The text of ``requirements.txt``: what installers read, and as comments what the code can do without.

    Args:
        pins: the pinned distributions.
        python: the PEP 440 specifier of the Python versions that can read the code.
    """
    ordered = sorted(pins, key=lambda pin: pin.name)
    lines = [f"# The distributions that the model was packed with; needs Python {python}."]
    lines += [f"{pin.name}=={pin.version}" for pin in ordered if not pin.optional]
    lines += [
        f"# {pin.name}=={pin.version}  # optional: the code goes on without {', '.join(pin.imports)}"
        for pin in ordered
        if pin.optional
    ]
    return "\n".join(lines) + "\n"


def _provider(top: str, provided: Mapping[str, Sequence[str]]) -> str:
    names = sorted({canonicalize_name(name) for name in provided.get(top, ())})
    if not names:
        raise PackError(
            f"no installed distribution provides {top!r}", hint='install it: pip install "kbundle[tensorflow]"'
        )
    return canonicalize_name(top) if canonicalize_name(top) in names else names[0]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise PackError(
            f"the packed code imports from {name}, which has no metadata on this machine",
            hint="install it again, so that its version can be recorded",
        ) from None
