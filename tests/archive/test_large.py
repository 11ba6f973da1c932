"""Bundles beyond 4 GiB: ZIP64 where it is needed, and opening that reads the headers only (I5)."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from bundler.archive.layout import Entry, central_header, end_records, local_header, place, total_size
from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember, write_bundle, write_stored_zip
from bundler.limits import LIMITS
from bundler.manifest import dump_manifest
from tests.archive import builders
from tests.archive.tools import tool
from tests.manifest import samples

pytestmark = pytest.mark.slow

GIB = 1 << 30
ROOT = Path(__file__).parents[2]


def crc_of_zeros(size: int) -> int:
    """The CRC-32 of `size` zero bytes, by squaring: reading 10 GB of a hole would take seconds."""
    polynomial = [0] * 32
    polynomial[0] = 0xEDB88320
    for bit in range(1, 32):
        polynomial[bit] = 1 << (bit - 1)

    def times(matrix: list[int], vector: int) -> int:
        total = 0
        for column in matrix:
            if vector & 1:
                total ^= column
            vector >>= 1
        return total

    crc, power = 0xFFFFFFFF, polynomial
    for _ in range(3):
        power = [times(power, column) for column in power]
    while size:
        if size & 1:
            crc = times(power, crc)
        power = [times(power, column) for column in power]
        size >>= 1
    return crc ^ 0xFFFFFFFF


def sparse(path: Path, sizes: list[tuple[str, int]]) -> None:
    """A bundle whose members are holes: right layout, right checksums, digests that nothing looks at on opening."""
    value = samples.value(samples.small())
    ordered = sorted(sizes, key=lambda pair: pair[0].encode())
    value["members"] = [{"name": name, "size": size, "sha256": samples.SHA} for name, size in ordered]
    text = samples.text(value)
    head = [("mimetype", builders.MIMETYPE[1]), ("manifest.json", text)]
    placed = place(
        [
            *(Entry(name, len(content), zlib.crc32(content)) for name, content in head),
            *(Entry(name, size, crc_of_zeros(size)) for name, size in ordered),
        ]
    )
    with path.open("wb") as file:
        for item in placed:
            file.seek(item.offset)
            file.write(local_header(item))
        for item, (_, content) in zip(placed, head, strict=False):
            file.seek(item.start)
            file.write(content)
        file.seek(placed[-1].end)
        directory = b"".join(map(central_header, placed))
        file.write(directory + end_records(len(placed), len(directory), placed[-1].end))


def test_checksum_of_zeros_is_right() -> None:
    for size in (0, 1, 7, 4096, 100_000):
        assert crc_of_zeros(size) == zlib.crc32(bytes(size))


@pytest.mark.parametrize("size", [0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 5 * GIB])
def test_zip64_is_used_exactly_where_it_is_needed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.kbundle"
    sparse(path, [("model/model.keras", size), ("requirements/requirements.txt", 3)])
    with open_bundle(path) as bundle:
        (model,) = (placed for placed in bundle._placed.values() if placed.entry.size == size)
    needed = size >= 0xFFFFFFFF
    header = local_header(model)
    assert header[4:6] == (b"\x2d\0" if needed else b"\x0a\0")
    assert (header[18:26] == b"\xff" * 8) == needed
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("model/model.keras").file_size == size
        assert archive.read("requirements/requirements.txt") == bytes(3)


def test_other_tools_list_a_bundle_beyond_4_gib(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    sparse(path, [("model/model.keras", 5 * GIB), ("requirements/requirements.txt", 3)])
    for command in (["unzip", "-l"], [tool("7zz", "7z"), "l"], ["bsdtar", "-tvf"]):
        listing = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
        assert str(5 * GIB) in listing
    assert subprocess.run(["unzip", "-p", path, "requirements/requirements.txt"], capture_output=True).stdout == bytes(
        3
    )


def test_many_entries_use_zip64_records() -> None:
    records = end_records(0xFFFF, 100, 100)
    assert len(end_records(0xFFFE, 100, 100)) == 22
    assert len(records) == 98


def test_stored_zip_of_many_entries_is_read_by_zipfile(tmp_path: Path) -> None:
    with (tmp_path / "many.zip").open("wb") as file:
        write_stored_zip(file, [NewMember(f"{index}", b"") for index in range(0x10001)])
    with zipfile.ZipFile(tmp_path / "many.zip") as archive:
        assert len(archive.namelist()) == 0x10001


def test_ten_gigabytes_open_by_reading_less_than_one_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    weights = [(f"model/{index:02}", GIB) for index in range(10)]
    sparse(path, [*weights, ("model/model.keras", 11), ("requirements/requirements.txt", 11)])
    assert path.stat().st_size > 10 * GIB
    code = (
        "import sys\n"
        "from bundler.archive.positioned import PositionedFile\n"
        "read = []\n"
        "once = PositionedFile._read_once\n"
        "def counted(self, offset, count):\n"
        "    piece = once(self, offset, count); read.append(len(piece)); return piece\n"
        "PositionedFile._read_once = counted\n"
        "from bundler.archive.reader import open_bundle\n"
        "open_bundle(sys.argv[1])\n"
        "status = open('/proc/self/status') if sys.platform == 'linux' else []\n"
        "peak = [line for line in status if line.startswith('VmHWM')]\n"
        "print(sum(read), peak[0].split()[1] if peak else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True, cwd=ROOT)
    count, resident = map(int, done.stdout.split())
    assert count < 1 << 20
    # In KiB. Not ru_maxrss: a child starts with the peak of the process that it was forked from.
    assert resident < 60 << 10


def test_bundle_with_all_the_members_allowed_opens(tmp_path: Path) -> None:
    members = [NewMember(f"model/variables/{index:05}", b"x") for index in range(LIMITS.members - 4)]
    path = tmp_path / "m.kbundle"
    kept = [member for member in builders.members() if member.name.startswith(("model/", "requirements/"))]
    write_bundle(path, samples.small(), [*members, *kept])
    with open_bundle(path) as bundle:
        assert len(bundle.names) == LIMITS.members


def test_total_size_is_what_is_written() -> None:
    data = builders.good()
    with open_bundle(io.BytesIO(data)) as bundle:
        assert total_size(list(bundle._placed.values())) == len(data)
        assert dump_manifest(bundle.manifest) == bundle.manifest_bytes
        assert hashlib.sha256(bundle.manifest_bytes).hexdigest() == bundle.digest.removeprefix("sha256:")
