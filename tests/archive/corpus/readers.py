"""What five readers make of one file: ours, and four that we did not write, one of them also from a pipe.

An answer is what stands on the disk after unpacking, as name -> digest, or `None` where the reader refused the file. A
reader that unpacked something and then said that it failed has refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bundler.archive.reader import open_bundle
from bundler.errors import BundleError
from tests.archive.tools import tool

Answer = dict[str, str] | None

_SECONDS = 20
# Some readers believe a size of 4 GiB and write that; it is more than any case holds, and is refused as they time out.
_BLOCKS = (64 << 20) // 512
_BOUNDED = ["sh", "-c", f'ulimit -f {_BLOCKS}; exec "$@"', "sh"]
# Memory, where it can be written to like a disk: thousands of small files are unpacked.
_SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def ours(data: bytes) -> Answer:
    """Our reader, which verifies every member; the stored bytes count, as for the others."""
    try:
        with open_bundle(io.BytesIO(data)) as bundle:
            bundle.verify()
            # What it calls the stored bytes of a member is between two offsets that it worked out itself.
            stored = {name: data[item.start : item.end] for name, item in bundle._placed.items()}
    except BundleError:
        return None
    return {name: _digest(content) for name, content in stored.items()}


def with_zipfile(data: bytes, place: Path) -> Answer:
    """The standard library."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(place, pwd=b"x")
    except Exception:  # It raises whatever comes: struct.error, UnicodeDecodeError, NotImplementedError, OSError.
        return None
    return on_disk(place)


def with_unzip(data: bytes, place: Path) -> Answer:
    """Info-ZIP. Its status 1 is a warning: the files are there."""
    return _run([tool("unzip"), "-q", "-o", "-P", "x", "{file}", "-d", "{place}"], data, place, (0, 1))


def with_bsdtar(data: bytes, place: Path) -> Answer:
    """libarchive, by the central directory."""
    return _run([tool("bsdtar"), "--passphrase", "x", "-xf", "{file}", "-C", "{place}"], data, place, (0,))


def with_bsdtar_pipe(data: bytes, place: Path) -> Answer:
    """libarchive, by the local headers from front to end."""
    return _run([tool("bsdtar"), "--passphrase", "x", "-xf", "-", "-C", "{place}"], data, place, (0,), pipe=True)


def with_7z(data: bytes, place: Path) -> Answer:
    """7-Zip. Its status 1 is a warning."""
    return _run([tool("7zz", "7z"), "x", "-tzip", "-y", "-px", "-o{place}", "{file}"], data, place, (0, 1))


OTHERS: dict[str, Callable[[bytes, Path], Answer]] = {
    "zipfile": with_zipfile,
    "unzip": with_unzip,
    "bsdtar": with_bsdtar,
    "bsdtar from a pipe": with_bsdtar_pipe,
    "7-Zip": with_7z,
}


def answers(files: Sequence[bytes]) -> list[dict[str, Answer]]:
    """Give each file to every reader; return their answers by name of the reader, in the order of `files`."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_answers, files))


def on_disk(place: Path) -> dict[str, str]:
    """Return what stands below a folder, by names relative to it; links and empty folders count."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(place):
        for name in [*files, *(name for name in folders if os.path.islink(os.path.join(folder, name)))]:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if os.path.islink(path):
                content = f"link to {os.readlink(path)}"
            elif os.path.isfile(path):
                os.chmod(path, mode | 0o400)
                content = _digest(Path(path).read_bytes())
            else:
                content = "device"
            found[os.path.relpath(path, place)] = content
        if not folders and not files and folder != str(place):
            found[os.path.relpath(folder, place)] = "folder"
    return found


def _answers(data: bytes) -> dict[str, Answer]:
    found = {"ours": ours(data)}
    for name, read in OTHERS.items():
        with tempfile.TemporaryDirectory(dir=_SCRATCH, ignore_cleanup_errors=True) as root:
            # Some levels down, so that a name with ".." leads to a place that is looked at and removed, too.
            place = Path(root, "1", "2", "3")
            place.mkdir(parents=True)
            answer = read(data, place)
            outside = {name: content for name, content in on_disk(Path(root)).items() if not name.startswith("1/2/3")}
            outside.pop("file.kbundle", None)
            found[name] = answer if answer is None else {**answer, **outside}
    return found


def _run(command: Sequence[str], data: bytes, place: Path, well: tuple[int, ...], *, pipe: bool = False) -> Answer:
    file = place.parents[2] / "file.kbundle"
    file.write_bytes(data)
    try:
        done = subprocess.run(
            [*_BOUNDED, *(part.format(file=file, place=place) for part in command)],
            stdin=None if pipe else subprocess.DEVNULL,
            input=data if pipe else None,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        return None
    return on_disk(place) if done.returncode in well else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
