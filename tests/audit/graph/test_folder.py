"""The files of a SavedModel, and what surrounds its graph."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest

from bundler.audit.finding import Severity
from bundler.audit.graph import Opener, saved_model_findings
from bundler.limits import LIMITS
from tests.audit.graph.protobuf import encoded
from tests.audit.graph.saved_models import audited, ids, meta, node, ordinary


@pytest.mark.parametrize(
    "name",
    [
        "keras_metadata.pb", "variables/evil.so", "variables/variables.data-1-of-1", "saved_model.pb.bak", "assets",
        "assets.extra/x", "debug/saved_model_debug_info.pb", "variables/../x", "Variables/variables.index",
        "saved_model.PB",
    ],
)  # fmt: skip
def test_refuses_files_that_no_saved_model_has(name: str) -> None:
    found = audited(ordinary(), **{name: b""})
    assert ids(found)[0] == "graph.unexpected-file"
    assert found[0].member == f"model/saved_model/{name}"


def test_lets_the_files_of_a_saved_model_be() -> None:
    fingerprint = encoded("FingerprintDef", {"saved_model_checksum": 3, "uuid": "1", "version": {"producer": 1}})
    files = {"fingerprint.pb": fingerprint, "assets/a/b.txt": b""}
    assert audited(ordinary(), **files) == []


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"\xff", "graph.malformed"), (b"\x78\x01", "graph.unknown-field"), (b"x" * 70_000, "graph.too-large")],
)
def test_refuses_a_fingerprint_that_is_none(content: bytes, rule: str) -> None:
    found = audited(ordinary(), **{"fingerprint.pb": content})
    assert ids(found) == [rule]
    assert found[0].member == "model/saved_model/fingerprint.pb"


def test_refuses_a_folder_without_a_graph() -> None:
    assert ids(saved_model_findings({}, place="model/tfsm/0")) == ["graph.malformed"]
    assert ids(audited()) == ["graph.malformed"]


def test_does_not_open_a_graph_beyond_the_cap() -> None:
    def opened() -> io.BytesIO:
        raise AssertionError("it was opened")

    files = {"saved_model.pb": Opener("model/saved_model/saved_model.pb", opened, LIMITS.graph + 1)}
    assert ids(saved_model_findings(files, place="model/saved_model")) == ["graph.too-large"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "", ".", "missing.txt", "a//b"])
def test_refuses_an_asset_outside(name: str) -> None:
    found = audited(meta(asset_file_def=[{"filename": name}]), **{"assets/a": b"", "assets/": b""})
    assert "graph.asset" in ids(found)


def test_refuses_an_asset_that_is_not_there() -> None:
    objects = {"nodes": [{"asset": {"asset_file_def_index": 1}}]}
    assert ids(audited(meta(object_graph_def=objects))) == ["graph.asset"]
    objects = {"nodes": [{"asset": {"asset_file_def_index": -1}}]}
    assert ids(audited(meta(object_graph_def=objects))) == ["graph.asset"]


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        (
            {"registered_name": "package.Class", "user_object": {"identifier": "_generic_user_object"}},
            "registered-object",
        ),
        ({"registered_saver": "package.saver"}, "registered-object"),
        ({"user_object": {"identifier": "optimizer"}}, "registered-object"),
        ({"user_object": {}}, "registered-object"),
        ({"serialized_user_proto": {"type_url": "x"}, "constant": {}}, "unread-part"),
        ({"children": [{"node_id": 0, "local_name": "__class__"}]}, "object-name"),
        ({"children": [{"node_id": 0, "local_name": "__reduce__"}]}, "object-name"),
        ({"dependencies": [{"node_id": 0, "local_name": "__dict__"}]}, "object-name"),
    ],
)
def test_refuses_objects_that_python_rebuilds(planted: dict[str, Any], rule: str) -> None:
    changed = ordinary()
    changed["object_graph_def"]["nodes"].append(planted)
    assert ids(audited(changed)) == [f"graph.{rule}"]


@pytest.mark.parametrize(
    "more",
    [
        {"meta_info_def": {"any_info": {"type_url": "x"}}},
        {"collection_def": {"queue_runners": {"bytes_list": {"value": [b"x"]}}}},
        {"collection_def": {"variables": {"any_list": {"value": [{"type_url": "x"}]}}}},
        {"collection_def": {"": {}}},
    ],
)
def test_refuses_parts_that_nobody_reads(more: dict[str, Any]) -> None:
    assert ids(audited(meta(**more))) == ["graph.unread-part"]


def test_refuses_two_nodes_and_two_functions_of_one_name() -> None:
    assert ids(audited(meta([node("Relu"), node("Tanh")]))) == ["graph.malformed"]
    twice = [{"signature": {"name": "f"}}, {"signature": {"name": "f"}}]
    assert ids(audited(meta([], twice))) == ["graph.malformed"]
    assert ids(audited(meta([], [{"signature": {"name": ""}}]))) == ["graph.malformed"]
    arguments = {"signature": {"name": "f", "input_arg": [{"name": "a"}, {"name": "a"}]}}
    assert ids(audited(meta([], [arguments]))) == ["graph.malformed"]


def test_what_consent_accepts_names_a_capability() -> None:
    found = audited(meta([node("ReadFile")]))
    assert found[0].severity is Severity.CONSENT
    assert found[0].capability == "filesystem"


def test_needs_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import bundler.audit.graph; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names) - {'bundler'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
