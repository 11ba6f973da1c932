"""The writer: what it makes, in which order and with which alignment, and what it refuses (I1, I3, I4)."""

from __future__ import annotations

import dataclasses
import io
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember, write_bundle, write_stored_zip
from bundler.errors import PackError
from bundler.limits import LIMITS
from bundler.manifest import Member
from tests.archive import builders
from tests.manifest import samples

BIG = 1 << 20


def test_writes_the_members_in_the_order_of_the_format() -> None:
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        names = bundle.names
    assert names[:2] == ("mimetype", "manifest.json")
    assert list(names[2:]) == sorted(names[2:], key=str.encode)


def test_type_is_readable_at_a_fixed_place() -> None:
    assert builders.good()[30:65] == b"mimetypeapplication/vnd.kbundle+zip"


def test_fills_in_the_members_and_ignores_the_ones_given() -> None:
    given = builders.manifest(members=(Member(name="lie", size=1, sha256=samples.SHA),))
    with open_bundle(io.BytesIO(builders.written(builders.members(), given))) as bundle:
        listed = [member.name for member in bundle.manifest.members]
    assert listed == [
        "code/scale.py",
        "examples/inputs.npz.zst",
        "model/model.keras",
        "requirements/requirements.txt",
    ]


def test_returns_the_digest_of_the_manifest() -> None:
    file = io.BytesIO()
    written = write_bundle(file, builders.manifest(), builders.members())
    with open_bundle(file) as bundle:
        assert (written.digest, written.manifest, written.size) == (bundle.digest, bundle.manifest, bundle.size)
        assert bundle.manifest_bytes == bundle.read("manifest.json")


def test_order_of_the_members_does_not_matter() -> None:
    shuffled = builders.members()
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert builders.written(shuffled) == builders.good()


def test_content_from_a_file_gives_the_same_bytes(tmp_path: Path) -> None:
    members = []
    for member in builders.members():
        path = tmp_path / member.name.replace("/", "_")
        path.write_bytes(member.content)  # type: ignore[arg-type]
        members.append(dataclasses.replace(member, content=path))
    assert builders.written(members) == builders.good()


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_hash_seed_does_not_matter(seed: str) -> None:
    code = "import sys; from tests.archive import builders; sys.stdout.buffer.write(builders.good())"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=root, env=environment)
    assert done.stdout == builders.good()


def test_path_and_file_object_get_the_same_bytes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "m.kbundle", builders.manifest(), builders.members())
    assert (tmp_path / "m.kbundle").read_bytes() == builders.good()


def test_writes_to_a_pipe() -> None:
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        write_bundle(pipe, builders.manifest(), builders.members())
    with open(reading, "rb") as pipe:
        assert pipe.read() == builders.good()


@pytest.mark.parametrize("shift", range(0, 4096, 373))
def test_large_members_start_on_4096(shift: int) -> None:
    members = [NewMember("a", bytes(shift)), NewMember("big", bytes(BIG)), NewMember("big\u00e9", bytes(BIG + 1))]
    file = io.BytesIO()
    write_stored_zip(file, [*members, NewMember("small", bytes(BIG - 1))])
    data = file.getvalue()
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            name = info.filename.encode()
            extra = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
            start = info.header_offset + 30 + len(name) + extra
            assert info.extra == b""
            if info.file_size >= BIG:
                assert start % 4096 == 0
                # Always there, even where no byte is left to pad; and nothing but zeros.
                field = data[info.header_offset + 30 + len(name) : start]
                assert field == b"\x35\xd9" + (len(field) - 4).to_bytes(2, "little") + b"\x00\x10" + bytes(
                    len(field) - 6
                )
            else:
                assert extra == 0


def test_inner_and_outer_alignment_add_up() -> None:
    inner = io.BytesIO()
    write_stored_zip(inner, [NewMember("config.json", b"{}"), NewMember("model.weights.h5", b"W" * BIG)])
    members = [dataclasses.replace(member, content=inner.getvalue()) if member.name == "model/model.keras" else member
               for member in builders.members()]  # fmt: skip
    assert builders.written(members).index(b"W" * BIG) % 4096 == 0


def test_stored_zip_keeps_the_order_given_and_any_names() -> None:
    members = [NewMember("z", b"1"), NewMember("assets/CON", b""), NewMember("a", b"2")]
    file = io.BytesIO()
    write_stored_zip(file, members)
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["z", "assets/CON", "a"]
        assert archive.read("a") == b"2"


@pytest.mark.parametrize(
    "members",
    [
        [NewMember("a", b""), NewMember("a", b"")],
        [NewMember("", b"")],
        [NewMember("a\0b", b"")],
        [NewMember("a" * 70_000, b"")],
        [NewMember("\ud800", b"")],
        [NewMember("a.zst", b"", "zstd")],
    ],
)
def test_stored_zip_refuses_names_that_a_zip_cannot_hold(members: list[NewMember]) -> None:
    with pytest.raises(PackError):
        write_stored_zip(io.BytesIO(), members)


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "code/CON", "mimetype", "manifest.json", "setup.py", "code/a ", "Model/x", "code/\ud800", ""],
)
def test_refuses_member_name(name: str) -> None:
    with pytest.raises(PackError):
        builders.written([*builders.members(), NewMember(name, b"")])


def test_names_every_bad_name_at_once() -> None:
    with pytest.raises(PackError) as caught:
        builders.written([*builders.members(), NewMember("../x", b""), NewMember("code/nul", b"")])
    assert "'../x'" in str(caught.value)
    assert "'code/nul'" in str(caught.value)


def test_refuses_duplicate_member() -> None:
    with pytest.raises(PackError, match="occurs twice"):
        builders.written([*builders.members(), builders.members()[0]])


def test_refuses_too_many_members() -> None:
    with pytest.raises(PackError, match="too many members"):
        builders.written([NewMember(f"model/{index}", b"") for index in range(LIMITS.members)])


def test_refuses_names_that_are_too_long_together() -> None:
    long = "/".join(["x" * 200] * 4)
    with pytest.raises(PackError, match="too long together"):
        builders.written([NewMember(f"model/{long}/{index}", b"") for index in range(6_000)])


def test_refuses_manifest_that_names_an_absent_member() -> None:
    with pytest.raises(PackError, match=r"payload\.member"):
        builders.written(builders.members()[1:])


def test_refuses_manifest_that_json_cannot_say() -> None:
    provenance = dataclasses.replace(samples.small().provenance, metadata={"x": float("nan")})
    with pytest.raises(PackError, match="cannot be written as JSON"):
        builders.written(builders.members(), builders.manifest(provenance=provenance))


def test_refuses_source_that_is_missing_or_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(PackError, match=str(path)):
            builders.written([*builders.members(), NewMember("code/x", path)])


@pytest.mark.parametrize("encoding", [None, "zstd"])
@pytest.mark.parametrize("new", [b"0" * 999, b"1" * 1000, b"0" * 1001, None])
def test_refuses_source_that_changes_between_the_passes(
    tmp_path: Path, new: bytes | None, encoding: str | None
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0" * 1000)

    def change(what: str, done: int, total: int) -> None:
        if what == "writing" and done == 0:
            source.write_bytes(new) if new is not None else source.unlink()

    members = [*builders.members(), NewMember("examples/x.zst", source, encoding)]
    with pytest.raises(PackError):
        write_bundle(tmp_path / "m.kbundle", builders.manifest(), members, progress=change)
    assert [path.name for path in tmp_path.iterdir() if path != source] == []


def test_reports_progress_to_the_last_byte(tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int]] = {}
    write_bundle(
        tmp_path / "m.kbundle",
        builders.manifest(),
        builders.members(),
        progress=lambda what, done, total: seen.update({what: (done, total)}),
    )
    assert list(seen) == ["hashing", "writing"]
    assert all(done == total > 0 for done, total in seen.values())
    assert seen["writing"][0] == len(builders.good())
