"""Small files that ask for much memory or time, made by functions that are named for what they ask.

`python -m tests.archive.bombs` opens and reads each in a process of its own and prints what that took.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bundler.archive.layout import Entry, central_header, end_records, local_header, place
from bundler.limits import LIMITS
from tests.archive import builders
from tests.manifest import samples

MIB = 1 << 20

#: Room for metadata that belongs to the good manifest and not to the bomb.
SLACK = 2_000


def zstd_of_zeros() -> bytes:
    """256 MiB of zeros in 8 KiB, every declaration true: a ratio of 32,000."""
    zeros = bytes(256 * MIB)
    return builders.with_encoded(builders.frame(zeros, 19), zeros)


def zstd_that_yields_more() -> bytes:
    """The same frame, whose header and manifest declare what the ratio allows."""
    frame = builders.frame(bytes(256 * MIB), 19)
    assert frame[4] == 0xA4 or frame[4] >> 6 == 2  # Four bytes of content size after the descriptor.
    at = 5 if frame[4] & 0x20 else 6
    content = bytes(len(frame) * LIMITS.zstd_ratio)
    lying = frame[:at] + struct.pack("<I", len(content)) + frame[at + 4 :]
    return builders.with_encoded(lying, content)


def zstd_in_many_members() -> bytes:
    """Two thousand members, each within the ratio, that decode to 16 GB together."""
    noise = random.Random(0).randbytes(8 << 10)
    content = noise + bytes(len(noise) * (LIMITS.zstd_ratio - 10))
    names = [f"examples/{index:04}.zst" for index in range(2_000)]
    digest = hashlib.sha256(content).hexdigest()

    def change(value: dict[str, Any]) -> None:
        for entry in value["members"]:
            if entry["name"] in names:
                entry.update(encoding="zstd", decoded_size=len(content), decoded_sha256=digest)

    frame = builders.frame(content, 19)
    return builders.with_members([(name, frame) for name in names], change)


def encoded_names() -> bytes:
    """As many encoded members as fit, none of which is a frame: names are compared once more, and each is an error."""
    count = min(LIMITS.members - 4, (LIMITS.manifest - SLACK) // 330)

    def change(value: dict[str, Any]) -> None:
        for entry in value["members"][:count]:
            entry.update(encoding="zstd", decoded_size=1, decoded_sha256=samples.SHA)

    return builders.with_members([(f"examples/{index:05}.zst", b"") for index in range(count)], change)


def zstd_window() -> bytes:
    """A frame that wants a window of 2 GiB."""
    content = bytes(1000)
    head = b"\x28\xb5\x2f\xfd" + bytes([0x80, (31 - 10) << 3]) + struct.pack("<I", len(content))
    return builders.with_encoded(head + struct.pack("<I", 1 | len(content) << 3)[:3] + content, content)


def zstd_empty_blocks() -> bytes:
    """A million blocks of no content, each of which costs a read."""
    content = b"x"
    head = b"\x28\xb5\x2f\xfd" + bytes([0x80, 0]) + struct.pack("<I", 1)
    return builders.with_encoded(head + bytes(3) * 1_000_000 + b"\x09\x00\x00x", content)


def huge_size() -> bytes:
    """A payload of 2^60 bytes, by a ZIP64 field in the directory; nothing else is wrong."""
    return _with_entry(Entry(builders.PAYLOAD[0], 1 << 60, 0))


def huge_size_without_zip64() -> bytes:
    """A payload of almost 4 GiB."""
    return _with_entry(Entry(builders.PAYLOAD[0], 0xFFFFFFF0, 0))


def million_entries() -> bytes:
    """A central directory of a million records, all right."""
    return many_entries(1_000_000)


def many_entries(count: int) -> bytes:
    """As `builders.laid` of empty members, which takes a minute for a million: only names and offsets differ."""
    first = builders.laid([builders.MIMETYPE])
    start = first.index(b"PK\1\2")
    mimetype, [placed] = first[start:-22], place([Entry("model/000000", 0, 0)])
    local, central = local_header(placed), central_header(placed)
    names = [b"%06d" % index for index in range(count)]
    body = first[:start] + b"".join(local[:-6] + name for name in names)
    offsets = range(start, start + count * len(local), len(local))
    # The offset is the last field before the name of twelve letters.
    head = central[:-16]
    records = (head + struct.pack("<I", at) + b"model/" + name for at, name in zip(offsets, names, strict=True))
    directory = mimetype + b"".join(records)
    return body + directory + end_records(count + 1, len(directory), len(body))


def million_claimed() -> bytes:
    """A ZIP64 end record that claims 2^60 members and a directory that fits them not."""
    data = builders.good()
    size, offset = struct.unpack_from("<II", data, len(data) - 10)
    return data[:-22] + end_records(1 << 60, size, offset)


def directory_claimed_huge() -> bytes:
    """End records that claim a directory of 2^43 bytes before the start of the file."""
    data = builders.good()
    return data[:-22] + end_records(7, 1 << 43, 0)


def directory_of_one_name() -> bytes:
    """A directory as large as allowed whose records claim names that overlap."""
    record = bytearray(central_header(place([Entry("m", 0, 0)])[0]))
    struct.pack_into("<HHH", record, 28, 1, 0, 0)
    count = LIMITS.members
    directory = (bytes(record) * count).ljust(LIMITS.central_directory, b"\0")
    body = builders.good()[: -22 - 1]
    return body + directory + end_records(count, len(directory), len(body))


def deep_json() -> bytes:
    """A manifest of millions of lists in lists."""
    return builders.with_manifest_text(b"[" * LIMITS.manifest)


def deep_json_at_the_limit() -> bytes:
    """A manifest of many towers of lists, each as high as allowed."""
    tower = "[" * (LIMITS.json_depth - 4) + "]" * (LIMITS.json_depth - 4)
    count = min(LIMITS.manifest_values // LIMITS.json_depth, LIMITS.manifest // (2 * LIMITS.json_depth + 2)) - 20
    return _with_text(json.dumps({"": "?"}).replace('"?"', f"[{','.join([tower] * count)}]"))


def many_objects() -> bytes:
    """A manifest of millions of empty objects."""
    return _with_text(f"[{','.join(['{}'] * ((LIMITS.manifest - SLACK) // 3))}]")


def objects_at_the_limit() -> bytes:
    """As many objects with one key as the cap on values allows."""
    count = min(LIMITS.manifest_values - 200, (LIMITS.manifest - SLACK) // 10) // 2
    return _with_text(_dense([{f"{index:x}": 0} for index in range(count)]))


def keys_at_the_limit() -> bytes:
    """One object with as many keys as the cap on values allows, each as long as the cap on the text does."""
    count = LIMITS.manifest_values - 200
    length = (LIMITS.manifest - SLACK) // count - 5
    return _with_text(_dense({f"{index:0{length}x}": 0 for index in range(count)}))


def numbers_at_the_limit() -> bytes:
    """As many long numbers as fit."""
    count = min(LIMITS.manifest_values - 200, (LIMITS.manifest - SLACK) // 25)
    return _with_text(f"[{','.join(['1.7976931348623157e+308'] * count)}]")


def canonical_lists() -> bytes:
    """A canonical manifest of metadata at the cap on values, which only a wrong member betrays at the very end."""
    return _canonical([[] for _ in range(LIMITS.manifest_values // 2 - 100)])


def canonical_objects() -> bytes:
    """The same of objects with one key."""
    count = min(LIMITS.manifest_values // 2 - 100, (LIMITS.manifest - SLACK) // 45)
    return _canonical([{f"{index:x}": 0} for index in range(count)])


def canonical_wide_string() -> bytes:
    """One string as long as the manifest may be, with one character that makes Python take four bytes for each."""
    return _canonical("x" * (LIMITS.manifest - SLACK) + "\U0001f600")


def canonical_wide_strings() -> bytes:
    """The same in as many strings as the cap on values allows."""
    count = LIMITS.manifest_values - 200
    return _canonical(["x" * ((LIMITS.manifest - SLACK) // count - 20) + "\U0001f600" for _ in range(count)])


def escaped_string() -> bytes:
    """A string of escapes only, as long as the manifest may be."""
    return _canonical("\x01" * ((LIMITS.manifest - SLACK) // 6))


def members_listed_and_absent() -> bytes:
    """A manifest that lists as many members as fit, none of which is there."""
    count = min(LIMITS.members * 2, (LIMITS.manifest - SLACK) // 190)

    def change(value: dict[str, Any]) -> None:
        entry = value["members"][0]
        value["members"] += [{**entry, "name": f"model/{index:012x}"} for index in range(count)]

    return builders.with_changed_manifest(change)


def every_member_wrong() -> bytes:
    """As many members as allowed, each with a wrong digest: as many errors."""
    count = min(LIMITS.members - 4, (LIMITS.manifest - SLACK) // 190)

    def change(value: dict[str, Any]) -> None:
        for entry in value["members"]:
            entry["sha256"] = "0" * 64

    return builders.with_members([(f"model/{index:012x}", b"") for index in range(count)], change)


def pieces_at_the_limit() -> bytes:
    """A member with as many digests of pieces as fit."""

    def change(value: dict[str, Any]) -> None:
        value["members"][0].update(piece_size=1, pieces=[samples.SHA] * ((LIMITS.manifest - SLACK) // 77))
        value["members"][1]["size"] += 1

    return builders.with_changed_manifest(change)


def modules_at_the_limit() -> bytes:
    """As many modules as fit, so that every check between parts has work; the last member is wrong."""
    count = min(LIMITS.members - 4, (LIMITS.manifest - SLACK) // 370)
    names = [f"m{index:06x}" for index in range(count)]

    def change(value: dict[str, Any]) -> None:
        value["modules"] = [
            {"member": f"code/{name}.py", "name": name, "package": False, "reason": ""} for name in names
        ]
        value["members"][-1]["sha256"] = samples.SHA

    return builders.with_members([(f"code/{name}.py", b"") for name in names], change)


def many_names() -> bytes:
    """As many members as allowed, with short names."""
    return _named([f"model/{index:05x}" for index in range(LIMITS.members - 4)])


def long_names() -> bytes:
    """As many members as allowed, in folders as deep and with names as long as the directory can hold."""
    return _named([_long(f"{index:05x}", "a") for index in range(LIMITS.members - 4)])


def wide_names() -> bytes:
    """The same of characters that fold and decompose: one becomes three and is put in order again."""
    # U+1F82 is alpha with three marks; each of the steps that compares names has to take it apart.
    return _named([_long(f"{index:05x}", "\u1f82") for index in range(LIMITS.members - 4)])


def marked_names() -> bytes:
    """Letters under as many marks as a name can have, to be put in order by the normal form."""
    return _named([_long(f"{index:05x}", "\u1f80\u0300\u0301") for index in range(LIMITS.members - 4)])


def colliding_names() -> bytes:
    """Names that differ in case only: each is a problem to tell."""
    names = [f"model/{index:05x}{end}" for index in range(LIMITS.members // 2 - 2) for end in ("A", "a")]
    return _named(names)


def names_in_few_folders() -> bytes:
    """As many and as long names, each of which passes: letters that fold, in as many folders as allowed."""
    room = min(LIMITS.name_segment_bytes, LIMITS.central_directory // LIMITS.members - 46 - 20)
    wide = "\u1f82" * (room // 3 - 1)
    return _named([f"model/{index // 2:05x}/{index % 2}{wide}" for index in range(LIMITS.members - 4)])


def forbidden_names() -> bytes:
    """Names of which every one is refused, the reason at their end."""
    return _named([_long(f"{index:05x}", "a")[:-1] + ":" for index in range(LIMITS.members - 4)])


def _long(end: str, letters: str) -> str:
    """Return a name as long as each of the most members can have one."""
    room = min(LIMITS.name_bytes, LIMITS.central_directory // LIMITS.members - 46) - 16
    segment = letters * (room // 15 // len(letters.encode()))
    return f"model/{end}/{'/'.join([segment] * 13)}/{segment}"


def _named(names: list[str]) -> bytes:
    """Return a bundle with empty members of these names, all right but that the manifest does not list them."""
    text = samples.text(builders.manifest_of(builders.good()))
    names = sorted(names, key=str.encode)
    return builders.laid([builders.MIMETYPE, ("manifest.json", text), *((name, b"") for name in names)])


def _with_text(value: str) -> bytes:
    """Return a bundle whose manifest is small but for an unknown field, and not canonical."""
    text = samples.text(samples.value(samples.small())).removesuffix(b"\n}\n")
    return builders.with_manifest_text(text + b',"zzz":' + value.encode() + b"}\n")


def _dense(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _canonical(metadata: object) -> bytes:
    """Return a bundle whose manifest is canonical; one digest in it is wrong, which shows when all is read."""

    def change(value: dict[str, Any]) -> None:
        value["provenance"] = {"metadata": {"x": metadata}}
        value["members"][0]["sha256"] = samples.SHA

    return builders.with_changed_manifest(change)


def _with_entry(entry: Entry) -> bytes:
    """Return a file whose directory says this about one member; every offset follows from it."""
    text = samples.text(builders.manifest_of(builders.good()))
    contents = [builders.MIMETYPE, ("manifest.json", text), builders.PAYLOAD, builders.REQUIREMENTS]
    placed = place(
        entry if name == entry.name else Entry(name, len(content), zlib.crc32(content)) for name, content in contents
    )
    body = builders.laid(contents)
    directory = b"".join(central_header(item) for item in placed)
    return body + directory + end_records(len(placed), len(directory), len(body))


BOMBS: tuple[Callable[[], bytes], ...] = (
    zstd_of_zeros,
    zstd_that_yields_more,
    zstd_in_many_members,
    zstd_window,
    zstd_empty_blocks,
    huge_size,
    huge_size_without_zip64,
    million_entries,
    million_claimed,
    directory_claimed_huge,
    directory_of_one_name,
    deep_json,
    deep_json_at_the_limit,
    many_objects,
    objects_at_the_limit,
    keys_at_the_limit,
    numbers_at_the_limit,
    canonical_lists,
    canonical_objects,
    canonical_wide_string,
    canonical_wide_strings,
    escaped_string,
    members_listed_and_absent,
    every_member_wrong,
    pieces_at_the_limit,
    modules_at_the_limit,
    encoded_names,
    many_names,
    long_names,
    wide_names,
    marked_names,
    colliding_names,
    names_in_few_folders,
    forbidden_names,
)

# Peak of this process alone: what getrusage says begins with the peak of the process that started it.
_OPEN = """
import json, re, resource, sys, time
import bundler, bundler.archive.reader, bundler.errors
def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024
before, start, said = peak(), time.process_time(), None
try:
    with bundler.archive.reader.open_bundle(sys.argv[1]) as bundle:
        bundle.verify()
except bundler.errors.BundleError as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps([said, peak() - before, time.process_time() - start]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What opening and reading a file took: `memory` in bytes beyond the interpreter with kbundle, `cpu` in seconds.

    `said` is the error, `None` where the file was accepted.
    """

    said: str | None
    memory: int
    cpu: float


def cost(data: bytes, cpu_limit: int = 30) -> Cost:
    """Open and read a file in a process of its own, which is killed after `cpu_limit` seconds of CPU time."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, cpu_limit))

    with tempfile.NamedTemporaryFile(suffix=".kbundle") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", _OPEN, file.name], capture_output=True, check=True, preexec_fn=limit, text=True
        )
    said, memory, cpu = json.loads(done.stdout)
    return Cost(said, memory, cpu)


def main() -> None:
    print(f"{'bomb':28} {'file':>11} {'memory':>9} {'CPU':>7}  answer")
    for build in BOMBS:
        data = build()
        took = cost(data)
        said = (took.said or "ACCEPTED").partition("\n")[0]
        print(f"{build.__name__:28} {len(data):11,} {took.memory / MIB:7.1f}MB {took.cpu:6.2f}s  {said[:90]}")


if __name__ == "__main__":
    main()
