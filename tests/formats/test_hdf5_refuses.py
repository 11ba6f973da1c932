"""One builder for each attack on a file of weights, and the rule that refuses it."""

from __future__ import annotations

import dataclasses
import struct
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from bundler.audit.finding import Severity
from bundler.audit.weights import RULES
from bundler.formats.hdf5 import extents, groups, weights_file
from tests.formats import builders
from tests.formats.builders import (
    ONE,
    UNDEFINED,
    array_header,
    findings,
    layout_at,
    model_like,
    one_array,
    patched,
    shape_at,
    written,
)

Builder = Callable[[], bytes]
_U64 = struct.Struct("<Q")


def h5(fill: Callable[[h5py.File], Any], **options: Any) -> Builder:
    return lambda: builders.hdf5(fill, **options)


def new(**options: Any) -> Builder:
    return h5(lambda file: file.create_dataset("vars/0", **options))


def link(target: Any, name: str = "layers/vars/1") -> Builder:
    def fill(file: h5py.File) -> None:
        one_array(file)
        file[name] = target

    return h5(fill)


def user_link() -> bytes:
    content = link(h5py.ExternalLink("/etc/passwd", "/x"))()
    # Version 1, flags 8: a type follows, and 64 is external.
    return patched(content, b"\x01\x08\x40", b"\x01\x08\x41")


def virtual_dataset() -> bytes:
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    return builders.hdf5(lambda file: file.create_virtual_dataset("vars/0", layout))


def virtual_layout() -> bytes:
    """The layout alone, in a file that is otherwise Keras's."""
    return written(ONE, layout_at(), b"\x04\x03")


def hard_link(source: str, target: str, *, counted: bool = True) -> Builder:
    def build() -> bytes:
        def fill(file: h5py.File) -> None:
            one_array(file)
            file[target] = file[source]

        content = builders.hdf5(fill)
        # The number of names stands in the header; a forger leaves it at one.
        for at in range(0, 0 if counted else len(content) - 16, 8):
            version, zero, messages, names = struct.unpack_from("<BBHI", content, at)
            if (version, zero, names) == (1, 0, 2) and messages < 10:
                content = written(content, at + 4, struct.pack("<I", 1))
        return content

    return build


def committed_type(*, used: bool) -> Builder:
    def fill(file: h5py.File) -> None:
        file["kind"] = np.dtype("float32")
        if used:
            file.create_dataset("0", data=np.zeros(2), dtype=file["kind"])
            del file["kind"]

    return h5(fill)


def commented(file: h5py.File) -> None:
    one_array(file)
    file.id.set_comment(b"layers/vars/0", b"hello")


def texts(file: h5py.File) -> None:
    file.create_dataset("vars/0", data=["a", "b"], dtype=h5py.string_dtype())


def references(file: h5py.File) -> None:
    one_array(file)
    file.create_dataset("vars/0", data=[file["layers"].ref], dtype=h5py.ref_dtype)


def regions(file: h5py.File) -> None:
    one_array(file)
    file.create_dataset("vars/0", data=[file["layers/vars/0"].regionref[:1]], dtype=h5py.regionref_dtype)


def attribute(value: Any, **options: Any) -> Builder:
    return h5(lambda file: file.create_group("vars").attrs.create("name", value, **options))


def soft_link(file: h5py.File) -> None:
    file["a"] = h5py.SoftLink("/b")


def many_groups(file: h5py.File) -> None:
    for index in range(20):
        file.create_group(str(index))


def reference_attribute(file: h5py.File) -> None:
    file.attrs["name"] = file.create_group("vars").ref


def nested(depth: int) -> Builder:
    return h5(lambda file: file.create_group("/".join("a" * depth)))


def at_layout(offset: int, value: int) -> Builder:
    return lambda: written(ONE, layout_at() + offset, _U64.pack(value))


def shape(*sizes: int, most: bool = True) -> Builder:
    def build() -> bytes:
        content = written(ONE, shape_at(), struct.pack("<QQ", *sizes))
        return written(content, shape_at() + 16, struct.pack("<QQ", *sizes)) if most else content

    return build


def in_header(offset: int, value: bytes) -> Builder:
    """Overwrite bytes of the header of the array: version 0, count of messages 2, names 4, size 8, messages 16."""
    return lambda: written(ONE, array_header() + offset, value)


def message(kind: int) -> int:
    """Return where the first message of a type begins in the header of the array."""
    at = array_header() + 16
    while struct.unpack_from("<H", ONE, at)[0] != kind:
        at += 8 + struct.unpack_from("<H", ONE, at + 2)[0]
    return int(at)


def in_message(kind: int, offset: int, value: bytes) -> Builder:
    """Overwrite bytes of a message: type 0, size 2, flags 4, body 8."""
    return lambda: written(ONE, message(kind) + offset, value)


def continued(address: int, length: int) -> Builder:
    """Turn the empty message at the end of the header of the array into a continuation."""

    def build() -> bytes:
        at = message(0)
        (size,) = struct.unpack_from("<H", ONE, at + 2)
        rest = struct.pack("<HHBxxx", 0, size - 24, 0) + bytes(size - 24)
        where = address or array_header() + 16
        return written(ONE, at, struct.pack("<HHBxxxQQ", 0x10, 16, 0, where, length) + rest)

    return build


def near(signature: bytes, offset: int, value: bytes, *, nth: int = 0, content: bytes = ONE) -> Builder:
    """Overwrite bytes of the structure with a signature."""

    def build() -> bytes:
        at = -1
        for _ in range(nth + 1):
            at = content.index(signature, at + 1)
        return written(content, at + offset, value)

    return build


def renamed(new_name: bytes) -> Builder:
    return lambda: patched(ONE, b"layers\0\0", new_name.ljust(8, b"\0"))


def group_cache(offset: int, value: bytes) -> Builder:
    """Overwrite bytes of the entry of ``layers``: name 0, header 8, kind 16, B-tree 24, heap 32."""
    return near(b"SNOD", 8 + offset, value)


def tree_of_trees() -> bytes:
    """A B-tree whose only child is itself."""
    at = ONE.index(b"TREE")
    return written(written(ONE, at + 32, _U64.pack(at)), at + 5, b"\1")


def free_list(head: int, following: int, length: int) -> Builder:
    """Give the heap of the root a list of free blocks."""

    def build() -> bytes:
        at = ONE.index(b"HEAP")
        (start,) = struct.unpack_from("<Q", ONE, at + 24)
        content = written(ONE, at + 16, _U64.pack(head))
        return written(content, start + head, struct.pack("<QQ", following, length)) if head < 80 else content

    return build


def shared_bytes(file: h5py.File) -> None:
    file["vars/0"] = np.arange(8.0)
    file["vars/1"] = np.arange(8.0) + 1


def two_arrays_on_one_address() -> bytes:
    content = builders.hdf5(shared_bytes)
    first = content.index(np.arange(8.0).tobytes())
    second = content.index((np.arange(8.0) + 1).tobytes())
    return patched(content, _U64.pack(second), _U64.pack(first))


def out_of_order() -> bytes:
    """Two names of one group swapped: a bisection misses one of them."""
    content = builders.hdf5(lambda file: [file.create_group(name) for name in ("aaaa", "bbbb")])
    return patched(patched(patched(content, b"aaaa", b"xxxx"), b"bbbb", b"aaaa"), b"xxxx", b"bbbb")


def one_name_twice() -> bytes:
    content = builders.hdf5(lambda file: [file.create_group(name) for name in ("aaaa", "bbbb")])
    return patched(content, b"bbbb", b"aaaa")


def superblock(offset: int, value: bytes) -> Builder:
    return lambda: written(ONE, offset, value)


def hidden_bytes() -> bytes:
    content = ONE + b"MZ" * 100_000
    return written(content, 40, _U64.pack(len(content)))


LAYOUT, FILL, DATATYPE, DATASPACE = 8, 5, 3, 1
ATTACKS: list[tuple[str, str, Builder]] = [
    # Other files of this machine
    ("external storage", "external-storage", new(shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])),
    ("external link", "link", link(h5py.ExternalLink("/etc/passwd", "/x"))),
    ("external link in the middle of a path", "link", link(h5py.ExternalLink("other.h5", "/layers"), "layers/mid")),
    ("external link of the root", "link", link(h5py.ExternalLink("other.h5", "/"), "dense")),
    ("link of a user's type", "link", user_link),
    ("soft link", "link", link(h5py.SoftLink("/layers"))),
    ("soft link to itself", "link", link(h5py.SoftLink("/layers/vars/1"))),
    ("soft link in a group of the new form", "other-format", h5(soft_link, track_order=True)),
    ("virtual dataset", "virtual", virtual_dataset),
    ("virtual layout", "virtual", virtual_layout),
    # Names that meet
    ("hard link to an array", "alias", hard_link("layers/vars/0", "layers/vars/1")),
    ("hard link to an array, not counted", "alias", hard_link("layers/vars/0", "layers/vars/1", counted=False)),
    ("hard link to its own group", "alias", hard_link("layers", "layers/vars/up")),
    ("hard link to its own group, not counted", "alias", hard_link("layers", "layers/vars/up", counted=False)),
    ("hard link to the root, not counted", "alias", hard_link("/", "layers/root", counted=False)),
    ("entry that leads to the superblock", "structure", group_cache(8, _U64.pack(0))),
    ("entry that leads to the root", "alias", group_cache(8, ONE[64:72])),
    # More than is stored
    ("array that was never written", "shape", new(shape=(1 << 40,), dtype="f4")),
    ("array that was never written, small", "shape", new(shape=(4,), dtype="f4")),
    ("larger shape", "shape", shape(1 << 40, 3)),
    ("shape beyond 64 bits", "shape", shape((1 << 64) - 1, (1 << 64) - 1)),
    ("smaller shape", "shape", shape(2, 2)),
    ("shape that wraps to the same size", "shape", shape(1 << 63, 12)),
    ("shape that may grow", "chunked", lambda: written(ONE, shape_at() + 16, UNDEFINED)),
    ("larger layout", "shape", at_layout(10, 1 << 40)),
    ("layout without an address", "shape", at_layout(2, (1 << 64) - 1)),
    ("address outside the file", "structure", at_layout(2, 1 << 40)),
    ("address at the end of the file", "structure", at_layout(2, len(ONE) - 8)),
    ("address that wraps", "structure", at_layout(2, (1 << 64) - 9)),
    ("address of the superblock", "overlap", at_layout(2, 0)),
    ("two arrays on the same bytes", "overlap", two_arrays_on_one_address),
    ("size of the elements", "datatype", in_message(DATATYPE, 12, struct.pack("<I", 1 << 30))),
    # Chunks and filters
    ("chunks", "chunked", new(data=np.zeros((64, 64)), chunks=(8, 8))),
    ("gzip", "chunked", new(data=np.zeros(1000), compression="gzip")),
    ("gzip bomb", "chunked", new(shape=(1 << 30,), dtype="u1", chunks=(1 << 20,), compression="gzip")),
    ("lzf", "chunked", new(data=np.zeros(1000), compression="lzf")),
    ("shuffle", "chunked", new(data=np.zeros(1000), shuffle=True)),
    ("fletcher32", "chunked", new(data=np.zeros(1000), fletcher32=True)),
    ("scale offset", "chunked", new(data=np.zeros(1000, "i4"), scaleoffset=4)),
    ("array that grows", "chunked", new(shape=(4,), maxshape=(None,), dtype="f4")),
    # Types
    ("texts of any length", "datatype", h5(texts)),
    ("numbers of any length", "datatype", new(shape=(1,), dtype=h5py.vlen_dtype("i4"))),
    ("references to objects", "datatype", h5(references)),
    ("references to regions", "datatype", h5(regions)),
    ("compound", "datatype", new(data=np.zeros(2, [("a", "f4"), ("b", "i4")]))),
    ("nested arrays", "datatype", new(data=np.zeros(2, [("a", "f4", (2, 2))]))),
    ("enumeration", "datatype", new(shape=(1,), dtype=h5py.enum_dtype({"a": 1}, "i4"))),
    ("long double", "datatype", new(data=np.zeros(2, np.longdouble))),
    ("opaque with a large element", "datatype", new(data=np.zeros(2, "V100"))),
    ("float with its sign elsewhere", "datatype", in_message(DATATYPE, 10, b"\x07")),
    ("float with another bias", "datatype", in_message(DATATYPE, 8 + 16, struct.pack("<I", 1))),
    ("class that does not exist", "datatype", in_message(DATATYPE, 8, b"\x1f")),
    ("version of a datatype", "datatype", in_message(DATATYPE, 8, b"\x31")),
    ("committed type", "message", committed_type(used=False)),
    ("array of a committed type", "message", committed_type(used=True)),
    ("no value at all", "other-format", new(data=h5py.Empty("f4"))),
    # Messages
    ("comment", "message", h5(commented)),
    ("fill value in two messages", "message", new(data=np.zeros(2), fillvalue=7)),
    ("unknown message", "message", in_message(FILL, 0, b"\x99\0")),
    ("shared message table", "message", in_message(FILL, 0, b"\x0f\0")),
    ("driver information", "message", in_message(FILL, 0, b"\x14\0")),
    ("shared message", "message", in_message(DATATYPE, 4, b"\x03")),
    ("message that must be understood", "message", in_message(FILL, 4, b"\x80")),
    ("message longer than its header", "structure", in_message(FILL, 2, b"\xf8\xff")),
    ("two layouts", "structure", in_message(FILL, 0, b"\x08\0")),
    ("no layout", "message", in_message(LAYOUT, 0, b"\0\0")),
    ("symbol table of an array", "message", in_message(FILL, 0, b"\x11\0")),
    ("old layout", "other-format", in_message(LAYOUT, 8, b"\x01")),
    ("fill value of another size", "structure", in_message(FILL, 12, b"\x07")),
    ("fill value of another version", "other-format", in_message(FILL, 8, b"\x03")),
    ("dataspace of another version", "other-format", in_message(DATASPACE, 8, b"\x02")),
    ("dataspace of 255 dimensions", "structure", in_message(DATASPACE, 9, b"\xff")),
    ("dataspace with a permutation", "structure", in_message(DATASPACE, 10, b"\x03")),
    # Headers
    ("names that a header counts", "alias", in_header(4, b"\2")),
    ("messages that a header counts", "structure", in_header(2, b"\xff\xff")),
    ("header of another version", "structure", in_header(0, b"\3")),
    ("header of the new form", "other-format", in_header(0, b"OHDR")),
    ("size of a header", "limit", in_header(8, b"\xf8\xff\xff\xff")),
    ("odd size of a header", "structure", in_header(8, b"\x07\0\0\0")),
    ("header that continues in itself", "structure", continued(0, 240)),
    ("header that continues outside", "structure", continued(1 << 50, 240)),
    ("header that continues in 1 GB", "limit", continued(96, 1 << 30)),
    # Groups
    ("B-tree that holds itself", "structure", tree_of_trees),
    ("B-tree of 255 levels", "structure", near(b"TREE", 5, b"\xff")),
    ("B-tree of chunks", "structure", near(b"TREE", 4, b"\1")),
    ("B-tree with too many children", "structure", near(b"TREE", 6, b"\x21\0")),
    ("B-tree with a neighbour", "structure", near(b"TREE", 16, _U64.pack(96))),
    ("B-tree with a neighbour before it", "structure", near(b"TREE", 8, _U64.pack(96))),
    ("key outside the heap", "structure", near(b"TREE", 24, _U64.pack(1 << 40))),
    ("key that leads past a name", "structure", near(b"TREE", 40, _U64.pack(0))),
    ("first key that is a name", "structure", near(b"TREE", 24, _U64.pack(8))),
    ("child outside the file", "structure", near(b"TREE", 32, _U64.pack(1 << 40))),
    ("no B-tree", "structure", near(b"TREE", 0, b"EERT")),
    ("symbol table with nine entries", "structure", near(b"SNOD", 6, b"\x09\0")),
    ("symbol table with no entry", "structure", near(b"SNOD", 6, b"\0\0")),
    ("symbol table of another version", "structure", near(b"SNOD", 4, b"\2")),
    ("name outside the heap", "structure", group_cache(0, _U64.pack(1 << 40))),
    ("soft link in an entry", "link", group_cache(16, b"\2")),
    ("entry of an unknown kind", "structure", group_cache(16, b"\3")),
    ("entry with another B-tree than its header", "structure", group_cache(24, _U64.pack(136))),
    ("array that its entry calls a group", "structure", near(b"SNOD", 8 + 16, b"\1", nth=2)),
    ("names out of order", "structure", out_of_order),
    ("one name twice", "structure", one_name_twice),
    ("no heap", "structure", near(b"HEAP", 0, b"PAEH")),
    ("heap of another version", "structure", near(b"HEAP", 4, b"\1")),
    ("heap of 1 TB", "limit", near(b"HEAP", 8, _U64.pack(1 << 40))),
    ("heap outside the file", "structure", near(b"HEAP", 24, _U64.pack(1 << 40))),
    ("free block that is its own successor", "structure", free_list(16, 16, 16)),
    ("free block outside the heap", "structure", free_list(1 << 40, 1, 16)),
    ("free block longer than the heap", "structure", free_list(16, 1, 1 << 40)),
    ("name that is a parent", "name", renamed(b"..")),
    ("name that is its group", "name", renamed(b".")),
    ("name with a slash", "name", renamed(b"a/../b")),
    ("name with a backslash", "name", renamed(b"a\\b")),
    ("name with a control character", "name", renamed(b"a\nb")),
    ("name that reads backwards", "name", renamed("a\u202eb".encode())),
    ("name that is not a text", "name", renamed(b"a\xff")),
    ("no name", "name", renamed(b"")),
    ("name of 300 bytes", "name", h5(lambda file: file.create_group("x" * 300))),
    ("groups 200 deep", "limit", nested(200)),
    # Attributes
    ("model of the old format", "legacy-model", h5(lambda f: f.attrs.__setitem__("model_config", "{}"))),
    ("layers of the old format", "legacy-model", h5(lambda f: f.attrs.__setitem__("layer_names", [b"a"]))),
    ("attribute that is a reference", "datatype", h5(reference_attribute)),
    ("attribute that is a list of texts", "message", attribute(["a", "b"], dtype=h5py.string_dtype())),
    ("no global heap", "structure", near(b"GCOL", 0, b"LOCG")),
    ("global heap of another version", "structure", near(b"GCOL", 4, b"\2")),
    ("global heap of 1 TB", "limit", near(b"GCOL", 8, _U64.pack(1 << 40))),
    ("text that is not in the heap", "structure", near(b"GCOL", 16, b"\7")),
    ("text of another length", "structure", near(b"GCOL", 24, b"\6")),
    ("text longer than the heap", "structure", near(b"GCOL", 24, _U64.pack(1 << 40))),
    ("free space that is not the rest", "structure", near(b"GCOL", 16 + 24 + 8, b"\1")),
    # The file
    ("user block", "not-hdf5", h5(one_array, userblock_size=512)),
    ("bytes before", "not-hdf5", lambda: bytes(512) + ONE),
    ("nothing", "not-hdf5", lambda: b""),
    ("signature alone", "structure", lambda: ONE[:8]),
    ("bytes after", "file-size", lambda: ONE + b"PK"),
    ("cut short", "file-size", lambda: ONE[:-1]),
    ("newest format", "other-format", h5(model_like, libver="latest")),
    ("format 1.8", "other-format", h5(model_like, libver=("v108", "v108"))),
    ("groups in the order of creation", "other-format", h5(many_groups, track_order=True)),
    ("superblock of version 3", "other-format", superblock(8, b"\3")),
    ("superblock with addresses of 4 bytes", "other-format", superblock(13, b"\4")),
    ("superblock with larger nodes", "other-format", superblock(16, b"\xff")),
    ("superblock that is open for writing", "other-format", superblock(20, b"\1")),
    ("base address", "other-format", superblock(24, b"\x08")),
    ("driver information in the superblock", "other-format", superblock(48, _U64.pack(96))),
    ("root outside the file", "structure", superblock(64, _U64.pack(1 << 40))),
    ("root that is an array", "structure", lambda: written(ONE, 64, _U64.pack(array_header()))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "build"), [pytest.param(r, b, id=name) for name, r, b in ATTACKS])
def test_refuses(rule: str, build: Builder) -> None:
    content = build()
    started = time.process_time()
    found = findings(content)
    assert time.process_time() - started < 1
    assert [item.rule.id for item in found] == [f"weights.{rule}"]
    assert all(item.severity is Severity.REFUSED and item.inside for item in found)


def test_every_attack_has_a_name_of_its_own_and_every_rule_an_attack() -> None:
    names = [name for name, _, _ in ATTACKS]
    assert len(set(names)) == len(names)
    of_weights = {rule.id for rule in RULES if rule.id.startswith("weights.") and rule.severity is Severity.REFUSED}
    assert {f"weights.{rule}" for _, rule, _ in ATTACKS} == of_weights


def test_warns_of_bytes_that_nothing_reads() -> None:
    assert [(item.rule.id, item.severity) for item in findings(hidden_bytes())] == [
        ("weights.hidden-bytes", Severity.WARNING)
    ]


def test_names_every_bad_array_and_goes_on() -> None:
    def fill(file: h5py.File) -> None:
        model_like(file)
        file.create_dataset("layers/a/vars/0", data=np.zeros(1000), compression="gzip")
        file.create_dataset("layers/b/vars/0", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])

    assert [(item.rule.id, item.inside) for item in findings(builders.hdf5(fill))] == [
        ("weights.chunked", "model.weights.h5/layers/a/vars/0"),
        ("weights.external-storage", "model.weights.h5/layers/b/vars/0"),
    ]


@pytest.mark.parametrize(
    ("module", "field", "value"),
    [
        (groups, "hdf5_objects", 10),
        (groups, "hdf5_names", 100),
        (weights_file, "hdf5_depth", 1),
        (extents, "hdf5_extents", 10),
        (extents, "hdf5_block", 100),
    ],
)
def test_refuses_more_than_a_cap(module: ModuleType, field: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMITS", dataclasses.replace(module.LIMITS, **{field: value}))
    assert [item.rule.id for item in findings(builders.hdf5(model_like))] == ["weights.limit"]
