"""What `bundle` accepts as a model, and who takes it from there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bundler.errors import PackError
from bundler.keras_io import payload
from bundler.packing import built
from bundler.packing.compose import Found
from bundler.packing.keras_file import from_keras_file
from bundler.packing.search import Search, Step
from bundler.packing.trial import from_model_until_it_loads


def from_input(
    model: Any,
    search: Search,
    scratch: Path,
    step: Step,
    *,
    builder: Callable[..., Any] | str | None = None,
    builder_kwargs: Mapping[str, Any] | None = None,
) -> Found:
    """Find all that the bundle of `model` holds: a live model, or the path of a model file.

    With a builder it may also be a file of weights, or nothing: then the builder's model goes in as it is made.

    Raises:
        PackError: it is neither, or cannot be packed.
        SourceError: some objects or modules cannot travel; every cause is listed.
    """
    if builder is not None:
        return _from_builder(model, search, scratch, step, builder, builder_kwargs or {})
    if builder_kwargs:
        raise PackError(
            "builder_kwargs are the arguments of a builder, and none is given", hint="pass builder=make_model too"
        )
    if isinstance(model, str | os.PathLike):
        return _from_path(Path(model), search, scratch, step)
    if payload.is_model(model):
        return from_model_until_it_loads(model, search, scratch, step)
    raise PackError(
        "this is neither a Keras model nor the path of one",
        expected="a keras.Model, or the path of a .keras file",
        found=f"{type(model).__module__}.{type(model).__name__}",
        hint="pass the model itself; a tf.keras (Keras 2) model must be saved again with Keras 3",
    )


def _from_builder(
    model: Any,
    search: Search,
    scratch: Path,
    step: Step,
    builder: Callable[..., Any] | str,
    arguments: Mapping[str, Any],
) -> Found:
    arguments = built.check_arguments(arguments)
    function = built.find_builder(builder, search) if isinstance(builder, str) else built.check_function(builder)
    if model is None or isinstance(model, str | os.PathLike):
        step("calling the builder")
        model = built.made_model(function, arguments, model)
    elif not payload.is_model(model):
        raise PackError(
            "this is neither a Keras model nor a file of weights",
            expected="a keras.Model, or the path of a .weights.h5 file",
            found=f"{type(model).__module__}.{type(model).__name__}",
        )
    return from_model_until_it_loads(model, search, scratch, step, builder=(function, arguments))


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
