"""Where members are: twice, nowhere, in each other, in another order."""

from __future__ import annotations

import dataclasses
import struct
import zlib

from tests.archive import builders
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import Part, bundle, good_parts, replace, zipped


def _with(*more: Part) -> bytes:
    return bundle(lambda parts: parts.extend(more))


def _twice(name: bytes, other: bytes, content: bytes = b"other content") -> bytes:
    """A member of the bundle, and another of a name that is the same somewhere; both in the manifest if it can."""
    contents = [(name.decode(), b"one content")] + ([(other.decode(), content)] if other != name else [])
    parts = good_parts(contents)
    if other == name:
        parts.append(Part(name=other, content=content))
    return zipped(parts)


def _hidden() -> bytes:
    """A local header and data of a member that the directory does not list."""
    return _with(Part(name=b"model/hidden", content=b"hidden", listed=False))


def _hidden_of_same_name() -> bytes:
    """A member's local header and data a second time, with other data; the directory lists the last one."""

    def change(parts: list[Part]) -> None:
        parts.insert(3, Part(name=b"model/a", content=b"evil content", listed=False))

    return bundle(change)


def _absent() -> bytes:
    return _with(Part(name=b"model/c", content=b"", present=False))


def _shared() -> bytes:
    """Two records of one local header."""
    return _with(Part(name=b"model/c", content=b"content of a", present=False, shares=b"model/a"))


def _shared_same_name() -> bytes:
    return _with(Part(name=b"model/a", content=b"content of a", present=False, shares=b"model/a"))


def _quoted() -> bytes:
    """A member whose data begins with the local header and data of the next one (CVE-2024-0450)."""
    inner = builders.laid([("model/b", b"content of b")])
    inner = inner[: inner.index(b"PK\x01\x02")]

    def change(parts: list[Part]) -> None:
        at = [part.name for part in parts].index(b"model/a")
        parts[at] = dataclasses.replace(parts[at], content=inner, stored=b"")
        size = {"compressed size": len(inner)}
        parts[at] = dataclasses.replace(parts[at], both=size)

    return bundle(change)


def _fifield() -> bytes:
    """Three members that quote each other's local headers in deflated blocks and share one kernel, as in zbsm.zip."""
    kernel = bytes(60_000)
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(kernel) + packer.flush()
    names = [b"model/f0", b"model/f1", b"model/f2"]
    headers: list[bytes] = []
    stored, content = packed, kernel
    bodies: list[tuple[bytes, int, int, int]] = []
    # From the last to the first: each quotes the header of the next as a stored block that is not the last one.
    for name in reversed(names):
        bodies.insert(0, (name, zlib.crc32(content), len(stored), len(content)))
        header = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0x21, *bodies[0][1:], len(name), 0) + name
        headers.insert(0, header)
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF)
        stored, content = quote + header + stored, header + content
    parts = good_parts()
    body = zipped(parts)
    (start,) = struct.unpack_from("<I", body, len(body) - 6)
    directory, offset, data = bytearray(body[start:-22]), start, b""
    for (name, crc, packed_size, size), header in zip(bodies, headers, strict=True):
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) if data else b""
        offset += len(quote)
        directory += struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, 0x032D, 20, 0, 8, 0, 0x21, crc, packed_size, size, len(name), 0, 0, 0, 0,
            0x81A40000, offset,
        ) + name  # fmt: skip
        data += quote + header
        offset += len(header)
    data += packed
    count = len(parts) + len(names)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), start + len(data), 0)
    return body[:start] + data + bytes(directory) + end


def _swapped_offsets() -> bytes:
    """The records of two members point to each other's local headers."""

    def change(parts: list[Part]) -> None:
        replace(parts, b"model/a", shares=b"model/b")
        replace(parts, b"model/b", shares=b"model/a")

    return bundle(change)


def _swapped_with_local_names() -> bytes:
    """Two members whose local headers have each other's names."""

    def change(parts: list[Part]) -> None:
        replace(parts, b"model/a", local_name=b"model/b")
        replace(parts, b"model/b", local_name=b"model/a")

    return bundle(change)


def _body_reversed() -> bytes:
    """The members in one order, the directory in the other."""
    return bundle(directory_order=[5, 4, 3, 2, 1, 0])


def _hole(where: bytes, hole: bytes = b"a hole") -> bytes:
    return bundle(lambda parts: replace(parts, where, before=hole))


def _moved(name: bytes, to: int) -> bytes:
    def change(parts: list[Part]) -> None:
        at = [part.name for part in parts].index(name)
        parts.insert(to, parts.pop(at))

    return bundle(change)


def _unaligned() -> bytes:
    """A megabyte without its padding."""
    parts = good_parts([("model/large", bytes(1 << 20))])
    return zipped(parts)


CASES = (
    Case("name twice, other content", lambda: _twice(b"model/x", b"model/x")),
    Case("name twice, same content", lambda: _twice(b"model/x", b"model/x", b"one content")),
    Case("manifest twice", lambda: _with(Part(name=b"manifest.json", content=b"{}\n"))),
    Case("mimetype twice", lambda: _with(Part(name=b"mimetype", content=b"text/plain"))),
    Case("names that differ in case", lambda: _twice(b"model/x", b"model/X")),
    Case("names that differ in full case folding", lambda: _twice("model/stra\u00dfe".encode(), b"model/STRASSE")),
    Case("names that differ in normal form", lambda: _twice("model/\u00e9".encode(), "model/e\u0301".encode())),
    Case("names that differ in a dot behind", lambda: _twice(b"model/x", b"model/x.")),
    Case("names that differ in a space behind", lambda: _twice(b"model/x", b"model/x ")),
    Case("names that differ in a slash behind", lambda: _twice(b"model/x", b"model/x/", b"")),
    Case("names that differ in a double slash", lambda: _twice(b"model/x/y", b"model//x/y")),
    Case("names that differ in a dot segment", lambda: _twice(b"model/x", b"model/./x")),
    Case("names that differ in a way up", lambda: _twice(b"model/x", b"model/y/../x")),
    Case("names that differ in the slash", lambda: _twice(b"model/x/y", b"model/x\\y")),
    Case("names that differ in a version of VMS", lambda: _twice(b"model/x", b"model/x;1")),
    Case(
        "names that differ in a short name of DOS", lambda: _twice(b"model/long file name.text", b"model/longfi~1.tex")
    ),
    Case("names that differ in a stream", lambda: _twice(b"model/x", b"model/x::$DATA")),
    Case("names that differ in what shows nothing", lambda: _twice(b"model/x", "model/x\u200b".encode())),
    Case("names that differ in a variation selector", lambda: _twice(b"model/x", "model/x\ufe0f".encode())),
    Case("file that is a folder of another", lambda: _twice(b"model/x", b"model/x/y")),
    Case("folder in two cases", lambda: _twice(b"model/x/y", b"model/X/z")),
    Case("empty folder", lambda: _with(Part(name=b"model/folder/"))),
    Case("hidden local entry", _hidden),
    Case("hidden local entry of the same name", _hidden_of_same_name),
    Case("record without a local entry", _absent),
    Case("two records of one local header", _shared),
    Case("same record twice", _shared_same_name),
    Case("records that point to each other's headers", _swapped_offsets),
    Case("local headers with each other's names", _swapped_with_local_names),
    Case("member that quotes the next one", _quoted),
    Case("overlap", builders.with_overlap),
    Case("members that overlap as Fifield's", _fifield),
    Case("hole in front of a member", lambda: _hole(b"model/a")),
    Case("hole that is a local header", lambda: _hole(b"model/a", builders.good()[:65])),
    Case("hole in front of the first member", lambda: _hole(b"mimetype")),
    Case("hole in front of the manifest", lambda: _hole(b"manifest.json", bytes(1))),
    Case("hole in front of the directory", builders.with_hole),
    Case("end record in front of the directory", lambda: bundle(gap=builders.good()[-22:])),
    Case("bytes behind a member's data", lambda: bundle(lambda parts: replace(parts, b"model/b", after=b"x"))),
    Case("directory in another order than the members", _body_reversed),
    Case("two members exchanged", lambda: _moved(b"model/b", 2)),
    Case("payload in front", lambda: _moved(b"model/model.keras", 0)),
    Case("manifest behind", lambda: _moved(b"manifest.json", 5)),
    Case("mimetype behind", lambda: _moved(b"mimetype", 5)),
    Case("large member without padding", _unaligned),
)
