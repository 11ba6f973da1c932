"""One encoding has one meaning: everything that two readers could read in two ways is refused."""

from __future__ import annotations

import time

import pytest

from bundler.formats.saved_model import wire
from bundler.generated import generated_table
from bundler.limits import LIMITS
from tests.audit.graph.protobuf import encoded, tagged, varint
from tests.audit.graph.saved_models import audited_bytes, ids, ordinary, saved

MALFORMED = {
    "a cut tag": b"\x80",
    "a cut length": tagged(2, 2, b"") + b"\x12\x80",
    "a length past the end": b"\x12\x05ab",
    "a length of sixty-four bits": b"\x12" + varint((1 << 64) - 1),
    "a number of eleven bytes": b"\x08" + b"\x80" * 10 + b"\x00",
    "a number past sixty-four bits": b"\x08" + b"\xff" * 9 + b"\x7f",
    "a number longer than it need be": b"\x08\x81\x00",
    "a tag longer than it need be": b"\x88\x00\x01",
    "a version twice": b"\x08\x01\x08\x01",
    "a graph twice": tagged(2, 2, tagged(2, 2, b"") * 2),
    "a version beyond its kind": b"\x08" + varint(1 << 40),
    "text that is no UTF-8": tagged(2, 2, tagged(1, 2, tagged(5, 2, b"\xff"))),
    "a truth value of two": tagged(2, 2, tagged(1, 2, b"\x38\x02")),
    "an unknown type": tagged(2, 2, tagged(6, 2, tagged(1, 2, b"\x10" + varint(9999)))),
    "an entry twice": tagged(2, 2, tagged(4, 2, tagged(1, 2, b"a")) * 2),
    "an empty key twice": tagged(2, 2, tagged(4, 2, b"") + tagged(4, 2, tagged(1, 2, b""))),
    "two of one": tagged(2, 2, tagged(4, 2, tagged(2, 2, tagged(1, 2, b"") + tagged(2, 2, b"")))),
}
UNKNOWN = {
    "a field of another number": tagged(3, 2, b""),
    "the number zero": tagged(0, 2, b""),
    "a group": b"\x13\x14",
    "the end of a group": b"\x14",
    "another wire type": tagged(2, 0, b"\x01"),
    "a wire type that does not exist": b"\x16",
    "a field deep inside": tagged(2, 2, tagged(2, 2, tagged(1, 2, tagged(99, 2, b"ReadFile")))),
    "a number as four bytes": tagged(1, 5, b"\x01\x00\x00\x00"),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_refuses(data: bytes) -> None:
    assert ids(audited_bytes(data)) == ["graph.malformed"]


@pytest.mark.parametrize("data", UNKNOWN.values(), ids=UNKNOWN)
def test_refuses_what_other_readers_skip(data: bytes) -> None:
    assert ids(audited_bytes(data)) == ["graph.unknown-field"]


@pytest.mark.parametrize("data", UNKNOWN.values(), ids=UNKNOWN)
def test_refuses_it_behind_an_ordinary_graph_too(data: bytes) -> None:
    assert ids(audited_bytes(saved(ordinary()) + data)) == ["graph.unknown-field"]


def test_refuses_a_second_graph_that_would_be_merged_into_the_first() -> None:
    once = encoded("SavedModel", {"saved_model_schema_version": 1, "meta_graphs": [ordinary()]})
    second = tagged(2, 2, encoded("GraphDef", {"node": [{"name": "n", "op": "ReadFile"}]}))
    merged = encoded("SavedModel", {"meta_graphs": [encoded("MetaGraphDef", ordinary()) + second]})
    assert ids(audited_bytes(merged)) == ["graph.malformed"]
    assert audited_bytes(once) == []


def test_refuses_lists_of_numbers_that_end_inside_one() -> None:
    for number, content in ((5, b"\x00" * 3), (10, b"\x80"), (7, b"\x80"), (11, b"\x02"), (10, b"\x80" * 10 + b"\x00")):
        with pytest.raises(wire.UnreadableMessage):
            wire.check(tagged(number, 2, content), "TensorProto")


def test_reads_numbers_packed_and_not() -> None:
    whole = wire.Span(0, 0)
    for data in (b"\x52\x03\x01\xac\x02", b"\x50\x01\x50\xac\x02", b"\x52\x01\x01\x50\xac\x02"):
        wire.check(data, "TensorProto")
        assert wire.read(data, whole._replace(end=len(data)), "TensorProto")["int64_val"] == [1, 300]
    negative = b"\x08" + varint(-1)
    wire.check(negative, "TensorShapeProto.Dim")
    assert wire.read(negative, wire.Span(0, len(negative)), "TensorShapeProto.Dim") == {"size": -1}


def test_refuses_messages_deeper_than_protobuf_reads() -> None:
    inner = b""
    for _ in range(100_000 // 50):
        inner = tagged(2, 2, inner)
    with pytest.raises(wire.UnreadableMessage, match="deeper"):
        wire.check(inner, "FullTypeDef")


def test_refuses_more_fields_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LIMITS", type(LIMITS)(graph_values=10))
    assert ids(audited_bytes(saved(ordinary()))) == ["graph.too-large"]


def test_refuses_a_long_list_in_time_that_grows_with_its_length() -> None:
    began = time.process_time()
    wire.check(tagged(10, 2, b"\xff\x01" * 1_000_000), "TensorProto")
    with pytest.raises(wire.UnreadableMessage):
        wire.check(tagged(10, 2, b"\xff\x01" * 1_000_000 + b"\x80"), "TensorProto")
    assert time.process_time() - began < 2


def test_every_line_of_the_table_is_one_field() -> None:
    table = generated_table("bundler.formats.saved_model", "fields")
    for message, texts in table["messages"].items():
        fields = wire.table(message)
        assert len({field.name for field in fields.values()}) == len(texts)
        for field in fields.values():
            assert field.kind != "message" or field.type in table["messages"]
            assert field.kind != "enum" or field.type in table["enums"]
