"""Tools that we did not write list and unpack a bundle to equal content; so the model outlives this project."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember
from tests.archive import builders
from tests.archive.tools import tool


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interop") / "m.kbundle"
    members = [
        *builders.members(),
        NewMember("examples/\u00e9t\u00e9 \u4e16.bin", b"not ASCII"),
        NewMember("model/aligned.bin", bytes(range(256)) * 5000),
        NewMember("model/empty", b""),
    ]
    path.write_bytes(builders.written(members))
    return path


def stored(path: Path) -> dict[str, bytes]:
    """What the tools must find: the stored bytes, so an encoded member stays encoded."""
    with open_bundle(path) as bundle, zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in bundle.names}


def on_disk(folder: Path) -> dict[str, bytes]:
    files: Iterable[Path] = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(*arguments: object) -> bytes:
    done = subprocess.run([str(item) for item in arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout


def test_zipfile_reads_equal_content(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive, open_bundle(bundle) as reader:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == reader.names
        assert archive.read("manifest.json") == reader.manifest_bytes
        for info in archive.infolist():
            assert (info.compress_type, info.date_time, info.external_attr >> 16) == (
                0,
                (1980, 1, 1, 0, 0, 0),
                0o100644,
            )


def test_unzip_tests_and_unpacks_equal_content(bundle: Path, tmp_path: Path) -> None:
    assert b"No errors detected" in run(tool("unzip"), "-t", bundle)
    assert run(tool("unzip"), "-p", bundle, "manifest.json") == stored(bundle)["manifest.json"]
    run(tool("unzip"), "-q", bundle, "-d", tmp_path)
    assert on_disk(tmp_path) == stored(bundle)


def test_bsdtar_unpacks_equal_content(bundle: Path, tmp_path: Path) -> None:
    run("env", "LC_ALL=C.UTF-8", tool("bsdtar"), "-xf", bundle, "-C", tmp_path)
    assert on_disk(tmp_path) == stored(bundle)


def test_bsdtar_streams_equal_content(bundle: Path, tmp_path: Path) -> None:
    # From a pipe it reads the local headers, not the central directory: both must say the same.
    with bundle.open("rb") as pipe:
        command = ["env", "LC_ALL=C.UTF-8", tool("bsdtar"), "-xf", "-", "-C", str(tmp_path)]
        subprocess.run(command, stdin=pipe, check=True, capture_output=True)
    assert on_disk(tmp_path) == stored(bundle)


def test_7z_tests_and_unpacks_equal_content(bundle: Path, tmp_path: Path) -> None:
    program = tool("7zz", "7z")
    listing = run(program, "l", "-slt", bundle)
    assert b"WARNING" not in listing.upper()
    run("env", "LC_ALL=C.UTF-8", program, "x", f"-o{tmp_path}", bundle)
    assert on_disk(tmp_path) == stored(bundle)


def test_bundle_unpacked_and_zipped_again_is_refused_with_the_reason(bundle: Path) -> None:
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(stored(bundle).items()):
            archive.writestr(name, content)
    with pytest.raises(Exception, match="zipped again"):
        open_bundle(again)
