"""A small bundle that needs no framework to make, and the command line in a fresh interpreter."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archive.writer import NewMember, write_bundle
from bundler.manifest import CustomObject, Module, ObjectSource, PinnedDistribution, Provenance, TensorSpec
from tests.audit.bundles import keras_file, model, node
from tests.manifest import samples

SOURCE = b"class Gain:\n    pass\n"


def write_small_bundle(path: Path, *, name: str = "a name", key: str = "shop>Gain") -> None:
    """Write a bundle of a few kilobytes with one module and one object."""
    manifest = samples.small()
    gain = CustomObject(
        kind="layer",
        key=key,
        module="gain",
        qualname="Gain",
        paths=("/config/layers/1",),
        source=ObjectSource(member="code/gain.py", line=1),
    )
    manifest = dataclasses.replace(
        manifest,
        payload=dataclasses.replace(
            manifest.payload,
            parameters=dataclasses.replace(manifest.payload.parameters, trainable=1234, non_trainable=5),
            inputs=(TensorSpec(name="x", shape=(-1, 4), datatype="FP32"),),
            outputs=(TensorSpec(name="y", shape=(-1, 2), datatype="FP32"),),
        ),
        requirements=dataclasses.replace(
            manifest.requirements,
            distributions=(PinnedDistribution(name="keras", version="3.15.1", imports=("keras",)),),
        ),
        modules=(Module(name="gain", member="code/gain.py", package=False, reason="defines Gain"),),
        objects=(gain,),
        provenance=Provenance(name=name),
    )
    members = [
        NewMember(name="model/model.keras", content=keras_file(model(node("gain", "Gain", {"name": "gain"}, key)))),
        NewMember(name="requirements/requirements.txt", content=b"keras==3.15.1\n"),
        NewMember(name="code/gain.py", content=SOURCE),
    ]
    write_bundle(path, manifest, members)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the path of a small bundle."""
    path = tmp_path / "small.kbundle"
    write_small_bundle(path)
    return path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kbundle(tmp_path: Path) -> Run:
    """Return a function that runs ``python -m bundler`` in a fresh interpreter."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bundler", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    return run
