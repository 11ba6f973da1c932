"""SavedModels as an attacker writes them, and one as TensorFlow writes it. No TensorFlow is needed."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from typing import Any

from bundler.audit.finding import Finding
from bundler.audit.graph import Opener, saved_model_findings
from tests.audit.graph.protobuf import encoded

FLOAT, STRING, RESOURCE, VARIANT = 1, 7, 20, 21
SAVER = "saver_filename"


def node(op: str, name: str = "planted", inputs: list[str] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return a node; an attribute is an AttrValue, such as ``{"s": b"text"}``."""
    return {"name": name, "op": op, "input": inputs or [], "attr": attributes}


def text(value: bytes | str, name: str) -> dict[str, Any]:
    """Return a constant of one text."""
    tensor = {"dtype": STRING, "tensor_shape": {}, "string_val": [value]}
    return node("Const", name, value={"tensor": tensor}, dtype={"type": STRING})


def function(name: str, nodes: list[dict[str, Any]], arguments: list[str] | None = None) -> dict[str, Any]:
    """Return a function of the library."""
    inputs = [{"name": argument, "type": STRING} for argument in arguments or []]
    return {"signature": {"name": name, "input_arg": inputs}, "node_def": nodes}


def call(name: str, of: str, inputs: list[str] | None = None, op: str = "StatefulPartitionedCall") -> dict[str, Any]:
    """Return a node that calls a function."""
    return node(op, name, inputs, f={"func": {"name": of}})


def meta(
    nodes: list[dict[str, Any]] | None = None, functions: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a meta graph of nodes and functions, with further fields of its own."""
    return {"graph_def": {"node": nodes or [], "library": {"function": functions or []}}, **more}


def ordinary() -> dict[str, Any]:
    """Return what every export has: a model function, a saver, a signature, objects, an initialiser."""
    save = [
        node("StaticRegexFullMatch", "match", ["prefix"], pattern={"s": b"^s3://.*"}),
        text(b".part", "part"),
        text(b"_temp/part", "temp"),
        node("Select", "chosen", ["match:output:0", "part:output:0", "temp:output:0"]),
        node("StringJoin", "join", ["prefix", "chosen:output:0"]),
        node("ShardedFilename", "shard", ["join:output:0"]),
        text(b"w/.ATTRIBUTES/VARIABLE_VALUE", "names"),
        node("SaveV2", "save", ["shard:filename:0", "names:output:0"]),
        node("Pack", "packed", ["shard:filename:0", "^save"]),
        node("MergeV2Checkpoints", "merge", ["packed:output:0", "prefix", "^save"]),
    ]
    restore = [
        text(b"w/.ATTRIBUTES/VARIABLE_VALUE", "names"),
        node("RestoreV2", "restore", ["prefix", "names:output:0"]),
    ]
    return {
        "meta_info_def": {"tags": ["serve"], "tensorflow_version": "2.21.0"},
        "graph_def": {
            "node": [
                node("VarHandleOp", "w", shared_name={"s": b"w"}, dtype={"type": FLOAT}),
                node("Placeholder", "serve_x"),
                call("serve", "model", ["serve_x", "w"]),
                node("Placeholder", SAVER),
                call("saved", "save_fn", [SAVER, "w"]),
                call("restored", "restore_fn", [SAVER, "w"]),
                node("NoOp", "init", ["^w"]),
            ],
            "library": {
                "function": [
                    function(
                        "model",
                        [node("Relu", "relu", ["x"]), call("deeper", "inner", ["relu:activations:0"])],
                        ["x", "v"],
                    ),
                    function("inner", [node("Tanh", "tanh", ["y"])], ["y"]),
                    function("save_fn", save, ["prefix", "v"]),
                    function("restore_fn", restore, ["prefix", "v"]),
                    function("initialise", [node("NoOp", "nothing")]),
                ]
            },
        },
        "saver_def": {
            "filename_tensor_name": f"{SAVER}:0",
            "save_tensor_name": "saved:0",
            "restore_op_name": "restored",
        },
        "collection_def": {"saved_model_main_op": {"node_list": {"value": ["init"]}}},
        "signature_def": {"serve": {"inputs": {"x": {"name": "serve_x:0"}}, "outputs": {"y": {"name": "serve:0"}}}},
        "object_graph_def": {
            "nodes": [
                {
                    "children": [{"node_id": 1, "local_name": "w"}],
                    "user_object": {"identifier": "_generic_user_object"},
                },
                {"variable": {"dtype": FLOAT, "name": "w"}},
                {"function": {"concrete_functions": ["model"]}},
            ],
            "concrete_functions": {"model": {"bound_inputs": [1]}},
        },
    }


def with_node(place: str, planted: dict[str, Any]) -> dict[str, Any]:
    """Return the ordinary meta graph with a node in ``graph``, ``function``, ``nested`` or ``initialiser``."""
    changed = copy.deepcopy(ordinary())
    graph = changed["graph_def"]
    if place == "graph":
        graph["node"].append(planted)
    elif place == "initialiser":
        graph["node"][-1]["input"].append("^first")
        graph["node"].append(call("first", "initialise"))
        graph["library"]["function"][4]["node_def"].append(planted)
    else:
        graph["library"]["function"][("function", "nested").index(place)]["node_def"].append(planted)
    return changed


def saved(*metas: dict[str, Any]) -> bytes:
    """Return the bytes of saved_model.pb."""
    return encoded("SavedModel", {"saved_model_schema_version": 1, "meta_graphs": list(metas)})


def folder(files: Mapping[str, bytes]) -> dict[str, Opener]:
    """Return files as the audit takes them."""
    return {
        name: Opener(f"model/saved_model/{name}", lambda content=content: io.BytesIO(content), len(content))
        for name, content in files.items()
    }


def audited(*metas: dict[str, Any], **more: bytes) -> list[Finding]:
    """Return the findings for meta graphs, with further files."""
    return audited_bytes(saved(*metas), more)


def audited_bytes(graph: bytes, more: Mapping[str, bytes] | None = None) -> list[Finding]:
    """Return the findings for the bytes of a graph."""
    return saved_model_findings(folder({"saved_model.pb": graph, **(more or {})}), place="model/saved_model")


def ends(findings: list[Finding]) -> bool:
    """Say that an audit came to an end: that it raised nothing, least of all a foreign exception, is the assertion."""
    return all(type(finding) is Finding for finding in findings)


def ids(findings: list[Finding]) -> list[str]:
    """Return the rules of findings."""
    return [finding.rule.id for finding in findings]
