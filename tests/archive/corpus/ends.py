"""Where an archive begins and ends: bytes around it, comments, end records that contradict."""

from __future__ import annotations

import struct

from tests.archive import builders
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import END, Part, bundle, parts_of, zipped

_END = b"PK\x05\x06"
_EMPTY_END = END.pack(0x06054B50, 0, 0, 0, 0, 0, 0, 0)


def _other() -> bytes:
    """A whole archive with another payload."""
    return zipped([*parts_of(builders.good())[:2], Part(name=b"model/other", content=b"other")])


def _before(prefix: bytes, *, from_zero: bool) -> bytes:
    return bundle(prefix=prefix, from_zero=from_zero)


def _two_ends_first_right() -> bytes:
    """A second end record of no members behind the first."""
    return builders.good() + _EMPTY_END


def _second_end_in_comment() -> bytes:
    """The comment of the first end record is another end record, for other members."""
    good = builders.good()
    other = _other()
    directory = other[other.index(b"PK\x01\x02") : -22]
    # The second directory stands in front of the first one; its member in front of both.
    return (
        good[:-2]
        + struct.pack("<H", len(directory) + 22)
        + directory
        + END.pack(0x06054B50, 0, 0, 3, 3, len(directory), len(good), 0)
    )


def _archive_in_comment() -> bytes:
    other = _other()
    return bundle(comment=other)


def _two_archives(first: bytes, second: bytes) -> bytes:
    return first + second


def _shared_tail() -> bytes:
    """Two directories; the size in the end record leads to one, the offset to the other."""
    good = builders.good()
    (offset,) = struct.unpack_from("<I", good, len(good) - 6)
    directory = good[offset:-22]
    other = directory.replace(b"model/model.keras", b"model/model.other")
    size = len(directory)
    return good[:offset] + other + directory + END.pack(0x06054B50, 0, 0, 7, 7, size, offset, 0)


def _end64_with_other_offset() -> bytes:
    """The ZIP64 end record leads to a second directory, the end record to the first."""
    good = builders.good()
    (offset,) = struct.unpack_from("<I", good, len(good) - 6)
    directory = good[offset:-22]
    other = directory.replace(b"model/model.keras", b"model/model.other")
    at = offset + len(directory)
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x032D, 45, 0, 0, 7, 7, len(other), at)
    locator = struct.pack("<IIQI", 0x07064B50, 0, at + len(other), 1)
    return good[:offset] + directory + other + end64 + locator + good[-22:]


def _locator_to_far_record() -> bytes:
    """The locator leads to a ZIP64 end record inside a member, not to the one in front of it."""
    inner = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x032D, 45, 0, 0, 0, 0, 0, 0)
    data = bundle(lambda parts: parts.append(Part(name=b"model/z", content=inner)), end64={}, locator={})
    return bundle(
        lambda parts: parts.append(Part(name=b"model/z", content=inner)),
        end64={},
        locator={"record offset": data.index(inner)},
        end={"count": 0xFFFF, "count here": 0xFFFF, "directory offset": 0xFFFFFFFF},
    )


_ALL_64 = {"count": 0xFFFF, "count here": 0xFFFF, "directory size": 0xFFFFFFFF, "directory offset": 0xFFFFFFFF}

CASES = (
    Case("empty file", lambda: b""),
    Case("end record alone", lambda: _EMPTY_END),
    Case("byte in front, offsets right", lambda: _before(b"x", from_zero=True)),
    Case("byte in front, offsets of the rest", lambda: _before(b"x", from_zero=False)),
    Case("script in front, offsets right", lambda: _before(b"#!/bin/sh\nexit 0\n", from_zero=True)),
    Case("script in front, offsets of the rest", lambda: _before(b"#!/bin/sh\nexit 0\n", from_zero=False)),
    Case("program in front", lambda: _before(b"MZ" + bytes(510), from_zero=True)),
    Case("PDF in front", lambda: _before(b"%PDF-1.7\n", from_zero=True)),
    Case("local header in front", lambda: _before(builders.good()[:65], from_zero=True)),
    Case("spanning marker in front", lambda: _before(b"PK00", from_zero=True)),
    Case("spanning signature in front", lambda: _before(b"PK\x07\x08", from_zero=True)),
    Case("zero byte behind", lambda: bundle(suffix=b"\0")),
    Case("newline behind", lambda: bundle(suffix=b"\n")),
    Case("text behind", lambda: bundle(suffix=b"<?php evil(); ?>")),
    Case("70,000 bytes behind", lambda: bundle(suffix=bytes(70_000))),
    Case("end record behind", _two_ends_first_right),
    Case("end signature behind", lambda: bundle(suffix=_END)),
    Case("archive behind", lambda: _two_archives(builders.good(), _other())),
    Case("archive in front", lambda: _two_archives(_other(), builders.good())),
    Case("same archive twice", lambda: _two_archives(builders.good(), builders.good())),
    Case("second directory and end record", builders.with_second_directory),
    Case("comment", lambda: bundle(comment=b"hello")),
    Case("longest comment", lambda: bundle(comment=b"c" * 0xFFFF)),
    Case("comment that is an end record", lambda: bundle(comment=_EMPTY_END)),
    Case("comment that is an end record of others", _second_end_in_comment),
    Case("comment that is an archive", _archive_in_comment),
    Case("comment longer than said", lambda: bundle(comment=b"hello", end={"comment length": 2})),
    Case("comment shorter than said", lambda: bundle(comment=b"hello", end={"comment length": 9})),
    Case("comment said and absent", lambda: bundle(end={"comment length": 1})),
    Case("comment with an end signature", lambda: bundle(comment=_END + b"x" * 10)),
    Case("disk 1", lambda: bundle(end={"disk": 1})),
    Case("directory on disk 1", lambda: bundle(end={"directory disk": 1})),
    Case("both on disk 1", lambda: bundle(end={"disk": 1, "directory disk": 1})),
    Case("one member less on this disk", lambda: bundle(end={"count here": 5})),
    Case("one member less in all", lambda: bundle(end={"count": 5})),
    Case("one member less", lambda: bundle(end={"count": 5, "count here": 5})),
    Case("one member more", lambda: bundle(end={"count": 7, "count here": 7})),
    Case("no members said", lambda: bundle(end={"count": 0, "count here": 0})),
    Case("65,535 members said", lambda: bundle(end={"count": 0xFFFF, "count here": 0xFFFF})),
    Case("directory size too small", lambda: bundle(end={"directory size": 100})),
    Case("directory size zero", lambda: bundle(end={"directory size": 0})),
    Case("directory size too large", lambda: bundle(end={"directory size": 0xFFFFFF})),
    Case("directory offset zero", lambda: bundle(end={"directory offset": 0})),
    Case("directory offset beyond the file", lambda: bundle(end={"directory offset": 0xFFFFFF})),
    Case("size leads to one directory, offset to another", _shared_tail),
    Case("bytes between directory and end", lambda: bundle(between=b"between")),
    Case("digital signature record", lambda: bundle(between=b"PK\x05\x05\x04\0sign")),
    Case("archive extra data record", lambda: bundle(gap=b"PK\x06\x08\x04\0\0\0data")),
    Case("ZIP64 end without need", builders.with_needless_zip64),
    Case("ZIP64 end that all values need", lambda: bundle(end64={}, locator={}, end=_ALL_64)),
    Case("ZIP64 end without locator", lambda: bundle(end64={}, end=_ALL_64)),
    Case("ZIP64 locator without end", lambda: bundle(locator={}, end=_ALL_64)),
    Case("ZIP64 end and locator absent", lambda: bundle(end=_ALL_64)),
    Case("ZIP64 offset only", lambda: bundle(end64={}, locator={}, end={"directory offset": 0xFFFFFFFF})),
    Case("ZIP64 count only", lambda: bundle(end64={}, locator={}, end={"count": 0xFFFF, "count here": 0xFFFF})),
    Case("ZIP64 end with fewer members", lambda: bundle(end64={"count": 3, "count here": 3}, locator={})),
    Case(
        "ZIP64 end with fewer members, needed",
        lambda: bundle(end64={"count": 3, "count here": 3}, locator={}, end=_ALL_64),
    ),
    Case("ZIP64 end on disk 1", lambda: bundle(end64={"disk": 1}, locator={}, end=_ALL_64)),
    Case("ZIP64 end of longer size", lambda: bundle(end64={"record size": 60}, locator={}, end=_ALL_64)),
    Case("ZIP64 end of size zero", lambda: bundle(end64={"record size": 0}, locator={}, end=_ALL_64)),
    Case("ZIP64 end needs version 10", lambda: bundle(end64={"version needed": 10}, locator={}, end=_ALL_64)),
    Case("ZIP64 end leads to another directory", _end64_with_other_offset),
    Case("ZIP64 locator to another record", _locator_to_far_record),
    Case("ZIP64 locator beyond the file", lambda: bundle(end64={}, locator={"record offset": 1 << 40}, end=_ALL_64)),
    Case("ZIP64 locator on disk 1", lambda: bundle(end64={}, locator={"disk": 1}, end=_ALL_64)),
    Case("ZIP64 locator of two disks", lambda: bundle(end64={}, locator={"disks": 2}, end=_ALL_64)),
    Case("ZIP64 locator of no disks", lambda: bundle(end64={}, locator={"disks": 0}, end=_ALL_64)),
    Case("end signature wrong", lambda: bundle(end={"signature": 0x06054B51})),
)
