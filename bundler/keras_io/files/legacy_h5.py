"""Keras's old ``.h5`` file: its config in an attribute, names without modules, and a loader of its own.

A node of this config is ``{"class_name": ..., "config": ...}``. The class name is the bare name of the class, or the
key it was registered with; a function is its name in a string.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bundler.errors import PackError
from bundler.formats import keras_config
from bundler.frameworks import root_of
from bundler.keras_io.failures import rebuild_error
from bundler.keras_io.framework import keras

#: Where the classes live that a bare name may mean.
_PARTS = (
    "layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules", "dtype_policies", "quantizers",
)  # fmt: skip
#: Classes that Keras knows by name and does not show.
_HIDDEN = ("Functional",)
#: What Keras 2 wrote for TensorFlow operations between layers. Keras 3 has nothing to read it with.
_KERAS_2_ONLY = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "ModuleWrapper")
#: Where a string is the name of a function, if it is not one of Keras's own.
_FUNCTION_FIELDS = ("activation", "recurrent_activation", "standardize", "split", "function")
#: Words that `compile` turns into one metric or another by the shape of the outputs.
_METRIC_WORDS = ("accuracy", "acc", "crossentropy", "ce")
#: Where a string is a name and means nothing.
_LABELS = ("name", "class_name", "registered_name", "module", "dtype", "keras_version", "backend")


def read_config(path: Path) -> dict[str, Any]:
    """Return the configs ``model`` and ``training`` of the file and its ``keras_version``, `None` for what it lacks.

    Raises:
        PackError: it is not HDF5 file, or holds weights and no model.
    """
    h5py = importlib.import_module("h5py")
    try:
        with h5py.File(path, "r") as file:
            texts = {name: file.attrs.get(f"{name}_config") for name in ("model", "training")}
            version = file.attrs.get("keras_version")
            keys = sorted(file.keys())
        if texts["model"] is None:
            raise PackError(
                "this file holds weights and no model",
                place=str(path),
                found=", ".join(keys[:5]) or "nothing",
                hint="make the model, load_weights(path), and pack the model; or pack with builder=, a function that "
                "returns the untrained model",
            )
        configs = {name: None if text is None else json.loads(text) for name, text in texts.items()}
        if not isinstance(configs["model"], dict) or not isinstance(configs["training"], dict | None):
            raise ValueError("a config in it is not an object")
        return {**configs, "keras_version": version.decode() if isinstance(version, bytes) else version}
    # h5py raises RuntimeError and KeyError about damaged files, and an attribute may be a number or an array.
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise PackError(
            f"this is not an HDF5 file that Keras could open: {error}",
            place=str(path),
            hint="save the model again with model.save('model.keras')",
        ) from error


def class_names(config: Any) -> Iterator[tuple[str, str]]:
    """Yield (pointer, name) for every class that the config of an ``.h5`` file asks for, Keras's own too."""
    for pointer, node in keras_config.nodes(config):
        name = keras_config.lookup_key(node)
        if is_by_keras_2(config) and name.startswith("Custom>") and is_builtin(name.removeprefix("Custom>")):
            continue  # Keras 2 registered its own optimizers like an author's.
        if not keras_config.is_function(node) and not (name.startswith("__") and name.endswith("__")):
            yield pointer, name


def function_names(config: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield (pointer, name, certain) for every string of the config that may be the name of a function.

    It is `certain` where nothing else could stand there: an activation, a loss, a metric.
    """
    nodes = {f"{pointer}/config" for pointer, node in keras_config.nodes(config) if keras_config.is_function(node)}
    for pointer, value in keras_config.walk(config):
        field = pointer.rpartition("/")[2]
        if not isinstance(value, str) or field in _LABELS or is_builtin(value) or _is_given_by_alias(value):
            continue
        in_training = pointer.startswith(("/training/loss", "/training/metrics", "/training/weighted_metrics"))
        in_model = field in _FUNCTION_FIELDS and pointer.startswith("/model/")
        yield pointer, value, in_training or in_model or pointer in nodes


def is_builtin(name: str) -> bool:
    """Say whether `name` is a class or a function of Keras's own."""
    if name in _HIDDEN or ">" in name:
        return name in _HIDDEN
    for part in _PARTS:
        found: Any = keras()
        for step in part.split("."):
            found = getattr(found, step)
        if hasattr(found, name):
            return True
    return any(hasattr(getattr(keras(), part), name) for part in ("activations", "ops"))


def _is_given_by_alias(name: str) -> bool:
    """Say whether Keras takes `name` for a loss or a metric of its own, as ``mae`` or ``accuracy``."""
    if name in _METRIC_WORDS:
        return True
    for part in ("losses", "metrics"):
        try:
            found = getattr(keras(), part).get(name)
        except (ValueError, TypeError):
            continue
        if root_of(found) == "keras":
            return True
    return False


def is_of_keras_2(name: str) -> bool:
    """Say whether `name` is a class that only Keras 2 has."""
    return name in _KERAS_2_ONLY


def is_by_keras_2(config: Any) -> bool:
    """Say whether the file that `read_config` read was written by Keras 2."""
    return str(config.get("keras_version") or "2").startswith("2")


def load(path: Path, config: Any, custom_objects: Mapping[str, Any]) -> Any:
    """Return the model in the ``.h5`` file at `path`, of which `config` is what `read_config` gave.

    Keras 3 reads the models of Keras 2 and seldom what they were compiled with; then the model comes back without, and
    a warning says so.

    Raises:
        RebuildFailed: Keras cannot load it.
    """
    try:
        return _load(path, custom_objects, compile=True)
    except Exception as error:
        if not (is_by_keras_2(config) and config["training"]):
            raise rebuild_error(error) from error
    try:
        model = _load(path, custom_objects, compile=False)
    except Exception as error:
        raise rebuild_error(error) from error
    warnings.warn(
        f"{path.name} was written by Keras 2, and Keras 3 cannot read its optimizer, loss and metrics: "
        "the model is packed without them",
        stacklevel=2,
    )
    return model


def _load(path: Path, custom_objects: Mapping[str, Any], *, compile: bool) -> Any:  # noqa: A002 - Keras's word
    # The scope wins over Keras's table in this loader, and an argument alone does not.
    with keras().saving.custom_object_scope(dict(custom_objects)):
        model = keras().saving.load_model(path, custom_objects=dict(custom_objects), compile=compile, safe_mode=True)
    if compile and getattr(model, "optimizer", None) is not None:
        _restore_optimizer(model, path)
    return model


def _restore_optimizer(model: Any, path: Path) -> None:
    """Give the optimizer of `model` the state that the file has for it.

    Keras builds it for the variables that the model has beside its layers, mostly none, and then says that the saved
    state does not fit.
    """
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "r") as file:
        group = file.get("optimizer_weights")
        if group is None:
            return
        # Keras cuts a list of names that is too long for one attribute.
        parts = (
            ["weight_names"] if "weight_names" in group.attrs else sorted(group.attrs, key=lambda key: (len(key), key))
        )
        names = [name for part in parts for name in group.attrs[part]]
        values = [group[name.decode() if isinstance(name, bytes) else str(name)][()] for name in names]
    optimizer = model.optimizer
    optimizer.built = False
    optimizer.build(model.trainable_variables)
    variables = list(optimizer.variables)
    if [tuple(variable.shape) for variable in variables] != [tuple(value.shape) for value in values]:
        warnings.warn(
            f"{path.name} has a state of the optimizer that does not fit the weights that are trained: the optimizer "
            "starts anew",
            stacklevel=2,
        )
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
