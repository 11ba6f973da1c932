"""One layer at several places of a config: it comes back as one.

Keras writes such a layer once a place, and makes as many layers of it; each trains by itself then. Here every place
carries the same number, and the loader makes the layer the first time that it is asked for.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bundler.errors import InvalidBundle
from bundler.formats import keras_config
from bundler.keras_io.adapt import graphs
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras

#: The entry of a layer's config that says which of the shared layers it is.
SHARED = f"{TAG}shared"


def named_twice(config: Any, layers: Iterable[Any]) -> list[Any]:
    """Return those of `layers` that `config` may have at two places, told by class and name."""
    count: collections.Counter[tuple[str, str]] = collections.Counter()
    for _, node in keras_config.nodes(config):
        inner = node.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            count[str(node["class_name"]), inner["name"]] += 1
    return [layer for layer in layers if count[type(layer).__name__, layer.name] > 1]


def keep_shared(config: Any) -> list[str]:
    """Take the number from every layer of `config` that has only one place; return the names of the others."""
    places: dict[int, list[dict[str, Any]]] = {}
    for _, node in keras_config.nodes(config):
        inner = node.get("config")
        if isinstance(inner, dict) and SHARED in inner:
            places.setdefault(inner[SHARED], []).append(inner)
    for found in places.values():
        if len(found) == 1:
            del found[0][SHARED]
    return [str(found[0].get("name")) for found in places.values() if len(found) > 1]


def let_in(config: Any, offered: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Point the places of each shared layer in `config` to one object that makes it, and return those by key.

    The graphs around are pointed to a builder that can have such a layer (`graphs`).

    Args:
        config: the config, as far as the loader has prepared it; it is changed.
        offered: what its keys stand for.
        prefix: of the keys that this adds.

    Raises:
        InvalidBundle: one number stands for layers of two classes.
    """
    makers: dict[str, Any] = {}
    classes: dict[str, Any] = {}
    for pointer, node in list(keras_config.nodes(config)):
        inner = node.get("config")
        if not pointer or not isinstance(inner, dict) or SHARED not in inner:
            continue
        key = f"{prefix}:{str(inner[SHARED])[:20]}"
        cls = (node.get("module"), node["class_name"], node.get("registered_name"))
        if classes.setdefault(key, cls) != cls:
            raise InvalidBundle(
                "the model's config has one shared layer of two classes",
                place=f"config.json: {pointer}",
                found=f"{classes[key][1]} and {cls[1]}"[:120],
                hint="ask the author for a new bundle",
            )
        build = node.pop("build_config", None)
        makers.setdefault(key, _maker(node, build, _known(node, offered)))
        node["registered_name"] = key
    if not makers:
        return {}
    for pointer, node in list(keras_config.nodes(config)):
        if pointer and graphs.is_graph(node.get("config")) and node.get("registered_name") not in makers:
            known = _known(node, offered)
            if known is None or graphs.is_rebuilt_by_keras(known):
                key = f"{prefix}:graph:{len(makers)}"
                makers[key] = graphs.adapter_of(known or keras().Model)
                node["registered_name"] = key
    return makers


def _known(node: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
    return offered.get(keras_config.lookup_key(dict(node)))


def _maker(node: Mapping[str, Any], build: Any, known: Any) -> Any:
    """Return an object whose ``from_config`` makes the layer of `node` once and gives the same ever after."""
    stock = {name: node.get(name) for name in ("module", "class_name", "registered_name")}
    made: list[Any] = []
    make: Callable[[dict[str, Any]], Any]
    if known is not None:
        make = known.from_config
    elif graphs.is_graph(node.get("config")):
        make = graphs.adapter_of(keras().Model).from_config
    else:
        make = lambda config: keras().saving.deserialize_keras_object({**stock, "config": config})  # noqa: E731

    def from_config(config: Mapping[str, Any], custom_objects: Any = None) -> Any:  # noqa: ARG001 - Keras's signature
        if not made:
            layer = make({name: value for name, value in config.items() if name != SHARED})
            if build and not layer.built:
                layer.build_from_config(build)
                layer.built = True
            made.append(layer)
        return made[0]

    return type(str(stock["class_name"]), (), {"from_config": staticmethod(from_config)})
