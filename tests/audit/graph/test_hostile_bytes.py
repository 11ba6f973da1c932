"""Whatever the bytes are, an audit ends soon, and with findings."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.graph.saved_models import (
    audited,
    audited_bytes,
    call,
    ends,
    function,
    ids,
    meta,
    node,
    ordinary,
    saved,
    text,
)

GRAPH = saved(ordinary())


def test_ends_at_every_flipped_bit_and_every_cut() -> None:
    for index in range(len(GRAPH)):
        changed = bytearray(GRAPH)
        changed[index] ^= 1 << index % 8
        assert ends(audited_bytes(bytes(changed)))
    refused = [index for index in range(1, len(GRAPH)) if not audited_bytes(GRAPH[:index])]
    # A cut between two fields of SavedModel itself leaves a SavedModel.
    assert refused == []


@settings(max_examples=300, deadline=2000)
@given(st.data())
def test_ends_at_any_mutation(data: st.DataObject) -> None:
    changed = bytearray(GRAPH)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        length = data.draw(st.integers(0, 8))
        changed[at : at + length] = data.draw(st.binary(max_size=8))
    assert ends(audited_bytes(bytes(changed)))


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=200))
def test_ends_at_any_bytes(data: bytes) -> None:
    assert ends(audited_bytes(data))


@settings(max_examples=150, deadline=2000)
@given(st.randoms(use_true_random=False))
def test_ends_at_any_wiring(chance: random.Random) -> None:
    """Valid encodings with edges, calls and names that mean nothing, or go round in circles."""
    names = ["a", "b", "c", "f", "g", "", "^a", "a:0", "x", "ReadFile"]
    operations = ["SaveV2", "RestoreV2", "Identity", "Pack", "StringJoin", "ReadVariableOp", "VarHandleOp", "f", "g",
                  "InitializeTableFromTextFileV2", "AssignVariableOp", "PartitionedCall", "While", ""]  # fmt: skip

    def some() -> list[str]:
        return [chance.choice(names) for _ in range(chance.randrange(4))]

    def nodes() -> list[dict[str, object]]:
        made = []
        for name in ("a", "b", "c"):
            attributes = {"f": {"func": {"name": chance.choice(names)}}} if chance.random() < 0.5 else {}
            made.append(node(chance.choice(operations), name, some(), **attributes))
        return made

    changed = meta(
        nodes(),
        [function("f", nodes(), ["x"]), function("g", nodes(), ["x"])],
        saver_def={"filename_tensor_name": "a:0"},
        signature_def={"s": {"outputs": {"y": {"name": chance.choice(names)}}}},
        collection_def={"init_op": {"node_list": {"value": some()}}},
        asset_file_def=[{"tensor_info": {"name": chance.choice(names)}}],
        object_graph_def={"concrete_functions": {"f": {"bound_inputs": [0, 99, -1]}}, "nodes": [{"asset": {}}]},
    )
    assert ids(audited(changed))  # The asset is not there.


def crowded(count: int) -> bytes:
    """Return a graph in which everything that is followed is long: edges, calls, variables, arguments."""
    chain = [node("Identity", f"i{index}", [f"i{index + 1}"]) for index in range(count)]
    sinks = [node("RestoreV2", f"r{index}", [f"i{index}"]) for index in range(count)]
    tables = [node("InitializeTableFromTextFileV2", f"t{index}", ["x", f"v{index}"]) for index in range(count)]
    calls = [call(f"c{index}", "f", ["x"] * 10) for index in range(count)]
    reads = [node("ReadVariableOp", f"v{index}", ["variable"]) for index in range(count)]
    arguments = [f"x{index}" for index in range(count)]
    body = [node("Pack", "pack", arguments), node("SaveV2", "save", ["pack"])]
    return saved(meta([*chain, *sinks, *tables, *calls, *reads], [function("f", body, arguments)]))


@pytest.mark.slow
def test_takes_time_that_grows_with_the_size() -> None:
    spent = []
    for data in (crowded(1000), crowded(4000)):
        began = time.process_time()
        assert set(ids(audited_bytes(data))) == {"graph.restore", "graph.table-from-file"}
        spent.append(time.process_time() - began)
    assert spent[1] < 10 * max(spent[0], 0.05)


def test_follows_deep_references_without_recursion() -> None:
    inner: dict[str, object] = {"name": "f"}
    for _ in range(20):
        inner = {"name": "f", "attr": {"f": {"func": inner}}}
    assert ids(audited(meta([node("PartitionedCall", f={"func": inner})], [function("f", [])]))) == []
    deep = [function(f"f{index}", [call("c", f"f{index + 1}")]) for index in range(3000)]
    changed = meta([call("c", "f0")], [*deep, function("f3000", [text(b"x", "t")])])
    changed["signature_def"] = {"s": {"outputs": {"y": {"name": "c:0"}}}}
    assert audited(changed) == []
