"""What surrounds the graph (Python objects, signatures, collections, assets), and what of it reaches into the graph."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from bundler.audit.graph import rules
from bundler.audit.graph.collected import Collected
from bundler.audit.graph.node_attributes import is_here
from bundler.audit.graph.path_origins import PathUses
from bundler.formats.saved_model import wire
from bundler.formats.saved_model.wire import Span

#: What `tf.saved_model.save` gives user objects; Keras 2 adds names of its own, which `tf.saved_model.load` takes for
#: plain objects. ``optimizer`` makes the loader import tf_keras, so it is not here.
_IDENTIFIERS = frozenset(
    {
        "_generic_user_object",
        "signature_map",
        "trackable_dict_wrapper",
        "trackable_list_wrapper",
        "trackable_tuple_wrapper",
        "_tf_keras_layer",
        "_tf_keras_input_layer",
        "_tf_keras_rnn_layer",
        "_tf_keras_model",
        "_tf_keras_network",
        "_tf_keras_sequential",
        "_tf_keras_metric",
    }
)
#: Classes of TensorFlow itself that rebuild an object from the graph alone.
_REGISTERED = frozenset({"", "tf.StaticHashTable", "tf.TrackableConstant"})
#: Collections that hold names of nodes, or texts that nobody but a trainer reads.
_COLLECTIONS = frozenset(
    {
        "saved_model_main_op",
        "legacy_init_op",
        "saved_model_train_op",
        "table_initializer",
        "init_op",
        "variables",
        "trainable_variables",
        "local_variables",
        "model_variables",
        "moving_average_variables",
        "global_step",
        "losses",
        "regularization_losses",
        "update_ops",
        "train_op",
        "summaries",
        "asset_filepaths",
    }
)
_RUN_AT_LOAD = frozenset({"__saved_model_init_op", "__saved_model_train_op"})
_DUNDER = re.compile(r"__.*__", re.DOTALL)


def look_at(data: bytes, meta: dict[str, Any], files: Collection[str], collected: Collected) -> PathUses:
    """Look at everything of a meta graph but its graph, and return what of it reaches into the graph."""
    info = wire.read(data, meta["meta_info_def"], "MetaGraphDef.MetaInfoDef") if "meta_info_def" in meta else {}
    if "any_info" in info:
        collected.add(rules.UNREAD_PART, "a message of some type is attached to the graph")
    saver = wire.read(data, meta["saver_def"], "SaverDef") if "saver_def" in meta else {}
    asset_nodes, assets = _assets(data, meta.get("asset_file_def", []), files, collected)
    objects = wire.read(data, meta["object_graph_def"], "SavedObjectGraph") if "object_graph_def" in meta else {}
    are_assets = [_object(data, span, index, assets, collected) for index, span in enumerate(objects.get("nodes", []))]
    signatures, initial = _signature_outputs(data, meta.get("signature_def", []))
    return PathUses(
        saver=_node_of(saver.get("filename_tensor_name", "")),
        assets=frozenset(asset_nodes),
        bound=_bound(data, objects, are_assets),
        signatures=frozenset(signatures),
        initial=frozenset((*initial, *_collections(data, meta.get("collection_def", []), collected))),
    )


def _assets(
    data: bytes, spans: list[Span], files: Collection[str], collected: Collected
) -> tuple[list[str], list[str]]:
    """Return the nodes that are given the assets' paths, and the assets."""
    nodes, names = [], []
    for span in spans:
        found = wire.read(data, span, "AssetFileDef")
        name = found.get("filename", "")
        names.append(name)
        if f"assets/{name}" not in files or any(part in ("", ".", "..") for part in name.split("/")):
            collected.add(rules.ASSET, f"the asset {name!r} is not a file below assets/")
        if "tensor_info" in found:
            nodes.append(_node_of(wire.read(data, found["tensor_info"], "TensorInfo").get("name", "")))
    return nodes, names


def _object(data: bytes, span: Span, index: int, assets: list[str], collected: Collected) -> bool:
    """Look at one object, and say whether it is an asset."""
    found = wire.read(data, span, "SavedObject")
    inside = f"object {index}"
    if found.get("registered_name", "") not in _REGISTERED:
        collected.add(rules.REGISTERED_OBJECT, f"an object of the class {found['registered_name']!r}", inside)
    if found.get("registered_saver", ""):
        collected.add(rules.REGISTERED_OBJECT, f"the saver {found['registered_saver']!r}", inside)
    if "serialized_user_proto" in found:
        collected.add(rules.UNREAD_PART, "a message of some type is attached to an object", inside)
    if "user_object" in found:
        identifier = wire.read(data, found["user_object"], "SavedUserObject").get("identifier", "")
        if identifier not in _IDENTIFIERS:
            collected.add(rules.REGISTERED_OBJECT, f"an object of the kind {identifier!r}", inside)
    for key in ("variable", "resource"):
        if key in found:
            _look_at_device(
                data, found[key], "SavedVariable" if key == "variable" else "SavedResource", inside, collected
            )
    for reference in (*found.get("children", []), *found.get("dependencies", [])):
        name = wire.read(data, reference, "TrackableObjectGraph.TrackableObject.ObjectReference").get("local_name", "")
        if name != "__call__" and _DUNDER.fullmatch(name):
            collected.add(rules.OBJECT_NAME, f"an object with the attribute {name}", inside)
    if "asset" not in found:
        return False
    number = wire.read(data, found["asset"], "SavedAsset").get("asset_file_def_index", 0)
    if not 0 <= number < len(assets):
        collected.add(rules.ASSET, f"asset {number} of {len(assets)}", inside)
        return False
    return True


def _look_at_device(data: bytes, span: Span, message: str, inside: str, collected: Collected) -> None:
    waiting = [span]
    while waiting:
        found = wire.read(data, waiting.pop(), message)
        if not is_here(found.get("device", "")):
            collected.add(rules.DEVICE, f"an object on the device {found['device']}", inside)
        waiting += found.get("experimental_distributed_variable_components", [])


def _bound(data: bytes, objects: dict[str, Any], are_assets: list[bool]) -> dict[str, tuple[bool, ...]]:
    """Return for each function that objects offer which of its bound inputs are assets."""
    bound: dict[str, tuple[bool, ...]] = {}
    for span in objects.get("nodes", []):
        found = wire.read(data, span, "SavedObject")
        names = []
        if "function" in found:
            names += wire.read(data, found["function"], "SavedFunction").get("concrete_functions", [])
        if "bare_concrete_function" in found:
            bare = wire.read(data, found["bare_concrete_function"], "SavedBareConcreteFunction")
            names.append(bare.get("concrete_function_name", ""))
        if "captured_tensor" in found:
            names.append(wire.read(data, found["captured_tensor"], "CapturedTensor").get("concrete_function", ""))
        bound.update(dict.fromkeys(names, ()))
    for span in objects.get("concrete_functions", []):
        entry = wire.read(data, span, "SavedObjectGraph.ConcreteFunctionsEntry")
        function = wire.read(data, entry["value"], "SavedConcreteFunction") if "value" in entry else {}
        inputs = function.get("bound_inputs", [])
        bound[entry.get("key", "")] = tuple(0 <= number < len(are_assets) and are_assets[number] for number in inputs)
    return bound


def _signature_outputs(data: bytes, spans: list[Span]) -> tuple[list[str], list[str]]:
    """Return the nodes that signatures give back, and those of the two signatures that the loader runs itself."""
    called: list[str] = []
    initial: list[str] = []
    for span in spans:
        entry = wire.read(data, span, "MetaGraphDef.SignatureDefEntry")
        nodes = initial if entry.get("key", "") in _RUN_AT_LOAD else called
        signature = wire.read(data, entry["value"], "SignatureDef") if "value" in entry else {}
        for output in signature.get("outputs", []):
            pair = wire.read(data, output, "SignatureDef.OutputsEntry")
            waiting = [pair["value"]] if "value" in pair else []
            while waiting:
                info = wire.read(data, waiting.pop(), "TensorInfo")
                nodes.append(_node_of(info.get("name", "")))
                if "coo_sparse" in info:
                    parts = wire.read(data, info["coo_sparse"], "TensorInfo.CooSparse")
                    nodes += [_node_of(name) for name in parts.values()]
                if "composite_tensor" in info:
                    composite = wire.read(data, info["composite_tensor"], "TensorInfo.CompositeTensor")
                    waiting += composite.get("components", [])
    return called, initial


def _collections(data: bytes, spans: list[Span], collected: Collected) -> list[str]:
    """Look at the collections, and return the nodes that they name."""
    nodes: list[str] = []
    for span in spans:
        entry = wire.read(data, span, "MetaGraphDef.CollectionDefEntry")
        name = entry.get("key", "")
        value = wire.read(data, entry["value"], "CollectionDef") if "value" in entry else {}
        if name not in _COLLECTIONS or "any_list" in value:
            collected.add(rules.UNREAD_PART, f"the collection {name!r}")
        if "node_list" in value:
            nodes += [
                _node_of(node)
                for node in wire.read(data, value["node_list"], "CollectionDef.NodeList").get("value", [])
            ]
    return nodes


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
