"""Files that are compared by their digests alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bundler.archive.names import SIGNATURES
from bundler.archive.positioned import PIECE
from bundler.archive.reader import BundleReader
from bundler.diff.change import ADDED, CHANGED, REMOVED, FileChange

#: Name of a file -> its size in bytes and its SHA-256.
Digests = Mapping[str, tuple[int, str]]


def file_changes(before: Digests, after: Digests) -> list[FileChange]:
    """Return which files came, went or changed, in the order of their names."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        found.append(
            FileChange(
                name=name,
                kind=ADDED if old is None else REMOVED if new is None else CHANGED,
                before_size=None if old is None else old[0],
                after_size=None if new is None else new[0],
                before_sha256=None if old is None else old[1],
                after_sha256=None if new is None else new[1],
            )
        )
    return found


def data_files(reader: BundleReader) -> Digests:
    """Return the packed data files by their paths. Their content counts: packing may have compressed it."""
    members = {item.name: (item.content_size, item.content_sha256) for item in reader.manifest.members}
    return {item.path: members[item.member] for item in reader.manifest.data}


def other_members(reader: BundleReader) -> Digests:
    """Return all members but modules and data files; signatures, which the manifest does not list, are read.

    Raises:
        InvalidBundle: as `BundleReader.open_member`.
    """
    told = {item.member for item in reader.manifest.modules} | {item.member for item in reader.manifest.data}
    found = {member.name: (member.size, member.sha256) for member in reader.manifest.members if member.name not in told}
    for name in reader.names:
        if name.startswith(SIGNATURES):
            found[name] = _hashed(reader, name)
    return found


def _hashed(reader: BundleReader, name: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with reader.open_member(name) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
