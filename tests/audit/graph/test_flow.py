"""Checkpoints and tables from files: the loader's own are let be, every other is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.audit.graph.saved_models import SAVER, audited, call, function, ids, meta, node, ordinary, text

Meta = dict[str, Any]


def functions(changed: Meta) -> dict[str, Any]:
    return {found["signature"]["name"]: found for found in changed["graph_def"]["library"]["function"]}


def nodes(changed: Meta) -> list[dict[str, Any]]:
    return changed["graph_def"]["node"]  # type: ignore[no-any-return]


def a_constant_path(changed: Meta) -> None:
    body = functions(changed)["restore_fn"]["node_def"]
    body.append(text(b"/etc/shadow", "path"))
    body[1]["input"][0] = "path:output:0"


def a_computed_path(changed: Meta) -> None:
    body = functions(changed)["restore_fn"]["node_def"]
    body.append(node("StringUpper", "path", ["prefix"]))
    body[1]["input"][0] = "path:output:0"


def a_suffix_that_leads_up(changed: Meta) -> None:
    body = functions(changed)["save_fn"]["node_def"]
    body[2] = text(b"/../../../../home/x/.bashrc", "temp")


def a_suffix_of_the_caller(changed: Meta) -> None:
    functions(changed)["save_fn"]["node_def"][3] = node("Identity", "chosen", ["v"])


def a_separator_that_leads_up(changed: Meta) -> None:
    functions(changed)["save_fn"]["node_def"][4]["attr"]["separator"] = {"s": b"/../"}


def a_path_first_and_a_prefix_before(changed: Meta) -> None:
    functions(changed)["save_fn"]["node_def"][4]["input"] = ["temp:output:0", "prefix"]


def a_second_destination(changed: Meta) -> None:
    body = functions(changed)["save_fn"]["node_def"]
    body.append(text(b"/home/x/.bashrc", "path"))
    body[9]["input"][1] = "path:output:0"


def one_of_two_shards_elsewhere(changed: Meta) -> None:
    body = functions(changed)["save_fn"]["node_def"]
    body.append(text(b"/etc/passwd", "path"))
    body[8]["input"].insert(1, "path:output:0")


def another_call_with_a_path_of_its_own(changed: Meta) -> None:
    nodes(changed).extend([text(b"/etc/passwd", "path"), call("again", "restore_fn", ["path", "w"])])


def a_call_by_the_name_of_the_function(changed: Meta) -> None:
    nodes(changed).extend([text(b"/etc/passwd", "path"), node("restore_fn", "again", ["path", "w"])])


def a_call_from_the_model(changed: Meta) -> None:
    functions(changed)["model"]["node_def"].append(call("again", "restore_fn", ["x", "v"]))


def a_loop_around_the_saver(changed: Meta) -> None:
    nodes(changed).append(
        node("While", "loop", [SAVER], body={"func": {"name": "save_fn"}}, cond={"func": {"name": "inner"}})
    )


def a_function_among_the_attributes(changed: Meta) -> None:
    nodes(changed).append(node("Relu", "hidden", [SAVER], _f={"func": {"name": "save_fn"}}))


def a_gradient(changed: Meta) -> None:
    changed["graph_def"]["library"]["gradient"] = [{"function_name": "inner", "gradient_func": "restore_fn"}]


def an_object_that_offers_it(changed: Meta) -> None:
    changed["object_graph_def"]["concrete_functions"]["restore_fn"] = {"bound_inputs": [1]}


def an_object_that_names_it(changed: Meta) -> None:
    changed["object_graph_def"]["nodes"].append({"bare_concrete_function": {"concrete_function_name": "restore_fn"}})


def a_signature_that_gives_back_what_it_reads(changed: Meta) -> None:
    changed["signature_def"]["leak"] = {
        "inputs": {"p": {"name": f"{SAVER}:0"}},
        "outputs": {"y": {"name": "restored:0"}},
    }


def a_signature_that_leads_to_it(changed: Meta) -> None:
    next(found for found in nodes(changed) if found["name"] == "serve")["input"].append("^saved")


def an_initialiser_that_leads_to_it(changed: Meta) -> None:
    nodes(changed)[-1]["input"].append("^saved")


def an_initialiser_signature(changed: Meta) -> None:
    changed["signature_def"]["__saved_model_init_op"] = {"outputs": {"o": {"name": "saved"}}}


def no_saver(changed: Meta) -> None:
    del changed["saver_def"]


def another_saver(changed: Meta) -> None:
    changed["saver_def"]["filename_tensor_name"] = "serve_x:0"


def a_saver_that_is_a_constant(changed: Meta) -> None:
    nodes(changed)[3] = text(b"/etc/passwd", SAVER)


def a_saver_with_a_default(changed: Meta) -> None:
    nodes(changed)[3] = node("PlaceholderWithDefault", SAVER, ["default"])
    nodes(changed).append(text(b"/etc/passwd", "default"))


def nobody_calls_it(changed: Meta) -> None:
    changed["graph_def"]["node"] = [found for found in nodes(changed) if found["name"] != "restored"]


def no_inputs_at_the_call(changed: Meta) -> None:
    next(found for found in nodes(changed) if found["name"] == "restored")["input"] = []


def a_missing_input(changed: Meta) -> None:
    functions(changed)["restore_fn"]["node_def"][1]["input"] = ["nowhere"]


def no_input(changed: Meta) -> None:
    functions(changed)["restore_fn"]["node_def"][1]["input"] = ["^names"]


CHECKPOINTS = [
    a_constant_path, a_computed_path, a_suffix_that_leads_up, a_suffix_of_the_caller, a_separator_that_leads_up,
    a_path_first_and_a_prefix_before, a_second_destination, one_of_two_shards_elsewhere,
    another_call_with_a_path_of_its_own, a_call_by_the_name_of_the_function, a_call_from_the_model,
    a_loop_around_the_saver, a_function_among_the_attributes, a_gradient, an_object_that_offers_it,
    an_object_that_names_it, a_signature_that_gives_back_what_it_reads, a_signature_that_leads_to_it,
    an_initialiser_that_leads_to_it, an_initialiser_signature, no_saver, another_saver, a_saver_that_is_a_constant,
    a_saver_with_a_default, nobody_calls_it, no_inputs_at_the_call, a_missing_input, no_input,
]  # fmt: skip


@pytest.mark.parametrize("change", CHECKPOINTS, ids=lambda change: change.__name__)
def test_refuses_a_checkpoint_of(change: Callable[[Meta], None]) -> None:
    changed = copy.deepcopy(ordinary())
    change(changed)
    assert set(ids(audited(changed))) == {"graph.restore"}


def test_lets_the_saver_of_the_first_tensorflow_be() -> None:
    inner = [text(b"model", "d"), node("PlaceholderWithDefault", "save/filename", ["d"])]
    outer = [node("PlaceholderWithDefault", "save/Const", ["save/filename"]), node("RestoreV2", "r", ["save/Const"])]
    saver = {"filename_tensor_name": "save/Const:0", "restore_op_name": "r"}
    assert audited(meta([*inner, *outer], saver_def=saver)) == []
    inner[0] = text(b"/etc/passwd", "d")
    assert ids(audited(meta([*inner, *outer], saver_def=saver))) == ["graph.restore"]


def table() -> Meta:
    """Return a meta graph with a table that is filled from an asset, as TensorFlow writes it."""
    fill = node("InitializeTableFromTextFileV2", "fill", ["table", "file"])
    return meta(
        [
            node("Placeholder", "asset_path"),
            node("VarHandleOp", "Variable", shared_name={"s": b"Variable"}),
            node("AssignVariableOp", "assign", ["Variable", "asset_path"]),
            node("ReadVariableOp", "path", ["Variable", "^assign"]),
            node("HashTableV2", "hash"),
            call("filled", "initialise", ["path", "hash"]),
            node("NoOp", "init", ["^filled"]),
            node("Placeholder", "x"),
            node("LookupTableFindV2", "found", ["hash", "x"]),
        ],
        [function("initialise", [fill], ["file", "table"])],
        asset_file_def=[{"tensor_info": {"name": "asset_path:0"}, "filename": "words.txt"}],
        collection_def={"saved_model_main_op": {"node_list": {"value": ["init"]}}},
        signature_def={
            "serve": {"outputs": {"y": {"name": "found:0"}}},
            "__saved_model_init_op": {"outputs": {"o": {"name": "init"}}},
        },
        object_graph_def={
            "nodes": [{"user_object": {"identifier": "_generic_user_object"}}, {"asset": {}}, {"resource": {}}],
            "concrete_functions": {"initialise": {"bound_inputs": [1, 2]}},
        },
    )


def the_path_of_a_caller(changed: Meta) -> None:
    changed["object_graph_def"]["concrete_functions"]["initialise"]["bound_inputs"] = [2]


def a_bound_text(changed: Meta) -> None:
    changed["object_graph_def"]["nodes"][1] = {
        "constant": {"operation": "x"},
        "registered_name": "tf.TrackableConstant",
    }


def a_bound_object_that_is_not_there(changed: Meta) -> None:
    changed["object_graph_def"]["concrete_functions"]["initialise"]["bound_inputs"] = [7, 2]


def another_call_of_the_initialiser(changed: Meta) -> None:
    nodes(changed).append(call("again", "initialise", ["x", "hash"]))


def a_constant_file(changed: Meta) -> None:
    functions(changed)["initialise"]["node_def"] += [text(b"/etc/passwd", "p")]
    functions(changed)["initialise"]["node_def"][0]["input"][1] = "p:output:0"


def another_assignment(changed: Meta) -> None:
    nodes(changed).append(node("AssignVariableOp", "more", ["Variable", "x"]))


def the_variable_in_a_call(changed: Meta) -> None:
    nodes(changed).append(call("more", "other", ["Variable", "x"]))
    changed["graph_def"]["library"]["function"].append(
        function("other", [node("AssignVariableOp", "a", ["v", "p"])], ["v", "p"])
    )


def a_variable_of_the_same_name(changed: Meta) -> None:
    nodes(changed).append(node("VarHandleOp", "twin", shared_name={"s": b"Variable"}))
    nodes(changed).append(node("AssignVariableOp", "more", ["twin", "x"]))


def a_path_with_a_default(changed: Meta) -> None:
    nodes(changed)[0] = node("PlaceholderWithDefault", "asset_path", ["d"])
    nodes(changed).append(text(b"/etc/passwd", "d"))


def a_placeholder_that_is_no_asset(changed: Meta) -> None:
    changed["asset_file_def"][0]["tensor_info"]["name"] = "other:0"


def a_signature_that_fills_it(changed: Meta) -> None:
    nodes(changed)[-1]["input"].append("^filled")


TABLES = [
    the_path_of_a_caller, a_bound_text, a_bound_object_that_is_not_there, another_call_of_the_initialiser,
    a_constant_file, another_assignment, the_variable_in_a_call, a_variable_of_the_same_name, a_path_with_a_default,
    a_placeholder_that_is_no_asset, a_signature_that_fills_it,
]  # fmt: skip


def test_lets_a_table_be_that_is_filled_from_an_asset() -> None:
    assert audited(table(), **{"assets/words.txt": b"a\nb\n"}) == []


@pytest.mark.parametrize("change", TABLES, ids=lambda change: change.__name__)
def test_refuses_a_table_with(change: Callable[[Meta], None]) -> None:
    changed = table()
    change(changed)
    assert set(ids(audited(changed, **{"assets/words.txt": b"a\nb\n"}))) == {"graph.table-from-file"}
