"""A bundle is at its target whole or not at all, whatever ends the writing (I7)."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from bundler.archive.reader import open_bundle
from bundler.archive.writer import write_bundle
from bundler.errors import PackError, TargetExists
from tests.archive import builders

ROOT = Path(__file__).parents[2]

# Writes 64 MiB a piece at a time, and tells on standard output when it is in the middle.
SLOW = """
import signal
# A shell starts what it runs in the background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
import sys, time
from bundler.archive.writer import NewMember, write_bundle
from tests.archive import builders

def progress(what, done, total):
    if what == "writing" and done > total // 2:
        print("half", flush=True)
        time.sleep(60)

write_bundle(sys.argv[1], builders.manifest(), [*builders.members(), NewMember("model/x", bytes(8 << 20))],
             overwrite=len(sys.argv) > 2, progress=progress)
"""


def write(target: Path, **options: bool) -> str:
    return write_bundle(target, builders.manifest(), builders.members(), **options).digest


def test_existing_target_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"
    target.write_bytes(b"old")

    def no_work(what: str, done: int, total: int) -> None:
        raise AssertionError("work was done")

    with pytest.raises(TargetExists):
        write_bundle(target, builders.manifest(), builders.members(), progress=no_work)
    assert target.read_bytes() == b"old"


def test_overwrite_replaces_the_target(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"
    target.write_bytes(b"old")
    write(target, overwrite=True)
    assert target.read_bytes() == builders.good()
    assert os.listdir(tmp_path) == ["m.kbundle"]


def test_dangling_link_at_the_target_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetExists):
        write(target)
    write(target, overwrite=True)
    assert not target.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_target_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"

    def appear(what: str, done: int, total: int) -> None:
        if what == "writing":
            target.write_bytes(b"somebody else's")

    with pytest.raises(TargetExists):
        write_bundle(target, builders.manifest(), builders.members(), progress=appear)
    assert target.read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == ["m.kbundle"]


def test_file_system_without_links(tmp_path: Path) -> None:
    with mock.patch("os.link", side_effect=OSError(errno.EPERM, "no links")):
        write(tmp_path / "m.kbundle")
        with pytest.raises(TargetExists):
            write(tmp_path / "m.kbundle")
    assert os.listdir(tmp_path) == ["m.kbundle"]


def test_missing_folder_and_folder_as_target_say_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="mkdir -p"):
        write(tmp_path / "absent" / "m.kbundle")
    with pytest.raises(PackError, match="is a folder"):
        write(tmp_path, overwrite=True)


def test_target_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    write(tmp_path / ("m" * 247 + ".kbundle"))


def test_target_gets_the_permissions_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write(tmp_path / "m.kbundle")
    finally:
        os.umask(old)
    assert (tmp_path / "m.kbundle").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_device_is_a_pack_error() -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(PackError, match="No space left"):
        write_bundle(full, builders.manifest(), builders.members())


def test_full_disk_leaves_nothing_and_says_how_much_is_free(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from tests.archive import builders\n"
        "from bundler.archive.writer import write_bundle\n"
        "from bundler.errors import PackError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bundle(sys.argv[1], builders.manifest(), builders.members())\n"
        "except PackError as error: print(error)\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "m.kbundle")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "cannot be written: File too large" in done.stdout
    assert "free space there: " in done.stdout
    assert os.listdir(tmp_path) == []


@contextlib.contextmanager
def half_written(target: Path, *options: str):  # type: ignore[no-untyped-def]
    arguments = [sys.executable, "-c", SLOW, str(target), *options]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "half\n"
        yield process
        if process.poll() is None:
            process.kill()


def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with half_written(tmp_path / "m.kbundle") as process:
        assert len(os.listdir(tmp_path)) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    assert os.listdir(tmp_path) == []


def test_kill_leaves_nothing_at_the_target(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"
    with half_written(target) as process:
        process.kill()
        process.wait(30)
    assert not target.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".kbundle-")
    write(target)


def test_kill_leaves_the_old_file_when_overwriting(tmp_path: Path) -> None:
    target = tmp_path / "m.kbundle"
    write(target)
    with half_written(target, "overwrite") as process:
        process.kill()
        process.wait(30)
    with open_bundle(target) as bundle:
        bundle.verify()


def test_exception_of_the_callback_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == "writing" and done > 500:
            raise LookupError("stop")

    with pytest.raises(LookupError):
        write_bundle(tmp_path / "m.kbundle", builders.manifest(), builders.members(), progress=stop)
    assert os.listdir(tmp_path) == []


def test_file_object_that_takes_little_at_a_time_gets_everything() -> None:
    class Slow:
        def __init__(self) -> None:
            self.data = b""

        def write(self, piece: bytes) -> int:
            self.data += bytes(piece[:7])
            return min(7, len(piece))

    slow = Slow()
    write_bundle(slow, builders.manifest(), builders.members())  # type: ignore[arg-type]
    assert slow.data == builders.good()
