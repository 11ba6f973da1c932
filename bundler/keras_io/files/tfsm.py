"""`keras.layers.TFSMLayer`: a layer whose config is the path of a SavedModel folder on the author's machine.

The folder travels in the bundle, and the config says where in it. Keras refuses to load such a layer in safe mode,
because the folder could be anybody's; here its graph was checked and its bytes were verified, so the loader puts a
class in the layer's place that makes it all the same. Safe mode stays on for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bundler.errors import RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io.framework import keras

#: Where a bundle has the folders, each below a number.
PLACE = "model/tfsm"
_CLASS = "TFSMLayer"


def graph_paths(config: Any) -> dict[str, list[str]]:
    """Return the paths of the folders in `config`, in document order, each with the pointers to its layers."""
    found: dict[str, list[str]] = {}
    for pointer, node in _layers(config):
        found.setdefault(str(node["config"].get("filepath")), []).append(pointer)
    return found


def point_to(config: Any, folders: Mapping[str, str | Path]) -> None:
    """Replace the paths in `config` that are keys of `folders`, in place."""
    for _, node in _layers(config):
        path = str(node["config"].get("filepath"))
        if path in folders:
            node["config"]["filepath"] = str(folders[path])


def let_in(config: Any, folders: Mapping[str, str | Path], key: str, *, safe_mode: bool) -> dict[str, Any]:
    """Point the layers of `config` to `folders`, and to a class that Keras may load.

    Returns the class by `key`, for `custom_objects`; nothing where no layer has a path in `folders`.

    Raises:
        RebuildFailed: a layer names another folder, and `safe_mode` is on. Older versions of Keras
            do not refuse that themselves.
    """
    known = []
    for pointer, node in _layers(config):
        if str(node["config"].get("filepath")) in folders:
            known.append(node)
        elif safe_mode:
            raise RebuildFailed(
                "a TFSMLayer names a folder outside the bundle, whose graph nobody checked",
                place=f"config.json: {pointer}",
                expected=f"a folder below {PLACE}",
                found=repr(node["config"].get("filepath")),
                hint="ask the author for a new bundle; safe_mode=False loads whatever is in that folder",
            )
    point_to(config, folders)
    for node in known:
        node["registered_name"] = key
    return {key: _stand_in()} if known else {}


def _stand_in() -> type[Any]:
    layer_class = keras().layers.TFSMLayer

    class EmbeddedGraph(layer_class):  # type: ignore[misc, valid-type]
        """Makes a plain `TFSMLayer`, so that nothing of this class stays in the model."""

        @classmethod
        def from_config(cls, config: dict[str, Any], **_: Any) -> Any:
            """Return the layer that `config` describes."""
            try:
                return layer_class(**config)
            except Exception as error:
                raise RebuildFailed(
                    f"the graph of the layer {config.get('name')!r} does not load: {error}",
                    place=str(config.get("call_endpoint")),
                    hint="export the SavedModel again with the TensorFlow of this machine, and pack the model again",
                ) from error

    return EmbeddedGraph


def _layers(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for pointer, node in keras_config.nodes(config):
        # Keras finds the class by "layers.TFSMLayer" of the module "keras", too, and without any module.
        is_named = node["class_name"].rpartition(".")[2] == _CLASS
        is_kerass = keras_config.is_builtin_class(node) or node.get("module") is None
        if is_named and is_kerass and isinstance(node["config"], dict):
            yield pointer, node
