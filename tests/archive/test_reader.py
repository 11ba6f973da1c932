"""What a reader offers: checked reads, streamed copies, several threads, progress."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.errors import BundleError, IntegrityError
from tests.archive import builders


def test_tells_path_size_names_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    path.write_bytes(builders.good())
    for source in (path, str(path)):
        with open_bundle(source) as bundle:
            assert bundle.path == path
            assert bundle.size == path.stat().st_size
            assert bundle.names[0] == "mimetype"
            assert bundle.digest[:7] == "sha256:"
            assert len(bundle.digest) == 71
            assert str(path) in repr(bundle)
    with path.open("rb") as file, open_bundle(file) as bundle:
        assert bundle.path is None


def test_file_object_stays_open() -> None:
    file = io.BytesIO(builders.good())
    open_bundle(file).close()
    assert not file.closed


def test_reads_every_member() -> None:
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        contents = {name: bundle.read(name) for name in bundle.names}
    assert contents["mimetype"] == b"application/vnd.kbundle+zip"
    assert contents["manifest.json"] == bundle.manifest_bytes
    for member in builders.members():
        assert contents[member.name] == member.content


def test_copy_to_gives_what_read_gives_and_reports_progress() -> None:
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        for name in bundle.names:
            target = io.BytesIO()
            seen: list[tuple[int, int]] = []
            bundle.copy_to(name, target, progress=lambda what, done, total, seen=seen: seen.append((done, total)))
            assert target.getvalue() == bundle.read(name)
            assert seen[-1] == (len(target.getvalue()), len(target.getvalue()))


@pytest.mark.parametrize("how", ["read", "copy_to", "verify"])
@pytest.mark.parametrize("name", ["manifest.json", "model/model.keras", "examples/inputs.npz.zst"])
def test_notices_change_after_opening(how: str, name: str) -> None:
    file = io.BytesIO(builders.good())
    with open_bundle(file) as bundle:
        placed = bundle._placed[name]
        file.seek(placed.start + placed.entry.size - 1)
        file.write(b"\x07")
        with pytest.raises(IntegrityError):
            {"read": bundle.read, "copy_to": lambda name: bundle.copy_to(name, io.BytesIO()),
             "verify": lambda name: bundle.verify()}[how](name)  # fmt: skip


def test_verify_reports_progress() -> None:
    seen: list[tuple[int, int]] = []
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        bundle.verify(lambda what, done, total: seen.append((done, total)))
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] > 0


def test_file_replaced_after_opening_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    path.write_bytes(builders.good())
    with open_bundle(path) as bundle:
        (tmp_path / "other").write_bytes(b"other")
        (tmp_path / "other").replace(path)
        bundle.verify()


@pytest.mark.parametrize("from_path", [False, True])
def test_threads_share_a_reader(tmp_path: Path, from_path: bool) -> None:
    path = tmp_path / "m.kbundle"
    path.write_bytes(builders.good())
    problems: list[BundleError] = []
    finished: list[bool] = []

    def read_all() -> None:
        try:
            for _ in range(20):
                for name in bundle.names:
                    bundle.read(name)
            finished.append(True)
        except BundleError as error:
            problems.append(error)

    with open_bundle(path if from_path else io.BytesIO(builders.good())) as bundle:
        threads = [threading.Thread(target=read_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (problems, finished) == ([], [True] * 8)


def test_open_member_seeks_and_reads_what_read_gives() -> None:
    with open_bundle(io.BytesIO(builders.good())) as bundle:
        for name in bundle.names:
            content = bundle.read(name)
            with bundle.open_member(name) as file:
                assert file.read() == content
                assert file.seek(-2, io.SEEK_END) == len(content) - 2
                assert file.read(10) == content[-2:]
                assert file.read(1) == b""
                file.seek(1)
                assert (file.read(1), file.tell()) == (content[1:2], 2)
                file.seek(len(content) + 5)
                assert file.read(1) == b""


def test_open_member_checks_what_it_decodes() -> None:
    file = io.BytesIO(builders.good())
    with open_bundle(file) as bundle:
        place = bundle._placed["examples/inputs.npz.zst"].start
        file.seek(place + 12)
        file.write(b"\xff\xff")
        with pytest.raises(BundleError), bundle.open_member("examples/inputs.npz.zst"):
            pass
