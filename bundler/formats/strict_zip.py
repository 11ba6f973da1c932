"""Reads a ZIP that lies inside a bundle, where it can be read in one way only.

The bundle's own ZIP follows from its members byte by byte (`bundler.archive.layout`). One inside it may also come from
Python's `zipfile`, as Keras and NumPy write it, so times and versions are free here. What decides which bytes a name
stands for is not: every local header says what the central directory says, the members tile the file from its first
byte to the directory, and nothing follows the end record.

Section numbers are those of PKWARE's APPNOTE 6.3.10.
"""

from __future__ import annotations

import functools
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from bundler.archive.names import collisions, name_problem
from bundler.archive.window import Window, read_at
from bundler.limits import LIMITS

STORED, DEFLATED = 0, 8

_LOCAL = struct.Struct("<4s5HIIIHH")  # 4.3.7
_CENTRAL = struct.Struct("<4s6HIII5HII")  # 4.3.12
_ZIP64_END = struct.Struct("<4sQHHIIQQQQ")  # 4.3.14
_ZIP64_LOCATOR = struct.Struct("<4sIQI")  # 4.3.15
_END = struct.Struct("<4s4HIIH")  # 4.3.16
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_UTF8 = 1 << 11
_ZIP64_EXTRA = 0x0001
#: Zeros in front of a large member, which kbundle's own writer puts there (Android's zipalign field).
_PADDING_EXTRA = 0xD935
#: 4.4.3.2: ZIP64 is of version 4.5; what needs more is encrypted or packed in another way.
_NEWEST = 45
_UNIX = 3
_DOS_FOLDER = 0x10
_PIECE = 1 << 20


class Unreadable(Exception):
    """The ZIP, or the member `name` of it, cannot be read in one way: `what` says why; callers raise their own."""

    def __init__(self, what: str, name: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.name = name


@dataclass(frozen=True, slots=True)
class Inner:
    """One member: `stored` bytes from `start` give `size` bytes with the CRC-32 `crc`."""

    name: str
    method: int
    start: int
    stored: int
    size: int
    crc: int


def read_inner_zip(file: BinaryIO, size: int, *, unpacked: bool) -> list[Inner]:
    """Return the members of the ZIP that `file` is from its first to its last byte, in their order.

    Args:
        file: the ZIP, which can seek.
        size: of it, in bytes.
        unpacked: whether the members become files of a folder, so that no file system may confuse their names.

    Raises:
        Unreadable: two readers could disagree about it, or it has more members than `LIMITS` allows.
    """
    count, length, offset = _end(file, size)
    if count > LIMITS.members or length > LIMITS.central_directory or count * _CENTRAL.size > length:
        raise Unreadable(f"{count} members in a directory of {length} bytes")
    directory = read_at(file, offset, length)
    members: list[Inner] = []
    position = begin = 0
    for _ in range(count):
        member, position = _member(file, directory, position, begin, offset)
        problem = name_problem(member.name) if unpacked else None
        if problem is not None:
            raise Unreadable(problem, member.name[:200])
        members.append(member)
        begin = member.start + member.stored
    if position != len(directory) or begin != offset:
        raise Unreadable(f"there are bytes that belong to no member: {offset - begin} before the directory")
    names = [member.name for member in members]
    for name, problem in collisions(names) if unpacked else ():
        raise Unreadable(problem, name)
    if len(set(names)) != len(names):
        raise Unreadable("a name occurs twice")
    return members


def pieces(file: BinaryIO, member: Inner) -> Iterator[bytes]:
    """Yield the content of `member` in pieces of at most 1 MiB.

    Raises:
        Unreadable: it is not what the directory says; after the last piece at the latest.
    """
    crc = total = 0
    for piece in _inflated(file, member) if member.method == DEFLATED else _raw(file, member):
        total += len(piece)
        if total > member.size:
            raise Unreadable(f"it unpacks to more than the {member.size} bytes that the directory says", member.name)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total != member.size or crc != member.crc:
        raise Unreadable("its size or checksum is not the one that the directory says", member.name)


def opened(file: BinaryIO, member: Inner) -> BinaryIO:
    """Return the content of `member` as a file that can seek.

    A stored member is read where it lies, and its checksum is not looked at; a packed one is unpacked to a temporary
    file, which is checked. Raises as `pieces`, and `OSError` where no temporary file can be written.
    """
    if member.method == STORED:
        return cast("BinaryIO", Window(functools.partial(read_at, file), member.start, member.size))
    import tempfile  # Costs more than all else here, and stored members need none.

    target = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        for piece in pieces(file, member):
            target.write(piece)
        target.seek(0)
    except BaseException:
        target.close()
        raise
    return cast("BinaryIO", target)


def _raw(file: BinaryIO, member: Inner) -> Iterator[bytes]:
    end = member.start + member.stored
    for offset in range(member.start, end, _PIECE):
        yield read_at(file, offset, min(_PIECE, end - offset))


def _inflated(file: BinaryIO, member: Inner) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for compressed in _raw(file, member):
            if decoder.eof:
                raise Unreadable("bytes follow the end of its packed data", member.name)
            while compressed:
                yield decoder.decompress(compressed, _PIECE)
                compressed = decoder.unconsumed_tail
        # The window may still hold what did not fit into the last piece.
        while not decoder.eof and (piece := decoder.decompress(b"", _PIECE)):
            yield piece
    except zlib.error as error:
        raise Unreadable(f"it cannot be unpacked: {error}", member.name) from error
    if not decoder.eof or decoder.unused_data:
        raise Unreadable("its packed data ends too early, or bytes follow the end", member.name)


def _end(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Return count of members, size and offset of the directory, after checking every field of the end records."""
    tail_size = min(size, _END.size + _ZIP64_LOCATOR.size + _ZIP64_END.size)
    tail = read_at(file, size - tail_size, tail_size)
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6":
        raise Unreadable("it does not end with the end record of a ZIP")
    _, disk, first, here, count, length, offset, comment = _END.unpack(tail[-_END.size :])
    if disk or first or here != count or comment:
        raise Unreadable("its end record has a comment, or speaks of several disks")
    records = _END.size
    # zipfile follows the locator wherever it stands in front of the end record; others only where a field is full.
    if tail[-_END.size - _ZIP64_LOCATOR.size :][:4] == b"PK\6\7":
        if len(tail) < _END.size + _ZIP64_LOCATOR.size + _ZIP64_END.size:
            raise Unreadable("its ZIP64 records are cut short")
        records = tail_size
        _, disk, at, disks = _ZIP64_LOCATOR.unpack_from(tail, _ZIP64_END.size)
        signature, own, _, _, *disk_numbers, here64, count64, length64, offset64 = _ZIP64_END.unpack_from(tail)
        if signature != b"PK\6\6" or own != _ZIP64_END.size - 12 or any(disk_numbers) or here64 != count64:
            raise Unreadable("its ZIP64 end record is not one that zipfile writes")
        if disk or disks != 1 or at != offset64 + length64:
            raise Unreadable("its ZIP64 locator leads elsewhere")
        short = min(count64, _MAX16), min(length64, _MAX32), min(offset64, _MAX32)
        if (count, length, offset) != short:
            raise Unreadable("its two end records disagree")
        count, length, offset = count64, length64, offset64
    elif count == _MAX16 or _MAX32 in (length, offset):
        raise Unreadable("its ZIP64 records are missing")
    if offset + length + records != size:
        raise Unreadable("other bytes stand in front of the ZIP, or between its parts")
    return count, length, offset


def _member(file: BinaryIO, directory: bytes, position: int, begin: int, limit: int) -> tuple[Inner, int]:
    """Return the member whose record is at `position` and whose local header must be at `begin`, and what follows."""
    if len(directory) - position < _CENTRAL.size:
        raise Unreadable("its directory ends too early")
    (signature, made_by, needed, flags, method, _, _, crc, stored, size, name_size, extra_size, comment, disk, _, mode,
     offset) = _CENTRAL.unpack_from(directory, position)  # fmt: skip
    end = position + _CENTRAL.size + name_size + extra_size
    if signature != b"PK\1\2" or comment or disk or end > len(directory):
        raise Unreadable("its directory has a record with a comment, of another disk, or no record")
    raw = directory[position + _CENTRAL.size :][:name_size]
    name = _name(raw, flags)
    if needed > _NEWEST or method not in (STORED, DEFLATED):
        raise Unreadable(f"it is packed by method {method} of version {needed}", name)
    kind = stat.S_IFMT(mode >> 16) if made_by >> 8 == _UNIX else 0
    if kind not in (0, stat.S_IFREG) or mode & _DOS_FOLDER:
        raise Unreadable("it is a link, a folder or a device", name)
    wide = _zip64(directory[end - extra_size : end], [size, stored, offset], name)
    size, stored, offset = wide
    if offset != begin:
        raise Unreadable(f"its header is at {offset} and not where the member before it ends, at {begin}", name)
    if method == STORED and stored != size:
        raise Unreadable(f"it is stored, and has {size} bytes in {stored}", name)
    start = _check_local(file, offset, (flags, method, crc, stored, size, raw), name)
    if start + stored > limit:
        raise Unreadable("it ends behind the directory", name)
    return Inner(name, method, start, stored, size, crc), end


def _check_local(file: BinaryIO, offset: int, expected: tuple[int, int, int, int, int, bytes], name: str) -> int:
    """Return where the data begins, after checking that the local header says what the directory says."""
    head = read_at(file, offset, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raise Unreadable("it has no local header", name)
    _, needed, flags, method, _, _, crc, stored, size, name_size, extra_size = _LOCAL.unpack(head)
    rest = read_at(file, offset + _LOCAL.size, name_size + extra_size)
    if len(rest) != name_size + extra_size:
        raise Unreadable("its local header is cut short", name)
    extra = _without_padding(rest[name_size:], name)
    # 4.5.3: in a local header the field has both sizes or is not there. zipfile writes it before it knows them.
    if (stored == _MAX32) != (size == _MAX32):
        raise Unreadable("its local header has a ZIP64 field for one of two sizes", name)
    size, stored = _zip64(extra, [size, stored], name)
    if (flags, method, crc, stored, size, rest[:name_size]) != expected or needed > _NEWEST:
        raise Unreadable("its local header and the directory disagree", name)
    return offset + _LOCAL.size + len(rest)


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("a name is not UTF-8", repr(raw[:60])) from None
    # Encrypted members, data descriptors and all else that a flag can say; without bit 11 a name is code page 437.
    if flags & ~_UTF8 or not (flags or name.isascii()):
        raise Unreadable(f"its flags are {flags:#06x}", name[:200])
    return name


def _zip64(extra: bytes, values: list[int], name: str) -> list[int]:
    """Return `values` with those that are full replaced from the ZIP64 field, which must be all of `extra` (4.5.3)."""
    full = [index for index, value in enumerate(values) if value == _MAX32]
    if extra[:4] != (struct.pack("<HH", _ZIP64_EXTRA, 8 * len(full)) if full else b"") or len(extra) != (
        4 + 8 * len(full) if full else 0
    ):
        raise Unreadable("it has an extra field that neither Keras nor kbundle writes", name)
    for index, value in zip(full, struct.unpack_from(f"<{len(full)}Q", extra, 4 if full else 0), strict=True):
        values[index] = value
    return values


def _without_padding(extra: bytes, name: str) -> bytes:
    """Return the extra field of a local header without the zeros that align the data behind it."""
    position = 0
    while len(extra) - position >= 4:
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == _PADDING_EXTRA:
            if position + 4 + length != len(extra) or length < 2 or any(extra[position + 6 :]):
                raise Unreadable("its padding holds other bytes than zeros", name)
            return extra[:position]
        position += 4 + length
    return extra
