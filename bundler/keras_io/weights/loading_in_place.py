"""Keras's own loading of a folder, with weights that lie in memory in place of its HDF5 file.

What Keras reads through h5py, and copies three times, a variable takes from the bytes as they are, without a copy
where they are aligned. A layer that an author loads by their own ``load_own_variables`` gets arrays of its own. What is
not plain, and a Keras without the private names, takes the way over a file: the same result, later.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundler.formats.keras_archive import ASSETS, WEIGHTS
from bundler.keras_io import private
from bundler.keras_io.files.keras_file import write_config
from bundler.keras_io.framework import keras
from bundler.keras_io.weights.aligned_save import ALIGNMENT
from bundler.keras_io.weights.deferred import initialised_late
from bundler.keras_io.weights.stored_weights import StoredWeights, parents

_KERAS = "keras.src."


def load_model(
    directory: Path,
    config: Any,
    weights: StoredWeights | None,
    custom_objects: Mapping[str, Any],
    *,
    compile: bool,  # noqa: A002 - Keras's own name for it
    safe_mode: bool,
) -> Any:
    """Return the model of `config`; raises whatever Keras and the model's code raise.

    Args:
        directory: the folder with the other files of the ``.keras`` file; its config is written there.
        config: the value of ``config.json``.
        weights: the weights; `None` where they are in `directory`.
        custom_objects: as in `keras.saving.load_model`.
        compile: as there.
        safe_mode: as there.
    """
    library = private.saving_library()
    if weights is None or library is None or not weights.are_plain:
        if weights is not None:
            weights.write(directory / WEIGHTS)
        write_config(directory, config)
        return keras().saving.load_model(directory, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)
    with initialised_late():
        model = library._model_from_config(json.dumps(config), custom_objects, compile, safe_mode)
        assets = library.DiskIOStore(directory / ASSETS, mode="r") if (directory / ASSETS).is_dir() else None
        failed: set[int] = set()
        messages: dict[int, Any] = {}
        library._load_state(
            model,
            weights_store=_store(library.H5IOStore, weights),
            assets_store=assets,
            inner_path="",
            visited_saveables=set(),
            failed_saveables=failed,
            error_msgs=messages,
        )
    if failed:
        library._raise_loading_failure(messages)
    return model


def _store(base: type, weights: StoredWeights) -> Any:
    """Return what Keras takes for its own store of variables, of the class `base`."""
    groups = weights.groups()
    known = parents(groups)
    #: Two variables on the same bytes would change together.
    taken: set[tuple[int, str]] = set()

    class MemoryStore(base):  # type: ignore[misc]
        """Hands out the arrays of one layer at a time, as Keras's store does."""

        def __init__(self) -> None:
            # Nothing of Keras's: that would open a file.
            self._h5_entry_group: dict[str, Any] = {}

        def __bool__(self) -> bool:
            return True

        def get(self, path: str) -> Any:
            # The name in files of 2.13, which Keras still reads.
            older = path.replace("layers", "_layer_checkpoint_dependencies")
            self._h5_entry_group = groups.get(path) or groups.get(older) or {}
            return self

        def has_path(self, path: str) -> bool:
            return path in known

        def __getitem__(self, key: str) -> Any:
            array, place = self._h5_entry_group[key], (id(self._h5_entry_group), key)
            is_authors = not sys._getframe(1).f_globals.get("__name__", "").startswith(_KERAS)
            if is_authors or place in taken:
                return array.copy()
            taken.add(place)
            return _tensor(array)

        def close(self) -> None:
            """Close nothing."""

    return MemoryStore()


def _tensor(array: Any) -> Any:
    """Return what a variable takes for the numbers of `array`: a tensor on its very bytes, where that can be."""
    # The address, and never what the file says of it: a kernel that gets another ends the process (Eigen asserts).
    if not array.size or array.ctypes.data % ALIGNMENT:
        return array
    tensorflow = importlib.import_module("tensorflow")
    if array.dtype.kind in "fiu":
        return tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__())
    if array.dtype.name == "bfloat16":
        # NumPy tells nobody else of this type.
        return tensorflow.bitcast(
            tensorflow.experimental.dlpack.from_dlpack(array.view("uint16").__dlpack__()), "bfloat16"
        )
    return array
