"""Writes a bundle, and any other stored ZIP, with one layout for one content (I1, I3).

Two passes over the members: the first takes sizes, checksums and digests, from which every header byte follows; the
second writes, and refuses to finish if a file changed in between. So nothing is patched afterwards, and the target
may be a pipe.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from bundler.archive import layout
from bundler.archive.atomic import cannot_write, require_writable_target, whole_file, write_all
from bundler.archive.contents import MIMETYPE_CONTENT, decoding_problems, file_order, naming_problems
from bundler.archive.encodings import check_decoded_total, encode, require_known
from bundler.archive.names import MANIFEST, MIMETYPE, is_declared
from bundler.archive.new_content import Content, Joined, pieces_of, size_of
from bundler.archive.progress import Meter, Progress
from bundler.errors import InvalidBundle, PackError
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Member, dump_manifest, load_manifest


@dataclass(frozen=True, slots=True)
class NewMember:
    """One member to write.

    Attributes:
        name: its name in the file, suffix included: an encoded member's ends in ``.zst``.
        content: the content itself, the file that holds it, or several of these. Always decoded: the writer encodes it.
        encoding: `None` to store the content as it is, or ``zstd``.
    """

    name: str
    content: Content
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenBundle:
    """What was written: the `digest`, ``sha256:`` and 64 hexadecimal digits, the `manifest` and the `size` in bytes."""

    digest: str
    manifest: Manifest
    size: int


def write_bundle(
    target: str | os.PathLike[str] | BinaryIO,
    manifest: Manifest,
    members: Iterable[NewMember],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    check: Callable[[Path], None] | None = None,
) -> WrittenBundle:
    """Write a bundle and return what it says.

    A path gets the file whole or not at all (I7): it is written under a hidden name in the same folder and takes its
    own name last. A file object is written to directly, front to back. The order of `members` does not matter.

    Args:
        target: the path of the file, or a binary file object.
        manifest: what the bundle says; its `members` are ignored and made anew.
        members: everything but ``mimetype`` and ``manifest.json``.
        overwrite: replace a file that is at the path already.
        progress: told about the two passes, "hashing" and "writing".
        check: called with the path of the finished file before it gets its name; what it raises keeps it from it.
            Not for file objects.

    Raises:
        TargetExists: the path is taken and `overwrite` is false; no work has been done.
        PackError: a name, a size or the manifest breaks the format, a file cannot be read or changed meanwhile, or
            the target cannot be written.
    """
    path = Path(target) if isinstance(target, str | os.PathLike) else None
    if path is not None:
        require_writable_target(path, overwrite=overwrite)
    given = list(members)
    _check_new_members(given)
    ordered = sorted(given, key=lambda member: file_order(member.name))
    sealed = _seal(ordered, Meter(progress, "hashing", sum(_size(member) for member in ordered)))
    complete = dataclasses.replace(
        manifest, members=tuple(item.member for item in sealed if is_declared(item.member.name))
    )
    text, written = _checked_text(complete)
    own = [NewMember(MIMETYPE, MIMETYPE_CONTENT), NewMember(MANIFEST, text)]
    sealed = _seal(own, None) + sealed
    if path is None:
        size = _write(cast("BinaryIO", target), None, sealed, progress, LIMITS.bundle)
    else:
        with whole_file(path, overwrite=overwrite, check=check) as file:
            size = _write(file, path, sealed, progress, LIMITS.bundle)
    return WrittenBundle(f"sha256:{hashlib.sha256(text).hexdigest()}", written, size)


def write_stored_zip(target: BinaryIO, members: Sequence[NewMember]) -> None:
    """Write any ZIP with the layout of a bundle: stored, in the order given, large members aligned, fixed times.

    For the ``.keras`` file inside a bundle. Names are not held to the bundle's grammar, but must be there, be
    different and fit a ZIP.

    Raises:
        PackError: a name is unusable, a member has an encoding, a file cannot be read or changed meanwhile, or
            `target` cannot be written.
    """
    _write(target, None, _sealed_zip(members), None, 1 << 62)


def stored_zip(members: Sequence[NewMember]) -> Joined:
    """Return the ZIP that `write_stored_zip` writes as a content of its own; the files of its members are not copied.

    They must stay as they are until it is used. Raises as `write_stored_zip`.
    """
    sealed = _sealed_zip(members)
    placed = layout.place(item.entry for item in sealed)
    parts: list[bytes | Path] = []
    for item, where in zip(sealed, placed, strict=True):
        content = item.new.content
        parts += [layout.local_header(where), *(content.parts if isinstance(content, Joined) else (content,))]
    return Joined((*parts, _end_of(placed)))


def _sealed_zip(members: Sequence[NewMember]) -> list[_Sealed]:
    seen: set[str] = set()
    for member in members:
        if not member.name or "\0" in member.name or len(_name_bytes(member.name)) > 0xFFFF or member.name in seen:
            raise PackError("the name is empty, too long, not text, or there twice", place=repr(member.name)[:200])
        if member.encoding is not None:
            raise PackError("a plain ZIP has no encodings", place=member.name, found=member.encoding)
        seen.add(member.name)
    return _seal(members, None)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A member whose stored bytes have been measured."""

    new: NewMember
    member: Member
    entry: layout.Entry


class _Measure:
    """Counts and hashes a stream of bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.crc = 0
        self.digest = hashlib.sha256()

    def tap(self, pieces: Iterable[bytes], meter: Meter | None) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            self.crc = zlib.crc32(piece, self.crc)
            self.digest.update(piece)
            if meter is not None:
                meter.add(len(piece))
            yield piece


def _check_new_members(members: Sequence[NewMember]) -> None:
    names = [member.name for member in members]
    if len(names) + 2 > LIMITS.members:
        raise PackError("there are too many members", expected=LIMITS.members, found=len(names) + 2)
    for name in (MIMETYPE, MANIFEST):
        if name in names:
            raise PackError("the writer makes this member itself", place=name)
    problems = [f"{name!r}: {problem}" for name, problem in naming_problems([MIMETYPE, MANIFEST, *names])]
    if problems:
        raise PackError("\n  - ".join(["these names cannot be in a bundle", *problems]))
    # 28 bytes: a ZIP64 field for every member would be allowed too.
    directory = sum(layout.CENTRAL_HEADER_MIN + 28 + len(name.encode()) for name in [MIMETYPE, MANIFEST, *names])
    if directory > LIMITS.central_directory:
        raise PackError("the names are too long together", expected=LIMITS.central_directory, found=directory)
    for member in members:
        if member.encoding is not None:
            if not is_declared(member.name):
                raise PackError("a signature is stored as it is", place=member.name, found=member.encoding)
            with _as_pack_error():
                require_known(member.name, member.encoding)


def _checked_text(manifest: Manifest) -> tuple[bytes, Manifest]:
    """Return the manifest's text, and what a reader will read in it: no bundle that cannot be opened."""
    for name, problem in decoding_problems(manifest.members):
        raise PackError(problem, place=repr(name)[:200])
    for member in manifest.members:
        if member.decoded_size is not None and member.decoded_size > member.size * LIMITS.zstd_ratio:
            raise PackError(
                f"the content shrinks more than {LIMITS.zstd_ratio} times, which readers refuse",
                place=member.name,
                hint="store it without an encoding",
            )
    with _as_pack_error():
        check_decoded_total(manifest.members, sum(member.size for member in manifest.members))
        text = dump_manifest(manifest)
        return text, load_manifest(text)


def _seal(members: Iterable[NewMember], meter: Meter | None) -> list[_Sealed]:
    return [_sealed(member, meter) for member in members]


def _sealed(new: NewMember, meter: Meter | None) -> _Sealed:
    content, stored = _Measure(), _Measure()
    for _ in stored.tap(_encoded(new, content.tap(_pieces(new), meter)), None):
        pass
    encoded = new.encoding is not None
    member = Member(
        name=new.name,
        size=stored.size,
        sha256=stored.digest.hexdigest(),
        encoding=new.encoding,
        decoded_size=content.size if encoded else None,
        decoded_sha256=content.digest.hexdigest() if encoded else None,
    )
    return _Sealed(new, member, layout.Entry(new.name, stored.size, stored.crc))


def _write(
    target: BinaryIO, path: Path | None, sealed: Sequence[_Sealed], progress: Progress | None, limit: int
) -> int:
    placed = layout.place(item.entry for item in sealed)
    total = layout.total_size(placed)
    if total > limit:
        raise PackError("the file would be too large", expected=limit, found=total)
    meter = Meter(progress, "writing", total)

    def put(piece: bytes) -> None:
        try:
            write_all(target, piece)
        except OSError as error:
            raise cannot_write(path, error) from error
        meter.add(len(piece))

    for item, where in zip(sealed, placed, strict=True):
        put(layout.local_header(where))
        _write_content(put, item)
    put(_end_of(placed))
    return total


def _end_of(placed: Sequence[layout.Placed]) -> bytes:
    """Return the bytes behind the last member."""
    directory = b"".join(layout.central_header(where) for where in placed)
    return directory + layout.end_records(len(placed), len(directory), placed[-1].end if placed else 0)


def _write_content(put: Callable[[bytes], None], item: _Sealed) -> None:
    again = _Measure()
    for piece in again.tap(_encoded(item.new, _pieces(item.new)), None):
        # Not a byte more than announced, even when the file grows under our hands.
        if again.size > item.entry.size:
            break
        put(piece)
    if (again.size, again.digest.hexdigest()) != (item.entry.size, item.member.sha256):
        raise PackError(
            "the file changed while it was packed",
            place=_place(item.new),
            hint="pack again when nothing writes to it",
        )


def _encoded(new: NewMember, content: Iterator[bytes]) -> Iterator[bytes]:
    if new.encoding is None:
        yield from content
        return
    with _as_pack_error():
        yield from encode(new.name, new.encoding, content, _size(new))


def _pieces(new: NewMember) -> Iterator[bytes]:
    try:
        yield from pieces_of(new.content)
    except OSError as error:
        raise _unreadable(new, error) from error


def _size(new: NewMember) -> int:
    try:
        return size_of(new.content)
    except OSError as error:
        raise _unreadable(new, error) from error


def _unreadable(new: NewMember, error: OSError) -> PackError:
    return PackError(f"the file for {new.name} cannot be read: {error.strerror}", place=_place(new))


def _place(new: NewMember) -> str:
    return str(new.content) if isinstance(new.content, Path) else new.name


def _name_bytes(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        return bytes(1 << 16)


@contextlib.contextmanager
def _as_pack_error() -> Iterator[None]:
    """Turn a rule that the reader would raise into the author's error, with the same place and values."""
    try:
        yield
    except InvalidBundle as error:
        raise PackError(error.message, place=error.place, expected=error.expected, found=error.found) from error
