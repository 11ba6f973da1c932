"""A compressed member is one zstd frame of the declared size within the limits, and nothing else (I5)."""

from __future__ import annotations

import dataclasses
import io
import os
import random
import subprocess
import sys
from unittest import mock

import pytest

from bundler.archive.encodings import check_decoded_total
from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember
from bundler.errors import (
    BundleError,
    IntegrityError,
    LimitExceeded,
    MissingDependency,
    PackError,
    UnsupportedVersion,
)
from bundler.limits import LIMITS
from bundler.manifest import Member, load_manifest
from tests.archive import builders
from tests.manifest import samples

CONTENT = random.Random(0).randbytes(100_000).hex().encode()
NOISE = os.urandom(3_000_000)


def error_of(data: bytes, name: str = "examples/x.zst") -> BundleError:
    """The error of reading the member; opening works, and verify says the same."""
    bundle = open_bundle(io.BytesIO(data))
    with pytest.raises(BundleError):
        bundle.verify()
    with pytest.raises(BundleError) as caught:
        bundle.read(name)
    assert caught.value.place == name
    return caught.value


@pytest.mark.parametrize("content", [b"", b"x", CONTENT, NOISE], ids=["empty", "byte", "text", "noise"])
def test_reads_what_was_written(content: bytes) -> None:
    data = builders.written([*builders.members(), NewMember("examples/y.zst", content, "zstd")])
    with open_bundle(io.BytesIO(data)) as bundle:
        bundle.verify()
        assert bundle.read("examples/y.zst") == content
        target = io.BytesIO()
        bundle.copy_to("examples/y.zst", target)
        assert target.getvalue() == content


def test_writer_refuses_what_readers_refuse_for_its_ratio() -> None:
    with pytest.raises(PackError, match="shrinks more than"):
        builders.written([*builders.members(), NewMember("examples/y.zst", bytes(100_000_000), "zstd")])


def test_refuses_members_that_decode_to_too_much_together() -> None:
    half = Member(name="a.zst", size=1, sha256=samples.SHA, encoding="zstd", decoded_size=LIMITS.zstd_total // 2)
    members = [half, half]
    check_decoded_total(members, 1)
    more = dataclasses.replace(half, decoded_size=1)
    with pytest.raises(LimitExceeded, match="too much together"):
        check_decoded_total([*members, more], 1)
    # What another encoding decodes to is for the version that knows it; and a large file may decode to more.
    check_decoded_total([*members, dataclasses.replace(more, encoding="later")], 1)
    check_decoded_total([*members, more], LIMITS.zstd_total // LIMITS.zstd_total_ratio + 1)


@pytest.mark.parametrize("level", [1, 3, 19])
@pytest.mark.parametrize("checksum", [False, True])
def test_accepts_any_single_frame(level: int, checksum: bool) -> None:
    stored = builders.frame(CONTENT, level, write_checksum=checksum)
    with open_bundle(io.BytesIO(builders.with_encoded(stored, CONTENT))) as bundle:
        assert bundle.read("examples/x.zst") == CONTENT


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"plain",
        builders.frame(CONTENT)[:-1],
        builders.frame(CONTENT) + b"\0",
        builders.frame(CONTENT) + builders.frame(b""),
        builders.frame(CONTENT) + b"\x50\x2a\x4d\x18\x04\0\0\0hide",
        b"\x50\x2a\x4d\x18\x04\0\0\0hide" + builders.frame(CONTENT),
        builders.frame(CONTENT, write_content_size=False),
        builders.frame(CONTENT + b"more"),
        builders.frame(CONTENT[:-1]),
    ],
    ids=["empty", "plain", "cut", "trailing byte", "second frame", "skippable after", "skippable before",
         "no content size", "longer", "shorter"],
)  # fmt: skip
def test_refuses_what_is_not_one_frame_of_the_declared_size(stored: bytes) -> None:
    assert isinstance(error_of(builders.with_encoded(stored, CONTENT)), IntegrityError)


def test_refuses_frame_whose_header_lies_about_its_size() -> None:
    stored = bytearray(builders.frame(CONTENT))
    assert stored[4] >> 6 == 2
    start = 5 if stored[4] & 0x20 else 6
    for size in (len(CONTENT) - 1, len(CONTENT) + 1):
        stored[start : start + 4] = size.to_bytes(4, "little")
        wrong = builders.with_encoded(bytes(stored), CONTENT, decoded_size=size)
        assert isinstance(error_of(wrong), IntegrityError)


def test_refuses_wrong_decoded_digest() -> None:
    data = builders.with_encoded(builders.frame(CONTENT), CONTENT, decoded_sha256="0" * 64)
    assert "decoded sha256" in error_of(data).message


def test_refuses_bomb_before_decoding() -> None:
    bomb = builders.frame(bytes(64 << 20), 19)
    assert len(bomb) * LIMITS.zstd_ratio < (64 << 20)
    assert isinstance(error_of(builders.with_encoded(bomb, bytes(64 << 20))), LimitExceeded)


def test_refuses_window_beyond_the_limit() -> None:
    import zstandard

    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=1)
    stored = zstandard.ZstdCompressor(compression_params=parameters).compress(NOISE * 50)
    assert isinstance(error_of(builders.with_encoded(stored, NOISE * 50)), LimitExceeded)


def test_unknown_encoding_matters_only_when_the_member_is_read() -> None:
    data = builders.with_encoded(b"?", b"x", encoding="brotli")
    with open_bundle(io.BytesIO(data)) as bundle:
        assert bundle.read("model/model.keras") == b"the payload"
        with pytest.raises(UnsupportedVersion):
            bundle.read("examples/x.zst")
        with pytest.raises(UnsupportedVersion):
            bundle.verify()


def test_name_must_show_the_encoding() -> None:
    data = builders.with_encoded(builders.frame(b"x"), b"x", name="examples/x.bin")
    assert isinstance(error_of(data, "examples/x.bin"), IntegrityError)
    with pytest.raises(PackError, match="does not show"):
        builders.written([*builders.members(), NewMember("examples/y", b"", "zstd")])


def test_writer_refuses_unknown_encoding() -> None:
    with pytest.raises(PackError):
        builders.written([*builders.members(), NewMember("examples/y.br", b"", "brotli")])


def test_every_flipped_bit_of_the_frame_is_noticed_even_when_checksums_follow_it() -> None:
    stored = builders.frame(b"0123456789" * 30, write_checksum=True)
    for position in range(len(stored) * 8):
        changed = bytearray(stored)
        changed[position // 8] ^= 1 << position % 8
        data = builders.with_encoded(bytes(changed), b"0123456789" * 30)
        try:
            content = open_bundle(io.BytesIO(data)).read("examples/x.zst")
        except BundleError:
            continue
        # A few header bits mean nothing for a small frame; then the content is what it was.
        assert content == b"0123456789" * 30


def test_says_which_package_is_missing() -> None:
    with mock.patch.dict(sys.modules, {"zstandard": None}):
        with pytest.raises(MissingDependency, match="pip install zstandard"):
            open_bundle(io.BytesIO(GOOD)).read("examples/inputs.npz.zst")
        assert open_bundle(io.BytesIO(GOOD)).read("model/model.keras")


def test_opening_does_not_import_zstandard() -> None:
    code = "import sys, bundler.archive.reader, bundler.archive.writer; print('zstandard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


GOOD = builders.good()


def test_refuses_many_tiny_blocks() -> None:
    # One segment, four bytes of size; a hundred raw blocks of one byte each.
    head = b"\x28\xb5\x2f\xfd\xa0" + (100).to_bytes(4, "little")
    blocks = [((index == 99) | 1 << 3).to_bytes(3, "little") + b"x" for index in range(100)]
    error = error_of(builders.with_encoded(head + b"".join(blocks), b"x" * 100))
    assert error.found == "very many small ones"
    assert error.hint


def test_refuses_blocks_larger_than_the_window() -> None:
    head = b"\x28\xb5\x2f\xfd\x80\x00" + (2000).to_bytes(4, "little")
    stored = head + (1 | 2000 << 3).to_bytes(3, "little") + b"x" * 2000
    assert "window" in str(error_of(builders.with_encoded(stored, b"x" * 2000)).expected)


def test_data_with_an_encoding_of_a_later_version_opens() -> None:
    value = samples.value()
    (member,) = (item for item in value["members"] if item["name"] == "code/pkg/words.txt")
    for key in ("piece_size", "pieces"):
        del member[key]
    member.update(name="code/pkg/words.txt.xz", encoding="xz", decoded_size=9, decoded_sha256=samples.SHA)
    value["data"][0]["member"] = member["name"]
    assert load_manifest(samples.text(value)).data[0].path == "pkg/words.txt"
