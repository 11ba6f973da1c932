"""A bundle as an audit sees it: the manifest, and the bytes of its members from wherever they are.

A reader audits the file in place, a load audits the private copies that it is about to use (so what was audited is
what runs, invariant I8), and packing audits what it is about to write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bundler.archive.encodings import decoded_name
from bundler.archive.new_content import opened, size_of
from bundler.archive.reader import BundleReader
from bundler.archive.writer import NewMember
from bundler.formats.keras_archive import KerasArchive
from bundler.manifest import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is audited.

    Attributes:
        manifest: what the bundle says.
        digest: its identity, ``sha256:...``; empty while it is not written.
        path: where it is, or `None`.
        size: of the file, in bytes.
        members: size of each member's content by the member's name, but for ``mimetype`` and ``manifest.json``.
        names: member by its name without the suffix of its encoding.
        open: opens the content of a member, decoded, as a binary file object that can seek.
        model: the model's ``.keras`` file, where somebody has opened it already.
    """

    manifest: Manifest
    digest: str
    path: str | None
    size: int
    members: Mapping[str, int]
    names: Mapping[str, str]
    open: Callable[[str], BinaryIO]
    model: KerasArchive | None = None

    def read(self, member: str) -> bytes:
        """Return the content of `member`."""
        with self.open(member) as file:
            return file.read()

    def below(self, folder: str) -> dict[str, str]:
        """Return the members below `folder`: name within it, decoded -> member."""
        prefix = f"{folder}/"
        return {name.removeprefix(prefix): member for name, member in self.names.items() if name.startswith(prefix)}


def of_reader(
    reader: BundleReader, copies: Mapping[str, bytes | Path] | None = None, model: KerasArchive | None = None
) -> Subject:
    """Return the subject of an open bundle; members that are in `copies` are read from there.

    The members that are not are read in place: verify the bundle first.
    """
    found = copies or {}

    def open_member(member: str) -> BinaryIO:
        return opened(found[member]) if member in found else reader.open_member(member)

    return Subject(
        manifest=reader.manifest,
        digest=reader.digest,
        path=None if reader.path is None else str(reader.path),
        size=reader.size,
        members={item.name: item.content_size for item in reader.manifest.members},
        names={decoded_name(item.name, item.encoding): item.name for item in reader.manifest.members},
        open=open_member,
        model=model,
    )


def of_members(manifest: Manifest, members: Sequence[NewMember], path: Path) -> Subject:
    """Return the subject of a bundle that is about to be written to `path`."""
    contents = {member.name: member.content for member in members}
    sizes = {name: size_of(content) for name, content in contents.items()}
    return Subject(
        manifest=manifest,
        digest="",
        path=str(path),
        size=sum(sizes.values()),
        members=sizes,
        names={decoded_name(member.name, member.encoding): member.name for member in members},
        open=lambda member: opened(contents[member]),
    )
