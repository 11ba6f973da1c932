"""The manifest, the source, the config and the weights must say one thing."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.audit.consistency.contradictions import consistency_findings
from bundler.audit.consistency.rules import RULES
from bundler.audit.finding import Finding, Severity
from bundler.formats.python.outline import definitions_of
from bundler.manifest import (
    Adaptation,
    Builder,
    CustomObject,
    DataFile,
    Manifest,
    Module,
    ObjectSource,
    PinnedDistribution,
    Proof,
    Unresolved,
)
from tests.manifest.samples import full, small

LAYERS = "import keras\nfrom zoo import maths\n\n\nclass Scale(keras.layers.Layer):\n    class Inner:\n        pass\n"
TEXTS = {"zoo": b"", "zoo.layers": LAYERS.encode(), "zoo.maths": b"def double(x):\n    return 2 * x\n"}
CONFIG: dict[str, Any] = {
    "class_name": "Sequential",
    "config": {
        "layers": [
            {"class_name": "Dense", "module": "keras.layers", "config": {"activation": "double"}},
            {"class_name": "Scale", "registered_name": "zoo>Scale", "config": {}},
        ]
    },
}
PROOF = Proof(python="3.11", keras_version="3.15.1", tensorflow_version="2.21.0", checks=("load",))


def module(name: str, *, package: bool = False, **more: Any) -> Module:
    member = f"code/{name.replace('.', '/')}{'/__init__.py' if package else '.py'}"
    return Module(name=name, member=member, package=package, reason="defines something", **more)


SCALE = CustomObject(
    kind="layer",
    key="zoo>Scale",
    module="zoo.layers",
    qualname="Scale",
    paths=("/config/layers/1",),
    source=ObjectSource(member="code/zoo/layers.py", line=5),
)
DOUBLE = CustomObject(
    kind="function",
    key="double",
    module="zoo.maths",
    qualname="double",
    paths=("/config/layers/0/config/activation",),
    source=ObjectSource(member="code/zoo/maths.py", line=1),
)


def manifest(**changes: Any) -> Manifest:
    """A manifest of the sources above that contradicts nothing."""
    plain = small()
    modules = (module("zoo", package=True), module("zoo.layers", entry=True), module("zoo.maths"))
    known: dict[str, Any] = {
        "objects": (SCALE, DOUBLE),
        "modules": modules,
        "proof": PROOF,
        "self_test": full().self_test,
        "requirements": dataclasses.replace(
            plain.requirements,
            distributions=(
                PinnedDistribution(name="keras", version="3.15.1", imports=("keras",)),
                PinnedDistribution(name="keras-losses", version="1.0", imports=("losses",)),
                PinnedDistribution(name="tensorflow-cpu", version="2.21.0", imports=("tensorflow",)),
            ),
            transitive=(PinnedDistribution(name="rich", version="15.0"),),
        ),
    }
    return dataclasses.replace(plain, **{**known, **changes})


def audit(
    made: Manifest | None = None,
    texts: Mapping[str, bytes] | None = None,
    config: Any = CONFIG,
    tensors: Collection[str] | None = None,
    **more: Any,
) -> list[Finding]:
    outlines = definitions_of(TEXTS if texts is None else texts, frozenset({"zoo"}))
    return consistency_findings(made or manifest(), config, outlines, tensors, **more)


def rules(*arguments: Any, **named: Any) -> dict[str, Severity]:
    return {item.rule.id: item.severity for item in audit(*arguments, **named)}


def with_object(item: CustomObject, **changes: Any) -> Manifest:
    return manifest(
        objects=(dataclasses.replace(item, **changes), *(other for other in (SCALE, DOUBLE) if other is not item))
    )


def installed(name: str, qualname: str, distribution: str) -> CustomObject:
    return CustomObject(kind="loss", key="Focal", module=name, qualname=qualname, distribution=distribution)


def test_what_kbundle_writes_contradicts_nothing() -> None:
    assert audit() == []


@pytest.mark.parametrize(
    "source",
    [
        ObjectSource(member="code/zoo/maths.py", line=1),
        ObjectSource(member="code/zoo/absent.py", line=1),
    ],
)
def test_refuses_an_object_that_is_shown_in_another_file(source: ObjectSource) -> None:
    assert rules(with_object(SCALE, source=source))["consistency.object-elsewhere"] is Severity.REFUSED


@pytest.mark.parametrize("line", [0, -1, 2, 6, 500])
def test_refuses_an_object_that_is_shown_in_another_line(line: int) -> None:
    shown = ObjectSource(member="code/zoo/layers.py", line=line)
    assert rules(with_object(SCALE, source=shown))["consistency.object-line"] is Severity.REFUSED


def test_an_object_inside_a_class_is_shown_where_either_is_defined() -> None:
    for line in (5, 6, 1):
        shown = ObjectSource(member="code/zoo/layers.py", line=line)
        assert audit(with_object(SCALE, qualname="Scale.Inner", source=shown)) == []


@pytest.mark.parametrize(
    "paths",
    [
        ("/config/layers/2",),
        ("/config/layers/0",),
        ("/config/layers/01x",),
        ("config",),
        ("/config/layers",),
        ("/config/layers/1", "/config/layers/0/config/activation"),
    ],
)
def test_refuses_an_object_that_is_declared_where_the_config_asks_for_another(paths: tuple[str, ...]) -> None:
    assert rules(with_object(SCALE, paths=paths))["consistency.object-path"] is Severity.REFUSED


def test_refuses_two_objects_at_one_place() -> None:
    found = rules(with_object(DOUBLE, key="zoo>Scale", paths=SCALE.paths))
    assert found["consistency.object-path"] is Severity.REFUSED


@pytest.mark.parametrize(
    ("name", "qualname"),
    [("os", "system"), ("keras.utils", "get_file"), ("numpy", "load"), ("builtins", "eval"), ("tensorflow.io", "x")],
)
def test_refuses_an_object_of_python_or_of_the_framework(name: str, qualname: str) -> None:
    found = rules(manifest(objects=(SCALE, DOUBLE, installed(name, qualname, "keras"))))
    assert found["consistency.framework-object"] is Severity.REFUSED


@pytest.mark.parametrize(("name", "distribution"), [("losses", "other"), ("other", "keras-losses")])
def test_refuses_an_object_of_what_is_not_required(name: str, distribution: str) -> None:
    found = rules(manifest(objects=(SCALE, DOUBLE, installed(name, "Focal", distribution))))
    assert found["consistency.object-not-required"] is Severity.REFUSED


@pytest.mark.parametrize(("name", "distribution"), [("losses.more", "Keras_Losses"), ("rich", "rich")])
def test_notes_an_object_of_an_installed_distribution(name: str, distribution: str) -> None:
    found = rules(manifest(objects=(SCALE, DOUBLE, installed(name, "Focal", distribution))))
    assert found == {"consistency.installed-object": Severity.NOTE}


def test_refuses_a_packed_module_with_the_name_of_the_framework() -> None:
    made = manifest(modules=(*manifest().modules, module("numpy", package=True, entry=True)))
    found = rules(made, {**TEXTS, "numpy": b""})
    assert found["consistency.shadows-framework"] is Severity.REFUSED


@pytest.mark.parametrize("name", ["profile", "losses"])
def test_warns_of_a_packed_module_with_a_name_of_python_s_or_a_requirement_s(name: str) -> None:
    made = manifest(modules=(*manifest().modules, module(name, entry=True)))
    assert rules(made, {**TEXTS, name: b""}) == {"consistency.shadowing-module": Severity.WARNING}


def test_refuses_an_adaptation_of_what_is_not_declared() -> None:
    strange = Adaptation(kind="built_by_call", module="subprocess", qualname="Popen")
    assert rules(manifest(adaptations=(strange,)))["consistency.adaptation"] is Severity.REFUSED
    root = Adaptation(kind="built_by_call", module="keras", qualname="Model")
    ours = Adaptation(kind="built_by_call", module="zoo.layers", qualname="Scale")
    assert audit(manifest(adaptations=(root, ours))) == []


@pytest.mark.parametrize(
    "text",
    [
        b"def __getattr__(name):\n    return object\n",
        b"globals()['Scale'] = object\n",
        b"class Other:\n    class Scale:\n        pass\n",
        b"def make():\n    class Scale:\n        pass\n",
    ],
)
def test_warns_of_an_object_that_the_source_does_not_spell_out(text: bytes) -> None:
    made = with_object(SCALE, source=ObjectSource(member="code/zoo/layers.py", line=1))
    found = rules(made, {**TEXTS, "zoo.layers": text})
    assert found["consistency.object-not-spelled-out"] is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"Scale = make()\n", 1),
        (b"from other import Scale\n", 1),
        (b"if True:\n    class Scale:\n        pass\n", 2),
        (b"try:\n    pass\nexcept Exception:\n    pass\nelse:\n    Scale = 1\n", 6),
        (b"for Scale in []:\n    pass\n", 1),
        (b"with a as b:\n    async def Scale():\n        pass\n", 2),
        (b"match 1:\n    case 1:\n        Scale = 1\n", 3),
        (b"@decorated\nclass Scale:\n    pass\n", 2),
        (b"\xef\xbb\xbf# coding: utf-8\nScale: object = 1\n", 2),
    ],
)
def test_finds_a_definition_however_it_is_spelled(text: bytes, line: int) -> None:
    made = with_object(SCALE, source=ObjectSource(member="code/zoo/layers.py", line=line))
    found = rules(made, {**TEXTS, "zoo.layers": text})
    assert not {"consistency.object-line", "consistency.object-not-spelled-out"} & set(found)


def test_warns_of_an_object_with_two_definitions() -> None:
    found = rules(None, {**TEXTS, "zoo.layers": TEXTS["zoo.layers"] + b"Scale = other\n"})
    assert found == {"consistency.object-redefined": Severity.WARNING}


def test_warns_of_a_builder_that_the_source_does_not_spell_out() -> None:
    made = manifest(builder=Builder(module="zoo.maths", qualname="make"))
    assert rules(made) == {"consistency.object-not-spelled-out": Severity.WARNING}
    assert audit(manifest(builder=Builder(module="zoo.maths", qualname="double"))) == []


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        (b"", False),
        (b"import zoo.late", True),
        (b"from . import late", True),
        (b"from .late import x", True),
        (b"def call():\n    from zoo import late", True),
        (b"import importlib\nimportlib.import_module('.late', __package__)", True),
        (b"from importlib import import_module\nimport_module(f'zoo.{name}')", True),
        (b"NAME = 'zoo.late'", True),
        (b"import late", False),
        (b"from .. import late", False),
    ],
)
def test_warns_of_source_that_nothing_leads_to(text: bytes, reached: bool) -> None:
    made = manifest(modules=(*manifest().modules, module("zoo.late")))
    texts = {**TEXTS, "zoo.maths": TEXTS["zoo.maths"] + text, "zoo.late": b""}
    expected = {} if reached else {"consistency.unreached-source": Severity.WARNING}
    assert rules(made, texts) == expected
    assert audit(made, texts, referred={"zoo.late"}) == []


def test_notes_data_that_no_string_names() -> None:
    data = tuple(
        DataFile(path=path, member=f"code/{path}", reason="read")
        for path in ("zoo/words.txt", "zoo/tables/a.npy", "zoo/b.csv", "zoo/hidden.bin")
    )
    names = b"A = 'words'\nB = here / 'tables'\nC = '*.csv'\n"
    found = audit(manifest(data=data), {**TEXTS, "zoo.maths": TEXTS["zoo.maths"] + names})
    assert [(item.rule.id, item.what) for item in found] == [("consistency.unnamed-data", "zoo/hidden.bin")]


def test_tells_what_the_manifest_lacks() -> None:
    assert rules(manifest(proof=None, self_test=None)) == {
        "consistency.no-proof": Severity.WARNING,
        "consistency.no-self-test": Severity.NOTE,
    }
    absent = Unresolved(module="cupy", member="code/zoo/maths.py", line=9)
    assert rules(manifest(unresolved=(absent,))) == {"consistency.unresolved-import": Severity.NOTE}
    made = manifest(modules=(module("zoo", package=True), module("zoo.layers", generated=True), module("zoo.maths")))
    assert rules(made) == {"consistency.generated-source": Severity.NOTE}


def test_warns_of_versions_that_contradict_the_lock() -> None:
    proof = dataclasses.replace(PROOF, keras_version="3.14.0")
    assert rules(manifest(proof=proof)) == {"consistency.other-proof": Severity.WARNING}
    payload = dataclasses.replace(small().payload, tensorflow_version="2.20.0")
    assert rules(manifest(payload=payload)) == {"consistency.versions": Severity.WARNING}
    build = dataclasses.replace(PROOF, tensorflow_version="2.21.0+vendor")
    assert audit(manifest(proof=build)) == []


def test_compares_the_index_of_tensors_with_the_weights() -> None:
    assert audit(tensors=["a"]) == [], "format 1.0 has no index"
    payload = dataclasses.replace(small().payload, tensors=({"path": "a"}, {"path": "b"}, {"other": 1}))
    found = audit(manifest(payload=payload), tensors=["b", "c"])
    assert [(item.rule.id, item.what[:1]) for item in found] == [
        ("consistency.tensor-absent", "a"),
        ("consistency.tensor-unlisted", "c"),
    ]


def test_a_module_that_does_not_parse_is_no_contradiction() -> None:
    assert "consistency.object-line" not in rules(None, {**TEXTS, "zoo.layers": b"class Scale(:\n"})


def test_every_rule_has_its_own_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id.startswith("consistency.") for rule in RULES)


@given(
    st.text(max_size=60)
    | st.sampled_from(["(" * 5_000, "a." * 3_000 + "b", "[" * 150 + "]" * 150, "x = " + "-" * 9_000 + "1"])
)
def test_no_source_raises(text: str) -> None:
    audit(None, {**TEXTS, "zoo.layers": text.encode("utf-8", "ignore")})


@given(st.lists(st.text(max_size=6), max_size=3), st.text(max_size=12), st.text(max_size=12), st.integers())
def test_no_declared_object_raises(paths: list[str], name: str, qualname: str, line: int) -> None:
    shown = ObjectSource(member="code/zoo/layers.py", line=line)
    changes: dict[str, Any] = {"paths": tuple(f"/{path}" for path in paths), "key": name, "source": shown}
    audit(with_object(SCALE, qualname=qualname, **changes))
    audit(manifest(objects=(SCALE, installed(name, qualname, name))))


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["class_name", "config", "layers", "registered_name"]), inner, max_size=4),
    ),
    max_leaves=10,
)


@given(_JSON)
def test_no_config_raises(value: Any) -> None:
    config = copy.deepcopy(CONFIG)
    config["config"]["layers"][1] = value
    audit(config=config)
    audit(config=value)
