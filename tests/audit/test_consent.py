"""From an audit to a yes or no, and to the argument that changes it."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from bundler import AuditRefused, BundleError, ConsentRequired, RebuildFailed, SourceError
from bundler.audit.auditing import Terms
from bundler.audit.consent import (
    check_pickles,
    check_words,
    consent_lines,
    require_acceptable,
    require_accepted,
    use_lines,
)
from bundler.audit.finding import FILESYSTEM, NETWORK, Finding, Held, Rule, Severity
from bundler.audit.policy import Gate, Policy
from bundler.audit.result import Audit, Verdict, in_order
from bundler.audit.source.rules import UNKNOWN_IMPORT
from bundler.manifest import OpaqueSource
from tests.manifest import samples

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_DIGEST = "sha256:" + "5" * 64

READS = Rule(id="source.reads", severity=Severity.CONSENT, title="t", why="w", remedy="r", capability=FILESYSTEM)
CALLS = Rule(id="t.calls", severity=Severity.CONSENT, title="t", why="w", remedy="r", capability=NETWORK)
CRAFTED = Rule(id="t.crafted", severity=Severity.REFUSED, title="t", why="w", remedy="ask the author")
ODD = Rule(id="t.odd", severity=Severity.WARNING, title="t", why="w", remedy="r")


def audit(*findings: Finding, accepted: tuple[str, ...] = (), gate: Gate = "run") -> Audit:
    return Audit(
        digest=_DIGEST,
        path="m.kbundle",
        size=1,
        findings=in_order(list(findings)),
        checks=(),
        accepted=accepted,
        gate=gate,
    )


def test_accepts_what_only_computes_and_what_only_warns() -> None:
    require_accepted(audit())
    require_accepted(audit(ODD.at("manifest.json", "odd")))
    assert audit(ODD.at("manifest.json", "odd")).verdict is Verdict.ACCEPTED


def test_asks_for_consent_with_the_place_and_both_arguments_that_give_it() -> None:
    found = audit(READS.at("code/a.py", "open('x')", line=7), CALLS.at("code/b.py", "socket", line=1))
    assert found.verdict is Verdict.CONSENT
    with pytest.raises(ConsentRequired) as caught:
        require_accepted(found)
    assert caught.value.words == (FILESYSTEM, NETWORK)
    assert [finding.line for finding in caught.value.findings] == [7, 1]
    assert "filesystem: code/a.py:7: open('x')" in str(caught.value)
    assert "allow=['filesystem', 'network']" in str(caught.value)
    assert f'digest="{_DIGEST}"' in str(caught.value)


def test_the_argument_in_the_error_keeps_what_was_accepted_already() -> None:
    found = audit(READS.at("code/a.py", "open"), CALLS.at("code/a.py", "socket"), accepted=(FILESYSTEM,))
    with pytest.raises(ConsentRequired, match=r"allow=\['filesystem', 'network'\]") as caught:
        require_accepted(found)
    assert caught.value.words == (NETWORK,)
    require_accepted(audit(READS.at("code/a.py", "open"), accepted=(FILESYSTEM,)))


def test_an_error_shows_some_of_each_kind_however_many_there_are() -> None:
    many = [READS.at("code/a.py", "open", line=line) for line in range(1, 100)]
    with pytest.raises(ConsentRequired) as caught:
        require_accepted(audit(*many, CALLS.at("code/z.py", "socket", line=3)))
    assert len(caught.value.reasons) < 10
    assert "network: code/z.py:3: socket" in caught.value.reasons
    assert any("and 95 more" in line for line in caught.value.reasons)


def test_nothing_accepts_what_is_refused() -> None:
    found = audit(
        CRAFTED.at("model/model.keras", "x", inside="/config"), READS.at("code/a.py", "open"), accepted=(FILESYSTEM,)
    )
    assert found.verdict is Verdict.REFUSED
    with pytest.raises(AuditRefused) as caught:
        require_accepted(found)
    assert caught.value.reasons == ("t.crafted: model/model.keras: /config: x",)
    assert "ask the author" in str(caught.value)
    with pytest.raises(SourceError, match="would refuse to load this bundle"):
        require_acceptable(found)


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("have the author rename the module", "next step: rename the module"),
        ("have the author pack the model again with kbundle", "next step: this is a fault of kbundle"),
    ],
)
def test_never_sends_the_author_to_the_author(remedy: str, told: str) -> None:
    rule = dataclasses.replace(CRAFTED, remedy=remedy)
    with pytest.raises(SourceError) as caught:
        require_acceptable(audit(rule.at("code/a.py", "x")))
    assert told in str(caught.value)
    assert "the author" not in str(caught.value)


def test_packing_goes_on_where_consent_is_asked_for() -> None:
    found = audit(READS.at("code/a.py", "open('x')", line=7))
    require_acceptable(found)
    assert consent_lines(found) == ["filesystem: code/a.py:7: open('x')"]


def test_what_is_held_at_its_use_loads_and_is_told() -> None:
    found = audit(READS.at("code/a.py", "open('x')", line=7, held=Held.USE))
    require_accepted(found)
    assert (found.verdict, found.asked, found.could) == (Verdict.ACCEPTED, (), (FILESYSTEM,))
    assert consent_lines(found) == []
    assert use_lines(found) == ["filesystem: code/a.py:7: open('x')"]
    given = audit(READS.at("code/a.py", "open('x')", line=7, held=Held.USE), accepted=(FILESYSTEM,))
    assert (given.could, use_lines(given)) == ((), [])


def test_the_error_before_a_load_tells_of_no_line_that_could_wait() -> None:
    found = audit(READS.at("code/a.py", "soft", line=7, held=Held.USE), READS.at("code/a.py", "hard", line=8))
    with pytest.raises(ConsentRequired) as caught:
        require_accepted(found)
    assert caught.value.reasons == ("filesystem: code/a.py:8: hard",)
    assert found.could == (FILESYSTEM,)


def test_the_strict_gate_refuses_what_could_wait() -> None:
    found = audit(READS.at("code/a.py", "open('x')", line=7, held=Held.USE), gate="strict")
    assert (found.verdict, found.asked, found.could) == (Verdict.CONSENT, (FILESYSTEM,), ())
    with pytest.raises(ConsentRequired, match=r"code/a\.py:7"):
        require_accepted(found)
    assert consent_lines(found) == ["filesystem: code/a.py:7: open('x')"]


def test_what_is_not_installed_for_the_bundle_stops_nothing() -> None:
    found = audit(UNKNOWN_IMPORT.at("code/a.py", "torch", line=1, held=Held.USE))
    assert (found.verdict, found.could) == (Verdict.ACCEPTED, ())


@pytest.mark.parametrize("word", ["opaque", "", "*", "all", "trust"])
def test_refuses_words_that_mean_nothing(word: str) -> None:
    with pytest.raises(BundleError, match="'filesystem'"):
        check_words([word])


def test_one_word_is_a_list_of_one() -> None:
    assert check_words("network") == ("network",)
    assert check_words(["network", "filesystem"]) == ("filesystem", "network")


def test_a_digest_accepts_everything_but_what_a_policy_denies() -> None:
    assert Terms(allow=("network",)).accepted == ("network",)
    assert Terms(policy=Policy(allow=frozenset({"filesystem"})), allow=("network",)).accepted == (
        "filesystem",
        "network",
    )
    denied = Terms(policy=Policy(deny=frozenset({"network"})), allow=("network",), accept_all=True).accepted
    assert "network" not in denied
    assert {"filesystem", "opaque-code", "process"} <= set(denied)


def test_refuses_the_bytecode_of_another_python() -> None:
    manifest = samples.full()
    for python, is_fine in ((_HERE, True), ("2.7", False)):
        objects = tuple(
            dataclasses.replace(item, opaque=OpaqueSource(member=item.opaque.member, python=python))
            if item.opaque
            else item
            for item in manifest.objects
        )
        changed = dataclasses.replace(manifest, objects=objects)
        if is_fine:
            check_pickles(changed)
        else:
            with pytest.raises(RebuildFailed, match=r"expected Python 2\.7"):
                check_pickles(changed)
