"""Audits to show: one of an ordinary bundle, one whose every name and line is an attack on the reader."""

from __future__ import annotations

import dataclasses
from typing import Any

from bundler.audit.finding import Check, Finding, Held, Rule, Severity
from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit, in_order
from bundler.formats.stored_arrays import Tensor
from bundler.manifest import (
    CustomObject,
    DirectSource,
    Manifest,
    Module,
    ObjectSource,
    OpaqueSource,
    PinnedDistribution,
    Provenance,
    RecordedUse,
    Requirements,
    TensorSpec,
)
from tests.manifest import samples

DIGEST = "sha256:" + "5f" * 32
#: Text that a page, a terminal or a reader may take for something else than text.
ATTACKS = (
    '</style></title></code><script>alert("1")</script>',
    "\"><img src=x onerror=alert(2)>' onmouseover='alert(3)",
    "<svg/onload=alert(4)><iframe srcdoc='<script>alert(5)</script>'>",
    "javascript:alert(6) &lt;b&gt; &#x3c;b&#x3e; <!-- --!> ]]> {{7*7}}",
    "\u202eevil\u202c \u2066\u2069 \x00\x1b[2J\x1b]0;t\x07 \ud800 \u200b\u3164\ufe0f\U000e0041",
    "\u05e9\u05dc\u05d5\u05dd /* \u05d0 */ \u0645\u0631\u062d\u0628\u0627 " + "Z" + "\u0334\u0335\u0336" * 40,
    "https://attacker.example/?" + "W" * 3_000,
)
OPENS = Rule(
    id="source.filesystem",
    severity=Severity.CONSENT,
    capability="filesystem",
    title="opens files",
    why="a layer that reads or writes files acts on the machine of whoever loads it (CWE-22, CWE-73)",
    remedy="pass the data as weights, or as a file that the bundle packs and the manifest lists",
)
STARTS = Rule(
    id="source.process",
    severity=Severity.CONSENT,
    capability="process",
    title="starts programs",
    why="whatever it starts has the rights of whoever loads the model",
    remedy="do it outside the model",
)
LAMBDA = Rule(
    id="config.lambda",
    severity=Severity.REFUSED,
    title="asks Keras for bytecode",
    why="a __lambda__ node is marshalled code that runs when Keras reads it (CVE-2024-3660, CVE-2025-1550)",
    remedy="have the author write a layer with source instead of the Lambda",
)
HASHES = Rule(
    id="lock.unhashed",
    severity=Severity.WARNING,
    title="has no hash for some of its requirements",
    why="an installer takes whatever has the name and the version",
    remedy="have the author pack it again with an index within reach",
)
NO_TEST = Rule(
    id="consistency.no-self-test",
    severity=Severity.NOTE,
    title="has no self-test",
    why="nobody can see whether it still gives the numbers that it gave its author",
    remedy="have the author pack it with inputs",
)
CHECKS = (
    Check(subject="config", done=True, detail="41 nodes against the closed list of Keras 3.15"),
    Check(subject="source", done=True, detail="2 modules, 61 lines"),
    Check(subject="weights", done=True, detail="12 arrays, every byte accounted for"),
    Check(subject="known advisories", done=False, detail="no folder of OSV records was given"),
)

LAYERS_PY = '''"""Layers of the wine model."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("wine")
class Gate(keras.layers.Layer):
    """Lets each feature through as far as the others say."""

    def __init__(self, units, floor=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.floor = floor
        self.inner = keras.layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        gate = ops.maximum(self.inner(inputs), self.floor)
        return inputs * gate

    def get_config(self):
        return {**super().get_config(), "units": self.units, "floor": self.floor}
'''
TABLE_PY = '''"""The table of names that the last layer reads."""

from pathlib import Path

HERE = Path(__file__).parent


def names(path=HERE / "names.txt"):
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file]


def remember(names):
\tPath("/tmp/names.txt").write_text("\\n".join(names))
'''


def tensor(layer: str, shape: list[int | None]) -> dict[str, Any]:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": shape, "dtype": "float32", "keras_history": [layer, 0, 0]},
    }


def node(class_name: str, name: str, *inputs: dict[str, Any], module: str = "keras.layers", **config: Any) -> Any:
    """One layer of a functional model's config."""
    calls = [{"args": [list(inputs) if len(inputs) > 1 else inputs[0]], "kwargs": {}}] if inputs else []
    return {
        "module": module,
        "class_name": class_name,
        "registered_name": None if module.startswith("keras") else f"{module}>{class_name}",
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": calls,
    }


def functional(layers: list[Any], name: str = "model") -> dict[str, Any]:
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {"name": name, "layers": layers, "input_layers": [], "output_layers": []},
    }


def wine_config() -> dict[str, Any]:
    """A model with a residual block, two branches, a custom layer and a model inside."""
    wide = [None, 16]
    head = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "head",
            "layers": [
                node("InputLayer", "head_in", batch_shape=wide),
                node("Dense", "head_hidden", units=8),
                node("Dense", "head_out", units=3),
            ],
        },
        "name": "head",
        "inbound_nodes": [{"args": [tensor("joined", [None, 32])], "kwargs": {}}],
    }
    return functional(
        [
            node("InputLayer", "features", batch_shape=[None, 13]),
            node("Normalization", "scaled", tensor("features", [None, 13])),
            node("Dense", "wide", tensor("scaled", [None, 13]), units=16),
            node("Gate", "gate", tensor("wide", wide), module="wine", units=16),
            node("Dropout", "drop", tensor("gate", wide), rate=0.2),
            node("Dense", "narrow", tensor("drop", wide), units=16),
            node("Add", "residual", tensor("narrow", wide), tensor("wide", wide)),
            node("Dense", "side", tensor("scaled", [None, 13]), units=16),
            node("Concatenate", "joined", tensor("residual", wide), tensor("side", wide)),
            head,
        ],
        "wine",
    )


def wine_manifest() -> Manifest:
    small = samples.small()
    payload = dataclasses.replace(
        small.payload,
        class_name="Functional",
        layers=10,
        parameters=dataclasses.replace(small.payload.parameters, trainable=1_043, non_trainable=27),
        inputs=(TensorSpec(name="features", shape=(-1, 13), datatype="FP32"),),
        outputs=(TensorSpec(name="head", shape=(-1, 3), datatype="FP32"),),
    )
    pins = [
        PinnedDistribution(name=name, version=version) for name, version in (("keras", "3.15.1"), ("numpy", "2.4.1"))
    ]
    return dataclasses.replace(
        small,
        payload=payload,
        provenance=Provenance(name="wine", description="which cultivar a wine is from"),
        objects=(
            CustomObject(
                kind="layer",
                key="wine>Gate",
                module="wine.layers",
                qualname="Gate",
                paths=("/config/layers/3",),
                source=ObjectSource(member="source/wine/layers.py", line=8),
            ),
        ),
        modules=(
            Module(name="wine.layers", member="source/wine/layers.py", package=False, reason="the model uses Gate"),
            Module(name="wine.table", member="source/wine/table.py", package=False, reason="wine.layers imports it"),
        ),
        requirements=Requirements(
            python=">=3.11",
            member="requirements/requirements.txt",
            lock="requirements/pylock.toml",
            hashes="some",
            distributions=tuple(pins),
            transitive=(
                PinnedDistribution(name="rich", version="15.0.0"),
                PinnedDistribution(
                    name="corp-ops",
                    version="1.2",
                    source=DirectSource(kind="vcs", url="https://git.corp.example/ops.git", revision="0af3"),
                ),
            ),
        ),
    )


LOCK = """lock-version = "1.0"
created-by = "kbundle"

[[packages]]
name = "keras"
version = "3.15.1"
wheels = [{ url = "https://files.example/keras-3.15.1-py3-none-any.whl", hashes = { sha256 = "aa" } }]

[[packages]]
name = "numpy"
version = "2.4.1"
wheels = [{ hashes = { sha256 = "aa" } }, { hashes = { sha256 = "bb" } }]
"""


def wine() -> tuple[Audit, Contents]:
    """An ordinary bundle that asks for one consent."""
    sizes = {
        "layers/normalization/vars/0": (13,),
        "layers/normalization/vars/1": (13,),
        "layers/dense/vars/0": (13, 16),
        "layers/dense/vars/1": (16,),
        "layers/gate/inner/vars/0": (16, 16),
        "layers/gate/inner/vars/1": (16,),
        "layers/dense_1/vars/0": (16, 16),
        "layers/dense_1/vars/1": (16,),
        "layers/dense_2/vars/0": (13, 16),
        "layers/sequential/layers/dense/vars/0": (32, 8),
        "layers/sequential/layers/dense_1/vars/0": (8, 3),
    }
    tensors = []
    for path, shape in sizes.items():
        count = 1
        for size in shape:
            count *= size
        tensors.append(Tensor(path, "float32", shape, 4 * count, None))
    table = "source/wine/table.py"
    contents = Contents(
        manifest=wine_manifest(),
        config=wine_config(),
        sources={"source/wine/layers.py": LAYERS_PY, table: TABLE_PY},
        tensors=tuple(tensors),
        lock_text=LOCK,
    )
    return audit(
        OPENS.at(table, "open(path, encoding='utf-8')", line=9),
        OPENS.at(table, "Path.write_text", line=14),
        HASHES.at("requirements/pylock.toml", "rich 15.0.0, corp-ops 1.2"),
        NO_TEST.at("manifest.json", "no inputs and outputs are recorded"),
    ), contents


def audit(*findings: Finding, **changes: Any) -> Audit:
    made = Audit(
        digest=DIGEST,
        path="models/wine.kbundle",
        size=48_213,
        findings=in_order(list(findings)),
        checks=CHECKS,
    )
    return dataclasses.replace(made, **changes)


def working() -> tuple[Audit, Contents]:
    """A bundle that loads, has done something in its proof, and could do more."""
    asked, contents = wine()
    soft = [dataclasses.replace(item, held=Held.USE) if item.capability else item for item in asked.findings]
    uses = (
        ("load", RecordedUse(capability="environment", what="reads HOME", module="wine.table", line=3)),
        (
            "train",
            RecordedUse(capability="filesystem", what="writes '/tmp/names.txt'", module="wine.table", line=14),
        ),
        ("outputs", RecordedUse(capability="filesystem", what="lists '/tmp'", module="")),
    )
    return dataclasses.replace(
        asked,
        findings=in_order([*soft, STARTS.at("source/wine/table.py", "os.kill", line=9, held=Held.USE)]),
        uses=uses,
    ), contents


def hostile(texts: tuple[str, ...] = ATTACKS) -> tuple[Audit, Contents]:
    """A bundle whose every string is one of `texts`, in turn; the same structure for any texts of the same number."""
    turn = iter(range(1_000_000))

    def text() -> str:
        return texts[next(turn) % len(texts)]

    member, other = f"source/{text()}.py", f"source/{text()}.py"
    source = "\n".join(f"value = {text()!s}  # {index}".replace("\n", " ") for index in range(40))
    long_line = "x = 1;" * 5_000
    names = [f"{text()}{index}" for index in range(9)]
    layers = [node("InputLayer", names[0], batch_shape=[None, 4])]
    layers += [
        node(f"{text()}", names[index], tensor(names[index - 1], [None, 4]), module=text()) for index in range(1, 9)
    ]
    small = samples.small()
    pin = PinnedDistribution(name=text(), version=text(), source=DirectSource(kind="vcs", url=text(), revision=text()))
    manifest = dataclasses.replace(
        small,
        payload=dataclasses.replace(
            small.payload,
            class_name=text(),
            keras_version=text(),
            tensorflow_version=text(),
            inputs=(TensorSpec(name=text(), shape=(-1, 4), datatype=text()),),
        ),
        provenance=Provenance(name=text(), description=text(), metadata={text(): text()}),
        objects=(
            CustomObject(
                kind=text(),
                key=text(),
                module=text(),
                qualname=text(),
                source=ObjectSource(member=member, line=3),
            ),
            CustomObject(
                kind=text(),
                key=text(),
                module=text(),
                qualname=text(),
                opaque=OpaqueSource(member=text(), python="3.11"),
            ),
            CustomObject(kind=text(), key=text(), module=text(), qualname=text(), distribution=text()),
        ),
        modules=(Module(name=text(), member=member, package=False, reason=text()),),
        requirements=dataclasses.replace(
            small.requirements, python=text(), distributions=(pin,), transitive=(pin,), packed=(pin,)
        ),
    )
    contents = Contents(
        manifest=manifest,
        config=functional(layers, text()),
        sources={member: source, other: f"{text()}\n{long_line}\n{text()}"},
        tensors=tuple(Tensor(text(), text(), (3, index), 12 * index, None) for index in range(9)),
        lock_text="\n".join(texts),
    )
    return audit(
        LAMBDA.at("model/model.keras", text(), inside="config.json: /config/layers/3/config/function"),
        LAMBDA.at(text(), text(), inside=text()),
        *(OPENS.at(member, text(), line=line) for line in range(3, 30)),
        *(OPENS.at(member, text(), line=line, held=Held.USE) for line in range(5, 12)),
        STARTS.at(member, text(), line=4),
        STARTS.at(other, text(), line=2),
        STARTS.at(other, text(), line=99),
        HASHES.at(text(), text()),
        path=f"/tmp/{text()}",
        policy=text(),
        uses=(
            ("load", RecordedUse(capability=text(), what=text(), module=text(), line=3)),
            ("train", RecordedUse(capability=text(), what=text(), module=text(), line=None)),
        ),
        checks=(
            *CHECKS,
            Check(subject=text(), done=True, detail=text()),
            Check(subject=text(), done=False, detail=text()),
        ),
    ), contents
