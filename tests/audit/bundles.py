"""Whole bundles to audit, made without Keras: an ordinary one, and the parts to make it hostile with."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bundler.archive.writer import NewMember, write_bundle
from bundler.manifest import CustomObject, Module, PinnedDistribution
from tests.manifest import samples

JSON = Any

#: What Keras 3.15 writes for one layer; `of` puts it into a model.
DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "dense", "trainable": True, "units": 2, "activation": "linear", "use_bias": True},
    "registered_name": None,
    "build_config": {"input_shape": [None, 4]},
}


def node(module: str | None, class_name: str, config: JSON, registered_name: str | None = None) -> JSON:
    """Return a node of a config."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def function(name: str, module: str = "builtins") -> JSON:
    """Return the node of a function."""
    return node(module, "function", name, "function")


def model(*layers: JSON, **more: JSON) -> JSON:
    """Return the config of a Sequential model of `layers`."""
    first = node("keras.layers", "InputLayer", {"batch_shape": [None, 4], "dtype": "float32", "name": "input_layer"})
    config = {"name": "sequential", "trainable": True, "layers": [first, *layers], "build_input_shape": [None, 4]}
    return {**node("keras", "Sequential", config), "build_config": {"input_shape": [None, 4]}, **more}


def weights(change: Callable[[h5py.File], None] | None = None) -> bytes:
    """Return a weights file of one Dense layer; `change` is called with it while it is open."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        values = file.create_group("layers/dense/vars")
        values["0"] = np.zeros((4, 2), "float32")
        values["1"] = np.zeros((2,), "float32")
        if change is not None:
            change(file)
    return target.getvalue()


def keras_file(
    config: JSON, h5: bytes | None = None, more: Mapping[str | zipfile.ZipInfo, bytes] | None = None
) -> bytes:
    """Return a ``.keras`` file as Keras writes it, with further members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights() if h5 is None else h5)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return target.getvalue()


def write(
    path: Path,
    payload: bytes | None = None,
    *,
    code: Mapping[str, str] | None = None,
    objects: tuple[CustomObject, ...] = (),
    more: Mapping[str, bytes] | None = None,
    **changes: Any,
) -> Path:
    """Write the bundle of `payload` to `path`; `code` is source by module name."""
    texts = code or {}
    modules = tuple(
        Module(name=name, member=f"code/{name.replace('.', '/')}.py", package=False, reason="given", entry=True)
        for name in texts
    )
    manifest = samples.small(modules=modules, objects=objects)
    manifest = dataclasses.replace(
        manifest,
        requirements=dataclasses.replace(
            manifest.requirements,
            distributions=(
                PinnedDistribution(name="keras", version="3.15.1", imports=("keras",)),
                PinnedDistribution(name="tensorflow", version="2.21.0", imports=("tensorflow",)),
            ),
        ),
        **changes,
    )
    members = [
        NewMember("model/model.keras", keras_file(model(DENSE)) if payload is None else payload),
        NewMember("requirements/requirements.txt", b"keras==3.15.1\ntensorflow==2.21.0\n"),
        *(NewMember(module.member, texts[module.name].encode()) for module in modules),
        *(NewMember(name, content) for name, content in (more or {}).items()),
    ]
    write_bundle(path, manifest, members)
    return path
