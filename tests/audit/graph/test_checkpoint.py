"""The checkpoint's index: shapes against bytes, bytes against files, one reading."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.audit.finding import Finding
from tests.audit.graph.protobuf import Message, encoded, varint
from tests.audit.graph.saved_models import FLOAT, RESOURCE, STRING, VARIANT, audited, ends, ids, ordinary

DATA = "variables/variables.data-00000-of-00001"
INDEX = "variables/variables.index"
HEADER = {"num_shards": 1, "version": {"producer": 1}}


def block(entries: list[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """Return a block of a table, with its trailer."""
    parts = [varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries]
    return b"".join(parts) + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes([compression]) + b"crc!"


def table(entries: list[tuple[bytes, bytes]], **how: Any) -> bytes:
    """Return a table of LevelDB with one block of entries, or with several `handles` to it."""
    first = block(entries, how.get("compression", 0))
    handle = varint(0) + varint(len(first) - 5)
    handles = how.get("handles", [(b"\xff", handle)])
    second = block(handles)
    footer = varint(0) + varint(0) + varint(len(first)) + varint(len(second) - 5)
    return first + second + footer.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def index(*tensors: tuple[str, Message], header: Message = HEADER, **how: Any) -> bytes:
    """Return an index of tensors by name."""
    entries = [(name.encode(), encoded("BundleEntryProto", entry)) for name, entry in tensors]
    return table([(b"", encoded("BundleHeaderProto", header)), *entries], **how)


def floats(*shape: int, size: int, **more: int) -> dict[str, Any]:
    """Return the entry of a tensor of floats."""
    return {"dtype": FLOAT, "shape": {"dim": [{"size": length} for length in shape]}, "size": size, **more}


def tree(objects: Message) -> tuple[dict[str, Any], bytes]:
    """Return the entry of the tree of objects, and its bytes."""
    content = encoded("TrackableObjectGraph", objects)
    stored = varint(len(content)) + b"crc!" + content
    return {"dtype": STRING, "shape": {}, "size": len(stored)}, stored


def audited_index(content: bytes, data: bytes = b"") -> list[Finding]:
    return audited(ordinary(), **{INDEX: content, DATA: data})


def test_lets_a_checkpoint_be_that_says_what_is_there() -> None:
    entry, stored = tree({"nodes": [{"children": [{"node_id": 1, "local_name": "w"}]}]})
    content = index(("_CHECKPOINTABLE_OBJECT_GRAPH", entry), ("w", floats(2, 3, size=24, offset=len(stored))))
    assert audited_index(content, stored + bytes(24)) == []


@pytest.mark.parametrize(
    "entry",
    [
        floats(1 << 40, size=4),
        floats(2, 3, size=20),
        floats(-1, size=4),
        floats(6, size=24, offset=4),
        floats(6, size=24, offset=-1),
        floats(6, size=24, shard_id=1),
        {"dtype": STRING, "shape": {"dim": [{"size": 1 << 40}]}, "size": 24},
        {"dtype": FLOAT, "shape": {"unknown_rank": True}, "size": 24},
    ],
)
def test_refuses_a_tensor_that_is_not_what_the_file_has(entry: dict[str, Any]) -> None:
    assert "graph.malformed" in ids(audited_index(index(("w", entry)), bytes(24)))


@pytest.mark.parametrize("kind", [VARIANT, RESOURCE])
def test_refuses_values_that_only_kernels_read(kind: int) -> None:
    entry = {"dtype": kind, "shape": {}, "size": 24}
    assert ids(audited_index(index(("w", entry)), bytes(24))) == ["graph.opaque-constant"]


def test_refuses_tensors_that_share_bytes() -> None:
    content = index(("a", floats(6, size=24)), ("b", floats(6, size=24)))
    assert ids(audited_index(content, bytes(24))) == ["graph.malformed"]


def test_refuses_a_data_file_that_no_tensor_is_in() -> None:
    assert ids(audited_index(index(), b"x")) == ["graph.malformed"]


def test_refuses_a_checkpoint_without_an_index() -> None:
    assert ids(audited(ordinary(), **{DATA: b"x"})) == ["graph.malformed"]


def test_refuses_a_saver_of_some_package() -> None:
    entry, stored = tree({"nodes": [{"registered_saver": {"name": "package.saver"}}]})
    assert ids(audited_index(index(("_CHECKPOINTABLE_OBJECT_GRAPH", entry)), stored)) == ["graph.registered-object"]
    stored = stored[:-1] + b"\xff"
    assert ids(audited_index(index(("_CHECKPOINTABLE_OBJECT_GRAPH", entry)), stored)) == ["graph.malformed"]


GOOD = (b"", encoded("BundleHeaderProto", HEADER))
TABLES = {
    "nothing": b"",
    "another magic": table([GOOD])[:-1] + b"x",
    "a footer alone": table([GOOD])[-48:],
    "a compressed block": table([GOOD], compression=1),
    "a block past the end": table([GOOD], handles=[(b"\xff", varint(1 << 40) + varint(8))]),
    "a block of huge size": table([GOOD], handles=[(b"\xff", varint(0) + varint((1 << 64) - 1))]),
    "a block twice": table([GOOD], handles=[(b"a", varint(0) + varint(19)), (b"b", varint(0) + varint(19))]),
    "no header": table([(b"w", encoded("BundleEntryProto", floats(size=4)))]),
    "names out of order": table([GOOD, (b"b", b""), (b"a", b"")]),
    "a name twice": table([GOOD, (b"b", b""), (b"b", b"")]),
    "another byte order": table([(b"", encoded("BundleHeaderProto", {"num_shards": 1, "endianness": 1}))]),
    "an entry that is none": table([GOOD, (b"b", b"\xff")]),
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_refuses_an_index_with(content: bytes) -> None:
    assert set(ids(audited_index(content))) == {"graph.malformed"}


def test_refuses_blocks_that_overlap_before_it_has_read_them_often() -> None:
    entries = [GOOD, *((f"{number:06}".encode(), b"") for number in range(2000))]
    handles = [(bytes([number]), varint(0) + varint(len(block(entries)) - 5)) for number in range(200)]
    began = time.process_time()
    assert "graph.malformed" in ids(audited_index(table(entries, handles=handles)))
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=2000)
@given(st.data())
def test_ends_at_any_mutation(data: st.DataObject) -> None:
    entry, stored = tree({"nodes": [{"children": [{"node_id": 1, "local_name": "w"}]}]})
    changed = bytearray(index(("_CHECKPOINTABLE_OBJECT_GRAPH", entry), ("w", floats(6, size=24, offset=len(stored)))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    assert ends(audited_index(bytes(changed), stored + bytes(24)))
