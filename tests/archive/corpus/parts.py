"""A ZIP whose every field can be set to anything: what no library would write.

With nothing set, the bytes are those of a bundle; a crafted file so differs from a good one in what it is about.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.archive import builders
from tests.manifest import samples

LOCAL = struct.Struct("<IHHHHHIIIHH")
CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
END = struct.Struct("<IHHHHIIH")
END64 = struct.Struct("<IQHHIIQQQQ")
LOCATOR = struct.Struct("<IIQI")

_LOCAL_FIELDS = (
    "signature", "version needed", "flags", "method", "time", "date", "crc", "compressed size", "size", "name length",
    "extra length",
)  # fmt: skip
_CENTRAL_FIELDS = (
    "signature", "version made by", "version needed", "flags", "method", "time", "date", "crc", "compressed size",
    "size", "name length", "extra length", "comment length", "disk", "internal attributes", "external attributes",
    "offset",
)  # fmt: skip
_END_FIELDS = (
    "signature", "disk", "directory disk", "count here", "count", "directory size", "directory offset",
    "comment length",
)  # fmt: skip
_END64_FIELDS = (
    "signature", "record size", "version made by", "version needed", "disk", "directory disk", "count here", "count",
    "directory size", "directory offset",
)  # fmt: skip
_LOCATOR_FIELDS = ("signature", "disk", "record offset", "disks")

Fields = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One member. `local`, `central` and `both` set fields of its headers to what they should not be.

    `stored` are its bytes in the file, where they are not `content`. `before` stands in front of its local header,
    `after` behind its data. It is left out of the directory unless `listed`, and out of the body unless `present`.
    With `shares` its record points to the local header of the part of that name.
    """

    name: bytes
    content: bytes = b""
    stored: bytes | None = None
    local: Fields = field(default_factory=dict)
    central: Fields = field(default_factory=dict)
    both: Fields = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    before: bytes = b""
    after: bytes = b""
    listed: bool = True
    present: bool = True
    shares: bytes | None = None


def extra(tag: int, data: bytes) -> bytes:
    """One extra field."""
    return struct.pack("<HH", tag, len(data)) + data


def zipped(
    parts: Sequence[Part],
    *,
    prefix: bytes = b"",
    gap: bytes = b"",
    directory_order: Sequence[int] | None = None,
    end: Fields | None = None,
    comment: bytes = b"",
    end64: Fields | None = None,
    locator: Fields | None = None,
    between: bytes = b"",
    suffix: bytes = b"",
    from_zero: bool = True,
) -> bytes:
    """Return the file.

    Args:
        parts: its members.
        prefix: what stands in front of the first; offsets count from its start if `from_zero`, else from its end.
        gap: what stands between the last member and the directory.
        directory_order: the indexes of the parts in the order of the directory.
        end: fields of the end record.
        comment: its comment.
        end64: fields of a ZIP64 end record, which is there unless this is `None`.
        locator: fields of its locator, likewise.
        between: what stands between the directory and the end records.
        suffix: what stands after the end record.
        from_zero: whether offsets count the prefix.
    """
    body = bytearray(prefix)
    base = 0 if from_zero else len(prefix)
    offsets: dict[int, int] = {}
    for index, part in enumerate(parts):
        body += part.before
        offsets[index] = len(body) - base
        if part.present:
            body += _local(part) + (part.content if part.stored is None else part.stored) + part.after
    body += gap
    start = len(body) - base
    listed = [index for index in (directory_order or range(len(parts))) if parts[index].listed]
    names = [part.name for part in parts]
    directory = b"".join(
        _central(parts[index], offsets[names.index(shared) if (shared := parts[index].shares) else index])
        for index in listed
    )
    tail = bytearray(between)
    count = len(listed)
    if end64 is not None:
        values = (0x06064B50, 44, 0x032D, 45, 0, 0, count, count, len(directory), start)
        tail += _packed(END64, _END64_FIELDS, values, end64)
    if locator is not None:
        tail += _packed(LOCATOR, _LOCATOR_FIELDS, (0x07064B50, 0, start + len(directory) + len(between), 1), locator)
    values = (0x06054B50, 0, 0, count, count, len(directory), start, len(comment))
    return bytes(body) + directory + tail + _packed(END, _END_FIELDS, values, end or {}) + comment + suffix


def good_parts(more: Sequence[tuple[str, bytes]] = ()) -> list[Part]:
    """The parts of a good bundle with a payload, requirements, and `more` members that the manifest lists."""
    return parts_of(builders.with_members(more))


def parts_of(data: bytes) -> list[Part]:
    """The parts of a bundle."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [Part(name=info.filename.encode(), content=archive.read(info)) for info in archive.infolist()]


def bundle(change: Callable[[list[Part]], object] = lambda parts: None, **options: Any) -> bytes:
    """A bundle whose parts have been changed."""
    parts = good_parts([("model/a", b"content of a"), ("model/b", b"content of b")])
    change(parts)
    return zipped(parts, **options)


def changed(name: bytes = b"model/a", **changes: Any) -> bytes:
    """A bundle with one part changed."""
    return bundle(lambda parts: replace(parts, name, **changes))


def replace(parts: list[Part], name: bytes, **changes: Any) -> None:
    """Change the part of this name."""
    index = [part.name for part in parts].index(name)
    parts[index] = dataclasses.replace(parts[index], **changes)


def listed_as(name: str, content: bytes) -> dict[str, Any]:
    """An entry of the manifest's members."""
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def manifest_text(change: Callable[[dict[str, Any]], object], data: bytes) -> bytes:
    """The canonical text of a bundle's manifest after a change."""
    value = builders.manifest_of(data)
    change(value)
    return samples.text(value)


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else 0x0800


def _local(part: Part) -> bytes:
    name = part.name if part.local_name is None else part.local_name
    size = len(part.content if part.stored is None else part.stored)
    values = (
        0x04034B50, 10, _flags(part.name), 0, 0, 0x21, zlib.crc32(part.content), size, len(part.content), len(name),
        len(part.local_extra),
    )  # fmt: skip
    return _packed(LOCAL, _LOCAL_FIELDS, values, {**part.both, **part.local}) + name + part.local_extra


def _central(part: Part, offset: int) -> bytes:
    size = len(part.content if part.stored is None else part.stored)
    values = (
        0x02014B50, 0x032D, 10, _flags(part.name), 0, 0, 0x21, zlib.crc32(part.content), size, len(part.content),
        len(part.name), len(part.central_extra), len(part.comment), 0, 0, 0x81A40000, offset,
    )  # fmt: skip
    fields = {key: value for key, value in {**part.both, **part.central}.items() if key in _CENTRAL_FIELDS}
    return _packed(CENTRAL, _CENTRAL_FIELDS, values, fields) + part.name + part.central_extra + part.comment


def _packed(form: struct.Struct, names: Sequence[str], values: Sequence[int], changes: Fields) -> bytes:
    assert set(changes) <= set(names), changes
    return form.pack(*(changes.get(name, value) for name, value in zip(names, values, strict=True)))
