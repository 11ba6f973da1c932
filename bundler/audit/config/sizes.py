"""How many numbers a stock object will make, from its config: never more than the file has, within reason.

A real layer's weights are all in the weights file, in at least half a byte each (Keras's int4), so an estimate that
is never too high and still far above the file's size is an attack or a wrong file. It is not a bound on memory.

Keras writes for every layer with weights what shape it was built with. One that does not say so, in a model that tells
its inputs, is built when the model is, so it is counted with the largest input that the model could give it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

JSON = Any

#: What an object may make however small the file is: 2^24 numbers are 64 MiB.
_FREE = 1 << 24
_LARGEST = (1 << 31) - 1
#: Numbers that are not sizes.
_NO_SIZES = frozenset({"epsilon", "mask_value", "salt", "seed", "value"})
#: Gates of a recurrent cell: its weights are gates * units * (units + inputs + 1).
_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}
_EMBEDDINGS = ("Embedding", "ReversibleEmbedding")
_SPECTROGRAMS = ("MelSpectrogram", "STFTSpectrogram")
_ATTENTION = ("MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention")
#: One weight for each number along an axis, unless the layer was told to have none.
_NORMALIZATIONS = {
    "BatchNormalization": (),
    "GroupNormalization": ("scale", "center"),
    "LayerNormalization": ("scale", "center"),
    "Normalization": (),
    "RMSNormalization": (),
}
#: These have no weights, or as many as their own config says: `size_problem` counts those.
_FROM_CONFIG = frozenset({*_EMBEDDINGS, *_SPECTROGRAMS, "InputLayer"})
#: Where a wrapper has what it wraps.
_WRAPPED = ("layer", "backward_layer", "cell", "cells")
_EQUATION = re.compile(r"(?:\.{3})?([A-Za-z]+),([A-Za-z]+)->(?:\.{3})?([A-Za-z]+)")


def size_problem(node: dict[str, JSON], weight_bytes: int | None) -> str | None:
    """Return what is wrong with the sizes of the stock object `node`, or `None`."""
    config = node["config"]
    if not isinstance(config, dict):
        return None
    for key, number in _numbers(config):
        if key not in _NO_SIZES and abs(number) > _LARGEST:
            return f"{key} is {_shown(number)}"
    least = least_weights(node["class_name"], config, node.get("build_config"))
    most = max(_FREE, 2 * (weight_bytes or 0))
    if least > most:
        return f"it makes at least {_shown(least)} numbers; the file has {weight_bytes or 0} bytes of weights"
    return None


def unbuilt_problem(model: dict[str, JSON], weight_bytes: int | None) -> str | None:
    """Return what is wrong with those layers of the stock model `model` that do not say what they were built with."""
    layers = model["config"].get("layers")
    layers = [item for item in layers if _is_layer(item)] if isinstance(layers, list) else []
    shapes = [item["config"].get("batch_shape") for item in layers if item["class_name"] == "InputLayer"]
    shapes += [model["config"].get("build_input_shape"), _input_shape(model.get("build_config"))]
    inputs = max((_product(shape[1:]) for shape in shapes if isinstance(shape, list)), default=0)
    inside = [part for item in layers for part in _with_parts(item)]
    if not inputs or all(item.get("build_config") for item in inside):
        return None
    widest = max(_count(item["config"], key) for item in inside for key in ("units", "filters", "output_dim"))
    shape = [None, min(inputs, 1 << 64) * max(1, widest)]
    for item in inside:
        if item.get("build_config") or item["class_name"] in _FROM_CONFIG:
            continue
        most = least_weights(item["class_name"], item["config"], {"input_shape": shape})
        if most > max(_FREE, 2 * (weight_bytes or 0)):
            return (
                f"{item['class_name'][:100]} does not say what it was built with and could make {_shown(most)} numbers"
            )
    return None


def least_weights(class_name: str, config: dict[str, JSON], build: JSON) -> int:
    """Return a number of weights, or of numbers of its state, that an object of this class has at least."""
    shape = _input_shape(build)
    features = _along(shape, -1)
    units = _count(config, "units")
    if class_name in _GATES:
        return _GATES[class_name] * units * (units + features)
    if class_name in _EMBEDDINGS:
        return _count(config, "input_dim") * _count(config, "output_dim")
    if class_name in _NORMALIZATIONS:
        return _normalization(class_name, config, shape)
    if class_name in _SPECTROGRAMS:
        # No weights, but a matrix of constants that is made at build.
        return max(1, _count(config, "fft_length")) * max(1, _count(config, "num_mel_bins"))
    if class_name in _ATTENTION:
        heads = max(_count(config, "num_heads"), _count(config, "num_query_heads"))
        return heads * max(_count(config, "key_dim"), _count(config, "head_dim"), 1) * features
    if class_name == "EinsumDense":
        return _einsum(config, shape)
    if class_name == "PReLU":
        return _prelu(config, shape)
    if class_name.startswith(("Conv", "Depthwise", "Separable")):
        return _convolution(class_name, config, shape)
    if class_name.endswith("IoU"):
        # A metric: it has a table of every class against every other when it is made.
        return _count(config, "num_classes") ** 2
    if "num_thresholds" in config:
        return _count(config, "num_thresholds") * max(1, _count(config, "num_labels"))
    # `LayerScale` of keras.applications has one weight for each number that it is told of.
    return max(units * features, _count(config, "projection_dim"))


def _with_parts(node: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    """Yield a layer and what it wraps."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        for key in _WRAPPED:
            value = item["config"].get(key)
            stack += [part for part in (value if isinstance(value, list) else [value]) if _is_layer(part)]


def _is_layer(value: JSON) -> bool:
    """Say whether a value is the node of something of Keras's own: what others' numbers mean, nobody knows."""
    if not (isinstance(value, dict) and isinstance(value.get("config"), dict)):
        return False
    return isinstance(value.get("class_name"), str) and str(value.get("module")).partition(".")[0] == "keras"


def _convolution(class_name: str, config: dict[str, JSON], shape: list[JSON]) -> int:
    features = _along(shape, 1 if config.get("data_format") == "channels_first" else -1)
    filters, kernel = max(1, _count(config, "filters")), _product(config.get("kernel_size"))
    if class_name.startswith("ConvLSTM"):
        return 4 * filters * kernel * max(filters, features)
    if class_name.startswith(("Depthwise", "Separable")):
        return max(filters, kernel * max(1, _count(config, "depth_multiplier")) * features)
    return filters * kernel * max(1, features // max(1, _count(config, "groups")))


def _normalization(class_name: str, config: dict[str, JSON], shape: list[JSON]) -> int:
    switches = _NORMALIZATIONS[class_name]
    if switches and not any(config.get(switch, True) for switch in switches):
        return 0
    axis = config.get("axis", -1)
    return _product([_along(shape, item) for item in (axis if isinstance(axis, list) else [axis]) if type(item) is int])


def _prelu(config: dict[str, JSON], shape: list[JSON]) -> int:
    shared = config.get("shared_axes")
    kept = dict(enumerate(shape[1:]))
    for axis in shared[:16] if isinstance(shared, list) and kept else ():
        if type(axis) is int:
            # As Keras does: negative ones count from the end of the shape without its batch, off by one.
            kept[(axis - 1) % len(kept)] = 1
    return _product(list(kept.values()))


def _einsum(config: dict[str, JSON], shape: list[JSON]) -> int:
    """Return the product of those sizes of the kernel that equation, input and output tell."""
    equation, output = config.get("equation"), config.get("output_shape")
    found = _EQUATION.fullmatch(equation) if isinstance(equation, str) and len(equation) < 100 else None
    if found is None:
        return 0
    sizes: dict[str, int] = {}
    # Both end with the last axis; what is in front of it may be an ellipsis.
    for letters, values in ((found[1], shape), (found[3], output if isinstance(output, list) else [output])):
        known = zip(reversed(letters), reversed(values), strict=False)
        sizes |= {letter: value for letter, value in known if type(value) is int and value > 0}
    return math.prod(sizes.get(letter, 1) for letter in found[2])


def _input_shape(build: JSON) -> list[JSON]:
    """Return the (first) shape that a layer was built with; empty where that is not known."""
    if not isinstance(build, dict):
        return []
    shapes = build.get("shapes_dict")
    first = next(iter(shapes.values()), None) if isinstance(shapes, dict) else build.get("input_shape")
    return first if isinstance(first, list) else []


def _along(shape: list[JSON], axis: int) -> int:
    """Return the size of a shape along an axis, 1 where that is not known."""
    size = shape[axis] if -len(shape) <= axis < len(shape) else None
    return size if type(size) is int and size > 0 else 1


def _shown(number: int) -> str:
    """Return a number in digits; Python refuses to write one of thousands of them."""
    return str(number) if abs(number) < 1 << 64 else f"about 2^{number.bit_length()}" if number > 0 else "far below 0"


def _count(config: dict[str, JSON], key: str) -> int:
    value = config.get(key)
    return value if type(value) is int and value > 0 else 0


def _product(value: JSON) -> int:
    sizes = value if isinstance(value, list) else [value]
    # Sixteen axes are more than any tensor here has, and a long product of a hostile list is slow.
    return math.prod(item for item in sizes[:16] if type(item) is int and item > 0)


def _numbers(config: dict[str, JSON]) -> Iterator[tuple[str, int]]:
    """Yield the whole numbers of a node's own config, not those of nodes inside it."""
    for key, value in config.items():
        items = value if isinstance(value, list) else [value]
        for item in items:
            if type(item) is int:
                yield key, item
