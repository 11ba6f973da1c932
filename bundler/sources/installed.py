"""The installed distributions by the files that they own, from their metadata alone.

`importlib.metadata.packages_distributions` answers by import name; that is not enough where two distributions share
a namespace package, where a file lies next to installed ones without belonging to them, or where a distribution is
installed in editable mode and its files are the author's working tree.
"""

from __future__ import annotations

import csv
import functools
import importlib.metadata
import json
import os
import site
import sysconfig
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundler.formats.core_metadata import core_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

_SITE_NAMES = frozenset({"site-packages", "dist-packages"})
_METADATA_SUFFIXES = (".dist-info", ".egg-info", ".data")


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One installed distribution.

    `files` are POSIX paths below `base`; `recorded` is false where the installer left no list of files, and only
    the top-level names are known.
    """

    name: str
    version: str
    base: Path
    files: frozenset[str]
    tops: frozenset[str]
    recorded: bool
    editable: bool


class Distributions:
    """Everything on ``sys.path`` that an installer put there, read once and on demand."""

    @functools.cached_property
    def all(self) -> dict[str, Distribution]:
        """Distributions by canonical name; the first on ``sys.path`` wins, as for imports."""
        found: dict[str, Distribution] = {}
        for metadata in importlib.metadata.distributions():
            distribution = _read(metadata)
            if distribution is not None:
                found.setdefault(distribution.name, distribution)
        return found

    @functools.cached_property
    def _by_top(self) -> dict[str, list[Distribution]]:
        by_top: dict[str, list[Distribution]] = {}
        for name in sorted(self.all):
            for top in self.all[name].tops:
                by_top.setdefault(top, []).append(self.all[name])
        return by_top

    @property
    def import_names(self) -> frozenset[str]:
        """The top-level names that installed distributions provide."""
        return frozenset(self._by_top)

    def providing(self, top: str) -> str | None:
        """The distribution that provides a top-level import name; the one of the same name, if several do."""
        names = [distribution.name for distribution in self._by_top.get(top, ())]
        return min(names, key=lambda name: (name != canonicalize_name(top), name), default=None)

    def owner(self, file: Path) -> str | None:
        """The distribution that installed `file`, or `None`: nobody did, or it is an editable working tree."""
        for path in _spellings(file):
            for distribution in self._candidates(path):
                for base in _spellings(distribution.base):
                    if not path.is_relative_to(base):
                        continue
                    relative = path.relative_to(base).as_posix()
                    top = _top(relative)
                    if distribution.recorded:
                        if relative in distribution.files and not distribution.editable:
                            return distribution.name
                    elif top in distribution.tops and is_site(base / "x"):
                        return distribution.name
        return None

    def _candidates(self, path: Path) -> Iterable[Distribution]:
        # The top-level name is one of the path's own parts: look only at those who claim one.
        parts = {part.partition(".")[0] for part in path.parts}
        seen: dict[str, Distribution] = {}
        for part in parts:
            for distribution in self._by_top.get(part, ()):
                seen[distribution.name] = distribution
        return [seen[name] for name in sorted(seen)]


def is_site(file: Path) -> bool:
    """The file lies where installers put things, by its own path or by the one that symbolic links lead to."""
    spellings = _spellings(file)
    if any(not _SITE_NAMES.isdisjoint(path.parts) for path in spellings):
        return True
    return any(path.is_relative_to(folder) for path in spellings for folder in _site_folders())


def is_stdlib(file: Path) -> bool:
    """The file lies in the standard library of the running Python."""
    folders = _stdlib_folders()
    return any(path.is_relative_to(folder) for path in _spellings(file) for folder in folders) and not is_site(file)


@functools.cache
def _stdlib_folders() -> frozenset[Path]:
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    return frozenset(spelling for folder in folders if folder for spelling in _spellings(Path(folder)))


@functools.cache
def _site_folders() -> frozenset[Path]:
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    # Some embedded interpreters and old virtual environments come with a `site` that lacks these.
    folders += getattr(site, "getsitepackages", list)()
    if hasattr(site, "getusersitepackages"):
        folders.append(site.getusersitepackages())
    return frozenset(spelling for folder in folders if folder for spelling in _spellings(Path(folder)))


def _spellings(path: Path) -> tuple[Path, ...]:
    """The path as written and with symbolic links followed: environments and caches link in both directions."""
    plain = Path(os.path.abspath(path))
    real = Path(os.path.realpath(path))
    return (plain,) if plain == real else (plain, real)


def _read(metadata: importlib.metadata.Distribution) -> Distribution | None:
    try:
        told = core_metadata(metadata)
        record = metadata.read_text("RECORD")
        top_level = metadata.read_text("top_level.txt") or ""
        direct_url = metadata.read_text("direct_url.json")
    except (OSError, ValueError, KeyError):
        return None  # a broken leftover of a failed install owns nothing
    if not told.name:
        return None
    files, tops = _owned(record or "")
    tops |= {line.strip() for line in top_level.splitlines() if line.strip().isidentifier()}
    return Distribution(
        name=canonicalize_name(told.name),
        version=told.version or "",
        base=Path(str(metadata.locate_file(""))),
        files=files,
        tops=tops,
        recorded=bool(record),
        editable=_is_editable(direct_url),
    )


@functools.lru_cache(maxsize=1024)
def _owned(record: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the files of a ``RECORD`` and their top-level import names; tens of thousands of lines in all."""
    files = frozenset(_recorded(record))
    return files, frozenset(top for file in files if (top := _top(file)))


def _recorded(record: str) -> Iterable[str]:
    for line in record.splitlines():
        path = next(csv.reader([line]), [""])[0] if '"' in line else line.partition(",")[0]
        if path and not path.startswith(("../", "/")):
            yield path.replace("\\", "/")


def _top(file: str) -> str:
    first, _, rest = file.partition("/")
    if first.endswith(_METADATA_SUFFIXES) or first == "__pycache__":
        return ""
    if rest:
        return first if first.isidentifier() else ""
    stem, _, suffix = PurePosixPath(first).name.partition(".")
    return stem if stem.isidentifier() and suffix.endswith(("py", "so", "pyd")) else ""


def _is_editable(direct_url: str | None) -> bool:
    try:
        told = json.loads(direct_url or "{}")
    except ValueError:
        return False
    folder = told.get("dir_info") if isinstance(told, dict) else None
    return isinstance(folder, dict) and folder.get("editable") is True
