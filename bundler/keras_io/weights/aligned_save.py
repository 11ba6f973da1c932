"""Keras's own saving to a folder, with every large array where a loaded model can take it from as it lies."""

from __future__ import annotations

import importlib
from contextlib import closing
from pathlib import Path
from typing import Any

from bundler.formats.keras_archive import ASSETS, CONFIG, METADATA, WEIGHTS
from bundler.keras_io import private
from bundler.keras_io.framework import keras

#: What the kernels of TensorFlow want of an address.
ALIGNMENT = 64
#: A smaller array is copied sooner than it is found.
_SMALLEST = 1024


def save_model(model: Any, directory: Path) -> None:
    """Write what `keras.saving.save_model` writes unzipped to the new folder `directory`; raises whatever it raises.

    The same HDF5 file for every reader, with holes of less than 64 bytes.
    """
    library = private.saving_library()
    if library is None:
        keras().saving.save_model(model, directory, zipped=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    config, metadata = library._serialize_model_as_json(model)
    (directory / METADATA).write_text(metadata)
    (directory / CONFIG).write_text(config)
    weights = closing(_aligned(library.H5IOStore)(directory / WEIGHTS, mode="w"))
    with weights as store, closing(library.DiskIOStore(directory / ASSETS, mode="w")) as assets:
        library._save_state(model, weights_store=store, assets_store=assets, inner_path="", visited_saveables=set())


def _aligned(base: type) -> Any:
    h5py = importlib.import_module("h5py")

    class AlignedStore(base):  # type: ignore[misc]
        def _get_h5_file(self, path_or_io: Any, mode: str | None = None) -> Any:
            return h5py.File(path_or_io, mode or self.mode, alignment_threshold=_SMALLEST, alignment_interval=ALIGNMENT)

    return AlignedStore
