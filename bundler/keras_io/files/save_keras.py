"""From a live model to a ``.keras`` file that is the same every time, and to the facts that the manifest tells.

Keras writes the save time into ``metadata.json`` and memory addresses into ``config.json`` (``shared_object_id``).
Both are replaced, so that one model gives one payload (invariant I3).
"""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.archive.new_content import Joined
from bundler.archive.writer import NewMember, stored_zip
from bundler.errors import PackError
from bundler.formats import keras_config
from bundler.formats.keras_archive import ASSETS, CONFIG, METADATA, WEIGHTS
from bundler.keras_io.adapt.every_weight import layers_below
from bundler.keras_io.framework import keras, versions
from bundler.keras_io.weights import aligned_save
from bundler.manifest import Parameters, TensorSpec
from bundler.namespace import IMPORT_LOCK

#: The save time that every payload of a live model carries.
_NO_DATE = "1980-01-01@00:00:00"

#: Keras dtype name -> Open Inference Protocol datatype.
DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "bfloat16": "BF16",
    "float32": "FP32",
    "float64": "FP64",
    "string": "BYTES",
}


#: What Keras calls the weights of a layer in its file.
_VARIABLES = "vars"


def is_model(value: object) -> bool:
    """Say whether `value` is a live Keras model."""
    return isinstance(value, keras().Model)


def save(model: Any, directory: Path) -> Any:
    """Save `model` as Keras does, unzipped, into the new folder `directory`, and return its config.

    Raises:
        PackError: Keras cannot save the model; the message is its innermost cause.
    """
    with _saving(model):
        aligned_save.save_model(model, directory)
    config = json.loads((directory / CONFIG).read_bytes())
    number_shared_objects(config)
    return config


def config_of(model: Any) -> Any:
    """Return the config that `save` would write, but for the ids of shared objects, and write nothing; raises as it."""
    with _saving(model):
        return json.loads(json.dumps(keras().saving.serialize_keras_object(model)))


@contextlib.contextmanager
def _saving(model: Any) -> Iterator[None]:
    # A GAN without a call() is never built; its parts are.
    if not model.built and not model.weights:
        raise PackError(
            "the model has no weights yet",
            place=model.name,
            hint="call it once on a batch of data, or model.build(input_shape), and pack it again",
        )
    try:
        with warnings.catch_warnings():
            # A lambda in the model is reported as a problem with its place; Keras's own warning would only repeat.
            warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
            yield
    except Exception as error:
        raise PackError(
            f"Keras cannot save this model: {type(error).__name__}: {error}",
            place=model.name,
            hint=_remedy(error, model),
        ) from error


def _remedy(error: Exception, model: Any) -> str:
    if "name already exists" in str(error):
        for layer in layers_below(model):
            if _VARIABLES in vars(layer):
                return (
                    f"{type(layer).__qualname__} has an attribute {_VARIABLES!r}, under which Keras's file has the "
                    f"weights of the layer itself: give the attribute another name"
                )
    if "functools.partial" in str(error):
        return "write a named function (def ...) that makes the call of the partial, and use that; it may be a closure"
    return "give the class that is named here a get_config() that returns all arguments of its __init__"


def load_weights(model: Any, path: Path, place: str) -> None:
    """Load the weights file at `path` into `model`.

    Raises:
        PackError: the model has no weights yet, or they do not fit.
    """
    if not model.built or not model.weights:
        raise PackError(
            "the builder's model has no weights yet, so none can be loaded into it",
            place=place,
            hint="call it once on a batch of data in the builder, or model.build(input_shape), before returning it",
        )
    try:
        model.load_weights(path)
    except Exception as error:
        raise PackError(
            f"the weights do not fit the builder's model: {type(error).__name__}: {error}",
            place=str(path),
            hint="the builder must return the model that the weights were saved from; check its arguments",
        ) from error


def keras_file_of(directory: Path, config: Any) -> Joined:
    """Return the ``.keras`` file of what `save` wrote, with `config` as its config; the weights are not copied."""
    (directory / METADATA).write_text(json.dumps({"date_saved": _NO_DATE, "keras_version": versions()[0]}))
    return zipped(directory, config)


def zipped(directory: Path, config: Any) -> Joined:
    """Return the ``.keras`` file of the files in `directory`, with `config` as its config; nothing is copied."""
    assets = sorted(item for item in (directory / ASSETS).rglob("*") if item.is_file())
    members = [
        NewMember(name=METADATA, content=directory / METADATA),
        NewMember(name=CONFIG, content=json.dumps(config).encode()),
        NewMember(name=WEIGHTS, content=directory / WEIGHTS),
        *(NewMember(name=item.relative_to(directory).as_posix(), content=item) for item in assets),
    ]
    return stored_zip(members)


def number_shared_objects(config: Any) -> None:
    """Replace the memory addresses that Keras uses as ``shared_object_id`` by 1, 2, ... in document order."""
    numbers: dict[Any, int] = {}
    for _, node in keras_config.nodes(config):
        if "shared_object_id" in node:
            node["shared_object_id"] = numbers.setdefault(node["shared_object_id"], len(numbers) + 1)


@contextlib.contextmanager
def distinct_names(functions: Sequence[FunctionType]) -> Iterator[None]:
    """Give each of `functions` a Keras key of its own while the model is saved.

    Keras writes a function's key and nothing else into the config, so two functions of one name could not be told
    apart afterwards.
    """
    if not functions:
        yield
        return
    with IMPORT_LOCK:
        yield from _renamed(functions)


@contextlib.contextmanager
def distinct_modules(classes: Sequence[type]) -> Iterator[None]:
    """Give each of `classes` a module name of its own while the model is saved.

    Keras writes a class's module, name and key into the config, and looks at the key alone when it loads. Two local
    classes of one factory have all three in common. Their names must stay: weights are stored under them.
    """
    if not classes:
        yield
        return
    with IMPORT_LOCK:
        before = [(cls, cls.__module__) for cls in classes]
        try:
            for index, (cls, module) in enumerate(before):
                cls.__module__ = f"{module}@{index}"
            yield
        finally:
            for cls, module in before:
                cls.__module__ = module


def _renamed(functions: Sequence[FunctionType]) -> Iterator[None]:
    saving = keras().saving
    table = saving.get_custom_objects()
    before = dict(table)
    names = [(function, function.__name__, str(saving.get_registered_name(function))) for function in functions]
    try:
        for index, (function, name, key) in enumerate(names):
            if key == name:
                function.__name__ = f"{name}@{index}"
            else:
                saving.register_keras_serializable(package="kbundle-pack", name=f"{name}@{index}")(function)
        yield
    finally:
        for function, name, key in names:
            function.__name__ = name
            if key != name:
                package, _, registered = key.partition(">")
                saving.register_keras_serializable(package=package, name=registered)(function)
        for key in [key for key in table if key.startswith("kbundle-pack>")]:
            del table[key]
        table.update({key: value for key, value in before.items() if table.get(key) is not value})


def parameters_of(model: Any) -> Parameters:
    """Return the counts of scalar weights of `model`."""
    return Parameters(
        trainable=sum(math.prod(variable.shape) for variable in model.trainable_weights),
        non_trainable=sum(math.prod(variable.shape) for variable in model.non_trainable_weights),
    )


def signature_of(model: Any) -> tuple[tuple[TensorSpec, ...] | None, tuple[TensorSpec, ...] | None]:
    """Return the inputs and outputs of `model`, `None` for what a subclassed model does not declare."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    # A Sequential model has no output names, and its tensors are numbered by process.
    output_names = list(getattr(model, "output_names", None) or [layer.name for layer in model.layers[-1:]])
    return (
        tuple(_spec(tensor, tensor.name) for tensor in inputs) if inputs else None,
        tuple(
            _spec(tensor, output_names[index] if index < len(output_names) else tensor.name)
            for index, tensor in enumerate(outputs)
        )
        if outputs
        else None,
    )


def _spec(tensor: Any, name: str) -> TensorSpec:
    dtype = str(tensor.dtype)
    return TensorSpec(
        name=str(name),
        shape=tuple(-1 if size is None else int(size) for size in tensor.shape),
        datatype=DATATYPES.get(dtype, dtype.upper()),
    )
