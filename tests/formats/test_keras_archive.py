"""The ``.keras`` file: what Keras and kbundle write is read, and everything else is refused."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.archive.window import read_at
from bundler.audit.finding import Severity
from bundler.audit.model_file import RULES, archive_findings
from bundler.errors import InvalidBundle, LimitExceeded
from bundler.formats.keras_archive import open_keras_file
from bundler.formats.strict_zip import Unreadable
from bundler.limits import LIMITS
from tests.formats import builders
from tests.formats.keras_files import (
    ASSET,
    CONFIG,
    FILES,
    METADATA,
    WEIGHTS,
    as_kbundle_writes,
    as_keras_writes,
    in_both,
    in_central,
    in_end,
    in_local,
    inserted,
    opened,
    with_info,
)

GOOD = as_keras_writes()
Builder = Callable[[], bytes]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD, id="keras"),
        pytest.param(as_keras_writes({**FILES, ASSET: b"a\nb\n"}), id="keras with assets"),
        pytest.param(as_keras_writes({**FILES, "assets/größe.txt": b"x", "assets/empty": b""}), id="other names"),
        pytest.param(as_keras_writes(compression=zipfile.ZIP_DEFLATED), id="packed"),
        pytest.param(as_kbundle_writes({**FILES, ASSET: b"a\nb\n"}), id="kbundle"),
        pytest.param(as_kbundle_writes({**FILES, "model.weights.h5": bytes(2 << 20)}), id="kbundle, aligned"),
    ],
)
def test_reads_what_keras_and_kbundle_write(content: bytes, tmp_path: Path) -> None:
    archive = opened(content)
    assert archive_findings(archive) == []
    archive.unpacked(tmp_path)
    with zipfile.ZipFile(io.BytesIO(content)) as expected:
        assert list(archive.members) == expected.namelist()
        for name in expected.namelist():
            assert archive.read(name, 1 << 30) == expected.read(name)
            with archive.open(name) as file:
                assert file.read() == expected.read(name)
                file.seek(3)
                assert file.read(5) == expected.read(name)[3:8]
            assert (tmp_path / name).read_bytes() == expected.read(name)


def test_reads_weights_above_4_gib_where_they_lie(tmp_path: Path) -> None:
    weights = tmp_path / "model.weights.h5"
    with h5py.File(weights, "w") as file:
        file.create_dataset("layers/dense/vars/0", shape=(1100 << 20,), dtype="float32")[-1] = 1.0
    path, size = tmp_path / "model.keras", weights.stat().st_size
    # What zipfile writes for such a file, with a hole where the weights are: a sparse file of 4.3 GiB.
    info = zipfile.ZipInfo("model.weights.h5")
    info.file_size, info.compress_size, info.CRC = size, size, 0
    with path.open("wb") as target, zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", METADATA)
        archive.writestr("config.json", CONFIG)
        info.header_offset = target.tell()
        target.write(info.FileHeader(zip64=True))
        with weights.open("rb") as source:
            head = source.read(1 << 16)
            target.write(head)
            source.seek(-(1 << 16), os.SEEK_END)
            target.seek(size - (2 << 16), os.SEEK_CUR)
            target.write(source.read())
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive.start_dir = target.tell()
        archive.writestr(ASSET, b"a")
    assert path.stat().st_size > 1 << 32
    with path.open("rb") as file:
        tracemalloc.start()
        archive_read = open_keras_file(file, path.stat().st_size)
        assert archive_read.problems == ()
        with archive_read.open("model.weights.h5") as inner:
            assert read_at(inner, 0, len(head)) == head
            read = builders.read_hdf5(inner, size)
            assert read.problems == ()
            found = list(read.tensors)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()
    assert [(item.path, item.stored) for item in found] == [("layers/dense/vars/0", 4400 << 20)]


def twice(name: str) -> bytes:
    target = io.BytesIO(GOOD)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"{}")
    return target.getvalue()


def with_comment() -> bytes:
    target = io.BytesIO(GOOD)
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"PK\5\6" + bytes(18)
    return target.getvalue()


def streamed() -> bytes:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    target = Pipe()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return target.getvalue()


def hidden_member() -> bytes:
    """A whole second config between the members, in no directory."""
    return GOOD.replace(b"PK\1\2", as_keras_writes({"config.json": b"{}"})[:45] + b"PK\1\2", 1)


def folder_entry() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.mkdir("assets")
        for name, content in FILES.items():
            archive.writestr(name, content)
    return target.getvalue()


def attributes(value: int) -> Callable[[zipfile.ZipInfo], None]:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = value

    return change


def extra(value: bytes) -> Callable[[zipfile.ZipInfo], None]:
    def change(info: zipfile.ZipInfo) -> None:
        info.extra = value

    return change


def compression(method: int) -> Callable[[zipfile.ZipInfo], None]:
    def change(info: zipfile.ZipInfo) -> None:
        info.compress_type = method

    return change


def named(*names: str) -> Builder:
    return lambda: as_keras_writes({**FILES, **dict.fromkeys(names, b"x")})


def behind_the_directory() -> bytes:
    content = in_both(GOOD, b"model.weights.h5", 18, 20, b"\xff\xff\0\0")
    return in_both(content, b"model.weights.h5", 22, 24, b"\xff\xff\0\0")


def code_page_437() -> bytes:
    name = "assets/\u00e9"
    return in_both(named(name)(), name.encode(), 6, 8, b"\0\0")


def zip64_end(offset: int, value: bytes) -> Builder:
    """A file with the larger end records, as zipfile writes them behind 2 GiB, and bytes of them overwritten."""

    def build() -> bytes:
        count, size, start = struct.unpack_from("<HII", GOOD, len(GOOD) - 12)
        large = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
        large += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
        content = GOOD[:-22] + large + GOOD[-22:]
        return builders.written(content, len(GOOD) - 22 + offset, value) if value else content

    return build


def deflated_bomb(*names: str, size: int = 300 << 20) -> Builder:
    def build() -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for other, content in FILES.items():
                if other not in names:
                    archive.writestr(other, content)
            for name in names:
                with archive.open(name, "w") as file:
                    for _ in range(size >> 20):
                        file.write(bytes(1 << 20))
        return target.getvalue()

    return build


def declared(size: int) -> bytes:
    """A member that says it has any size; nothing of it is there."""
    packed = as_keras_writes({**FILES, ASSET: bytes(1000)}, compression=zipfile.ZIP_DEFLATED)
    return in_both(packed, ASSET.encode(), 22, 24, struct.pack("<I", size))


ATTACKS: list[tuple[str, str, Builder]] = [
    ("nothing", "not-a-zip", lambda: b""),
    ("pickle", "not-a-zip", lambda: b"\x80\x04N."),
    ("HDF5 model", "legacy-h5", lambda: WEIGHTS),
    ("HDF5 model with a ZIP behind it", "legacy-h5", lambda: WEIGHTS + GOOD),
    ("bytes before", "not-a-zip", lambda: b"#!/bin/sh\n" + GOOD),
    ("a ZIP before", "two-readings", lambda: as_keras_writes({"config.json": b"{}"}) + GOOD),
    ("bytes after", "two-readings", lambda: GOOD + b"x"),
    ("a ZIP after", "two-readings", lambda: GOOD + as_keras_writes({"config.json": b"{}"})),
    ("comment that is an end record", "two-readings", with_comment),
    ("comment of a record", "two-readings", lambda: in_central(GOOD, b"config.json", 32, b"\1")),
    ("cut short", "two-readings", lambda: GOOD[:-1]),
    ("no end record", "two-readings", lambda: GOOD[:-22]),
    ("two configs", "two-readings", lambda: twice("config.json")),
    ("two configs that differ in case", "two-readings", named("CONFIG.json")),
    ("two assets that differ in composition", "two-readings", named("assets/\u00e9", "assets/e\u0301")),
    ("file that is also a folder", "two-readings", named("assets/a", "assets/a/b")),
    ("member in no directory", "two-readings", hidden_member),
    ("hole", "two-readings", lambda: inserted(GOOD, b"hidden", before=b"PK\1\2")),
    ("overlap", "two-readings", lambda: in_central(GOOD, b"config.json", 42, bytes(4))),
    ("member behind the directory", "two-readings", behind_the_directory),
    ("data descriptors", "two-readings", streamed),
    ("encrypted", "two-readings", lambda: in_both(GOOD, b"config.json", 6, 8, b"\1\0")),
    ("strong encryption", "two-readings", lambda: in_both(GOOD, b"config.json", 6, 8, b"\x41\0")),
    ("name in the local header", "two-readings", lambda: GOOD.replace(b"config.json", b"c0nfig.json", 1)),
    ("size in the local header", "two-readings", lambda: in_local(GOOD, b"config.json", 22, b"\1\0\0\0")),
    ("stored size in the local header", "two-readings", lambda: in_local(GOOD, b"config.json", 18, b"\1\0\0\0")),
    ("checksum in the local header", "two-readings", lambda: in_local(GOOD, b"config.json", 14, b"\1\0\0\0")),
    ("method in the local header", "two-readings", lambda: in_local(GOOD, b"config.json", 8, b"\x08\0")),
    ("flags in the local header", "two-readings", lambda: in_local(GOOD, b"config.json", 6, b"\0\x08")),
    ("ZIP64 in one header only", "two-readings", lambda: in_local(GOOD, b"config.json", 22, b"\xff" * 4)),
    ("ZIP64 without its field", "two-readings", lambda: in_both(GOOD, b"config.json", 22, 24, b"\xff" * 4)),
    ("stored with two sizes", "two-readings", lambda: in_both(GOOD, b"config.json", 22, 24, b"\1\0\0\0")),
    ("bzip2", "two-readings", lambda: with_info(compression(zipfile.ZIP_BZIP2))),
    ("LZMA", "two-readings", lambda: with_info(compression(zipfile.ZIP_LZMA))),
    ("extra field", "two-readings", lambda: with_info(extra(b"ux\0\0"))),
    ("Unicode path field", "two-readings", lambda: with_info(extra(b"up\x05\0\1\0\0\0\0"))),
    ("padding with bytes in it", "two-readings", lambda: with_info(extra(b"\x35\xd9\x04\0\1\0PK"))),
    ("symbolic link", "two-readings", lambda: with_info(attributes(0o120777 << 16))),
    ("device", "two-readings", lambda: with_info(attributes(0o020666 << 16))),
    ("folder entry", "two-readings", folder_entry),
    ("folder by its attribute", "two-readings", lambda: with_info(attributes(0x10))),
    ("several disks", "two-readings", lambda: in_end(GOOD, 4, b"\1\0")),
    ("record of another disk", "two-readings", lambda: in_central(GOOD, b"config.json", 34, b"\1\0")),
    ("more members than records", "two-readings", lambda: in_end(GOOD, 8, b"\4\0\4\0")),
    ("fewer members than records", "two-readings", lambda: in_end(GOOD, 8, b"\2\0\2\0")),
    ("counts that differ", "two-readings", lambda: in_end(GOOD, 8, b"\2\0")),
    ("directory elsewhere", "two-readings", lambda: in_end(GOOD, 16, b"\1\0\0\0")),
    ("directory of 4 GB", "two-readings", lambda: in_end(GOOD, 12, b"\xfe\xff\xff\xff")),
    ("65,535 members", "two-readings", lambda: in_end(GOOD, 8, b"\xff\xff\xff\xff")),
    ("ZIP64 end with another count", "two-readings", zip64_end(24, struct.pack("<QQ", 2, 2))),
    ("ZIP64 end with another directory", "two-readings", zip64_end(48, struct.pack("<Q", 1))),
    ("ZIP64 end with more in it", "two-readings", zip64_end(4, struct.pack("<Q", 45))),
    ("ZIP64 locator that leads elsewhere", "two-readings", zip64_end(56 + 8, struct.pack("<Q", 0))),
    ("ZIP64 locator of two disks", "two-readings", zip64_end(56 + 16, struct.pack("<I", 2))),
    ("traversal", "two-readings", named("assets/../../x")),
    ("absolute", "two-readings", named("/etc/passwd")),
    ("drive", "two-readings", named("C:x")),
    ("backslash", "two-readings", named("assets\\x")),
    ("NUL in a name", "two-readings", lambda: named("assets/x_y")().replace(b"x_y", b"x\0y")),
    ("device of Windows", "two-readings", named("assets/NUL.txt")),
    ("name in code page 437", "two-readings", code_page_437),
    ("name that is no UTF-8", "two-readings", lambda: named("assets/\u00e9")().replace("\u00e9".encode(), b"\xff\xfe")),
    ("weights as pickles", "unexpected-file", named("model.weights.npz")),
    ("weights in shards", "unexpected-file", named("model.weights.json")),
    ("other file", "unexpected-file", named("sitecustomize.py")),
    ("other folder", "unexpected-file", named("variables/x")),
    ("no config", "unexpected-file", lambda: as_keras_writes({k: v for k, v in FILES.items() if k != "config.json"})),
    ("no weights", "unexpected-file", lambda: as_keras_writes({k: v for k, v in FILES.items() if "h5" not in k})),
    ("bomb", "bomb", deflated_bomb(ASSET)),
    ("bomb as config", "bomb", deflated_bomb("config.json")),
    ("many small bombs", "bomb", deflated_bomb(*(f"assets/{i}" for i in range(10)), size=30 << 20)),
    ("declared size", "bomb", lambda: declared(0xFFFFFFFE)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "build"), [pytest.param(r, b, id=name) for name, r, b in ATTACKS])
def test_refuses(rule: str, build: Builder) -> None:
    content = build()
    tracemalloc.start()
    started = time.process_time()
    archive = opened(content)
    spent = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {item.rule for item in archive.problems} == {f"keras.{rule}"}
    assert spent < 0.5
    assert peak < 8 << 20


def test_the_larger_end_records_are_read_where_zipfile_writes_them() -> None:
    assert opened(zip64_end(0, b"")()).problems == ()


def with_damage(position: int, value: bytes, **options: int) -> bytes:
    packed = as_keras_writes({**FILES, ASSET: b"abc" * 100}, **options)
    start = packed.index(ASSET.encode()) + len(ASSET)
    return builders.written(packed, start + position, value)


def second_stream() -> bytes:
    """Packed data that ends, and other bytes before the next member."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = coder.compress(b"a") + coder.flush()
    content = as_keras_writes({**FILES, ASSET: stream + b"hidden"})
    content = in_both(content, ASSET.encode(), 8, 10, b"\x08\0")
    content = in_both(content, ASSET.encode(), 22, 24, struct.pack("<I", 1))
    return in_both(content, ASSET.encode(), 14, 16, struct.pack("<I", zlib.crc32(b"a")))


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: with_damage(5, b"X"), id="stored"),
        pytest.param(lambda: with_damage(0, b"\xff\xff", compression=zipfile.ZIP_DEFLATED), id="packed"),
        pytest.param(second_stream, id="bytes behind packed data"),
        pytest.param(lambda: declared(999), id="more than declared"),
        pytest.param(lambda: declared(1001), id="less than declared"),
    ],
)
def test_refuses_content_that_is_not_what_the_directory_says(build: Builder, tmp_path: Path) -> None:
    archive = opened(build())
    found = archive_findings(archive)
    assert {(item.rule.id, item.inside) for item in found} == {("keras.damaged", ASSET)}
    with pytest.raises(InvalidBundle):
        archive.read(ASSET, 1 << 20)
    with pytest.raises(Unreadable):
        archive.unpacked(tmp_path)


def test_reads_no_more_than_the_caller_allows() -> None:
    with pytest.raises(LimitExceeded, match="too large"):
        opened(GOOD).read("config.json", 10)
    with pytest.raises(InvalidBundle, match="no such file"):
        opened(GOOD).read("other", 10)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"PK\3\4" + bytes(30), "nested-archive"),
        (b"\x1f\x8b\x08", "nested-archive"),
        (bytes(257) + b"ustar\x0000", "nested-archive"),
        (b"\x80\x04\x95\x05", "nested-pickle"),
    ],
)
def test_warns_of_an_asset_that_code_could_unpack(content: bytes, rule: str) -> None:
    archive = opened(as_keras_writes({**FILES, ASSET: content}))
    assert [(item.rule.id, item.severity, item.inside) for item in archive_findings(archive)] == [
        (f"keras.{rule}", Severity.WARNING, ASSET)
    ]
    assert not archive.problems


def test_every_rule_has_an_attack() -> None:
    refused = {rule.id for rule in RULES if rule.severity is Severity.REFUSED}
    assert {f"keras.{rule}" for _, rule, _ in ATTACKS} | {"keras.damaged"} == refused
    assert len({name for name, _, _ in ATTACKS}) == len(ATTACKS)


def answered(content: bytes) -> bool:
    archive = opened(content)
    return not archive_findings(archive)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_byte_changed_gives_an_answer_that_zipfile_shares(packed: int) -> None:
    small = as_keras_writes({**FILES, "model.weights.h5": b"weights", ASSET: b"a"}, compression=packed)
    for flip in (0xFF, 0x01):
        for position in range(len(small)):
            content = builders.written(small, position, bytes([small[position] ^ flip]))
            if answered(content):
                archive = opened(content)
                with zipfile.ZipFile(io.BytesIO(content)) as other:
                    assert other.namelist() == list(archive.members)
                    for name in other.namelist():
                        if name != "model.weights.h5":
                            assert other.read(name) == archive.read(name, 1 << 20)
    assert not any(answered(small[:length]) for length in range(len(small)))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 40), st.binary(min_size=1, max_size=40))
def test_any_bytes_written_over_it_give_an_answer(position: int, junk: bytes) -> None:
    answered(builders.written(GOOD, position, junk))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(junk: bytes) -> None:
    assert not answered(junk)
    assert not answered(b"PK\3\4" + junk)
    assert not answered(GOOD[:-22] + junk)


@pytest.mark.slow
def test_as_many_members_as_there_may_be_take_little() -> None:
    content = as_keras_writes({**FILES, **{f"assets/{index:05}": b"" for index in range(LIMITS.members - 10)}})
    tracemalloc.start()
    assert opened(content).problems == ()
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()
    assert opened(as_keras_writes({**FILES, **{f"assets/{index:05}": b"" for index in range(21_000)}})).problems
