"""Operations that compute, with attributes that make something else of them."""

from __future__ import annotations

from typing import Any

import pytest

from bundler.audit.graph.node_attributes import is_here
from tests.audit.graph.protobuf import encoded
from tests.audit.graph.saved_models import (
    FLOAT,
    RESOURCE,
    VARIANT,
    audited,
    call,
    function,
    ids,
    meta,
    node,
    ordinary,
    with_node,
)

PLACES = ("graph", "function", "nested", "initialiser")
HERE = ["", "/device:CPU:0", "/job:localhost/replica:0/task:0/device:GPU:1", "/cpu:*", "/GPU:0", "/job:localhost"]
ELSEWHERE = [
    "/job:worker/task:1",
    "/job:localhost/task:1/device:CPU:0",
    "/job:ps",
    "/replica:1",
    "grpc://h:1",
    "/task:7",
    "/",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stream", ["file:///tmp/x", "file://x", "log(debug)", "s3://b/k", "stderr "])
def test_refuses_printing_to_a_file(stream: str, place: str) -> None:
    found = audited(with_node(place, node("PrintV2", output_stream={"s": stream})))
    assert ids(found) == ["graph.filesystem"]
    assert stream in found[0].what


@pytest.mark.parametrize("stream", ["stdout", "stderr", "log(info)", "log(warning)", "log(error)"])
def test_lets_a_model_print(stream: str) -> None:
    assert audited(with_node("function", node("PrintV2", output_stream={"s": stream}))) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("device", ELSEWHERE)
def test_refuses_a_device_of_another_process(device: str, place: str) -> None:
    planted = {**node("Relu"), "device": device}
    assert ids(audited(with_node(place, planted))) == ["graph.device"]
    assert not is_here(device)


@pytest.mark.parametrize("device", HERE)
def test_lets_devices_of_this_process_be(device: str) -> None:
    assert audited(with_node("function", {**node("Relu"), "device": device})) == []


def test_refuses_objects_on_another_machine() -> None:
    for planted in (
        {"variable": {"dtype": FLOAT, "device": "/job:ps/task:0"}},
        {"resource": {"device": "/job:ps/task:0"}},
        {"variable": {"experimental_distributed_variable_components": [{"device": "/job:ps/task:0"}]}},
    ):
        changed = ordinary()
        changed["object_graph_def"]["nodes"].append(planted)
        assert ids(audited(changed)) == ["graph.device"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"executor_type": {"s": b"PLUGIN"}},
        {"config": {"s": b"x"}},
        {"config_proto": {"s": b"\xff\xff"}},
        # ConfigProto.cluster_def, .device_filters, .session_metadata: fields that the table does not have.
        {"config_proto": {"s": b"\x72\x00"}},
        {"config_proto": {"s": b"\x22\x02/x"}},
        # GraphOptions.rewrite_options.optimizers: ["plug-in"]
        {"config_proto": {"s": b"\x52\x0a\x52\x08\xa2\x06\x05other"}},
    ],
)
def test_refuses_options_of_a_call_that_name_things(attributes: dict[str, Any]) -> None:
    planted = call("planted", "inner", ["x"])
    planted["attr"] |= attributes
    assert ids(audited(with_node("function", planted))) == ["graph.call-options"]


def test_lets_numbers_and_switches_of_a_call_be() -> None:
    options = {
        "device_count": {"CPU": 1, "GPU": 0},
        "gpu_options": {"experimental": {}},
        "allow_soft_placement": True,
        "graph_options": {"rewrite_options": {"constant_folding": 2}},
    }
    planted = call("planted", "inner", ["x"])
    planted["attr"]["config_proto"] = {"s": encoded("ConfigProto", options)}
    assert audited(with_node("function", planted)) == []


@pytest.mark.parametrize(
    ("tensor", "rule"),
    [
        ({"dtype": FLOAT, "tensor_shape": {"dim": [{"size": 1 << 40}]}, "float_val": [0.0]}, "graph.too-large"),
        ({"dtype": FLOAT, "tensor_shape": {"dim": [{"size": 1 << 20}] * 100}, "float_val": [0.0]}, "graph.too-large"),
        ({"dtype": FLOAT, "tensor_shape": {"dim": [{"size": -1}]}}, "graph.malformed"),
        ({"dtype": FLOAT, "tensor_shape": {"unknown_rank": True}}, "graph.malformed"),
        ({"dtype": FLOAT, "tensor_shape": {"dim": [{"size": 1}] * 255}}, "graph.malformed"),
        ({"dtype": RESOURCE, "tensor_shape": {}}, "graph.opaque-constant"),
        ({"dtype": VARIANT, "tensor_shape": {}, "variant_val": [{"type_name": "x"}]}, "graph.opaque-constant"),
        ({"dtype": FLOAT, "tensor_shape": {}, "resource_handle_val": [{"name": "x"}]}, "graph.opaque-constant"),
    ],
)
def test_refuses_constants_that_grow_or_that_only_kernels_read(tensor: dict[str, Any], rule: str) -> None:
    for place in PLACES:
        found = audited(with_node(place, node("Const", value={"tensor": tensor})))
        assert ids(found) == [rule]
        assert found[0].inside is not None
    in_list = node("Relu", values={"list": {"tensor": [tensor]}})
    assert ids(audited(with_node("function", in_list))) == [rule]
    default = ordinary()
    default["signature_def"]["serve"]["defaults"] = {"x": tensor}
    assert ids(audited(default)) == [rule]


def test_refuses_many_large_constants() -> None:
    tensor = {"dtype": FLOAT, "tensor_shape": {"dim": [{"size": 1 << 28}]}, "float_val": [0.0]}
    nodes = [node("Const", f"c{index}", value={"tensor": tensor}) for index in range(5)]
    assert ids(audited(meta(nodes))) == ["graph.too-large"]


def test_refuses_an_attribute_that_the_caller_fills_in() -> None:
    planted = node("PrintV2", output_stream={"placeholder": "stream"})
    assert ids(audited(with_node("nested", planted))) == ["graph.unread-part"]


@pytest.mark.parametrize(
    "planted",
    [
        call("planted", "elsewhere"),
        call("planted", ""),
        node("While", cond={"func": {"name": "inner"}}, body={"func": {"name": "elsewhere"}}),
        node("Case", branches={"list": {"func": [{"name": "inner"}, {"name": "elsewhere"}]}}),
        node("If", then_branch={"func": {"name": "inner", "attr": {"f": {"func": {"name": "elsewhere"}}}}}),
        node("Relu", _f={"func": {"name": "elsewhere"}}),
    ],
)
def test_refuses_functions_that_are_not_there(planted: dict[str, Any]) -> None:
    for place in PLACES:
        assert ids(audited(with_node(place, planted))) == ["graph.missing-function"]


def test_refuses_a_gradient_that_is_not_there() -> None:
    changed = ordinary()
    changed["graph_def"]["library"]["gradient"] = [{"function_name": "inner", "gradient_func": "elsewhere"}]
    assert ids(audited(changed)) == ["graph.missing-function"]
    changed["graph_def"]["library"] |= {"gradient": [], "registered_gradients": [{"gradient_func": "other"}]}
    assert ids(audited(changed)) == ["graph.missing-function"]


@pytest.mark.parametrize("name", ["Relu", "ReadFile", "FIFOQueueV2"])
def test_refuses_a_function_with_the_name_of_an_operation(name: str) -> None:
    changed = meta([node(name, "n")], [function(name, [])])
    assert ids(audited(changed)) == ["graph.shadowed-operation"]


def test_looks_into_functions_that_nothing_calls() -> None:
    assert ids(audited(meta([], [function("unused", [node("WriteFile")])]))) == ["graph.filesystem"]


def test_takes_a_node_with_the_name_of_a_function_for_a_call() -> None:
    assert audited(meta([node("mine", "n")], [function("mine", [node("Tanh")])])) == []
