"""What two bundles need around them: distributions, versions, where they come from, hashes of their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from bundler.archive.reader import BundleReader
from bundler.diff import bounds
from bundler.diff.change import ADDED, CHANGED, HASHES, REMOVED, VERSION, LockChange
from bundler.diff.manifest_values import field_changes
from bundler.errors import InvalidBundle
from bundler.formats.lock_files import NoLock, read_pylock
from bundler.manifest import PinnedDistribution, Requirements
from bundler.manifest.codec import to_json
from bundler.requirements.environments.lock_reader import read_lock

DIRECT, TRANSITIVE, PACKED = "direct", "transitive", "packed"
#: Of each package of a lock: the index it is from, and the hashes of each file.
Files = Mapping[str, Mapping[str, Any]]


def lock_changes(before: BundleReader, after: BundleReader) -> tuple[list[LockChange], list[str]]:
    """Return what changed, in the order of the names, and notes about what was not compared.

    Raises:
        InvalidBundle: as `BundleReader.read`.
    """
    olds, news = _pins(before.manifest.requirements), _pins(after.manifest.requirements)
    notes: list[str] = []
    files: list[Files] = []
    for word, reader in (("first", before), ("second", after)):
        try:
            files.append(_files(reader))
        except (NoLock, InvalidBundle) as error:
            reason = error.message if isinstance(error, InvalidBundle) else error
            notes.append(f"hashes: not compared, the lock of the {word} bundle cannot be read: {reason}")
            files.append({})
    comparable = not notes and all(reader.manifest.requirements.lock for reader in (before, after))
    found = []
    for name in sorted(olds.keys() | news.keys()):
        key = canonicalize_name(name)
        hashes = (files[0].get(key, {}), files[1].get(key, {})) if comparable else ({}, {})
        change = _change(name, olds.get(name), news.get(name), *hashes)
        if change is not None:
            found.append(change)
    return found, notes


def _pins(requirements: Requirements) -> dict[str, tuple[str, PinnedDistribution]]:
    """Return each distribution by name, with what it is for; what is imported counts first."""
    pins: dict[str, tuple[str, PinnedDistribution]] = {}
    for role, items in (
        (DIRECT, requirements.distributions),
        (PACKED, requirements.packed),
        (TRANSITIVE, requirements.transitive),
    ):
        for item in items:
            pins.setdefault(item.name, (role, item))
    return pins


def _change(
    name: str,
    old: tuple[str, PinnedDistribution] | None,
    new: tuple[str, PinnedDistribution] | None,
    old_files: Mapping[str, Any],
    new_files: Mapping[str, Any],
) -> LockChange | None:
    if old is None or new is None:
        role, pin = new or old  # type: ignore[misc]  # one of them is there
        return LockChange(
            name=name,
            kind=ADDED if old is None else REMOVED,
            role=role,
            before=None if old is None else pin.version,
            after=None if new is None else pin.version,
        )
    fields = list(field_changes(_said(*old), _said(*new)))
    kind = CHANGED
    if old[1].version != new[1].version:
        # All files of another version are others.
        kind = VERSION
        old_files, new_files = ({"index": files.get("index")} for files in (old_files, new_files))
    about_files = list(field_changes(old_files, new_files))
    if kind == CHANGED and any(item.path.startswith("files.") and item.kind == CHANGED for item in about_files):
        kind = HASHES
    fields += about_files[: bounds.CHANGES]
    if kind == CHANGED and not fields:
        return None
    return LockChange(
        name=name, kind=kind, role=new[0], before=old[1].version, after=new[1].version, fields=tuple(fields)
    )


def _said(role: str, pin: PinnedDistribution) -> dict[str, Any]:
    value: dict[str, Any] = {"role": role, **to_json(pin)}
    return {key: item for key, item in value.items() if key not in ("name", "version")}


def _files(reader: BundleReader) -> Files:
    """Return the files of each package of the bundle's lock, by canonical name; nothing where it has no lock."""
    content = read_lock(reader)
    found: dict[str, dict[str, Any]] = {}
    for entry in () if content is None else read_pylock(content):
        # A package may have several entries, for several machines.
        known = found.setdefault(entry.name, {"index": None, "files": {}})
        known["index"] = entry.index or known["index"]
        for file in entry.files:
            known["files"][file.name] = " ".join(sorted(f"{name}:{value}" for name, value in file.hashes.items()))
    return found
