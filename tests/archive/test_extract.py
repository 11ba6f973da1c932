"""Unpacking writes below the folder only, checked bytes only, and never through a link."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from bundler.archive.extract import extract
from bundler.archive.reader import BundleReader, open_bundle
from bundler.errors import BundleError, IntegrityError, PackError, TargetExists, UnsupportedVersion
from tests.archive import builders


@pytest.fixture
def bundle() -> BundleReader:
    return open_bundle(io.BytesIO(builders.good()))


def test_writes_every_member_decoded(bundle: BundleReader, tmp_path: Path) -> None:
    files = extract(bundle, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == [
        "mimetype",
        "manifest.json",
        "code/scale.py",
        "examples/inputs.npz",
        "model/model.keras",
        "requirements/requirements.txt",
        "signatures/author.json",
    ]
    assert [path.read_bytes() for path in files] == [bundle.read(name) for name in bundle.names]
    assert os.listdir(tmp_path) == ["out"]


def test_empty_folder_is_a_target_and_full_one_is_not(bundle: BundleReader, tmp_path: Path) -> None:
    extract(bundle, tmp_path)
    assert len(os.listdir(tmp_path)) == 7
    with pytest.raises(TargetExists, match="not empty"):
        extract(bundle, tmp_path)


def test_overwrite_replaces_members_and_keeps_other_files(bundle: BundleReader, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "scale.py").write_text("old")
    (tmp_path / "code" / "other.py").write_text("other")
    extract(bundle, tmp_path, overwrite=True)
    assert (tmp_path / "code" / "scale.py").read_bytes() == bundle.read("code/scale.py")
    assert (tmp_path / "code" / "other.py").read_text() == "other"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_file_as_target_is_refused(bundle: BundleReader, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetExists):
        extract(bundle, tmp_path / "file", overwrite=True)


def test_missing_parent_is_a_pack_error(bundle: BundleReader, tmp_path: Path) -> None:
    with pytest.raises(PackError):
        extract(bundle, tmp_path / "absent" / "out")


def test_link_in_place_of_a_folder_is_refused_and_nothing_is_written(bundle: BundleReader, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    target.mkdir()
    elsewhere.mkdir()
    (target / "requirements").symlink_to(elsewhere)
    with pytest.raises(TargetExists, match="symbolic link"):
        extract(bundle, target, overwrite=True)
    assert os.listdir(elsewhere) == []
    assert os.listdir(target) == ["requirements"]


def test_link_in_place_of_a_file_is_replaced_and_not_written_through(bundle: BundleReader, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    target = tmp_path / "out"
    (target / "code").mkdir(parents=True)
    (target / "code" / "scale.py").symlink_to(victim)
    extract(bundle, target, overwrite=True)
    assert victim.read_text() == "precious"
    assert not (target / "code" / "scale.py").is_symlink()


@pytest.mark.parametrize("obstacle", ["file for folder", "folder for file"])
def test_obstacle_is_refused_and_nothing_is_written(bundle: BundleReader, tmp_path: Path, obstacle: str) -> None:
    if obstacle == "file for folder":
        (tmp_path / "requirements").touch()
    else:
        (tmp_path / "model" / "model.keras").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TargetExists):
        extract(bundle, tmp_path, overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_folder_swapped_for_a_link_while_unpacking_is_not_followed(bundle: BundleReader, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (target / "code").mkdir(parents=True)
    elsewhere.mkdir()

    def swap(what: str, done: int, total: int) -> None:
        if done and (target / "code").is_dir() and not (target / "code").is_symlink():
            (target / "code").rmdir()
            (target / "code").symlink_to(elsewhere)

    with pytest.raises(BundleError):
        extract(bundle, target, overwrite=True, progress=swap)
    assert os.listdir(elsewhere) == []


@pytest.mark.parametrize("exists", [False, True])
def test_bad_member_leaves_nothing(tmp_path: Path, exists: bool) -> None:
    data = builders.with_other_content("requirements/requirements.txt", b"NUMPY==2.1\n", fix_checksum=True)
    target = tmp_path / "out"
    if exists:
        target.mkdir()
    with pytest.raises(IntegrityError):
        extract(open_bundle(io.BytesIO(data)), target)
    assert list(tmp_path.rglob("*")) == ([target] if exists else [])


def test_unknown_encoding_leaves_nothing(tmp_path: Path) -> None:
    data = builders.with_encoded(b"?", b"x", encoding="brotli")
    with pytest.raises(UnsupportedVersion):
        extract(open_bundle(io.BytesIO(data)), tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_interrupt_leaves_nothing(bundle: BundleReader, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(bundle, tmp_path / "out", progress=interrupt)
    assert os.listdir(tmp_path) == []


def test_folder_that_appears_meanwhile_is_refused(bundle: BundleReader, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def appear(what: str, done: int, total: int) -> None:
        target.mkdir(exist_ok=True)
        (target / "theirs").touch()

    with pytest.raises(TargetExists):
        extract(bundle, target, progress=appear)
    assert os.listdir(target) == ["theirs"]
    assert os.listdir(tmp_path) == ["out"]


def test_two_threads_unpack_from_one_reader(bundle: BundleReader, tmp_path: Path) -> None:
    threads = [threading.Thread(target=extract, args=(bundle, tmp_path / str(index))) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((tmp_path / str(index) / "code" / "scale.py").is_file() for index in range(8))
