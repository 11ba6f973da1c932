"""What the manifest says about the powers that the code used: optional, bounded, and kept as it is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bundler.errors import InvalidBundle, LimitExceeded
from bundler.limits import LIMITS
from bundler.manifest import RecordedUse, RecordedUses, dump_manifest, load_manifest
from tests.manifest import samples
from tests.manifest.test_schema import SCHEMA

VALIDATOR = Draft202012Validator(SCHEMA)
USE = {"capability": "network", "what": "connects", "module": "pkg", "line": 3}


def told(uses: Any) -> dict[str, Any]:
    """The JSON value of a manifest with `uses`."""
    value = samples.value()
    value["proof"]["uses"] = uses
    return value


def test_a_manifest_without_uses_is_read_and_written_as_before() -> None:
    value = samples.value()
    del value["proof"]["uses"]
    manifest = load_manifest(samples.text(value))
    assert manifest.proof is not None
    assert manifest.proof.uses is None
    assert dump_manifest(manifest) == samples.text(value)


def test_used_nothing_is_another_statement_than_not_watched() -> None:
    manifest = load_manifest(samples.text(told({})))
    assert manifest.proof is not None
    assert manifest.proof.uses == RecordedUses()
    assert dump_manifest(manifest) == samples.text(told({}))


def test_stages_and_fields_of_a_later_version_survive() -> None:
    text = samples.text(told({"export": [USE], "load": [{**USE, "thread": "T-1"}]}))
    manifest = load_manifest(text)
    assert manifest.proof is not None
    assert manifest.proof.uses is not None
    assert [name for name, _ in manifest.proof.uses.stages()] == ["load"]
    assert dump_manifest(manifest) == text
    assert VALIDATOR.is_valid(told({"export": [USE]}))


def test_takes_as_much_as_the_limits_allow() -> None:
    use = {**USE, "what": "é" * LIMITS.use_what, "module": "m" * LIMITS.name_bytes}
    value = told({stage: [use] * LIMITS.uses for stage in ("load", "outputs", "train", "save_and_load")})
    load_manifest(samples.text(value))
    assert VALIDATOR.is_valid(value)


@pytest.mark.parametrize(
    ("uses", "place"),
    [
        ({"train": [USE] * (LIMITS.uses + 1)}, "proof.uses.train"),
        ({"load": [{**USE, "what": "x" * (LIMITS.use_what + 1)}]}, "proof.uses.load[0].what"),
        ({"load": [{**USE, "module": "x" * (LIMITS.name_bytes + 1)}]}, "proof.uses.load[0].module"),
        ({"load": [{**USE, "capability": "x" * (LIMITS.use_capability + 1)}]}, "proof.uses.load[0].capability"),
    ],
)
def test_refuses_more_than_the_limits_allow(uses: Any, place: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        load_manifest(samples.text(told(uses)))
    assert caught.value.place == f"manifest.json: {place}"
    assert not VALIDATOR.is_valid(told(uses))


@pytest.mark.parametrize(
    "uses",
    [
        {"load": [{**USE, "line": 0}]},
        {"load": [{**USE, "line": True}]},
        {"load": [{**USE, "line": "3"}]},
        {"load": [{"capability": "network", "what": "connects"}]},
        {"load": [USE["what"]]},
        {"load": USE},
        [USE],
    ],
)
def test_refuses_uses_of_another_form(uses: Any) -> None:
    with pytest.raises(InvalidBundle):
        load_manifest(samples.text(told(uses)))
    assert not VALIDATOR.is_valid(told(uses))


@pytest.mark.parametrize("uses", [{"load": []}, {"load": [{**USE, "line": None}]}])
def test_refuses_a_default_that_is_written_out(uses: Any) -> None:
    with pytest.raises(InvalidBundle, match="canonical"):
        load_manifest(samples.text(told(uses)))


def test_the_writer_keeps_to_the_limits() -> None:
    uses = RecordedUses.of(
        {"load": [RecordedUse(capability="network", what=str(number), module="m") for number in range(1_000)]}
    )
    assert len(uses.load) == LIMITS.uses
    proof = samples.full().proof
    assert proof is not None
    load_manifest(dump_manifest(dataclasses.replace(samples.full(), proof=dataclasses.replace(proof, uses=uses))))
