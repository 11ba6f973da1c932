"""Opens and reads a bundle. Nothing here runs, imports or unpacks what the bundle holds.

The checks come in the order of `schema/SPEC.md`: end records, central directory, local headers, names, manifest,
list of members. Opening reads these and nothing else, so a bundle of many gigabytes opens in milliseconds; the
content of a member is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from bundler.archive import layout
from bundler.archive.atomic import write_all
from bundler.archive.contents import MIMETYPE_CONTENT, check_members, check_names, shortened
from bundler.archive.diagnosis import newer_format, refuse_foreign_file
from bundler.archive.encodings import check_decoded_total, check_frame, decode
from bundler.archive.hashing import PassingHash
from bundler.archive.names import MANIFEST, MIMETYPE
from bundler.archive.positioned import PIECE, PositionedFile, open_positioned
from bundler.archive.progress import Meter, Progress
from bundler.archive.window import Window
from bundler.errors import (
    BundleError,
    DigestMismatch,
    IntegrityError,
    InvalidBundle,
    LimitExceeded,
    MissingDependency,
    UnsupportedVersion,
)
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Member, load_manifest

_CHANGED = "the file was damaged or changed after it was written; fetch it again"


class BundleReader:
    """An open bundle whose layout, names and manifest have been checked. Use as a context manager.

    Made by `open_bundle` only. Several threads may read from one reader. Each read checks the bytes that it
    returns, so a file that changes underneath is noticed.

    Attributes:
        path: the file's path, or `None` when it was opened from a file object.
        manifest: what the bundle says about itself.
        manifest_bytes: the text of the manifest.
        digest: ``sha256:`` and 64 hexadecimal digits over `manifest_bytes`; the bundle's identity (I3).
        names: all member names, in the order of the file.
        size: of the whole file, in bytes.

    Example:
        >>> with bundler.open_bundle("model.kbundle") as reader:
        ...     reader.read("code/gain.py").splitlines()[0]
        b'import keras'
    """

    def __init__(self, file: PositionedFile, path: Path | None, placed: list[layout.Placed], manifest: bytes) -> None:
        self.path = path
        self.size = file.size
        self.names = tuple(item.entry.name for item in placed)
        self._file = file
        self._placed = {item.entry.name: item for item in placed}
        self._members: dict[str, Member] = {}
        self.manifest_bytes = manifest
        self.manifest: Manifest = load_manifest(self.manifest_bytes)
        sha256 = hashlib.sha256(self.manifest_bytes).hexdigest()
        self.digest = f"sha256:{sha256}"
        check_members([item.entry for item in placed], self.manifest)
        check_decoded_total(self.manifest.members, file.size)
        self._members = {member.name: member for member in self.manifest.members}
        # So that a manifest that changes after this is noticed like any other member.
        self._members[MANIFEST] = Member(name=MANIFEST, size=len(self.manifest_bytes), sha256=sha256)

    def __enter__(self) -> BundleReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BundleReader {self.path or 'from a file object'} {self.digest[:19]}>"

    def read(self, name: str) -> bytes:
        """Return the content of a member, decoded and checked.

        Raises:
            IntegrityError: size, checksum or digest is not the one that the file and its manifest declare.
            UnsupportedVersion: the member has an encoding that this kbundle does not know.
            InvalidBundle: there is no such member, or the file cannot be read.
        """
        placed, member = self._find(name)
        if member is not None and member.encoding is not None:
            return b"".join(self._content(placed, member))
        # One read instead of pieces: a large payload is then in memory once, not twice.
        return _read_stored(self._file, placed, member)

    def copy_to(self, name: str, target: BinaryIO, progress: Progress | None = None) -> None:
        """Write the content of a member to `target` in pieces, decoded.

        The check ends with the last byte, so what was written is worth nothing if this raises.

        Raises:
            IntegrityError: as for `read`; the bytes have been written by then.
            UnsupportedVersion: as for `read`.
            InvalidBundle: as for `read`.
            OSError: `target` cannot be written.
        """
        placed, member = self._find(name)
        size = placed.entry.size if member is None else member.content_size
        meter = Meter(progress, f"reading {name}", size)
        for piece in self._content(placed, member):
            write_all(target, piece)
            meter.add(len(piece))

    def open_member(self, name: str) -> BinaryIO:
        """Return the content of a member as a binary file object that can seek, decoded; close it.

        A stored member is read in place and its digest is *not* checked: call `verify` first. An encoded one is
        decoded to a temporary file, and checked on the way.

        Raises:
            IntegrityError: as for `read`, of an encoded member.
            UnsupportedVersion: as for `read`.
            InvalidBundle: there is no such member, or the file cannot be read.
        """
        placed, member = self._find(name)
        if member is None or member.encoding is None:
            return io.BufferedReader(Window(self._file.read_at, placed.start, placed.entry.size))
        decoded: BinaryIO = tempfile.TemporaryFile(prefix="kbundle-")  # noqa: SIM115 - the caller's to close
        try:
            self.copy_to(name, decoded)
            decoded.seek(0)
        except BaseException:
            decoded.close()
            raise
        return decoded

    def verify(self, progress: Progress | None = None) -> None:
        """Read every byte of every member and check its checksum, its digest and what it decodes to.

        Raises:
            IntegrityError: one or more members are wrong; the message names all of them.
            UnsupportedVersion: all is right, but a member has an encoding that this kbundle does not know.
        """
        meter = Meter(progress, "verifying", sum(placed.entry.size for placed in self._placed.values()))
        problems: list[BundleError] = []
        for placed in self._placed.values():
            member = self._members.get(placed.entry.name)
            try:
                stored = _StoredBytes(self._file, placed, meter)
                while stored.read(PIECE):
                    pass
                stored.check(member)
                if member is not None and member.encoding is not None:
                    for _ in self._content(placed, member):
                        pass
            except BundleError as error:
                # Without its frames, which hold what was read: there may be thousands.
                problems.append(error.with_traceback(None))
        # What is not installed here is not a fault of the file.
        for problem in problems:
            if isinstance(problem, MissingDependency):
                raise problem
        if len(problems) == 1:
            raise problems[0]
        if problems:
            kind = (
                UnsupportedVersion
                if all(isinstance(error, UnsupportedVersion) for error in problems)
                else IntegrityError
            )
            lines = "\n  - ".join(shortened([str(error).partition("\n")[0] for error in problems]))
            raise kind(f"{len(problems)} members are not what they should be\n  - {lines}", hint=_CHANGED)

    def check_stored(self, names: Iterable[str]) -> None:
        """Read the stored bytes of members and check them; nothing is decoded, so an unknown encoding is no matter.

        Raises:
            IntegrityError: as for `read`.
            InvalidBundle: as for `read`.
        """
        for name in names:
            placed, member = self._find(name)
            stored = _StoredBytes(self._file, placed, None)
            while stored.read(PIECE):
                pass
            stored.check(member)

    def close(self) -> None:
        """Close the file. A file object given to `open_bundle` stays open."""
        self._file.close()

    def _find(self, name: str) -> tuple[layout.Placed, Member | None]:
        placed = self._placed.get(name)
        if placed is None:
            raise InvalidBundle("the bundle has no such member", place=repr(name)[:200])
        return placed, self._members.get(name)

    def _content(self, placed: layout.Placed, member: Member | None) -> Iterator[bytes]:
        """Yield the decoded content; raise after the last piece if it was not the declared one."""
        stored = _StoredBytes(self._file, placed, None)
        if member is None or member.encoding is None:
            while piece := stored.read(PIECE):
                yield piece
        else:
            check_frame(member, lambda offset, count: self._file.read_at(placed.start + offset, count))
            digest = hashlib.sha256()
            for piece in decode(member, stored):
                digest.update(piece)
                yield piece
            if digest.hexdigest() != member.decoded_sha256:
                raise _wrong(member.name, "decoded sha256", member.decoded_sha256, digest.hexdigest())
            while stored.read(PIECE):  # A decoder may leave the checksum at the end of the frame unread.
                pass
        stored.check(member)


class _StoredBytes:
    """The stored bytes of one member as a stream that hashes what passes."""

    def __init__(self, file: PositionedFile, placed: layout.Placed, meter: Meter | None) -> None:
        self._file = file
        self._placed = placed
        self._position = placed.start
        self._meter = meter
        self._hash = PassingHash(placed.entry.size)

    def read(self, size: int = -1, /) -> bytes:
        left = self._placed.end - self._position
        piece = self._file.read_at(self._position, left if size < 0 else min(size, left))
        self._position += len(piece)
        self._hash.update(piece)
        if self._meter is not None:
            self._meter.add(len(piece))
        return piece

    def check(self, member: Member | None) -> None:
        _check_stored(self._placed, member, *self._hash.finish())


def open_bundle(source: str | os.PathLike[str] | BinaryIO) -> BundleReader:
    """Open a bundle: check its layout, its names and its manifest, and read nothing else.

    Args:
        source: a path, or a binary file object that can seek; the object stays the caller's to close, and its
            position is the reader's while that is open.

    Returns:
        The open bundle; close it, or use it in a ``with`` statement.

    Raises:
        InvalidBundle: the file is not there, is not a bundle, is cut short, or is not what the writer makes.
        IntegrityError: a size or checksum that opening looks at is wrong.
        UnsupportedVersion: the bundle is of a newer format.
        LimitExceeded: a count or size is beyond `bundler.limits`.
        TypeError: `source` is neither a path nor a binary file object.

    Example:
        >>> with bundler.open_bundle("model.kbundle") as reader:
        ...     [item.shape for item in reader.manifest.payload.inputs]
        [(-1, 4)]
    """
    file = open_positioned(source)
    path = Path(file.place) if isinstance(source, str | os.PathLike) else None
    try:
        refuse_foreign_file(file)
        try:
            placed = _read_layout(file)
            manifest = _read_manifest(file, placed)
        except InvalidBundle as error:
            # Not when the manifest itself is refused: it was read by then, and would be read again for nothing.
            raise newer_format(file) or error from error.__cause__
        return BundleReader(file, path, placed, manifest)
    except BaseException as error:
        file.close()
        if isinstance(error, BundleError) and error.place is None:
            error.place = file.place
        raise


def _read_layout(file: PositionedFile) -> list[layout.Placed]:
    """Return the members of the file after comparing every header byte with the one that belongs there (I1)."""
    if file.size > LIMITS.bundle:
        raise LimitExceeded("the file is too large", expected=LIMITS.bundle, found=file.size)
    tail = file.read_at(max(0, file.size - layout.END_RECORDS_MAX), min(layout.END_RECORDS_MAX, file.size))
    end = layout.parse_end(tail, file.size)
    if end.count > LIMITS.members:
        raise LimitExceeded("the file has too many members", expected=LIMITS.members, found=end.count)
    if end.directory_size > LIMITS.central_directory:
        raise LimitExceeded(
            "the central directory is too large", expected=LIMITS.central_directory, found=end.directory_size
        )
    if end.count * layout.CENTRAL_HEADER_MIN > end.directory_size:
        raise InvalidBundle("the central directory is too short for its members", found=end.directory_size)
    placed = layout.parse_directory(file.read_at(end.directory_offset, end.directory_size), end)
    # Before the local headers: their errors may then show a name.
    check_names([item.entry.name for item in placed])
    for item in placed:
        layout.compare_local(item, file.read_at(item.offset, item.start - item.offset))
    return placed


def _read_manifest(file: PositionedFile, placed: list[layout.Placed]) -> bytes:
    """Return the text of the manifest after checking what stands in front of it."""
    mimetype, manifest = placed[:2]  # The names were checked.
    # The size first: a "type" of ten gigabytes is not read.
    if mimetype.entry.size != len(MIMETYPE_CONTENT) or _read_stored(file, mimetype, None) != MIMETYPE_CONTENT:
        raise InvalidBundle("the file names another type", place=MIMETYPE, expected=MIMETYPE_CONTENT.decode())
    size = manifest.entry.size
    if size > LIMITS.manifest:
        raise LimitExceeded("the manifest is too long", place=MANIFEST, expected=LIMITS.manifest, found=size)
    return _read_stored(file, manifest, None)


def _read_stored(file: PositionedFile, placed: layout.Placed, member: Member | None) -> bytes:
    content = file.read_at(placed.start, placed.entry.size)
    _check_stored(placed, member, zlib.crc32(content), hashlib.sha256(content).hexdigest())
    return content


def _check_stored(placed: layout.Placed, member: Member | None, crc: int, sha256: str) -> None:
    name = placed.entry.name
    if member is not None and sha256 != member.sha256:
        raise _wrong(name, "sha256", member.sha256, sha256)
    if crc != placed.entry.crc:
        raise _wrong(name, "checksum", f"{placed.entry.crc:08x}", f"{crc:08x}")


def _wrong(name: str, what: str, expected: object, found: object) -> IntegrityError:
    return IntegrityError(f"the {what} is wrong", place=name, expected=expected, found=found, hint=_CHANGED)


def check_digest(reader: BundleReader, digest: str | None) -> None:
    """Refuse a bundle whose digest is not `digest`; `None` accepts every bundle.

    Raises:
        DigestMismatch: the digests differ.
    """
    if digest is not None and digest.lower().removeprefix("sha256:") != reader.digest.removeprefix("sha256:"):
        raise DigestMismatch(
            "this is not the bundle that was asked for",
            place=str(reader.path or "the file object"),
            expected=digest,
            found=reader.digest,
            hint="get the right file, or pin the digest that kbundle inspect shows once you have looked at this one",
        )
