"""Published holes of Keras and TensorFlow that matter to whoever loads a model, with the versions that have them.

A table in the repo (`advisories.json`), so that an audit answers without a network; `DATE` says how old it is. It
holds what concerns the loading of a file (Keras's config, weights and archives, and TensorFlow's search path for HDF5
plug-ins), not the long list of crashes in TensorFlow's kernels: for those an OSV folder is asked
(`bundler.audit.lock.osv`).

Versions that have a hole are half-open ranges of PEP 440 versions. Where a branch got a fix of its own (3.12.1 beside
3.13.2) there is a range for each, and the later one begins with the first pre-release of its branch. A pre-release of
a fixed version counts as not fixed.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from bundler.requirements.machine import family_of

_TF_KERAS = ("tf-keras", "tf-keras-nightly")


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One published hole.

    Attributes:
        id: the CVE, or the pull request where there is none.
        aliases: other names of it.
        family: ``keras``, ``tensorflow`` or ``tf-keras``; each of its distributions has the hole.
        ranges: pairs (first version that has it, first that has not); `None` for no bound.
        what: the attack.
        closed_by: what of a bundle's audit or loading leaves the attack nothing to work on; `None` where it stays open
            to the bundle's own code or to the machine.
    """

    id: str
    aliases: tuple[str, ...] = ()
    family: str = "keras"
    ranges: tuple[tuple[str | None, str | None], ...]
    what: str
    closed_by: str | None = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The first version of each branch that has no such hole; empty where there is none yet."""
        return tuple(end for _, end in self.ranges if end is not None)

    def affects(self, version: Version) -> bool:
        """Say whether `version`, without its local part, has the hole."""
        public = Version(version.public)
        return any(
            (start is None or Version(start) <= public) and (end is None or public < Version(end))
            for start, end in self.ranges
        )


_TABLE = json.loads(pkgutil.get_data(__package__, "advisories.json") or "")
#: When the table was compared with its sources.
DATE: str = _TABLE["date"]
#: Where the rows come from.
SOURCE: str = _TABLE["source"]
ADVISORIES = tuple(
    Advisory(**{**row, "aliases": tuple(row.get("aliases", ())), "ranges": tuple(map(tuple, row["ranges"]))})
    for row in _TABLE["advisories"]
)


def family(name: str, imports: Collection[str] = ()) -> str | None:
    """Return the family of a distribution: by its canonical name, or by what is imported from a vendor's build."""
    if name in _TF_KERAS:
        return "tf-keras"
    return family_of(name) or next((top for top in ("tensorflow", "keras") if top in imports), None)


def advisories_for(kind: str | None, version: str) -> Iterator[Advisory]:
    """Yield the advisories that a version of a family has.

    Raises:
        InvalidVersion: the version is none of PEP 440's; that none applies cannot be said then.
    """
    if kind is None:
        return
    parsed = parse(version)
    for advisory in ADVISORIES:
        if advisory.family == kind and advisory.affects(parsed):
            yield advisory


def parse(version: str) -> Version:
    """Return a version of a stranger's file, which may be very long.

    Raises:
        InvalidVersion: it is none of PEP 440's.
    """
    if len(version) > 100:
        raise InvalidVersion(version[:40])
    try:
        return Version(version)
    except InvalidVersion:
        raise
    except ValueError as error:
        raise InvalidVersion(version) from error
