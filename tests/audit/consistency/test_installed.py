"""What the model takes from an installed distribution is named; a function known to do more is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from bundler.audit.consistency.contradictions import consistency_findings
from bundler.manifest import CustomObject, PinnedDistribution
from tests.manifest import samples


def found(module: str, qualname: str) -> list[tuple[str, str | None]]:
    item = CustomObject(kind="function", key=qualname, module=module, qualname=qualname, distribution="thing")
    pin = PinnedDistribution(name="thing", version="1", imports=(module.partition(".")[0],))
    manifest = samples.small(objects=(item,))
    needs = dataclasses.replace(manifest.requirements, distributions=(pin,))
    findings = consistency_findings(dataclasses.replace(manifest, requirements=needs), None, {}, None)
    return [(item.rule.id, item.capability) for item in findings if "self-test" not in item.rule.id]


@pytest.mark.parametrize(
    ("module", "qualname"),
    [
        *[("os", "system"), ("posix", "system"), ("subprocess", "Popen"), ("cProfile", "run"), ("builtins", "eval")],
        *[
            ("numpy", "load"),
            ("keras.utils", "get_file"),
            ("keras.layers", "TFSMLayer"),
            ("tensorflow", "load_library"),
            ("tensorflow.io", "read_file"),
            ("keras.saving", "load_model"),
        ],
        *[("tensorflow.python.platform.gfile", "GFile"), ("tensorflow.python.ops.gen_io_ops", "write_file")],
    ],
)
def test_refuses_what_no_distribution_of_models_has(module: str, qualname: str) -> None:
    assert ("consistency.framework-object", None) in found(module, qualname)


@pytest.mark.parametrize(
    ("module", "qualname", "capability"),
    [
        ("joblib", "load", "unsafe-deserialization"),
        ("requests", "get", "network"),
        ("torch", "load", "unsafe-deserialization"),
        ("psutil", "Popen", "process"),
        ("scipy.io", "loadmat", "filesystem"),
        ("a" + ".a" * 500, "f", "reflection"),
    ],
)
def test_asks_for_consent_to_a_known_door_of_a_distribution(module: str, qualname: str, capability: str) -> None:
    assert capability in [word for _, word in found(module, qualname)]


@pytest.mark.parametrize(
    ("module", "qualname"),
    [
        ("keras_hub.src.layers.modeling.token_and_position_embedding", "TokenAndPositionEmbedding"),
        ("scipy.special", "expit"),
        ("spektral.layers.convolutional.gcn_conv", "GCNConv"),
    ],
)
def test_names_what_comes_from_elsewhere_and_asks_for_nothing(module: str, qualname: str) -> None:
    assert [rule for rule, word in found(module, qualname) if word] == []
    assert ("consistency.installed-object", None) in found(module, qualname)
