"""Tell what a pickle of a model carries beside the reference to its bundle; `pickling` makes the model of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bundler.archive.new_content import pieces_of
from bundler.formats import keras_config
from bundler.keras_io import marks, registry
from bundler.keras_io.adapt import OBJECT_VALUES
from bundler.keras_io.files import save_keras, saved_model, tfsm
from bundler.keras_io.program.restore import value_adaptations, without_values
from bundler.keras_io.program.seeds import seeds_of
from bundler.manifest import Adaptation, Manifest
from bundler.namespace import namespace_of
from bundler.saving import adapted_model
from bundler.saving.live_program import carried_values, program_of
from bundler.sources.live_objects import live_objects
from bundler.unpacking.rebuilding import keyless_values, origin_of


def state_of_model(model: Any, manifest: Manifest) -> tuple[Any, ...]:
    """Return the arguments of `pickling.revive` after the reference, for `model` from the bundle with `manifest`."""
    with tempfile.TemporaryDirectory(prefix="kbundle-") as scratch:
        origin = origin_of(model)
        values = {} if origin is None else keyless_values(manifest, origin.namespace)
        with marks.marked(values):
            config, folder, adaptations = _saved(model, manifest, Path(scratch) / "saved")
        state = b"".join(pieces_of(save_keras.keras_file_of(folder, config)))
    return state, adaptations, _hosts_in(model, config), _graphs_in(config), seeds_of(model)


def _saved(model: Any, manifest: Manifest, folder: Path) -> tuple[Any, Path, tuple[Adaptation, ...]]:
    """Save `model` below `folder` as it was saved for its bundle; returns as `adapted.save` does."""
    values = value_adaptations(manifest.adaptations)
    values = (
        # Where this process has the tree, they are set; another process starts from what the bundle says.
        *(item for item in values if item.kind != OBJECT_VALUES),
        *carried_values(program_of(model, (), (), {}), [item for item in values if item.kind == OBJECT_VALUES]),
    )
    if manifest.builder is None:
        config, written, adaptations, _ = adapted_model.save(model, folder, without_values(manifest.adaptations))
    else:
        adaptations = without_values(manifest.adaptations)
        config, written, _, _ = adapted_model.save_for_builder(model, folder)
    return config, written, (*adaptations, *values)


def _hosts_in(model: Any, config: Any) -> dict[str, Any]:
    """Return what `config` names of the host's own, which Keras would not find in another process."""
    live = live_objects(model)
    own = [obj for obj in (*live.classes, *live.functions) if namespace_of(obj.__module__) is None]
    by_key = {registry.saved_key(obj): obj for obj in own}
    nodes = (node for _, node in keras_config.nodes(config) if not keras_config.is_builtin_class(node))
    return {key: by_key[key] for key in sorted({keras_config.lookup_key(node) for node in nodes} & by_key.keys())}


def _graphs_in(config: Any) -> dict[str, dict[str, bytes]]:
    folders = {path: Path(path) for path in tfsm.graph_paths(config)}
    return {
        path: {file.relative_to(folder).as_posix(): file.read_bytes() for file in saved_model.files_of(folder)}
        for path, folder in folders.items()
    }
