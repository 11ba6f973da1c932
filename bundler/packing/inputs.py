"""What `bundle` accepts as a model, and who takes it from there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.errors import PackError
from bundler.keras_io.files import save_keras, saved_model
from bundler.keras_io.files.inference_model import is_inference_model
from bundler.keras_io.files.saved_model import is_saved_model
from bundler.keras_io.native.python_calls import python_calls, refuse_python_calls
from bundler.manifest import Adaptation
from bundler.packing import from_builder, inference_graph
from bundler.packing.compose import Found
from bundler.packing.from_keras_file import from_keras_file
from bundler.packing.from_legacy_h5 import from_legacy_file
from bundler.packing.from_live_model import from_model
from bundler.packing.options import PackOptions
from bundler.packing.search import Step

_LEGACY = (".h5", ".hdf5")


def from_input(
    model: Any, options: PackOptions, scratch: Path, step: Step, adaptations: Sequence[Adaptation] = ()
) -> Found:
    """Find all that the bundle of `model` holds: a live model, or the path of a model file or folder.

    With a builder it may also be a file of weights, or nothing: then the builder's model goes in as it is made.
    `adaptations` are what a live model is known to need. `options.fallback` is the caller's business.

    Raises:
        PackError: it is neither, or cannot be packed.
        SourceError: some objects or modules cannot travel; every cause is listed.
    """
    if options.builder is not None:
        return _from_builder(model, options, scratch, step)
    if isinstance(model, str | os.PathLike):
        if options.by_value:
            raise PackError(
                "by_value is for a live model; a file holds no classes that could be pickled",
                place=os.fspath(model),
                hint="load the model where its classes are defined, and pack it there",
            )
        return _from_path(Path(model), options, scratch, step)
    if not save_keras.is_model(model):
        raise PackError(
            "this is neither a Keras model nor the path of one",
            expected="a keras.Model, or the path of a .keras file, an .h5 file or a SavedModel folder",
            found=f"{type(model).__module__}.{type(model).__name__}",
            hint="pass the model itself; a tf.keras (Keras 2) model must be saved again with Keras 3, or exported "
            "as a SavedModel",
        )
    if is_inference_model(model):
        return inference_graph.from_inference_model(model, scratch, step)
    return _from_live(model, options, scratch, step, adaptations)


def check_applies(model: Any, options: PackOptions) -> None:
    """Refuse arguments that would change nothing for this `model`: whoever gave them expects something.

    Raises:
        PackError: the first of them.
    """
    path = Path(model) if isinstance(model, str | os.PathLike) and options.builder is None else None
    is_folder = path is not None and is_saved_model(path)
    if options.signature is not None and not is_folder:
        raise PackError(
            "only a SavedModel folder has signatures to choose from",
            place="signature",
            hint="leave signature= (--signature) out, or name the folder that model.export() wrote",
        )
    if options.custom_objects and (path is None or is_folder):
        raise PackError(
            "custom_objects is for .keras and .h5 files, which name classes by their keys",
            place="custom_objects",
            found="a SavedModel folder" if is_folder else "a live model or a builder",
            hint="leave it out: a graph needs no classes"
            if is_folder
            else "leave it out: the classes of the model itself are packed",
        )
    if options.payload == "both" and (is_folder or (path is None and is_inference_model(model))):
        raise PackError(
            "there is only a graph here, and no model beside it",
            place="payload",
            expected="'full' or 'inference'",
            found="'both'",
            hint="pack the model that the graph was made from, or leave payload= (--payload) out",
        )


def _from_builder(model: Any, options: PackOptions, scratch: Path, step: Step) -> Found:
    builder = options.builder
    arguments = from_builder.check_arguments(options.builder_kwargs or {})
    function = (
        from_builder.find_builder(builder, options)
        if isinstance(builder, str)
        else from_builder.check_function(builder)
    )
    if model is None or isinstance(model, str | os.PathLike):
        step("calling the builder")
        model = from_builder.made_model(function, arguments, model)
    elif not save_keras.is_model(model):
        raise PackError(
            "this is neither a Keras model nor a file of weights",
            expected="a keras.Model, or the path of a .weights.h5 file",
            found=f"{type(model).__module__}.{type(model).__name__}",
        )
    return _from_live(model, options, scratch, step, builder=(function, arguments))


def _from_live(
    model: Any,
    options: PackOptions,
    scratch: Path,
    step: Step,
    adaptations: Sequence[Adaptation] = (),
    builder: tuple[FunctionType, Mapping[str, Any]] | None = None,
) -> Found:
    examples = options.example_inputs
    if options.payload == "inference":
        return inference_graph.from_graph(model, scratch, step, examples)
    found = from_model(model, options, scratch, step, adaptations=adaptations, builder=builder)
    return inference_graph.with_graph(found, scratch, step, examples) if options.payload == "both" else found


def _from_path(path: Path, options: PackOptions, scratch: Path, step: Step) -> Found:
    if is_saved_model(path):
        return from_saved_model(path, step, options.signature)
    if not path.is_file():
        raise PackError(
            "there is no model here",
            place=str(path),
            expected="a .keras file, an .h5 file or a SavedModel folder",
            found="a folder without saved_model.pb" if path.is_dir() else "nothing",
            hint="check the path",
        )
    if path.suffix.lower() in _LEGACY:
        model = from_legacy_file(path, options, step)
        return _from_live(model, options, scratch, step)
    if path.suffix != ".keras":
        raise PackError(
            "this kind of model file cannot be packed",
            place=str(path),
            expected="a .keras file, an .h5 file or a SavedModel folder",
            found=path.suffix or "no suffix",
            hint="load it where it was made, and save it with model.save('model.keras')",
        )
    found = from_keras_file(path, options, scratch, step)
    if options.payload == "inference":
        return inference_graph.from_graph(found.model, scratch, step, options.example_inputs)
    return (
        inference_graph.with_graph(found, scratch, step, options.example_inputs) if options.payload == "both" else found
    )


def from_saved_model(directory: Path, step: Step, signature: str | None = None) -> Found:
    """Load the SavedModel in `directory` once, and take its files as they are.

    Raises:
        PackError: it has no signature that could be called, or several to choose from.
        SourceError: its graph calls back into Python, or cannot be read.
        RebuildFailed: TensorFlow cannot load it.
    """
    step("reading the graph")
    refuse_python_calls(python_calls(directory), f"the SavedModel {directory.name!r}")
    step("loading the model once")
    model, facts = saved_model.read(directory, inference_graph.GRAPH_MEMBER, signature)
    return inference_graph.found_graph(model, inference_graph.members_below(directory), facts)
