"""Manifests to test with: the smallest one, and one that says everything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from bundler.manifest import (
    Adaptation,
    Agreement,
    Builder,
    CustomObject,
    DataFile,
    DirectSource,
    Generator,
    Manifest,
    Member,
    Module,
    ObjectSource,
    OpaqueSource,
    Parameters,
    Payload,
    PinnedDistribution,
    Proof,
    Provenance,
    RecordedUse,
    RecordedUses,
    Reduced,
    Requirements,
    Seed,
    SelfTest,
    Settings,
    TensorSpec,
    Unresolved,
    dump_manifest,
)

SHA = hashlib.sha256(b"").hexdigest()


def small(**changes: Any) -> Manifest:
    """The smallest manifest: a payload, its requirements, and no custom code."""
    manifest = Manifest(
        generator=Generator(name="kbundle", version="0.1.0"),
        payload=Payload(
            kind="keras",
            member="model/model.keras",
            fidelity="full",
            class_name="Sequential",
            keras_version="3.15.1",
            tensorflow_version="2.21.0",
            backend="tensorflow",
            layers=1,
            parameters=Parameters(trainable=2, non_trainable=0),
            compiled=False,
        ),
        requirements=Requirements(python=">=3.11", member="requirements/requirements.txt"),
        members=(
            Member(name="model/model.keras", size=0, sha256=SHA),
            Member(name="requirements/requirements.txt", size=0, sha256=SHA),
        ),
    )
    return dataclasses.replace(manifest, **changes)


def full() -> Manifest:
    """A manifest in which every field of every class has a value that is written."""
    pin = PinnedDistribution(name="numpy", version="2.1", imports=("numpy",), optional=True)
    spec = TensorSpec(name="x", shape=(-1, 4), datatype="FP32")
    use = RecordedUse(capability="filesystem", what="opens 'words.txt' for writing", module="pkg", line=7)
    manifest = small()
    graph = dataclasses.replace(
        manifest.payload,
        kind="saved_model",
        fidelity="inference",
        member="model/saved_model/saved_model.pb",
        agreement=Agreement(
            largest_difference=1e-07, absolute_tolerance=1e-05, relative_tolerance=1e-05, deterministic=False
        ),
        endpoint="serve",
    )
    return dataclasses.replace(
        manifest,
        payload=dataclasses.replace(
            manifest.payload,
            inputs=(spec,),
            outputs=(spec,),
            tensors=({"path": "dense/kernel", "offset": 64},),
            agreement=graph.agreement,
            endpoint=graph.endpoint,
        ),
        requirements=dataclasses.replace(
            manifest.requirements,
            hashes="some",
            packed_under="3.11",
            lock="requirements/pylock.toml",
            distributions=(pin,),
            transitive=(
                PinnedDistribution(
                    name="gitted", version="1", extras=("a",), source=DirectSource(kind="vcs", url="u", revision="r")
                ),
            ),
            packed=(pin,),
            wheels=("requirements/wheels/a-1-py3-none-any.whl",),
        ),
        members=(
            Member(name="code/pkg/__init__.py", size=0, sha256=SHA),
            Member(name="code/pkg/words.txt", size=3, sha256=SHA, piece_size=2, pieces=(SHA, SHA)),
            Member(name="code/zoo.Made.pickle", size=0, sha256=SHA),
            Member(
                name="examples/inputs.npz.zst",
                size=20,
                sha256=SHA,
                encoding="zstd",
                decoded_size=40,
                decoded_sha256=SHA,
            ),
            Member(name="examples/outputs.npz", size=0, sha256=SHA),
            Member(name="model/model.keras", size=0, sha256=SHA),
            Member(name="model/saved_model/saved_model.pb", size=0, sha256=SHA),
            Member(name="requirements/pylock.toml", size=0, sha256=SHA),
            Member(name="requirements/requirements.txt", size=0, sha256=SHA),
            Member(name="requirements/wheels/a-1-py3-none-any.whl", size=0, sha256=SHA),
        ),
        objects=(
            CustomObject(
                kind="layer",
                key="pkg>Scale",
                module="pkg",
                qualname="Scale",
                paths=("/config/layers/1",),
                source=ObjectSource(member="code/pkg/__init__.py", line=3),
            ),
            CustomObject(kind="loss", key="Focal", module="losses", qualname="Focal", distribution="keras-losses"),
            CustomObject(
                kind="layer",
                key="Made",
                module="zoo",
                qualname="Made",
                opaque=OpaqueSource(member="code/zoo.Made.pickle", python="3.11"),
            ),
        ),
        modules=(
            Module(
                name="pkg",
                member="code/pkg/__init__.py",
                package=True,
                reason="defines Scale",
                entry=True,
                generated=True,
                reduced=Reduced(sha256="c" * 64, lines=7),
            ),
        ),
        data=(DataFile(path="pkg/words.txt", member="code/pkg/words.txt", reason="read by pkg"),),
        import_order=("pkg",),
        unresolved=(Unresolved(module="cupy", member="code/pkg/__init__.py", line=9),),
        provenance=Provenance(
            name="ranker", description="ranks", license="MIT", source_revision="abc", metadata={"score": 0.5}
        ),
        inference=graph,
        builder=Builder(module="pkg", qualname="make", arguments={"width": 8}),
        settings=Settings(
            dtype_policy="mixed_float16",
            floatx="float32",
            image_data_format="channels_last",
            epsilon=1e-07,
            flash_attention=False,
        ),
        seeds=(Seed(place="_layers/1/seed_generator", state=(3, 0)),),
        adaptations=(
            Adaptation(kind="object_values", module="", qualname="Scale", place="_layers/1", values={"high": 2.0}),
            Adaptation(kind="surplus_arguments", module="pkg", qualname="Scale", arguments=("name", "dtype")),
        ),
        self_test=SelfTest(
            inputs="examples/inputs.npz.zst",
            outputs="examples/outputs.npz",
            origin="made",
            deterministic=True,
            absolute_tolerance=1e-05,
            relative_tolerance=1e-05,
            seed=7,
        ),
        proof=Proof(
            python="3.12",
            keras_version="3.15.1",
            tensorflow_version="2.21.0",
            checks=("load",),
            allow=("filesystem",),
            uses=RecordedUses(load=(use,), outputs=(use,), train=(use,), save_and_load=(use,)),
        ),
    )


def value(manifest: Manifest | None = None) -> dict[str, Any]:
    """The JSON value of a manifest, to break."""
    parsed: dict[str, Any] = json.loads(dump_manifest(manifest or full()))
    return parsed


def text(value: object) -> bytes:
    """The canonical text of any JSON value, written by other means than the code under test."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
