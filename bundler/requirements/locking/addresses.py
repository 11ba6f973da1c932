"""What of a lock's addresses may be told to strangers: nobody's folders, private indexes or passwords."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from bundler.formats.lock_files import PUBLIC_HOSTS
from bundler.requirements.locking.index import Package
from bundler.requirements.machine import without_credentials

#: The folder beside the lock in which files without an address are looked for.
WHEELS = "wheels"


def told(package: Package, *, keep_index: bool) -> dict[str, Any]:
    """Return the entry of a lock without private addresses.

    A file without an address keeps its name, size and hashes, and the path beside the lock where it would be put: an
    installer that knows the index finds it by name, version and hash.

    Args:
        package: an entry as tomllib reads it.
        keep_index: keep the addresses of private indexes, without user and password; never those of files.
    """
    entry = {key: value for key, value in package.items() if key not in ("index", "wheels", "sdist")}
    index = package.get("index")
    if isinstance(index, str) and _may_be_told(index, keep_index=keep_index):
        entry["index"] = without_credentials(index)
    if isinstance(package.get("sdist"), dict):
        entry["sdist"] = _file(package["sdist"], keep_index=keep_index)
    if package.get("wheels"):
        wheels = [_file(wheel, keep_index=keep_index) for wheel in package["wheels"]]
        entry["wheels"] = sorted(wheels, key=lambda wheel: (file_name(wheel), wheel.get("url", "")))
    return entry


def file_name(file: Package) -> str:
    """Return the name of a wheel or source distribution of a lock."""
    if isinstance(file.get("name"), str):
        return str(file["name"])
    place = file.get("path") or urlsplit(str(file.get("url", ""))).path
    return unquote(str(place).replace("\\", "/").rpartition("/")[2])


def _file(file: Package, *, keep_index: bool) -> dict[str, Any]:
    entry = dict(file)
    url = entry.pop("url", None)
    entry.pop("path", None)
    if isinstance(url, str) and _may_be_told(url, keep_index=keep_index):
        return {**entry, "url": without_credentials(url)}
    name = file_name(file)
    return {**entry, "name": name, "path": f"{WHEELS}/{name}"}


def _may_be_told(url: str, *, keep_index: bool) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and (keep_index or parts.hostname in PUBLIC_HOSTS)
