"""Every way to be no bundle, each built by name, and the error that each gets (I1, I2, I4, I5, I12)."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.errors import BundleError, IntegrityError, InvalidBundle, LimitExceeded, UnsupportedVersion
from bundler.limits import LIMITS
from tests.archive import builders
from tests.manifest import samples


def refused(data: bytes, kind: type[BundleError] = InvalidBundle) -> BundleError:
    """The error of opening and verifying; every error says where it is."""
    with pytest.raises(BundleError) as caught, open_bundle(io.BytesIO(data)) as bundle:
        bundle.verify()
    assert type(caught.value) is kind, caught.value
    assert caught.value.place
    return caught.value


def test_accepts_good_bundle() -> None:
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        bundle.verify()
        assert builders.PAYLOAD[0] in bundle.names


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello, world", "not a .kbundle file"),
        (b"PK", "not a .kbundle file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (builders.good() + b"\n", "follow the end"),
        (builders.good() + builders.good(), "directory and the end records do not fill"),
        (b"#!/bin/sh\n" + builders.good(), "not a .kbundle file"),
        (builders.good()[:-1], "cut short"),
        (builders.good()[:100], "cut short"),
        (builders.good()[:30], "not a .kbundle file"),
        (builders.laid([("metadata.json", b"{}"), ("config.json", b"{}")]), "a .keras file"),
        (builders.laid([("word/document.xml", b"")]), "a ZIP that begins with 'word/document.xml'"),
        (builders.laid([]), "not a .kbundle file"),
    ],
)  # fmt: skip
def test_says_what_is_no_bundle(data: bytes, says: str) -> None:
    error = refused(data)
    assert says in str(error)
    assert error.hint or "fill" in says


def test_names_next_step_for_keras_file(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(builders.laid([("anything", b"")]))
    with pytest.raises(InvalidBundle, match=r"a \.keras file.*\n.*bundler\.bundle"):
        open_bundle(path)


@pytest.mark.parametrize(
    "build",
    [
        builders.rezipped,
        lambda: builders.rezipped(zipfile.ZIP_DEFLATED),
        lambda: builders.rezipped(comment=b"a comment"),
        builders.with_data_descriptors,
        builders.with_hole,
        builders.with_needless_zip64,
        builders.with_needless_zip64_size,
        builders.with_second_directory,
        builders.with_overlap,
    ],
)
def test_refuses_other_layout(build: Callable[[], bytes]) -> None:
    data = build()
    refused(data)
    # The point of the rule: other tools take all of these, and read the same or other members.
    assert zipfile.ZipFile(io.BytesIO(data)).namelist()[0] == "mimetype"


@pytest.mark.parametrize("name", ["mimetype", "manifest.json", "model/model.keras"])
@pytest.mark.parametrize("field", builders.LOCAL)
def test_refuses_changed_local_field(name: str, field: str) -> None:
    refused(builders.with_local_field(name, field, 7))


@pytest.mark.parametrize("name", ["mimetype", "manifest.json", "model/model.keras"])
@pytest.mark.parametrize("field", builders.CENTRAL)
def test_refuses_changed_central_field(name: str, field: str) -> None:
    refused(builders.with_central_field(name, field, 7))


def test_names_the_field_and_the_member() -> None:
    error = refused(builders.with_central_field("model/model.keras", "method", 8))
    assert (error.place, error.expected, error.found) == ("'model/model.keras' in the central directory", 0, 8)
    assert "compression method" in error.message


@pytest.mark.parametrize("field", builders.END)
@pytest.mark.parametrize("value", [3, 0xFFFF])
def test_refuses_changed_end_field(field: str, value: int) -> None:
    refused(builders.with_end_field(field, value))


@pytest.mark.parametrize(
    "name",
    [
        "../x", "code/../../x", "/x", "code//x", "code/./x", "code/x/", "C:/x", "C:\\x", "code\\x", "code/a:stream",
        "code/a\0b", "code/a\nb", "code/a\u202eb", "code/a\u00a0b", "code/ a", "code/a ", "code/a.", "code/a*",
        "code/CON", "code/nul.txt", "code/com1.py", "code/LPT\u00b9", "code/conin$", "code/con .txt", "code/COM0",
        "code/e\u0301", "x", ".git/config", "setup.py", "code/" + "a" * 256, "code/" + "a/" * 64 + "a",
    ],
)  # fmt: skip
def test_refuses_member_name(name: str) -> None:
    refused(builders.with_members([(name, b"")]))


@pytest.mark.parametrize(
    "names",
    [
        ["model/a", "model/A"],
        ["model/stra\u00dfe", "model/STRASSE"],
        ["model/\u00e9", "model/\u00c9"],
        ["model/a", "model/a/b"],
        ["model/a", "model/A/b"],
        ["model/a/x", "model/A/y"],
        ["signatures/a", "signatures/A"],
        ["model/a", "model/a"],
    ],
)
def test_refuses_names_that_some_file_system_cannot_keep_apart(names: list[str]) -> None:
    refused(builders.with_members([(name, b"") for name in names]))


def test_refuses_names_that_are_equal_once_decoded() -> None:
    stored = builders.frame(b"x")
    data = builders.with_encoded(stored, b"x", name="examples/x.zst")
    refused_names = [("examples/x", b""), ("examples/x.zst", stored)]
    assert open_bundle(io.BytesIO(data))

    def encoded(value: dict[str, list[dict[str, object]]]) -> None:
        value["members"][1].update(encoding="zstd", decoded_size=1, decoded_sha256=samples.SHA)

    error = refused(builders.with_members(refused_names, encoded))
    assert "occurs twice" in error.message


def test_refuses_members_out_of_order() -> None:
    text = samples.text(builders.manifest_of(builders.with_members([])))
    contents = [builders.MIMETYPE, ("manifest.json", text), builders.PAYLOAD, builders.REQUIREMENTS]
    assert open_bundle(io.BytesIO(builders.laid(contents)))
    refused(builders.laid([*contents[:2], contents[3], contents[2]]))
    refused(builders.laid([contents[0], *contents[2:], contents[1]]))


@pytest.mark.parametrize(
    "content", [b"application/zip", b"application/vnd.kbundle+zip\n", b"application/vnd.kbundle+ziP"]
)
def test_refuses_other_mimetype(content: bytes) -> None:
    text = samples.text(builders.manifest_of(builders.with_members([])))
    refused(builders.laid([("mimetype", content), ("manifest.json", text), builders.PAYLOAD, builders.REQUIREMENTS]))


def test_refuses_members_that_the_manifest_does_not_list_and_names_them_all() -> None:
    def forget(value: dict[str, list[dict[str, object]]]) -> None:
        value["members"] = [entry for entry in value["members"] if not str(entry["name"]).startswith("examples/")]
        value["members"].append({"name": "zzz", "size": 0, "sha256": samples.SHA})
        value["members"][0]["size"] = 5

    error = refused(builders.with_members([("examples/a", b""), ("examples/b", b"")], forget), IntegrityError)
    for line in (
        "'examples/a': in the file, but not in the manifest",
        "'examples/b': in the file, but not in the manifest",
        "'zzz': in the manifest, but not in the file",
        "'model/model.keras': the manifest says 5 bytes, the file has 11",
    ):
        assert line in str(error)


def test_refuses_signature_in_the_manifest() -> None:
    def list_it(value: dict[str, list[dict[str, object]]]) -> None:
        value["members"].append({"name": "signatures/a", "size": 0, "sha256": samples.SHA})

    refused(builders.with_members([("signatures/a", b"")], list_it), IntegrityError)


@pytest.mark.parametrize(
    ("name", "content", "fix_checksum"),
    [
        ("model/model.keras", b"The payload", False),
        ("model/model.keras", b"The payload", True),
        ("signatures/author.json", b"[]", False),
    ],
)
def test_refuses_changed_content(name: str, content: bytes, fix_checksum: bool) -> None:
    data = builders.with_other_content(name, content, fix_checksum=fix_checksum)
    assert refused(data, IntegrityError).place == name


def test_accepts_another_signature_since_whoever_reads_one_checks_it() -> None:
    data = builders.with_other_content("signatures/author.json", b"[]", fix_checksum=True)
    with open_bundle(io.BytesIO(data)) as bundle:
        bundle.verify()
        assert bundle.read("signatures/author.json") == b"[]"


def test_verify_names_every_bad_member() -> None:
    data = builders.good()
    for content in (b"the payload", b"numpy==2.1\n", b"{}"):
        position = data.rindex(content)
        data = data[:position] + bytes(len(content)) + data[position + len(content) :]
    error = refused_with_file_place(data)
    for name in ("model/model.keras", "requirements/requirements.txt", "signatures/author.json"):
        assert name in str(error)
    assert "3 members" in str(error)


def refused_with_file_place(data: bytes) -> BundleError:
    bundle = open_bundle(io.BytesIO(data))
    with pytest.raises(IntegrityError) as caught:
        bundle.verify()
    return caught.value


@pytest.mark.parametrize("version", ["2.0", "17.3", "0.9"])
def test_refuses_other_major_version_and_says_which_can_read_it(version: str) -> None:
    data = builders.with_changed_manifest(lambda value: value.update(format_version=version))
    error = refused(data, UnsupportedVersion)
    assert version.partition(".")[0] in str(error.hint)


def test_says_newer_version_even_when_the_layout_is_newer_too() -> None:
    data = builders.with_changed_manifest(lambda value: value.update(format_version="2.0"))
    directory_changed = data[:-22].replace(b"model/model.keras", b"weird/placement!!") + data[-22:]
    refused(directory_changed, UnsupportedVersion)


def test_accepts_newer_minor_version() -> None:
    data = builders.with_changed_manifest(lambda value: value.update(format_version="1.7", novelty={"a": 1}))
    assert open_bundle(io.BytesIO(data)).manifest.extra == {"novelty": {"a": 1}}


def test_refuses_too_many_members_before_reading_them() -> None:
    count = LIMITS.members + 1
    data = builders.laid([builders.MIMETYPE, *((f"model/{index:05}", b"") for index in range(count - 1))])
    assert "too many members" in refused(data, LimitExceeded).message


@pytest.mark.parametrize("field", ["count", "directory size", "directory offset"])
def test_refuses_huge_claims_without_taking_memory(field: str) -> None:
    data = builders.with_end_field(field, 0xFFFE if field == "count" else 0xFFFFFFFE)
    taken = memory_of_refusal(data)
    assert taken < 1 << 20


def test_refuses_huge_member_size_without_taking_memory() -> None:
    # The size is made the same everywhere but where it counts: in what the file really holds.
    data = bytearray(builders.good())
    for name in ("mimetype", "manifest.json"):
        position = data.rindex(name.encode()) - 46
        data[position + 20 : position + 28] = b"\xf0\xff\xff\xff" * 2
    assert memory_of_refusal(bytes(data)) < 1 << 20


def test_refuses_huge_manifest_before_reading_it() -> None:
    text = samples.text(builders.manifest_of(builders.good()))
    data = builders.with_manifest_text(text + b" " * LIMITS.manifest)
    file = CountingFile(data)
    with pytest.raises(LimitExceeded):
        open_bundle(file)
    assert file.count < 1 << 20


def memory_of_refusal(data: bytes) -> int:
    file = io.BytesIO(data)
    with pytest.raises(BundleError):
        open_bundle(file)  # Warm: regular expressions, caches.
    tracemalloc.start()
    try:
        with pytest.raises(BundleError):
            open_bundle(file)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class CountingFile(io.BytesIO):
    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.count += len(piece)
        return piece


def test_missing_file_is_a_bundle_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="no such file"):
        open_bundle(tmp_path / "absent.kbundle")


def test_folder_is_a_bundle_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="a folder"):
        open_bundle(tmp_path)


def test_name_with_zero_byte_is_a_bundle_error() -> None:
    with pytest.raises(InvalidBundle):
        open_bundle("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidBundle, match="pipe"):
        open_bundle(tmp_path / "pipe")


def test_stream_that_cannot_seek_is_a_bundle_error() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(InvalidBundle, match="cannot seek"):
        open_bundle(pipe)


@pytest.mark.parametrize("source", [None, 7, builders.good(), io.StringIO("text"), b"path"])
def test_wrong_argument_is_a_type_error(source: object) -> None:
    with pytest.raises(TypeError):
        open_bundle(source)  # type: ignore[arg-type]


def test_file_object_that_raises_anything_is_a_bundle_error() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise RuntimeError("the network is away")

    with pytest.raises(InvalidBundle, match="the network is away"):
        open_bundle(Broken(builders.good()))


def test_file_that_shrinks_while_open_is_a_bundle_error(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    path.write_bytes(builders.good())
    with open_bundle(path) as bundle:
        os.truncate(path, 50)
        with pytest.raises(BundleError, match="ends too early"):
            bundle.read("model/model.keras")


def test_reading_after_close_is_a_bundle_error(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    path.write_bytes(builders.good())
    bundle = open_bundle(path)
    bundle.close()
    with pytest.raises(BundleError, match="closed"):
        bundle.read("model/model.keras")


def test_unknown_member_is_a_bundle_error() -> None:
    with pytest.raises(InvalidBundle, match="no such member"):
        open_bundle(io.BytesIO(builders.good())).read("model/other")
