"""`schema/manifest.schema.json` and the dataclasses say the same."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bundler.errors import InvalidBundle
from bundler.manifest import Manifest
from bundler.manifest.codec import ALWAYS, from_json
from tests.manifest import samples
from tests.manifest.test_references import WRONG, changed, leaves

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schema" / "manifest.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def dataclasses_below(cls: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every dataclass that a manifest is made of, by name."""
    found = {} if found is None else found
    if dataclasses.is_dataclass(cls):
        found[cls.__name__] = cls  # type: ignore[union-attr]
        for annotation in typing.get_type_hints(cls).values():
            dataclasses_below(annotation, found)
    for argument in typing.get_args(cls):
        dataclasses_below(argument, found)
    return found


CLASSES = dataclasses_below(Manifest)


def described(name: str) -> dict[str, Any]:
    part: dict[str, Any] = SCHEMA if name == "Manifest" else SCHEMA["$defs"][name]
    return part


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("manifest", [samples.small(), samples.full()], ids=["small", "full"])
def test_schema_accepts_what_the_writer_makes(manifest: Manifest) -> None:
    assert list(VALIDATOR.iter_errors(samples.value(manifest))) == []


def test_sample_says_every_field() -> None:
    # So that the other tests here leave nothing out.
    seen: dict[str, set[str]] = {name: set() for name in CLASSES}

    def visit(item: object) -> None:
        if dataclasses.is_dataclass(item):
            for field in dataclasses.fields(item):
                value = getattr(item, field.name)
                if value not in (None, (), {}):
                    seen[type(item).__name__].add(field.name)
                visit(value)
        elif isinstance(item, tuple):
            for entry in item:
                visit(entry)

    visit(samples.full())
    for name, cls in CLASSES.items():
        assert seen[name] == {field.name for field in dataclasses.fields(cls)} - {"extra"}


def test_schema_describes_exactly_the_dataclasses() -> None:
    described_names = {name for name, part in SCHEMA["$defs"].items() if part.get("type") == "object"}
    assert described_names | {"Manifest"} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_schema_and_dataclass_have_the_same_fields(name: str) -> None:
    fields = [field for field in dataclasses.fields(CLASSES[name]) if field.name != "extra"]
    required = {
        field.name
        for field in fields
        if ALWAYS in field.metadata
        or (field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING)
    }
    assert set(described(name)["properties"]) == {field.name for field in fields}
    assert set(described(name)["required"]) == required


@pytest.mark.parametrize("name", CLASSES)
def test_schema_keeps_unknown_fields_and_describes_the_known(name: str) -> None:
    part = described(name)
    assert part.get("additionalProperties", True) is True
    assert part["description"]
    assert all(item.get("description") for item in part["properties"].values())


@pytest.mark.parametrize(
    ("path", "value"), leaves(samples.value()), ids=lambda item: item if isinstance(item, str) else ""
)
def test_schema_refuses_the_types_that_the_reader_refuses(path: str, value: Any) -> None:
    wrong = changed(path, WRONG[type(value)])
    with pytest.raises(InvalidBundle):
        from_json(Manifest, wrong)
    assert not VALIDATOR.is_valid(wrong)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("members.0.size", -1),
        ("members.0.size", 2**63),
        ("members.0.sha256", "A" * 64),
        ("members.1.pieces", "DELETE"),
        ("members.1.piece_size", 0),
        ("members.3.encoding", "DELETE"),
        ("members.3.decoded_size", "DELETE"),
        ("objects.0.source", "DELETE"),
        ("objects.0.distribution", "both"),
        ("format", "other"),
        ("format_version", "2.0"),
        ("format_version", "1"),
        ("payload", "DELETE"),
        ("payload.parameters.trainable", "DELETE"),
    ],
)
def test_schema_refuses_the_values_that_the_reader_refuses(path: str, value: Any) -> None:
    assert not VALIDATOR.is_valid(changed(path, value))
