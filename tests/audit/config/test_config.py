"""A config asks for stock Keras and for what the manifest declares, or it is refused, however deep it asks."""

from __future__ import annotations

import copy
import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.audit.config import RULES, config_findings, config_problem
from bundler.audit.config.sizes import least_weights
from bundler.audit.config.stock import keras_versions
from bundler.formats import keras_config
from bundler.formats.problem import Problem
from bundler.manifest import CustomObject, ObjectSource
from tests.audit.bundles import DENSE, JSON, function, model, node

_SOURCE = ObjectSource(member="code/zoo.py", line=1)
GAIN = CustomObject(kind="layer", key="zoo>Gain", module="zoo", qualname="Gain", source=_SOURCE)
WARM = CustomObject(kind="function", key="warm", module="zoo", qualname="warm", source=_SOURCE)
_BYTECODE = {"class_name": "__lambda__", "config": {"value": "4wEA"}}


def declared(config: JSON, *objects: CustomObject) -> tuple[CustomObject, ...]:
    """Return `objects` with the paths that the packer would give them."""
    places: dict[str, list[str]] = {}
    for pointer, value in keras_config.nodes(config):
        if "module" in value and not keras_config.is_builtin_class(value):
            places.setdefault(keras_config.lookup_key(value), []).append(pointer)
    return tuple(dataclasses.replace(item, paths=tuple(places.get(item.key, ()))) for item in objects)


def rules_of(config: JSON, **options: Any) -> list[str]:
    options = {"objects": declared(config, GAIN, WARM), "weight_bytes": 40, **options}
    return [finding.rule.id for finding in config_findings(config, member="model/model.keras", **options)]


def lambda_of(what: JSON) -> JSON:
    return node("keras.layers", "Lambda", {"name": "lambda", "function": what})


def bare(class_name: str, config: JSON) -> JSON:
    """Return a node of the old format, with the entries of a layer of a functional model."""
    return {"class_name": class_name, "name": class_name, "config": config, "inbound_nodes": []}


def built(class_name: str, config: JSON, *shape: int | None, **more: list[int | None]) -> JSON:
    """Return a layer with the shape that it was built with, or with several of them."""
    shapes = {"shapes_dict": more} if more else {"input_shape": list(shape)}
    return {**node("keras.layers", class_name, {"name": "x", **config}), "build_config": shapes}


HOSTILE: dict[str, tuple[JSON, str]] = {
    "lambda bytecode": (lambda_of(_BYTECODE), "config.bytecode"),
    "lambda bytecode of Keras 2": (lambda_of(["4wEA", None, None]), "config.bytecode"),
    "any module": (node("os", "system", {"command": "id"}), "config.unknown-object"),
    "any module of Keras": (node("keras.src.utils.file_utils", "get_file", {}), "config.sink"),
    "a package that Keras imports": (node("keras_hub.models", "Backbone", {}), "config.unknown-object"),
    "tf-keras": (node("tf_keras.layers", "Dense", {"units": 1}), "config.unknown-object"),
    "no module": (node(None, "Dense", {"units": 1}), "config.unknown-object"),
    "a download": (lambda_of(function("get_file", "keras.utils")), "config.function"),
    "safe mode off": (function("enable_unsafe_deserialization", "keras.config"), "config.function"),
    "a loader": (function("load_model", "keras.models"), "config.function"),
    "a dataset": (function("load_data", "keras.datasets.mnist"), "config.function"),
    "an application": (function("ResNet50", "keras.applications"), "config.function"),
    "an application as a class": (node("keras.src.applications.resnet", "ResNet50", {}), "config.sink"),
    "the folder of applications": (node("keras.src.applications.convnext", "LayerScales", {}), "config.sink"),
    "a function among layers": (function("ConvNeXtTiny", "keras.src.applications.convnext"), "config.function"),
    "a plot": (function("plot_model", "keras.utils"), "config.function"),
    "a constructor as a function": (function("TFSMLayer", "keras.layers"), "config.function"),
    "any object by name": (function("deserialize", "keras.losses"), "config.function"),
    "a function of nobody": (function("system"), "config.unknown-object"),
    "a function of a module": (function("system", "os"), "config.unknown-object"),
    "a callback": (node("keras.callbacks", "TensorBoard", {"log_dir": "/tmp"}), "config.sink"),
    "a remote callback": (node("keras.callbacks", "RemoteMonitor", {}), "config.sink"),
    "the file editor": (node("keras.saving", "KerasFileEditor", {"filepath": "/x"}), "config.sink"),
    "a pickle": (node("keras.layers", "TorchModuleWrapper", {"module": "gASV"}), "config.sink"),
    "a folder": (node("keras.layers", "TFSMLayer", {"filepath": "/tmp/x"}), "config.sink"),
    "a folder under a declared name": (
        node("keras.layers", "TFSMLayer", {"filepath": "/tmp/x"}, "zoo>Gain"),
        "config.sink",
    ),
    "stock under another name": (node("keras.layers", "Dense", {"units": 1}, "evil>Dense"), "config.registered-name"),
    "stock under a declared name": (node("keras.layers", "Dense", {"units": 1}, "zoo>Gain"), "config.registered-name"),
    "a type": ({"class_name": "__typespec__", "spec_name": "X", "module": "os", "config": []}, "config.unknown-object"),
    "a literal that is none": ({"class_name": "__import__", "config": {}}, "config.unknown-object"),
    "a vocabulary to read": (node("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}), "config.path"),
    "a vocabulary to fetch": (node("keras.layers", "TextVectorization", {"vocabulary": "http://x/"}), "config.path"),
    "weights to read": (node("keras.layers", "Embedding", {"weights": "/etc/passwd"}), "config.path"),
    "a name that climbs": (node("keras.layers", "Dense", {"units": 1, "name": "../x"}), "config.name"),
    "a name with a drive": (node("keras.layers", "Dense", {"units": 1, "name": "c:x"}), "config.name"),
    "a name that is the folder": (node("keras.layers", "Dense", {"units": 1, "name": ".."}), "config.name"),
    "a name with a NUL": (node("keras.layers", "Dense", {"units": 1, "name": "a\0b"}), "config.name"),
    "a declared layer with a path for a name": (node("zoo", "Gain", {"name": "a/b"}, "zoo>Gain"), "config.name"),
    "a class name that is not a string": ({"class_name": ["Dense"], "config": {}}, "config.malformed"),
    "a module that is not a string": (node(["keras"], "Dense", {}), "config.malformed"),  # type: ignore[arg-type]
    "a declared layer that climbs": (node("zoo", "Gain", {"name": ".."}, "zoo>Gain"), "config.name"),
    "bare lambda bytecode": (bare("Lambda", {"name": "l", "function": ["4wEA", None, None]}), "config.legacy-node"),
    "a bare pickle": (bare("TorchModuleWrapper", {"name": "t", "module": "gASV"}), "config.legacy-node"),
    "a bare folder": (bare("TFSMLayer", {"name": "t", "filepath": "/tmp/x"}), "config.legacy-node"),
    "a bare function of layers": (bare("deserialize", {"config": {}}), "config.legacy-node"),
    "a type under a declared name": (
        {"class_name": "__typespec__", "spec_name": "X", "module": "os", "registered_name": "zoo>Gain", "config": []},
        "config.unknown-object",
    ),
    "a function of Keras under another name": (
        node("keras.activations", "function", "relu", "get_file"),
        "config.registered-name",
    ),
    "a layer of terabytes": (node("keras.layers", "Dense", {"units": 1 << 30}), "config.size"),
    "a layer of more than numbers": (node("keras.layers", "Dense", {"units": 1 << 80}), "config.size"),
    "an embedding": (node("keras.layers", "Embedding", {"input_dim": 1 << 20, "output_dim": 1 << 20}), "config.size"),
    "a recurrent layer": (node("keras.layers", "LSTM", {"units": 1 << 20}), "config.size"),
    "a convolution": (node("keras.layers", "Conv3D", {"filters": 9, "kernel_size": [1 << 10] * 3}), "config.size"),
    "a normalization": (built("BatchNormalization", {"axis": -1}, None, 1 << 30), "config.size"),
    "a normalization of two axes": (
        built("LayerNormalization", {"axis": [1, 2]}, None, 1 << 14, 1 << 14),
        "config.size",
    ),
    "a weight for each number": (built("PReLU", {"shared_axes": None}, None, 1 << 15, 1 << 15), "config.size"),
    "an equation": (
        built("EinsumDense", {"equation": "...x,xy->...y", "output_shape": [None, 1 << 15]}, None, 3, 1 << 15),
        "config.size",
    ),
    "attention": (
        built("MultiHeadAttention", {"num_heads": 64, "key_dim": 64}, query_shape=[None, 4, 1 << 20]),
        "config.size",
    ),
    "a depthwise convolution": (
        built("DepthwiseConv2D", {"kernel_size": [64, 64], "depth_multiplier": 8}, None, 9, 9, 1 << 12),
        "config.size",
    ),
    "channels that come first": (
        built(
            "Conv2D", {"filters": 1 << 12, "kernel_size": [9, 9], "data_format": "channels_first"}, None, 1 << 12, 3, 3
        ),
        "config.size",
    ),
    "a metric's table": (node("keras.metrics", "MeanIoU", {"name": "m", "num_classes": 1 << 20}), "config.size"),
    "a metric's thresholds": (node("keras.metrics", "AUC", {"name": "m", "num_thresholds": 1 << 30}), "config.size"),
    "a shape that has no digits": (built("PReLU", {}, None, 10**4000, 10**4000), "config.size"),
    "a spectrogram": (
        node("keras.layers", "MelSpectrogram", {"fft_length": 1 << 20, "num_mel_bins": 1 << 20}),
        "config.size",
    ),
}

#: Where a node can hide: each puts it somewhere in the config of a model.
PLACES: dict[str, Callable[[JSON], JSON]] = {
    "as a layer": lambda item: model(DENSE, item),
    "in a wrapper": lambda item: model(node("keras.layers", "TimeDistributed", {"name": "t", "layer": item})),
    "in a model in a model": lambda item: model(model(model(item))),
    "in the compile config": lambda item: model(DENSE, compile_config={"loss": item, "metrics": [[item]]}),
    "in the build config": lambda item: model({**DENSE, "build_config": {"input_shape": [None, 4], "more": item}}),
    "in a declared object": lambda item: model(
        node("zoo", "Gain", {"name": "g", "deep": {"er": [[item]]}}, "zoo>Gain")
    ),
    "in the arguments of a call": lambda item: model(
        {**DENSE, "inbound_nodes": [{"args": [[item]], "kwargs": {"mask": item}}]}
    ),
    "in a literal": lambda item: model({"class_name": "__slice__", "config": {"start": item, "stop": 1, "step": 1}}),
    "as the model": lambda item: item,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOSTILE)
def test_refuses_a_node_wherever_it_hides(name: str, place: str) -> None:
    hostile, rule = HOSTILE[name]
    assert rule in rules_of(PLACES[place](copy.deepcopy(hostile)))
    assert rule in rules_of(PLACES[place](copy.deepcopy(hostile)), keras_version="99.0.0")


NEWER = node("keras.layers", "Swell", {"name": "swell"})


@pytest.mark.parametrize("version", ["3.15.2", "3.16.0", "3.16.0.dev20270101", "4.0"])
@pytest.mark.parametrize("place", PLACES)
def test_a_class_of_a_later_keras_asks_for_consent(place: str, version: str) -> None:
    config = PLACES[place](NEWER)
    finding, *more = config_findings(config, member="m", objects=declared(config, GAIN), keras_version=version)
    assert {(item.rule.id, item.capability) for item in (finding, *more)} == {("config.newer-keras", "newer-keras")}
    assert f"keras.layers.Swell, of Keras {version}; this kbundle knows Keras to 3.15.1" in finding.what


@pytest.mark.parametrize(
    ("item", "version"),
    [
        (NEWER, "3.15.1"),
        (NEWER, "3.10.0"),
        (NEWER, "unknown"),
        (node("keras.callbacks", "Swell", {}), "3.16.0"),
        (node("keras.utils", "Swell", {}), "3.16.0"),
        (node("keras", "Swell", {}), "3.16.0"),
        (node("keras.layers.deep", "Swell", {}), "3.16.0"),
        (node("keras.src.layers.swell", "Swell", {}), "3.16.0"),
        (node("keras.layers", "TorchModuleWrapper", {}), "3.16.0"),
        (node("keras.losses", "TFSMLayer", {}), "3.16.0"),
    ],
)
def test_no_other_class_of_keras_is_let_in_as_a_later_one(item: JSON, version: str) -> None:
    assert rules_of(model(item), keras_version=version) == ["config.sink"]


def test_a_class_of_a_later_keras_is_held_to_what_all_layers_are() -> None:
    for config, rule in (
        ({"name": "../x"}, "config.name"),
        ({"vocabulary": "/etc/passwd"}, "config.path"),
        ({"units": 1 << 80}, "config.size"),
    ):
        found = rules_of(model(node("keras.layers", "Swell", config)), keras_version="3.16.0")
        assert {*found} == {"config.newer-keras", rule}
    named = node("keras.layers", "Swell", {}, "evil>Swell")
    assert rules_of(model(named), keras_version="3.16.0") == ["config.newer-keras", "config.registered-name"]


@pytest.mark.parametrize("place", PLACES)
def test_accepts_stock_and_declared_nodes_in_the_same_places(place: str) -> None:
    for item in (
        DENSE,
        node("zoo", "Gain", {"name": "gain", "path": "/x", "units": 1 << 60}, "zoo>Gain"),
        function("warm"),
        function("relu"),
        function("mean_squared_error", "builtins"),
        function("silu", "keras.activations"),
        lambda_of(function("warm")),
        lambda_of(function("relu", "keras.ops")),
        node("keras.src.ops.numpy", "Add", {"name": "add"}, "Add"),
        node("keras.src.models.functional", "Functional", {"name": "f"}, "Functional"),
        node("keras", "DTypePolicy", {"name": "float32"}),
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}},
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None], "dtype": "float32", "keras_history": ["a", 0, 0]},
        },
        node("keras.layers", "StringLookup", {"name": "s", "vocabulary": ["a", "b"]}),
        node("keras.layers", "Hashing", {"name": "h", "num_bins": 2_000_000_000, "salt": [1 << 63, 3]}),
        node("keras.src.applications.convnext", "LayerScale", {"name": "l", "projection_dim": 96}, "LayerScale"),
        {"class_name": "cat", "count": 3},
    ):
        assert rules_of(PLACES[place](copy.deepcopy(item))) == []


def test_a_graph_of_the_bundle_is_no_door() -> None:
    layer = node("keras.layers", "TFSMLayer", {"filepath": "model/tfsm/0", "name": "t"})
    assert rules_of(model(layer), graphs=["model/tfsm/0"]) == []
    assert rules_of(model(layer), graphs=["model/tfsm/1"]) == ["config.sink"]
    for odd in (["model/tfsm/0"], {"a": "model/tfsm/0"}, None, 0):
        layer = node("keras.layers", "TFSMLayer", {"filepath": odd, "name": "t"})
        assert rules_of(model(layer), graphs=["model/tfsm/0"]) == ["config.sink"]


def test_what_the_caller_offers_is_declared() -> None:
    missing = node("zoo", "Missing", {}, "zoo>Missing")
    assert rules_of(model(missing)) == ["config.unknown-object"]
    assert rules_of(model(missing), offered=["zoo>Missing"]) == []


def test_sizes_are_held_against_the_weights_that_are_there() -> None:
    large = {**DENSE, "config": {"name": "d", "units": 1 << 15}, "build_config": {"input_shape": [None, 1 << 15]}}
    assert least_weights("Dense", large["config"], large["build_config"]) == 1 << 30
    assert rules_of(model(large), weight_bytes=4 << 30) == []
    assert rules_of(model(large), weight_bytes=1 << 29) == []
    assert rules_of(model(large), weight_bytes=1 << 28) == ["config.size"]
    assert rules_of(model(large), weight_bytes=None) == ["config.size"]


@pytest.mark.parametrize("name", ["Lambda", "TorchModuleWrapper", "TFSMLayer", "deserialize", "Dense", "Sequential"])
def test_refuses_a_layer_of_the_old_format_whatever_the_manifest_declares(name: str) -> None:
    """Keras's old reader goes by the bare name, and finds its own class where the manifest shows another."""
    config = model(bare(name, {"name": "l", "function": ["4wEA", None, None]}))
    for paths in ((), ("/config/layers/1",)):
        item = CustomObject(kind="layer", key=name, module="zoo", qualname="Gain", source=_SOURCE, paths=paths)
        assert rules_of(config, objects=[item]) == ["config.legacy-node"]
    assert rules_of(config, offered=[name]) == ["config.legacy-node"]


def test_refuses_a_layer_of_the_old_format_under_a_name_of_nobodys() -> None:
    """Keras's own models hand it to the old reader, which takes what the process has registered."""
    config = model(bare("host>Secret", {"name": "l"}))
    item = CustomObject(kind="layer", key="host>Secret", module="zoo", qualname="Gain", source=_SOURCE)
    assert rules_of(config, objects=[item]) == ["config.legacy-node"]
    assert rules_of(config) == ["config.legacy-node", "config.unknown-object"]


def test_accepts_what_an_author_writes_by_hand_into_a_config_of_their_own() -> None:
    config = model(node("zoo", "Gain", {"name": "g", "part": {"class_name": "Part", "config": {}}}, "zoo>Gain"))
    item = CustomObject(kind="layer", key="Part", module="zoo", qualname="Part", source=_SOURCE)
    assert rules_of(config, objects=[*declared(config, GAIN), item]) == []


def test_refuses_a_declared_object_at_a_place_that_is_not_declared() -> None:
    """The loader leaves its key there as it is, and Keras takes what this process has registered under it."""
    config = model(node("zoo", "Gain", {"name": "a"}, "zoo>Gain"), node("zoo", "Gain", {"name": "b"}, "zoo>Gain"))
    (item,) = declared(config, GAIN)
    assert rules_of(config, objects=[item]) == []
    item = dataclasses.replace(item, paths=item.paths[:1])
    assert rules_of(config, objects=[item]) == ["config.undeclared-path"]
    assert rules_of(config, objects=[item], offered=["zoo>Gain"]) == []
    config = model(lambda_of(function("warm")))
    assert rules_of(config, objects=[WARM]) == ["config.undeclared-path"]


def test_a_function_of_keras_stays_keras_s_beside_a_declared_one_of_its_name() -> None:
    config = model(DENSE, compile_config={"loss": function("mse"), "metrics": [function("mean_squared_error")]})
    mse = CustomObject(kind="function", key="mean_squared_error", module="zoo", qualname="mse", source=_SOURCE)
    assert rules_of(config, objects=[mse]) == ["config.unknown-object"]
    assert rules_of(model(DENSE, compile_config={"loss": function("mean_squared_error")}), objects=[mse]) == []


@pytest.mark.parametrize("kind", ["object", "metric", "function", "layer"])
@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "/etc/x", "a\\b", "a\0b", "a//b"])
def test_refuses_a_name_that_climbs_whatever_kind_the_manifest_says(name: str, kind: str) -> None:
    config = model(node("zoo", "Gain", {"name": name}, "zoo>Gain"))
    assert rules_of(config, objects=declared(config, dataclasses.replace(GAIN, kind=kind))) == ["config.name"]


def test_accepts_a_metric_with_a_name_of_two_parts() -> None:
    config = model(DENSE, compile_config={"metrics": [node("zoo", "Gain", {"name": "val/gain: 1"}, "zoo>Gain")]})
    assert rules_of(config, objects=declared(config, dataclasses.replace(GAIN, kind="metric"))) == []


def test_sizes_count_the_axis_that_has_the_channels() -> None:
    """An image of 4096 x 4096 in front of its channels makes no larger kernel."""
    config = {"filters": 1024, "kernel_size": [7, 7], "data_format": "channels_first"}
    assert rules_of(model(built("Conv2D", config, None, 3, 4096, 4096))) == []
    assert rules_of(model(built("BatchNormalization", {"axis": 1}, None, 3, 1 << 13, 1 << 13))) == []
    assert rules_of(model(built("LayerNormalization", {"scale": False, "center": False}, None, 1 << 30))) == []
    assert rules_of(model(built("PReLU", {"shared_axes": [1, 2]}, None, 1 << 13, 1 << 13, 8))) == []


def test_refuses_a_layer_that_does_not_say_how_large_its_input_is() -> None:
    """Keras builds it when it builds the model, from the model's input."""
    wide = node("keras.layers", "InputLayer", {"name": "wide", "batch_shape": [None, 1 << 30]})
    dense = node("keras.layers", "Dense", {"name": "d", "units": 64})
    hidden = node("keras.layers", "TimeDistributed", {"name": "t", "layer": dense})
    for layer in (dense, hidden, node("keras.layers", "PReLU", {"name": "p"})):
        for name in ("Sequential", "Functional"):
            config = {**node("keras", name, {"name": "m", "layers": [wide, layer]})}
            config["module"] = "keras.src.models.functional" if name == "Functional" else "keras"
            assert rules_of(config) == ["config.size"], (layer["class_name"], name)
    told = node("keras", "Sequential", {"name": "m", "layers": [dense], "build_input_shape": [None, 1 << 30]})
    assert rules_of(told) == ["config.size"]


def test_accepts_layers_that_do_not_say_so_in_an_ordinary_model() -> None:
    inputs = node("keras.layers", "InputLayer", {"name": "i", "batch_shape": [None, 28, 28]})
    layers = [inputs, *(node("keras.layers", name, {"name": name}) for name in ("Flatten", "Dropout", "ReLU"))]
    layers += [node("keras.layers", "Dense", {"name": f"d{units}", "units": units}) for units in (128, 10)]
    assert rules_of(node("keras", "Sequential", {"name": "m", "layers": layers})) == []
    large = [node("keras.layers", "InputLayer", {"name": "i", "batch_shape": [None, 4096, 4096, 3]}), *layers[1:4]]
    assert rules_of(node("keras", "Sequential", {"name": "m", "layers": large})) == []
    never_built = node("keras", "Sequential", {"name": "m", "layers": [node("keras.layers", "Dense", {"units": 4096})]})
    assert rules_of(never_built) == []


@pytest.mark.parametrize(
    ("class_name", "config", "shape", "count"),
    [
        ("Dense", {"units": 5}, (None, 7), 35),
        ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 5]}, (None, 3, 7), 35),
        ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [None, 5, 2]}, (None, 3, 7), 70),
        ("BatchNormalization", {"axis": -1}, (None, 3, 7), 7),
        ("PReLU", {"shared_axes": [1]}, (None, 3, 7), 7),
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "groups": 2}, (None, 9, 9, 6), 108),
        ("DepthwiseConv1D", {"kernel_size": [3], "depth_multiplier": 2}, (None, 9, 6), 36),
        ("Embedding", {"input_dim": 9, "output_dim": 2}, (None,), 18),
    ],
)
def test_sizes_are_those_that_keras_makes(
    class_name: str, config: JSON, shape: tuple[int | None, ...], count: int
) -> None:
    """Kernels alone, as Keras 3.15 makes them for these arguments."""
    assert least_weights(class_name, config, {"input_shape": list(shape)}) == count


def test_refuses_keys_that_make_places_of_gigabytes() -> None:
    """A megabyte of key above 400,000 values: each pointer would be a copy of it."""
    found = keras_config.read_config(json.dumps({"k" * 1_000_000: [0] * 400_000}).encode())
    assert isinstance(found, Problem)
    assert found.rule == "config.too-deep"


def test_a_walk_has_one_place_in_memory_at_a_time() -> None:
    tracemalloc.start()
    for _ in keras_config.walk({"k" * 100_000: [0] * 2_000}):
        pass
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_findings_of_one_config_have_an_end() -> None:
    config = model(*[node("os", "system" * 1000, {}) for _ in range(1_500)])
    found = config_findings(config, member="m", objects=())
    assert len(found) == 1_000
    assert max(len(finding.what) for finding in found) <= 1_000


def test_refuses_a_config_that_nests_too_deep() -> None:
    deep: JSON = DENSE
    for _ in range(150):
        deep = node("keras.layers", "TimeDistributed", {"layer": deep})
    found = keras_config.read_config(json.dumps(deep).encode())
    assert isinstance(found, Problem)
    assert found.rule == "config.too-deep"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"", "config.malformed"),
        (b"\xff", "config.malformed"),
        (b"[1]", "config.malformed"),
        (b'{"a": 1, "a": 2}', "config.malformed"),
        (b'{"a": {"class_name": "A", "class_name": "B"}}', "config.malformed"),
        (b'{"a":' + b"[" * 100_000, "config.too-deep"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "config.malformed"),
        (b"[" + b"0," * 5_000_000 + b"0]", "config.malformed"),
    ],
)
def test_refuses_text_that_readers_could_read_differently(text: bytes, rule: str) -> None:
    found = keras_config.read_config(text)
    assert isinstance(found, Problem)
    assert found.rule == rule
    assert config_problem(found, member="m").rule.id == rule


_KEYS = [
    *("class_name", "config", "module", "registered_name", "name", "units", "layers", "build_config", "input_shape"),
    *("shapes_dict", "equation", "output_shape", "shared_axes", "axis", "filepath", "function", "layer"),
    *("batch_shape", "build_input_shape"),
]
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**4000, -(10**4000), 1 << 40])
    | st.text(max_size=8)
    | st.sampled_from(
        ["keras", "keras.layers", "Dense", "PReLU", "EinsumDense", "Sequential", "TFSMLayer", "function", "a,b->c"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_no_config_makes_an_error_of_another_kind(config: JSON) -> None:
    config_findings(config, member="m", objects=(GAIN,), graphs=["function"])
    keras_config.read_config(json.dumps(config).encode())


def test_the_list_covers_every_supported_keras() -> None:
    assert [version.rpartition(".")[0] for version in keras_versions()] == [
        "3.10",
        "3.11",
        "3.12",
        "3.13",
        "3.14",
        "3.15",
    ]
    assert len({rule.id for rule in RULES}) == len(RULES)
