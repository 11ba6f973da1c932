"""What the manifest names exists once, and types are what the format asks for; errors carry the dotted path."""

from __future__ import annotations

from typing import Any

import pytest

from bundler.errors import InvalidBundle
from bundler.manifest import load_manifest
from tests.manifest import samples

A = "a" * 64


def changed(path: str, value: Any) -> dict[str, Any]:
    """The full manifest with one value replaced; ``DELETE`` takes it out."""
    whole: Any = samples.value()
    inner = whole
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        inner = inner[step]
    if value == "DELETE":
        del inner[last]
    else:
        inner[last] = value
    return whole  # type: ignore[no-any-return]


def error_of(value: dict[str, Any]) -> InvalidBundle:
    with pytest.raises(InvalidBundle) as caught:
        load_manifest(samples.text(value))
    return caught.value


MODULE = {"member": "code/pkg/__init__.py", "name": "pkg", "package": True, "reason": ""}


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("payload.member", "model/other.keras", "payload.member"),
        ("payload.member", "code/pkg/__init__.py", "payload.member"),
        ("requirements.member", "model/model.keras", "requirements.member"),
        ("requirements.member", "absent", "requirements.member"),
        ("requirements.lock", "model/model.keras", "requirements.lock"),
        ("requirements.lock", "DELETE", "requirements.lock"),
        ("requirements.hashes", "none", "requirements.lock"),
        ("requirements.hashes", "many", "requirements.hashes"),
        ("requirements.wheels.0", "absent", "requirements.wheels[0]"),
        ("requirements.wheels.0", "code/pkg/words.txt", "requirements.wheels[0]"),
        ("modules.0.member", "code/absent.py", "modules[0].member"),
        ("modules.0.member", "model/model.keras", "modules[0].member"),
        ("modules.0.member", "code/pkg/words.txt", "data[0].member"),
        ("modules.0.package", False, "modules[0].member"),
        ("modules.0.name", "other", "modules[0].member"),
        ("modules.0.name", "a/b", "modules[0].name"),
        ("modules.0.name", "", "modules[0].name"),
        ("modules", [MODULE, MODULE], "modules[1].member"),
        ("modules", [], "builder.module"),
        ("builder.module", "absent", "builder.module"),
        ("objects.2.opaque", "DELETE", "objects[2]"),
        ("objects.2.opaque.member", "code/pkg/words.txt", "objects[2].opaque.member"),
        ("inference.member", "code/pkg/words.txt", "inference.member"),
        ("self_test.inputs", "model/model.keras", "self_test.inputs"),
        ("self_test.outputs", "absent", "self_test.outputs"),
        ("self_test.absolute_tolerance", 1, "self_test.absolute_tolerance"),
        ("data", [], "members[1].name"),
        ("data.0.path", "pkg/other.txt", "data[0].member"),
        ("data.0.member", "code/pkg/__init__.py", "data[0].member"),
        ("objects.0.source.member", "code/pkg/words.txt", "objects[0].source.member"),
        ("objects.0.source.member", "absent", "objects[0].source.member"),
        ("objects.0.source", "DELETE", "objects[0]"),
        ("objects.0.distribution", "x", "objects[0]"),
        ("unresolved.0.member", "code/absent.py", "unresolved[0].member"),
        ("import_order.0", "absent", "import_order[0]"),
        ("import_order", ["pkg", "pkg"], "import_order[1]"),
        ("members.1.name", "code/pkg/__init__.py", "members[1].name"),
        ("members.0.name", "zzz", "members[1].name"),
        ("members.0.size", -1, "members[0].size"),
        ("members.0.sha256", "A" * 64, "members[0].sha256"),
        ("members.0.sha256", "a" * 63, "members[0].sha256"),
        ("members.1.pieces.1", "x", "members[1].pieces[1]"),
        ("members.1.pieces", "DELETE", "members[1]"),
        ("members.1.piece_size", "DELETE", "members[1]"),
        ("members.3.encoding", "DELETE", "members[3]"),
        ("members.3.decoded_size", "DELETE", "members[3]"),
        ("members.3.decoded_sha256", "DELETE", "members[3]"),
        ("format", "other", "format"),
    ],
)
def test_refuses_with_the_dotted_path(path: str, value: Any, place: str) -> None:
    assert error_of(changed(path, value)).place == f"manifest.json: {place}"


def test_refuses_two_objects_with_one_name() -> None:
    value = samples.value()
    value["objects"].append({**value["objects"][0], "key": "other"})
    assert error_of(value).place == "manifest.json: objects[3]"


def test_refuses_module_that_is_not_plain_text() -> None:
    value = samples.value()
    value["members"][0].update(encoding="zstd", decoded_size=1, decoded_sha256=A)
    assert error_of(value).place == "manifest.json: modules[0].member"


def test_compressed_data_file_has_the_suffix_in_its_member_only() -> None:
    value = samples.value()
    member = {**value["members"][1], "name": "code/pkg/words.txt.zst", "encoding": "zstd", "decoded_size": 1}
    value["members"][1] = {**member, "decoded_sha256": A}
    value["data"][0]["member"] = "code/pkg/words.txt.zst"
    assert load_manifest(samples.text(value)).data[0].path == "pkg/words.txt"


WRONG = {str: 7, bool: 1, int: True, float: "1.0", list: {}, dict: []}


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every place in a JSON value, but those inside free-form objects."""
    found = [(path, value)] if path else []
    if path in ("provenance.metadata", "builder.arguments") or "tensors." in path or path.endswith(".values"):
        return found
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += leaves(item, f"{path}.{key}" if path else str(key))
    return found


@pytest.mark.parametrize(
    ("path", "value"), leaves(samples.value()), ids=lambda item: item if isinstance(item, str) else ""
)
def test_refuses_wrong_type_everywhere(path: str, value: Any) -> None:
    dotted = error_of(changed(path, WRONG[type(value)])).place
    steps = path.split(".")
    expected = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps).removeprefix(".")
    assert dotted == f"manifest.json: {expected}"
