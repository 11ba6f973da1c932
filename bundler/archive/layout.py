"""The bytes of the container: entries -> headers, and headers -> entries. No input or output here.

A bundle is a ZIP whose every header byte follows from the names, sizes and checksums of its members, in order.
The writer makes the headers with these functions; the reader takes names, sizes and checksums from the central
directory, makes the headers *again* and compares (I1). What the two do not share does not exist: comments, data
descriptors, holes, a second directory, a field that one tool reads and another does not.

Section numbers are those of PKWARE's APPNOTE 6.3.10.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bundler.errors import InvalidBundle

_LOCAL = struct.Struct("<IHHHHHIIIHH")  # 4.3.7
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")  # 4.3.12
_ZIP64_END = struct.Struct("<IQHHIIQQQQ")  # 4.3.14
_ZIP64_LOCATOR = struct.Struct("<IIQI")  # 4.3.15
_END = struct.Struct("<IHHHHIIH")  # 4.3.16

LOCAL_MAGIC = b"PK\x03\x04"
END_MAGIC = b"PK\x05\x06"
_LOCAL_SIGNATURE = 0x04034B50
_CENTRAL_SIGNATURE = 0x02014B50
_ZIP64_END_SIGNATURE = 0x06064B50
_ZIP64_LOCATOR_SIGNATURE = 0x07064B50
_END_SIGNATURE = 0x06054B50

_MAX16 = 0xFFFF
_MAX32 = 0xFFFFFFFF
_UTF8 = 1 << 11
_MADE_BY = (3 << 8) | 45  # Unix, so that the attributes below are read as a mode; 4.5 is the newest feature used.
_DATE = (1 << 5) | 1  # 1980-01-01, the earliest that the format can say; the time is 00:00:00.
_MODE = 0o100644 << 16
_ZIP64_EXTRA = 0x0001  # 4.5.3
_PADDING_EXTRA = 0xD935  # Android's zipalign field: u16 alignment, then zeros. Tools skip it by its length.

#: Members of at least `ALIGN_FROM` bytes begin on a multiple of `ALIGNMENT`, so that they can be mapped.
ALIGN_FROM = 1 << 20
ALIGNMENT = 4096

END_RECORDS_MAX = _ZIP64_END.size + _ZIP64_LOCATOR.size + _END.size
END_RECORDS_MIN = _END.size
CENTRAL_HEADER_MIN = _CENTRAL.size

_LOCAL_FIELDS = (
    "signature", "version needed", "flags", "compression method", "time", "date", "checksum", "compressed size",
    "size", "name length", "extra field length",
)  # fmt: skip
_CENTRAL_FIELDS = (
    "signature", "version made by", "version needed", "flags", "compression method", "time", "date", "checksum",
    "compressed size", "size", "name length", "extra field length", "comment length", "disk", "internal attributes",
    "external attributes", "local header offset",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the container knows it: `crc` is the CRC-32 of the `size` stored bytes."""

    name: str
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry and where it is: `offset` of its local header, `start` of its data."""

    entry: Entry
    offset: int
    start: int

    @property
    def end(self) -> int:
        """The offset after the last byte of the data."""
        return self.start + self.entry.size


@dataclass(frozen=True, slots=True)
class End:
    """What the end records say: `length` is their own size."""

    count: int
    directory_size: int
    directory_offset: int
    length: int


def place(entries: Iterable[Entry]) -> list[Placed]:
    """Return where each entry goes: one after the other from offset 0, without holes."""
    placed: list[Placed] = []
    offset = 0
    for entry in entries:
        start = offset + _LOCAL.size + len(entry.name.encode()) + len(_local_extra(entry, offset))
        placed.append(Placed(entry, offset, start))
        offset = start + entry.size
    return placed


def local_header(placed: Placed) -> bytes:
    """Return the bytes from `placed.offset` to `placed.start` (4.3.7)."""
    entry = placed.entry
    name = entry.name.encode()
    extra = _local_extra(entry, placed.offset)
    size = min(entry.size, _MAX32)
    needed = 45 if size == _MAX32 else 10
    fields = (_LOCAL_SIGNATURE, needed, _flags(name), 0, 0, _DATE, entry.crc, size, size, len(name), len(extra))
    return _LOCAL.pack(*fields) + name + extra


def central_header(placed: Placed) -> bytes:
    """Return the member's record in the central directory (4.3.12)."""
    entry = placed.entry
    name = entry.name.encode()
    size, offset = min(entry.size, _MAX32), min(placed.offset, _MAX32)
    # 4.5.3: only the fields that do not fit, in this order.
    values = [entry.size, entry.size] if size == _MAX32 else []
    values += [placed.offset] if offset == _MAX32 else []
    extra = struct.pack(f"<HH{len(values)}Q", _ZIP64_EXTRA, 8 * len(values), *values) if values else b""
    needed = 45 if values else 10
    fields = (_CENTRAL_SIGNATURE, _MADE_BY, needed, _flags(name), 0, 0, _DATE, entry.crc, size, size)
    return _CENTRAL.pack(*fields, len(name), len(extra), 0, 0, 0, _MODE, offset) + name + extra


def end_records(count: int, directory_size: int, directory_offset: int) -> bytes:
    """Return what follows the central directory; the ZIP64 records only where a value does not fit without."""
    records = b""
    if count >= _MAX16 or directory_size >= _MAX32 or directory_offset >= _MAX32:
        length = _ZIP64_END.size - 12
        records = _ZIP64_END.pack(
            _ZIP64_END_SIGNATURE, length, _MADE_BY, 45, 0, 0, count, count, directory_size, directory_offset
        )
        records += _ZIP64_LOCATOR.pack(_ZIP64_LOCATOR_SIGNATURE, 0, directory_offset + directory_size, 1)
    count16 = min(count, _MAX16)
    size, offset = min(directory_size, _MAX32), min(directory_offset, _MAX32)
    return records + _END.pack(_END_SIGNATURE, 0, 0, count16, count16, size, offset, 0)


def total_size(placed: Sequence[Placed]) -> int:
    """Return the size of the whole file."""
    directory_offset = placed[-1].end if placed else 0
    directory_size = sum(len(central_header(item)) for item in placed)
    return directory_offset + directory_size + len(end_records(len(placed), directory_size, directory_offset))


def parse_end(tail: bytes, file_size: int) -> End:
    """Read the end records from the last bytes of a file; `tail` has `END_RECORDS_MAX` bytes, or the whole file.

    Raises:
        InvalidBundle: they are not there, or are not the records that the writer makes for these values.
    """
    _, _, _, _, count, size, offset, _ = _END.unpack(tail[-_END.size :])
    length = _END.size
    if (count == _MAX16 or _MAX32 in (size, offset)) and len(tail) >= END_RECORDS_MAX:
        *_, count, size, offset = _ZIP64_END.unpack_from(tail, len(tail) - END_RECORDS_MAX)
        length = END_RECORDS_MAX
    # An offset or a count that is not the true one would let two tools see two directories (CVE-2025-54368).
    if offset + size + length != file_size:
        raise InvalidBundle(
            "the central directory and the end records do not fill the end of the file",
            place="end of central directory",
            expected=f"{file_size} bytes",
            found=f"{offset} before the directory, {size} in it, {length} after it",
        )
    if end_records(count, size, offset) != tail[-length:]:
        raise InvalidBundle("the end records are not the ones that a bundle has", place="end of central directory")
    return End(count, size, offset, length)


def parse_directory(directory: bytes, end: End) -> list[Placed]:
    """Read the central directory and place its entries.

    Raises:
        InvalidBundle: it is not, byte for byte, the directory that the writer makes for the same entries.
    """
    entries: list[Entry] = []
    position = 0
    for index in range(end.count):
        fields, name, extra = _central_record(directory, position, f"record {index} of the central directory")
        size = fields[9]
        if size == _MAX32 and len(extra) >= 12:
            size = struct.unpack_from("<Q", extra, 4)[0]
        if size > end.directory_offset:
            raise InvalidBundle(
                "the member is larger than the file",
                place=repr(name)[:200],
                expected=f"<= {end.directory_offset}",
                found=size,
            )
        entries.append(Entry(name, size, fields[7]))
        position += _CENTRAL.size + fields[10] + fields[11] + fields[12]
    placed = place(entries)
    position = 0
    for item in placed:
        expected = central_header(item)
        if directory[position : position + len(expected)] != expected:
            _, name, _ = _central_record(directory, position, item.entry.name)
            raise _difference(name, "central directory", _CENTRAL, _CENTRAL_FIELDS, expected, directory[position:])
        position += len(expected)
    if position != len(directory) or (placed[-1].end if placed else 0) != end.directory_offset:
        raise InvalidBundle(
            "there are bytes that belong to no member, or members that overlap",
            place="central directory",
            expected=f"{end.directory_offset} bytes of members, {position} bytes of directory",
            found=f"{placed[-1].end if placed else 0} and {len(directory)}",
        )
    return placed


def compare_local(placed: Placed, found: bytes) -> None:
    """Check the bytes in front of a member's data.

    Raises:
        InvalidBundle: they are not the ones that the writer makes.
    """
    expected = local_header(placed)
    if found != expected:
        raise _difference(placed.entry.name, "local header", _LOCAL, _LOCAL_FIELDS, expected, found)


def first_name(head: bytes) -> tuple[str, int, int] | None:
    """Return name, stored size and data offset of the member at the start of `head`, for error messages only."""
    if len(head) < _LOCAL.size or head[:4] != LOCAL_MAGIC:
        return None
    fields = _LOCAL.unpack_from(head)
    name = head[_LOCAL.size : _LOCAL.size + fields[9]].decode("utf-8", "replace")
    return name, fields[7], _LOCAL.size + fields[9] + fields[10]


def end_of_archive(tail: bytes, offset: int) -> int | None:
    """Return where an archive ends inside `tail`, which begins at `offset`; for error messages only.

    The end records of a ZIP inside the ZIP do not count: their directory is not where they say.
    """
    position = tail.rfind(END_MAGIC)
    while position >= 0:
        if len(tail) - position >= _END.size:
            _, _, _, _, _, size, directory, _ = _END.unpack_from(tail, position)
            if directory + size == offset + position:
                return offset + position + _END.size
        position = tail.rfind(END_MAGIC, 0, position)
    return None


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8


def _local_extra(entry: Entry, offset: int) -> bytes:
    extra = b""
    if entry.size >= _MAX32:
        # 4.5.3: in a local header the field carries both sizes, always.
        extra = struct.pack("<HHQQ", _ZIP64_EXTRA, 16, entry.size, entry.size)
    if entry.size >= ALIGN_FROM:
        # Always there, even where nothing is left to pad: one rule, one layout.
        before = offset + _LOCAL.size + len(entry.name.encode()) + len(extra) + 6
        zeros = -before % ALIGNMENT
        extra += struct.pack("<HHH", _PADDING_EXTRA, 2 + zeros, ALIGNMENT) + bytes(zeros)
    return extra


def _central_record(directory: bytes, position: int, place: str) -> tuple[tuple[int, ...], str, bytes]:
    if len(directory) - position < _CENTRAL.size:
        raise InvalidBundle("the central directory ends too early", place=place)
    fields = _CENTRAL.unpack_from(directory, position)
    if fields[0] != _CENTRAL_SIGNATURE:
        raise InvalidBundle("this is not a record of a member", place=place, found=directory[position : position + 4])
    after = position + _CENTRAL.size
    name = directory[after : after + fields[10]]
    extra = directory[after + fields[10] : after + fields[10] + fields[11]]
    try:
        return fields, name.decode("utf-8"), extra
    except UnicodeDecodeError:
        raise InvalidBundle("the member's name is not UTF-8", place=place, found=repr(name[:60])) from None


def _difference(
    name: str, where: str, layout: struct.Struct, names: Sequence[str], expected: bytes, found: bytes
) -> InvalidBundle:
    place = f"{name!r} in the {where}" if where == "central directory" else f"{where} of {name!r}"
    hint = "the file was changed, or written by another tool; ask the author for the bundle again"
    if len(found) < layout.size:
        return InvalidBundle("the header ends too early", place=place, hint=hint)
    pairs = zip(names, layout.unpack_from(expected), layout.unpack_from(found), strict=True)
    for field, right, wrong in pairs:
        if right != wrong:
            return InvalidBundle(
                f"the {field} is not the one that a bundle has", place=place, expected=right, found=wrong, hint=hint
            )
    return InvalidBundle("the name or the extra field is not the one that a bundle has", place=place, hint=hint)
