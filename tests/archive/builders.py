"""Bundles to test with: good ones, and bad ones named for their defect.

A bad bundle keeps every rule but one, so that a test shows that *this* rule is checked. Those that need another
container are patched from a good one field by field, or written by the standard library.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from bundler.archive.layout import Entry, central_header, end_records, local_header, place
from bundler.archive.writer import NewMember, write_bundle
from bundler.manifest import Manifest, Module
from tests.manifest import samples

MIMETYPE = ("mimetype", b"application/vnd.kbundle+zip")
PAYLOAD = ("model/model.keras", b"the payload")
REQUIREMENTS = ("requirements/requirements.txt", b"numpy==2.1\n")

LOCAL = {
    "version needed": (4, "<H"), "flags": (6, "<H"), "method": (8, "<H"), "time": (10, "<H"), "date": (12, "<H"),
    "crc": (14, "<I"), "compressed size": (18, "<I"), "size": (22, "<I"), "name length": (26, "<H"),
    "extra length": (28, "<H"),
}  # fmt: skip
CENTRAL = {
    "version made by": (4, "<H"), "version needed": (6, "<H"), "flags": (8, "<H"), "method": (10, "<H"),
    "time": (12, "<H"), "date": (14, "<H"), "crc": (16, "<I"), "compressed size": (20, "<I"), "size": (24, "<I"),
    "name length": (28, "<H"), "extra length": (30, "<H"), "comment length": (32, "<H"), "disk": (34, "<H"),
    "internal attributes": (36, "<H"), "external attributes": (38, "<I"), "offset": (42, "<I"),
}  # fmt: skip
END = {
    "disk": (4, "<H"), "directory disk": (6, "<H"), "count here": (8, "<H"), "count": (10, "<H"),
    "directory size": (12, "<I"), "directory offset": (16, "<I"), "comment length": (20, "<H"),
}  # fmt: skip


def members() -> list[NewMember]:
    """What the good bundle holds: payload, requirements, a module, a compressed example, a signature."""
    return [
        NewMember(*PAYLOAD),
        NewMember(*REQUIREMENTS),
        NewMember("code/scale.py", b"def scale(x):\n    return 2 * x\n"),
        NewMember("examples/inputs.npz.zst", b"0123456789" * 20, "zstd"),
        NewMember("signatures/author.json", b"{}"),
    ]


def manifest(**changes: Any) -> Manifest:
    """The manifest that fits `members`; the writer fills in the list of members."""
    module = Module(name="scale", member="code/scale.py", package=False, reason="defines scale")
    return dataclasses.replace(samples.small(), **{"modules": (module,), **changes})


def good() -> bytes:
    """A small good bundle."""
    return written(members())


def written(new: Sequence[NewMember], said: Manifest | None = None) -> bytes:
    """What the writer makes of these members."""
    file = io.BytesIO()
    write_bundle(file, said or manifest(), new)
    return file.getvalue()


def laid(contents: Sequence[tuple[str, bytes]]) -> bytes:
    """A file of perfect layout whatever the names, their order and the manifest say."""
    placed = place(Entry(name, len(content), zlib.crc32(content)) for name, content in contents)
    body = b"".join(local_header(item) + content for item, (_, content) in zip(placed, contents, strict=True))
    directory = b"".join(central_header(item) for item in placed)
    return body + directory + end_records(len(placed), len(directory), len(body))


def with_members(
    contents: Sequence[tuple[str, bytes]], change: Callable[[dict[str, Any]], object] = lambda value: None
) -> bytes:
    """A bundle of perfect layout that lists these members besides payload and requirements, any names allowed."""
    everything = sorted([PAYLOAD, REQUIREMENTS, *contents], key=lambda pair: pair[0].encode())
    value = samples.value(samples.small())
    value["members"] = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in everything
        if not name.startswith("signatures/")
    ]
    change(value)
    return laid([MIMETYPE, ("manifest.json", samples.text(value)), *everything])


def with_manifest_text(text: bytes) -> bytes:
    """A bundle of perfect layout whose manifest is this text."""
    return laid([MIMETYPE, ("manifest.json", text), PAYLOAD, REQUIREMENTS])


def with_changed_manifest(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A bundle whose manifest breaks a rule and is canonical otherwise."""
    return with_members([], change)


def with_local_field(name: str, field: str, value: int) -> bytes:
    """The good bundle with one field of one local header changed."""
    data = good()
    return _patched(data, _local_offset(data, name), LOCAL[field], value)


def with_central_field(name: str, field: str, value: int) -> bytes:
    """The good bundle with one field of one record of the central directory changed."""
    data = good()
    return _patched(data, _central_offset(data, name), CENTRAL[field], value)


def with_end_field(field: str, value: int) -> bytes:
    """The good bundle with one field of the end record changed."""
    data = good()
    return _patched(data, len(data) - 22, END[field], value)


def with_other_content(name: str, content: bytes, *, fix_checksum: bool) -> bytes:
    """The good bundle with other bytes of the same length in a member; the CRC made right on request."""
    data = bytearray(good())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(name)
    start = info.header_offset + 30 + len(name.encode())
    assert len(content) == info.file_size
    data[start : start + len(content)] = content
    if fix_checksum:
        struct.pack_into("<I", data, info.header_offset + 14, zlib.crc32(content))
        struct.pack_into("<I", data, _central_offset(bytes(data), name) + 16, zlib.crc32(content))
    return bytes(data)


def rezipped(method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """The members of the good bundle, in order, as the standard library writes them."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good())) as source, zipfile.ZipFile(target, "w", method) as archive:
        for info in source.infolist():
            info = fresh(info, method)
            archive.writestr(info, source.read(info.filename))
        archive.comment = comment
    return target.getvalue()


def with_data_descriptors() -> bytes:
    """The members of the good bundle as the standard library writes them to a pipe."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    pipe = Pipe()
    with zipfile.ZipFile(io.BytesIO(good())) as source, zipfile.ZipFile(pipe, "w") as archive:
        for info in source.infolist():
            archive.writestr(fresh(info, zipfile.ZIP_STORED), source.read(info.filename))
    return pipe.getvalue()


def with_hole() -> bytes:
    """Bytes between the last member and the central directory, every offset right."""
    data = good()
    directory = _directory_offset(data)
    return _patched(
        data[:directory] + b"hole" + data[directory:], len(data) + 4 - 22, END["directory offset"], directory + 4
    )


def with_needless_zip64() -> bytes:
    """ZIP64 end records although nothing needs them; every value right."""
    data = good()
    count, size, offset = struct.unpack_from("<HII", data, len(data) - 12)
    end = len(data) - 22
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x032D, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    return data[:end] + record + locator + data[end:]


def with_needless_zip64_size() -> bytes:
    """A ZIP64 extra field for a size of a few bytes, in both headers; every value right."""
    data = good()
    name = PAYLOAD[0]
    size = len(PAYLOAD[1])
    local, extra = _local_offset(data, name), struct.pack("<HHQQ", 1, 16, size, size)
    data = _inserted(data, local + 30 + len(name), extra, moved_after=local)
    central = _central_offset(data, name)
    data = _patched(_patched(data, local, LOCAL["extra length"], 20), local, LOCAL["version needed"], 45)
    after_name = central + 46 + len(name)
    data = data[:after_name] + extra + data[after_name:]
    for field, value in (("extra length", 20), ("size", 0xFFFFFFFF), ("compressed size", 0xFFFFFFFF)):
        data = _patched(data, central, CENTRAL[field], value)
    return _patched(data, len(data) - 22, END["directory size"], len(data) - 22 - _directory_offset(data))


def with_second_directory() -> bytes:
    """A second central directory and end record after the first; each is whole (the CVE-2025-54368 family)."""
    data = good()
    directory = _directory_offset(data)
    tail = data[directory:]
    return data + _patched(tail, len(tail) - 22, END["directory offset"], len(data))


def with_overlap() -> bytes:
    """Two members that share their data (CVE-2024-0450)."""
    data = good()
    first = _local_offset(data, PAYLOAD[0])
    return _patched(data, _central_offset(data, REQUIREMENTS[0]), CENTRAL["offset"], first)


def frame(data: bytes, level: int = 3, **options: Any) -> bytes:
    """One zstd frame."""
    import zstandard

    return zstandard.ZstdCompressor(level=level, **options).compress(data)


def with_encoded(stored: bytes, decoded: bytes, *, name: str = "examples/x.zst", **changes: Any) -> bytes:
    """A bundle with a member that claims to be `decoded` compressed to `stored`."""

    def change(value: dict[str, Any]) -> None:
        entry = next(entry for entry in value["members"] if entry["name"] == name)
        entry.update(encoding="zstd", decoded_size=len(decoded), decoded_sha256=hashlib.sha256(decoded).hexdigest())
        entry.update(changes)

    return with_members([(name, stored)], change)


def fresh(info: zipfile.ZipInfo, method: int) -> zipfile.ZipInfo:
    """A fresh record with the same name, time and attributes."""
    copy = zipfile.ZipInfo(info.filename, info.date_time)
    copy.external_attr, copy.create_system, copy.compress_type = info.external_attr, info.create_system, method
    return copy


def manifest_of(data: bytes) -> dict[str, Any]:
    """The manifest of a bundle, read by the standard library."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        value: dict[str, Any] = json.loads(archive.read("manifest.json"))
        return value


def _patched(data: bytes, position: int, field: tuple[int, str], value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(field[1], changed, position + field[0], value)
    return bytes(changed)


def _inserted(data: bytes, position: int, piece: bytes, *, moved_after: int) -> bytes:
    """`data` with `piece` in the members' part, and every offset behind it moved."""
    directory = _directory_offset(data)
    changed = bytearray(data)
    at = directory
    while changed[at : at + 4] == b"PK\x01\x02":
        (offset,) = struct.unpack_from("<I", changed, at + 42)
        if offset > moved_after:
            struct.pack_into("<I", changed, at + 42, offset + len(piece))
        at += 46 + sum(struct.unpack_from("<HHH", changed, at + 28))
    struct.pack_into("<I", changed, len(changed) - 6, directory + len(piece))
    return bytes(changed[:position] + piece + changed[position:])


def _directory_offset(data: bytes) -> int:
    offset: int = struct.unpack_from("<I", data, len(data) - 6)[0]
    return offset


def _local_offset(data: bytes, name: str) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.getinfo(name).header_offset


def _central_offset(data: bytes, name: str) -> int:
    return data.index(name.encode(), _directory_offset(data)) - 46
