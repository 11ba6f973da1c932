"""What the model takes from installed distributions is held against the tables that source is held against."""

from __future__ import annotations

import pytest

from bundler.audit.declared import declared_findings
from bundler.audit.facts import Severity
from bundler.manifest import CustomObject
from tests.manifest import samples


def found(module: str, qualname: str) -> list[tuple[str, str | None]]:
    item = CustomObject(kind="function", key=qualname, module=module, qualname=qualname, distribution="x")
    findings = declared_findings(samples.small(objects=(item,)), {"scipy": "scipy", "keras_hub": "keras-hub"})
    return [(finding.rule.id, finding.capability) for finding in findings if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    ("module", "qualname", "capability"),
    [
        ("os", "system", "process"),
        ("posix", "system", "process"),
        ("subprocess", "Popen", "process"),
        ("cProfile", "run", "reflection"),
        ("builtins", "eval", "dynamic-code"),
        ("numpy", "load", "filesystem"),
        ("joblib", "load", "unsafe-deserialization"),
        ("keras.utils", "get_file", "network"),
        ("keras.layers", "TFSMLayer", "filesystem"),
        ("tensorflow", "load_library", "native-code"),
        ("tensorflow.python.platform.gfile", "GFile", "dynamic-code"),
        ("tensorflow.python.ops.gen_io_ops", "write_file", "dynamic-code"),
        ("tensorflow.python.ops.script_ops", "py_function", "dynamic-code"),
        ("unheard_of", "f", "dynamic-code"),
        ("os", "path.join.__globals__", "reflection"),
        ("a" + ".a" * 500, "f", "reflection"),
    ],
)
def test_asks_for_consent_to_a_function_that_does_more_than_compute(
    module: str, qualname: str, capability: str
) -> None:
    assert [word for _, word in found(module, qualname)] == [capability]


@pytest.mark.parametrize(
    ("module", "qualname"),
    [
        ("tensorflow.nn", "relu"),
        ("tensorflow.python.ops.nn_ops", "gelu"),
        ("tensorflow.python.ops.gen_nn_ops", "relu"),
        ("tensorflow.python.ops.gen_math_ops", "tanh"),
        ("keras.ops", "softmax"),
        ("keras_hub.src.layers.modeling.token_and_position_embedding", "TokenAndPositionEmbedding"),
        ("scipy.special", "expit"),
        ("math", "sin"),
    ],
)
def test_asks_for_nothing_where_it_computes(module: str, qualname: str) -> None:
    assert found(module, qualname) == []
