"""What the config part refuses is refused in a whole bundle, by a manifest that was crafted with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundler.audit.auditing import audit_bundle
from bundler.manifest import CustomObject, ObjectSource
from tests.audit.bundles import DENSE, keras_file, model, node, write

_CODE = {"zoo": "import keras\n\n\nclass Gain(keras.layers.Layer):\n    def call(self, x):\n        return x\n"}


def refusals(path: Path) -> list[str]:
    return [finding.rule.id for finding in audit_bundle(path).findings if finding.severity.value == "refused"]


def bundle(tmp_path: Path, layer: object, key: str, *paths: str) -> Path:
    item = CustomObject(
        kind="layer",
        key=key,
        module="zoo",
        qualname="Gain",
        paths=paths,
        source=ObjectSource(member="code/zoo.py", line=4),
    )
    return write(tmp_path / "b.kbundle", keras_file(model(DENSE, layer)), code=_CODE, objects=(item,))


@pytest.mark.parametrize("paths", [(), ("/config/layers/2",)])
def test_refuses_bytecode_of_the_old_format_behind_a_declared_object(tmp_path: Path, paths: tuple[str, ...]) -> None:
    """It ran on load with safe_mode=False: the audit took it for the declared object, and Keras for its Lambda."""
    layer = {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEA", None, None]}}
    assert refusals(bundle(tmp_path, layer, "Lambda", *paths)) == ["config.legacy-node"]


def test_refuses_a_declared_object_that_no_path_shows(tmp_path: Path) -> None:
    layer = node("zoo", "Gain", {"name": "g"}, "zoo>Gain")
    assert refusals(bundle(tmp_path, layer, "zoo>Gain")) == ["config.undeclared-path"]


def test_accepts_the_same_object_at_its_path(tmp_path: Path) -> None:
    layer = node("zoo", "Gain", {"name": "g"}, "zoo>Gain")
    assert refusals(bundle(tmp_path, layer, "zoo>Gain", "/config/layers/2")) == []


def test_refuses_keys_that_make_places_of_gigabytes(tmp_path: Path) -> None:
    """Every part that reads the config would make the same places, so none gets to see it."""
    layer = node("keras.layers", "ReLU", {"name": "r", "k" * 1_000_000: [0] * 2_000})
    assert refusals(bundle(tmp_path, layer, "zoo>Gain")) == ["config.too-deep"]
