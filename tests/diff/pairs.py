"""Bundles to compare: one that says little, and the same with something changed."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from bundler.archive.writer import NewMember, write_bundle
from bundler.diff.bundles import diff_bundles
from bundler.diff.change import Difference
from bundler.manifest import DataFile, Manifest, Module, Payload
from tests.manifest import samples

#: Layers as Keras writes them in the config of a functional model.
DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}


def layer(name: str, *, after: str | None = None, **arguments: Any) -> dict[str, Any]:
    """One layer of a functional model."""
    history = {"class_name": "__keras_tensor__", "config": {"keras_history": [after, 0, 0]}}
    nodes = [] if after is None else [{"args": [history], "kwargs": {}}]
    return {**DENSE, "config": {"name": name, **arguments}, "name": name, "inbound_nodes": nodes}


def functional(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The config of a functional model."""
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {"name": "model", "layers": list(layers), "output_layers": [[layers[-1]["name"], 0, 0]]},
        **more,
    }


def weights(arrays: Mapping[str, Any]) -> bytes:
    """A file of weights, as Keras writes it: path -> array."""
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as written:
        for path, value in arrays.items():
            written.create_dataset(path, data=value)
    return file.getvalue()


def keras_file(
    config: Any = None,
    arrays: Mapping[str, Any] | None = None,
    assets: Mapping[str, bytes] | None = None,
    metadata: Mapping[str, Any] | None = None,
    **files: bytes,
) -> bytes:
    """A ``.keras`` file. `files` replace what would be there: ``config_text``, ``weights_file``."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata or {"keras_version": "3.15.1"}))
        archive.writestr("config.json", files.get("config_text", json.dumps(config or functional(layer("a")))))
        archive.writestr("model.weights.h5", files.get("weights_file", weights(arrays or {})))
        for name, content in (assets or {}).items():
            archive.writestr(f"assets/{name}", content)
    return target.getvalue()


def bundle(
    modules: Mapping[str, str | bytes] | None = None,
    *,
    payload: bytes = b"the payload",
    data: Mapping[str, bytes] | None = None,
    lock: str | None = None,
    more: Mapping[str, bytes] | None = None,
    requirements: Mapping[str, Any] | None = None,
    module_facts: Mapping[str, Any] | None = None,
    said_payload: Payload | None = None,
    **manifest: Any,
) -> bytes:
    """A bundle with these modules, data files and other members; `manifest` replaces fields of the manifest."""
    sources = {name: text.encode() if isinstance(text, str) else text for name, text in (modules or {}).items()}
    members = [NewMember("model/model.keras", payload), NewMember("requirements/requirements.txt", b"")]
    members += [NewMember(f"code/{name.replace('.', '/')}.py", text) for name, text in sources.items()]
    members += [NewMember(f"code/{path}", content) for path, content in (data or {}).items()]
    members += [NewMember(name, content) for name, content in (more or {}).items()]
    said = samples.small(
        modules=tuple(
            Module(
                name=name,
                member=f"code/{name.replace('.', '/')}.py",
                package=False,
                reason="why",
                **(module_facts or {}),
            )
            for name in sources
        ),
        data=tuple(DataFile(path=path, member=f"code/{path}", reason="read") for path in data or {}),
        **manifest,
    )
    if said_payload is not None:
        said = dataclasses.replace(said, payload=said_payload)
    needs = dict(requirements or {})
    if lock is not None:
        members.append(NewMember("requirements/pylock.toml", lock.encode()))
        needs.update(lock="requirements/pylock.toml", hashes="all")
    said = dataclasses.replace(said, requirements=dataclasses.replace(said.requirements, **needs))
    return written(said, members)


def written(said: Manifest, members: list[NewMember]) -> bytes:
    """The bytes of a bundle."""
    file = io.BytesIO()
    write_bundle(file, said, members)
    return file.getvalue()


def compared(before: bytes, after: bytes) -> Difference:
    """What changed between two bundles."""
    return diff_bundles(io.BytesIO(before), io.BytesIO(after))


def models_compared(before: bytes, after: bytes) -> Difference:
    """What changed between two bundles with these payloads."""
    return compared(bundle(payload=before), bundle(payload=after))
