"""What installers put on this machine, by distribution: versions, needs, and where each came from.

Only metadata is read; nothing is imported. Names are canonical (PEP 503).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bundler.formats.core_metadata import core_metadata
from bundler.manifest import DirectSource

#: What provides `import tensorflow`: one family, of one version. The first that is installed counts.
TENSORFLOW = (
    *("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "tensorflow-gpu", "tensorflow-macos"),
    *("tensorflow-intel", "intel-tensorflow", "tensorflow-rocm", "tensorflow-cpu-aws", "tensorflow-aarch64"),
    *("nvidia-tensorflow", "tensorflow-base"),
)
KERAS = ("keras", "keras-nightly")
#: import name -> the distributions known to provide it
FAMILIES: Mapping[str, tuple[str, ...]] = {"tensorflow": TENSORFLOW, "keras": KERAS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One installed distribution. `sha256` is of the archive that it was installed from by address, where told."""

    name: str
    version: str
    requires: tuple[Requirement, ...] = ()
    source: DirectSource | None = None
    sha256: str | None = None


def find_installed(name: str) -> Installed | None:
    """Return the distribution that imports would take, or `None`: it is not installed, or its metadata is broken."""
    return _found(name, tuple((entry, _changed(entry)) for entry in sys.path))


def _changed(entry: str) -> int:
    """Return when a folder of `sys.path` changed last: an installer adds and removes folders in it."""
    try:
        return os.stat(entry or os.curdir).st_mtime_ns
    except OSError:
        return 0


# One load asks for the same hundred distributions several times.
@functools.lru_cache(maxsize=2048)
def _found(name: str, path: tuple[tuple[str, int], ...]) -> Installed | None:  # noqa: ARG001 - what an answer holds for
    try:
        found = importlib.metadata.distribution(name)
        metadata = core_metadata(found)
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return None
    if not metadata.version:
        return None
    source, sha256 = _origin(found)
    return Installed(
        name=canonicalize_name(name),
        version=metadata.version,
        requires=metadata.requires,
        source=source,
        sha256=sha256,
    )


def find_family(top: str) -> Installed | None:
    """Return what provides the import name `top`, a key of `FAMILIES`: a vendor's build may have any name."""
    # `pip uninstall tensorflow-cpu` beside `tensorflow` takes the files of both and leaves the metadata of one.
    if not _is_importable(top):
        return None
    known = (found for name in FAMILIES[top] if (found := find_installed(name)) is not None)
    if (first := next(known, None)) is not None:
        return first
    providers = sorted(set(importlib.metadata.packages_distributions().get(top, ())))
    others = (found for name in providers if (found := find_installed(name)) is not None)
    return next(others, None)


def family_of(name: str) -> str | None:
    """Return the import name that the distribution `name` is known to provide with others of its family."""
    return next((top for top, names in FAMILIES.items() if name in names), None)


def editable_needs() -> Iterator[Requirement]:
    """Yield what the projects that are installed in editable mode, and so travel as source, say that they need."""
    for found in importlib.metadata.distributions():
        source, _ = _origin(found)
        if source is not None and source.kind == "editable":
            yield from core_metadata(found).requires


def _is_importable(top: str) -> bool:
    """Say whether there is a package of this name, without importing it; a bare folder is none."""
    if top in sys.modules:
        return True
    spec = importlib.util.find_spec(top)
    return spec is not None and spec.origin is not None


def _origin(found: importlib.metadata.Distribution) -> tuple[DirectSource | None, str | None]:
    """Read PEP 610's ``direct_url.json``: where a distribution came from that no index was asked for."""
    try:
        told = json.loads(found.read_text("direct_url.json") or "{}")
        installer = (found.read_text("INSTALLER") or "").strip()
    except (OSError, ValueError):
        return None, None
    # conda's builds carry the address of the folder that they were built in; they came from a channel all the same.
    if installer == "conda" or not isinstance(told, dict) or not isinstance(told.get("url"), str):
        return None, None
    url = without_credentials(told["url"])
    match told:
        case {"dir_info": {"editable": True}}:
            return DirectSource(kind="editable"), None
        case {"vcs_info": {"vcs": str(vcs), "commit_id": str(commit)}} if not url.startswith("file:"):
            return DirectSource(kind="vcs", url=f"{vcs}+{_below(url, told)}", revision=commit), None
        case {"archive_info": dict(archive)} if url.startswith(("https:", "http:")):
            return DirectSource(kind="archive", url=_below(url, told)), _sha256(archive)
    return DirectSource(kind="local"), None


def without_credentials(url: str) -> str:
    """Return `url` without user and password; ``git@`` of an SSH address stays, as in PEP 610."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at or (user == "git" and "ssh" in parts.scheme):
        return url
    return urlunsplit(parts._replace(netloc=host))


def _below(url: str, told: Mapping[str, Any]) -> str:
    subdirectory = told.get("subdirectory")
    return f"{url}#subdirectory={subdirectory}" if isinstance(subdirectory, str) else url


def _sha256(archive: Mapping[str, Any]) -> str | None:
    hashes = archive.get("hashes")
    if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
        return str(hashes["sha256"])
    old = archive.get("hash")
    return old.removeprefix("sha256=") if isinstance(old, str) and old.startswith("sha256=") else None
