"""Fields of one header, or of both, that are not what they should be: contradictions, flags, methods, extra fields."""

from __future__ import annotations

import bz2
import functools
import lzma
import struct
import zlib

from tests.archive import builders
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import Part, bundle, changed, extra, replace

A = b"content of a"
_CRC = zlib.crc32(A)
_DESCRIPTOR = struct.pack("<IIII", 0x08074B50, _CRC, len(A), len(A))

#: (field, value that is not the right one)
_WRONG = (
    ("version needed", 20),
    ("version needed", 99),
    ("flags", 0x0800),
    ("flags", 0x0002),
    ("method", 8),
    ("method", 99),
    ("time", 1),
    ("date", 0x22),
    ("date", 0),
    ("crc", _CRC ^ 1),
    ("crc", 0),
    ("compressed size", len(A) - 1),
    ("compressed size", len(A) + 1),
    ("compressed size", 0),
    ("size", len(A) - 1),
    ("size", len(A) + 1),
    ("size", 0),
    ("size", 0xFFFFFFFF),
    ("name length", 6),
    ("name length", 8),
    ("name length", 0),
    ("extra length", 4),
    ("extra length", 0xFFFF),
    ("signature", 0x04034B51),
)
_WRONG_CENTRAL = (
    ("version made by", 45),
    ("version made by", 0x0A2D),
    ("version made by", 0x132D),
    ("version made by", 0x03FF),
    ("comment length", 3),
    ("disk", 1),
    ("disk", 0xFFFF),
    ("internal attributes", 1),
    ("offset", 0),
    ("offset", 1),
    ("offset", 0xFFFFFFFF),
    ("offset", 0xFFFFFF),
)


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def _lzma(content: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1}]
    raw = lzma.compress(content, lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBH", 9, 4, 5) + b"\x5d" + struct.pack("<I", 1 << 23) + raw


def _method(number: int, stored: bytes, needed: int = 20, **changes: object) -> bytes:
    return changed(stored=stored, both={"method": number, "version needed": needed}, **changes)


def _both(**fields: int) -> bytes:
    return changed(both={name.replace("_", " "): value for name, value in fields.items()})


def _descriptor(data: bytes, **local: int) -> bytes:
    """Sizes and checksum behind the data, in the form that is given."""
    zero = {"crc": 0, "compressed size": 0, "size": 0}
    return changed(both={"flags": 8}, local={**zero, **local}, after=data)


def _extras(inside: bytes, listed: bytes | None = None, **changes: object) -> bytes:
    return changed(local_extra=inside, central_extra=inside if listed is None else listed, **changes)


def _unicode_path(name: bytes, old: bytes = b"model/a") -> bytes:
    return extra(0x7075, struct.pack("<BI", 1, zlib.crc32(old)) + name)


def _mode(mode: int, dos: int = 0, **changes: object) -> bytes:
    return changed(central={"external attributes": mode << 16 | dos}, **changes)


def _folder_with_content() -> bytes:
    return bundle(lambda parts: parts.append(Part(name=b"model/f/", content=b"content")))


def _link_then_through() -> bytes:
    """A link out of the folder, then a member below the link."""

    def change(parts: list[Part]) -> None:
        replace(parts, b"model/a", content=b"..", central={"external attributes": 0o120777 << 16})
        parts.append(Part(name=b"model/a/x", content=b"x"))

    return bundle(change)


def _zip64(*values: int, tag: int = 1) -> bytes:
    return extra(tag, struct.pack(f"<{len(values)}Q", *values))


_N = len(A)
_MAX = 0xFFFFFFFF
_NTFS = extra(0x000A, bytes(4) + struct.pack("<HHQQQ", 1, 24, 1 << 57, 1 << 57, 1 << 57))
_UNIX = extra(0x7875, b"\x01\x04\x00\x00\x00\x00\x04\x00\x00\x00\x00")

CONTRADICTIONS = (
    *(
        Case(f"local {field} is {value:#x}", functools.partial(changed, local={field: value}))
        for field, value in _WRONG
    ),
    *(
        Case(f"central {field} is {value:#x}", functools.partial(changed, central={field: value}))
        for field, value in (*_WRONG[:-1], *_WRONG_CENTRAL, ("signature", 0x02014B51))
    ),
    Case("local name is another", lambda: changed(local_name=b"model/z")),
    Case("local name is a path out", lambda: changed(local_name=b"../../a")),
    Case("local name is longer", lambda: changed(local_name=b"model/abc")),
    Case("local name is in capitals", lambda: changed(local_name=b"MODEL/A")),
    Case("local name is empty", lambda: changed(local_name=b"")),
    Case("local name has a slash behind", lambda: changed(local_name=b"model/a/")),
    Case("local name has a zero byte", lambda: changed(local_name=b"model/a\0.txt")),
    Case("checksum of both is wrong", lambda: _both(crc=1)),
    Case("sizes of both are too small", lambda: _both(size=_N - 1, compressed_size=_N - 1)),
    Case("sizes of both are too large", lambda: _both(size=_N + 1, compressed_size=_N + 1)),
    Case("sizes of both differ", lambda: _both(size=_N + 1)),
    Case("sizes of both are huge", lambda: _both(size=0xFFFFFFF0, compressed_size=0xFFFFFFF0)),
    Case("version of both is 63", lambda: _both(version_needed=63)),
    Case("date of both is 2024", lambda: _both(date=0x5821)),
    Case("date of both is not a date", lambda: _both(date=0xFFFF, time=0xFFFF)),
)

FLAGS_AND_METHODS = (
    *(Case(f"flag bit {bit} of both", functools.partial(_both, flags=1 << bit)) for bit in range(16)),
    Case("encrypted by PKWARE, header of 12 bytes", lambda: changed(stored=bytes(12) + A, both={"flags": 1})),
    Case("encrypted and masked", lambda: _both(flags=0x2041)),
    Case(
        "AES by WinZip",
        lambda: _method(
            99,
            bytes(12) + A,
            51,
            local_extra=extra(0x9901, b"\2\0AE\3\0\0"),
            central_extra=extra(0x9901, b"\2\0AE\3\0\0"),
        ),
    ),
    Case("deflated", lambda: _method(8, _deflated(A))),
    Case("deflated with bytes behind", lambda: _method(8, _deflated(A) + b"behind")),
    Case("deflated and cut", lambda: _method(8, _deflated(A)[:-2])),
    Case("deflated, central says stored", lambda: changed(stored=_deflated(A), local={"method": 8})),
    Case("deflated, local says stored", lambda: changed(stored=_deflated(A), central={"method": 8})),
    Case(
        "deflated megabyte of zeros",
        lambda: changed(
            content=bytes(1 << 20), stored=_deflated(bytes(1 << 20)), both={"method": 8, "version needed": 20}
        ),
    ),
    Case("whole bundle deflated", lambda: builders.rezipped(8)),
    Case("whole bundle bzip2", lambda: builders.rezipped(12)),
    Case("whole bundle lzma", lambda: builders.rezipped(14)),
    Case("whole bundle stored by zipfile", builders.rezipped),
    Case("deflate64", lambda: _method(9, _deflated(A), 21)),
    Case("bzip2", lambda: _method(12, bz2.compress(A), 46)),
    Case("lzma", lambda: _method(14, _lzma(A), 63)),
    Case("zstd as a method", lambda: _method(93, builders.frame(A), 63)),
    Case("xz", lambda: _method(95, lzma.compress(A), 63)),
    Case("shrunk", lambda: _method(1, A)),
    Case("imploded", lambda: _method(6, A)),
    Case("unknown method", lambda: _method(77, A)),
    Case("method 65535", lambda: _method(0xFFFF, A)),
    Case("data descriptor", lambda: _descriptor(_DESCRIPTOR)),
    Case("data descriptor without signature", lambda: _descriptor(_DESCRIPTOR[4:])),
    Case("data descriptor of ZIP64", lambda: _descriptor(struct.pack("<IIQQ", 0x08074B50, _CRC, _N, _N))),
    Case("data descriptor with another size", lambda: _descriptor(struct.pack("<IIII", 0x08074B50, _CRC, 5, 5))),
    Case("data descriptor with another checksum", lambda: _descriptor(struct.pack("<IIII", 0x08074B50, 1, _N, _N))),
    Case("data descriptor said and absent", lambda: _descriptor(b"")),
    Case(
        "data descriptor though sizes are there",
        lambda: _descriptor(_DESCRIPTOR, **{"crc": _CRC, "compressed size": _N, "size": _N}),
    ),
    Case("data descriptor that nobody said", lambda: changed(after=_DESCRIPTOR)),
    Case("data descriptor in the local flags only", lambda: changed(local={"flags": 8}, after=_DESCRIPTOR)),
    Case("data descriptor in the central flags only", lambda: changed(central={"flags": 8}, after=_DESCRIPTOR)),
    Case(
        "deflated with a data descriptor",
        lambda: changed(
            stored=_deflated(A),
            both={"flags": 8, "method": 8},
            local={"crc": 0, "compressed size": 0, "size": 0},
            after=struct.pack("<IIII", 0x08074B50, _CRC, len(_deflated(A)), _N),
        ),
    ),
    Case("descriptors of the whole bundle", builders.with_data_descriptors),
)

EXTRAS = (
    Case("ZIP64 field without need", builders.with_needless_zip64_size),
    Case(
        "ZIP64 field that contradicts",
        lambda: _extras(
            _zip64(5, 5), local={"size": _MAX, "compressed size": _MAX}, central={"size": _MAX, "compressed size": _MAX}
        ),
    ),
    Case(
        "ZIP64 field right, sizes in it", lambda: _extras(_zip64(_N, _N), both={"size": _MAX, "compressed size": _MAX})
    ),
    Case(
        "ZIP64 field in the directory only",
        lambda: _extras(b"", _zip64(_N, _N), central={"size": _MAX, "compressed size": _MAX}),
    ),
    Case(
        "ZIP64 field in the local header only",
        lambda: _extras(_zip64(_N, _N), b"", local={"size": _MAX, "compressed size": _MAX}),
    ),
    Case("ZIP64 field beside sizes that differ", lambda: _extras(_zip64(5, 5))),
    Case("ZIP64 field with an offset that differs", lambda: _extras(b"", _zip64(0), central={"offset": _MAX})),
    Case(
        "ZIP64 field too short",
        lambda: _extras(b"", extra(1, bytes(4)), central={"size": _MAX, "compressed size": _MAX}),
    ),
    Case("ZIP64 field too long", lambda: _extras(_zip64(_N, _N, 0, 0, 0))),
    Case("ZIP64 field empty", lambda: _extras(extra(1, b""))),
    Case(
        "ZIP64 field twice",
        lambda: _extras(b"", _zip64(_N, _N) + _zip64(5, 5), central={"size": _MAX, "compressed size": _MAX}),
    ),
    Case(
        "ZIP64 size of 2^63",
        lambda: _extras(b"", _zip64(1 << 63, 1 << 63), central={"size": _MAX, "compressed size": _MAX}),
    ),
    Case("ZIP64 disk number", lambda: _extras(b"", extra(1, struct.pack("<I", 0)), central={"disk": 0xFFFF})),
    Case("Unicode path that is the same", lambda: _extras(_unicode_path(b"model/a"))),
    Case("Unicode path that differs", lambda: _extras(_unicode_path(b"model/evil"))),
    Case("Unicode path out of the folder", lambda: _extras(_unicode_path(b"../evil"))),
    Case("Unicode path in the directory only", lambda: _extras(b"", _unicode_path(b"model/evil"))),
    Case("Unicode path in the local header only", lambda: _extras(_unicode_path(b"model/evil"), b"")),
    Case("Unicode path with a wrong checksum", lambda: _extras(_unicode_path(b"model/evil", b"other"))),
    Case(
        "Unicode path of version 2",
        lambda: _extras(extra(0x7075, struct.pack("<BI", 2, zlib.crc32(b"model/a")) + b"model/evil")),
    ),
    Case("Unicode path that is empty", lambda: _extras(_unicode_path(b""))),
    Case("Unicode path with a zero byte", lambda: _extras(_unicode_path(b"model/e\0vil"))),
    Case("Unicode comment", lambda: _extras(extra(0x6375, struct.pack("<BI", 1, 0) + b"x"))),
    Case("NTFS times", lambda: _extras(_NTFS)),
    Case("NTFS times in the directory only", lambda: _extras(b"", _NTFS)),
    Case("extended time stamp", lambda: _extras(extra(0x5455, b"\x01\0\0\0\x60"))),
    Case("owner of Unix", lambda: _extras(_UNIX)),
    Case("old Unix field with a link", lambda: _extras(extra(0x000D, bytes(12) + b"/etc/passwd"))),
    Case("old Info-ZIP field", lambda: _extras(extra(0x5855, bytes(12)))),
    Case(
        "ASi field with a link",
        lambda: _extras(extra(0x756E, bytes(4) + struct.pack("<HIHH", 0o120777, 3, 0, 0) + b"../")),
    ),
    Case("Java marker", lambda: _extras(extra(0xCAFE, b""))),
    Case("unknown field", lambda: _extras(extra(0x4242, b"hidden bytes"))),
    Case("unknown field in the local header only", lambda: _extras(extra(0x4242, b"hidden bytes"), b"")),
    Case("unknown field in the directory only", lambda: _extras(b"", extra(0x4242, b"hidden bytes"))),
    Case("same field twice", lambda: _extras(extra(0x4242, b"1") + extra(0x4242, b"2"))),
    Case("field longer than the extra", lambda: _extras(struct.pack("<HH", 0x4242, 99) + b"x")),
    Case("one byte of extra", lambda: _extras(b"x")),
    Case("padding on a small member", lambda: _extras(extra(0xD935, struct.pack("<H", 4096)), b"")),
    Case("padding in the directory", lambda: _extras(b"", extra(0xD935, struct.pack("<H", 4096)))),
    Case("padding that is not zero", lambda: _nonzero_padding()),
    Case("padding of another alignment", lambda: _large_with(lambda field: field.replace(b"\0\x10", b"\0\x20", 1))),
    Case("comment of a member", lambda: changed(comment=b"hello")),
    Case("comment of a member that is a record", lambda: changed(comment=b"PK\x01\x02" + bytes(42))),
    Case("symbolic link", lambda: _mode(0o120777, content=b"/etc/passwd")),
    Case("symbolic link to a folder above", lambda: _mode(0o120777, content=b"../..")),
    Case("symbolic link and a member below it", _link_then_through),
    Case(
        "symbolic link by a DOS tool",
        lambda: changed(content=b"/etc", central={"external attributes": 0o120777 << 16, "version made by": 0x2D}),
    ),
    Case("folder by its mode", lambda: _mode(0o040755)),
    Case("folder by the DOS attribute", lambda: _mode(0o100644, 0x10)),
    Case("folder with a slash and content", _folder_with_content),
    Case("device", lambda: _mode(0o060644)),
    Case("pipe", lambda: _mode(0o010644)),
    Case("socket", lambda: _mode(0o140644)),
    Case("set-user-id program", lambda: _mode(0o104755)),
    Case("executable", lambda: _mode(0o100755)),
    Case("unreadable", lambda: _mode(0o100000)),
    Case("mode 0", lambda: _mode(0)),
    Case("read-only, hidden, system", lambda: _mode(0o100644, 0x07)),
)


def _large_with(change: object) -> bytes:
    """A bundle with a member of a megabyte whose padding field has been changed."""
    data = builders.with_members([("model/large", bytes(1 << 20))])
    at = data.index(b"model/large", data.index(b"PK\x03\x04", 70) + 1)
    at = data.index(b"\x35\xd9", at)
    length = struct.unpack_from("<H", data, at + 2)[0]
    field = data[at : at + 4 + length]
    return data[:at] + change(field) + data[at + len(field) :]  # type: ignore[operator]


def _nonzero_padding() -> bytes:
    return _large_with(lambda field: field[:-1] + b"x")
