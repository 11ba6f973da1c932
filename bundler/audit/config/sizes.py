"""How many weights a stock layer will make, from its config: never more than the file has, within reason.

A real layer's weights are all in the weights file, in at least half a byte each (Keras's int4), so an estimate that
is never too high and still far above the file's size is an attack or a wrong file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

JSON = Any

#: What a layer may make however small the file is: 2^24 numbers are 64 MiB.
_FREE = 1 << 24
_LARGEST = (1 << 31) - 1
#: Numbers that are no sizes.
_NO_SIZES = frozenset({"epsilon", "mask_value", "salt", "seed", "value"})
#: Gates of a recurrent cell: its weights are gates * units * (units + inputs + 1).
_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}


def size_problem(node: dict[str, JSON], weight_bytes: int | None) -> str | None:
    """Return what is wrong with the sizes of the stock layer `node`, or `None`."""
    config = node["config"]
    if not isinstance(config, dict):
        return None
    for key, number in _numbers(config):
        if key not in _NO_SIZES and abs(number) > _LARGEST:
            return f"{key} is {number}"
    least = least_weights(node["class_name"], config, node.get("build_config"))
    most = max(_FREE, 2 * (weight_bytes or 0))
    if least > most:
        return f"the layer makes at least {least} weights; the file has {weight_bytes or 0} bytes of them"
    return None


def least_weights(class_name: str, config: dict[str, JSON], build: JSON) -> int:
    """Return a number of weights that a layer of this class has at least."""
    features = _features(build)
    units = _count(config, "units")
    if class_name in _GATES:
        return _GATES[class_name] * units * (units + features)
    if class_name == "Embedding":
        return _count(config, "input_dim") * _count(config, "output_dim")
    if class_name.startswith("ConvLSTM"):
        return 4 * _count(config, "filters") ** 2 * _product(config.get("kernel_size"))
    if class_name.startswith(("Conv", "Depthwise", "Separable")):
        filters = max(1, _count(config, "filters"))
        groups = max(1, _count(config, "groups"))
        if class_name.startswith(("Depthwise", "Separable")):
            return max(filters, _product(config.get("kernel_size")) * max(1, _count(config, "depth_multiplier")))
        return filters * _product(config.get("kernel_size")) * max(1, features // groups)
    if class_name in ("MelSpectrogram", "STFTSpectrogram"):
        # No weights, but a matrix of constants that is made at build.
        return max(1, _count(config, "fft_length")) * max(1, _count(config, "num_mel_bins"))
    if class_name in ("MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"):
        heads = max(_count(config, "num_heads"), _count(config, "num_query_heads"))
        return heads * max(_count(config, "key_dim"), _count(config, "head_dim"), 1)
    return units * max(1, features)


def _features(build: JSON) -> int:
    """Return the last dimension of the shape that a layer was built with, 1 where that is not known."""
    shape = build.get("input_shape") if isinstance(build, dict) else None
    last = shape[-1] if isinstance(shape, list) and shape else None
    return last if type(last) is int and last > 0 else 1


def _count(config: dict[str, JSON], key: str) -> int:
    value = config.get(key)
    return value if type(value) is int and value > 0 else 0


def _product(value: JSON) -> int:
    sizes = value if isinstance(value, list) else [value]
    return math.prod(item for item in sizes if type(item) is int and item > 0)


def _numbers(config: dict[str, JSON]) -> Iterator[tuple[str, int]]:
    """Yield the whole numbers of a node's own config, not those of nodes inside it."""
    for key, value in config.items():
        items = value if isinstance(value, list) else [value]
        for item in items:
            if type(item) is int:
                yield key, item
