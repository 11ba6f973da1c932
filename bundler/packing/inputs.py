"""What `bundle` accepts as a model, and who takes it from there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bundler.errors import PackError
from bundler.keras_io import payload
from bundler.packing.compose import Found
from bundler.packing.keras_file import from_keras_file
from bundler.packing.live import from_model
from bundler.packing.search import Search, Step


def from_input(model: Any, search: Search, scratch: Path, step: Step) -> Found:
    """Find all that the bundle of `model` holds: a live model, or the path of a model file.

    Raises:
        PackError: it is neither, or cannot be packed.
        SourceError: some objects or modules cannot travel; every cause is listed.
    """
    if isinstance(model, str | os.PathLike):
        if search.by_value:
            raise PackError(
                "by_value is for a live model; a file holds no classes that could be pickled",
                place=os.fspath(model),
                hint="load the model where its classes are defined, and pack it there",
            )
        return _from_path(Path(model), search, scratch, step)
    if payload.is_model(model):
        return from_model(model, search, scratch, step)
    raise PackError(
        "this is neither a Keras model nor the path of one",
        expected="a keras.Model, or the path of a .keras file",
        found=f"{type(model).__module__}.{type(model).__name__}",
        hint="pass the model itself; a tf.keras (Keras 2) model must be saved again with Keras 3",
    )


def _from_path(path: Path, search: Search, scratch: Path, step: Step) -> Found:
    if not path.is_file():
        what = "a SavedModel folder" if path.is_dir() else "nothing"
        raise PackError(
            "there is no model file", place=str(path), expected="a .keras file", found=what, hint="check the path"
        )
    if path.suffix != ".keras":
        raise PackError(
            "this kind of model file cannot be packed yet",
            place=str(path),
            expected="a .keras file",
            found=path.suffix or "no suffix",
            hint="load it where it was made, and save it with model.save('model.keras')",
        )
    return from_keras_file(path, search, scratch, step)
