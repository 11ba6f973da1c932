"""How many words a lookup layer has, before they are read from their file.

Keras keeps the words that `adapt` found beside the config and reads them when all objects exist. An author's
constructor that is given such a layer asks at once: ``Embedding(lookup.vocabulary_size(), 8)``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from bundler.formats import keras_config
from bundler.keras_io.framework import keras

_LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization")


def recorded_sizes(config: Any) -> dict[str, int]:
    """Return the sizes that the nodes of `config` tell, by the name of the layer."""
    found = {}
    for _, node in keras_config.nodes(config):
        inner = node.get("config")
        if node.get("class_name") in _LOOKUPS and isinstance(inner, dict) and inner.get("vocabulary") is None:
            size, name = inner.get("vocabulary_size"), inner.get("name")
            if type(size) is int and isinstance(name, str):
                found[name] = size
    return found


@contextlib.contextmanager
def sizes_known(values: Any, sizes: Mapping[str, int]) -> Iterator[None]:
    """Let the lookup layers in `values`, nested, answer `vocabulary_size` with `sizes` in the meantime."""
    answering = [layer for layer in _layers(values) if layer.name in sizes] if sizes else []
    for layer in answering:
        # Past Keras's own __setattr__, which tracks.
        object.__setattr__(layer, "vocabulary_size", lambda size=sizes[layer.name]: size)
    try:
        yield
    finally:
        for layer in answering:
            vars(layer).pop("vocabulary_size", None)


def _layers(values: Any) -> Iterator[Any]:
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, list | tuple):
        for value in values:
            yield from _layers(value)
    elif isinstance(values, keras().layers.Layer) and type(values).__name__ in _LOOKUPS:
        yield values
