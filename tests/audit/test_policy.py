"""A policy is a file that means what it says, or an error that names the key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bundler import BundleError
from bundler.audit.finding import NETWORK, Held, Rule, Severity
from bundler.audit.policy import DEFAULT, Policy, check_rules, policy_findings, read_policy, under
from tests.manifest import samples

READS = Rule(id="source.network", severity=Severity.CONSENT, title="t", why="w", remedy="r", capability=NETWORK)
ODD = Rule(id="lock.advisory", severity=Severity.WARNING, title="t", why="w", remedy="r")

WHOLE = """
name = "corp"
gate = "strict"
allow = ["filesystem"]
deny = ["network", "process"]
refuse = ["lock.advisory", "policy.*"]
distributions = ["keras", "tensorflow*"]

[require]
proof = true
self-test = true
hashes = true
source = true

[maximum]
file = 1_000
source = 10
parameters = 0
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corp.toml"
    path.write_text(text)
    return path


def test_reads_every_key(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    policy = read_policy(path)
    assert policy == read_policy(str(path)) == read_policy(policy)
    assert policy == Policy(
        name="corp",
        gate="strict",
        allow=frozenset({"filesystem"}),
        deny=frozenset({"network", "process"}),
        refuse=("lock.advisory", "policy.*"),
        distributions=("keras", "tensorflow*"),
        proof=True,
        self_test=True,
        hashes=True,
        source=True,
        file_bytes=1000,
        source_bytes=10,
        parameters=0,
    )


def test_an_empty_file_is_the_default_under_another_name(tmp_path: Path) -> None:
    assert dataclasses.replace(read_policy(written(tmp_path, "")), name="default") == DEFAULT == read_policy(None)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("alow = []", "alow"),
        ("allow = 'filesystem'", "allow"),
        ("allow = ['everything']", "allow"),
        ("deny = [1]", "deny"),
        ("allow = ['network']\ndeny = ['network']", "deny"),
        ("name = 1", "name"),
        ("gate = 'off'", "gate"),
        ("gate = ['run']", "gate"),
        ("require = 1", "require"),
        ("[require]\nproof = 1", "require.proof"),
        ("[require]\nproofs = true", "require.proofs"),
        ("[maximum]\nfile = true", "maximum.file"),
        ("[maximum]\nfile = -1", "maximum.file"),
        ("[maximum]\nfile = 'x'", "maximum.file"),
        ("distributions = 'keras'", "distributions"),
        ("name = ", "corp.toml"),
        ("x = " + "[" * 5000, "corp.toml"),
        ("#" * (2 << 20), "corp.toml"),
    ],
)
def test_refuses_a_key_or_value_that_means_nothing(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_policy(written(tmp_path, text))
    assert place in str(caught.value.place)
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_refuses_what_is_no_text_or_not_there(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "corp.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleError, match=r"corp\.toml"):
        read_policy(path)


def test_refuses_a_rule_that_does_not_exist() -> None:
    check_rules(Policy(refuse=("lock.*", "lock.advisory")), {"lock.advisory"})
    with pytest.raises(BundleError, match=r"lock\.advisories"):
        check_rules(Policy(refuse=("lock.advisories",)), {"lock.advisory"})


def test_a_denied_capability_and_a_refused_rule_are_refused() -> None:
    findings = [READS.at("code/a.py", "x"), ODD.at("lock", "y")]
    assert list(under(DEFAULT, findings)) == findings
    changed = list(under(Policy(name="corp", deny=frozenset({NETWORK}), refuse=("lock.*",)), findings))
    assert [item.severity for item in changed] == [Severity.REFUSED, Severity.REFUSED]
    assert all("corp" in item.rule.remedy and item.capability is None for item in changed)


def test_a_denied_capability_waits_for_its_use_where_the_guard_holds_it() -> None:
    soft = READS.at("code/a.py", "x", held=Held.USE)
    closed = Policy(deny=frozenset({NETWORK}))
    assert list(under(closed, [soft])) == [soft]
    for policy in (dataclasses.replace(closed, gate="strict"), Policy(refuse=("source.*",))):
        (changed,) = under(policy, [soft])
        assert (changed.severity, changed.held) == (Severity.REFUSED, Held.LOAD)


def test_finds_what_the_policy_wants_and_the_bundle_lacks() -> None:
    manifest = dataclasses.replace(samples.small(), proof=None, self_test=None)
    strict = Policy(name="corp", proof=True, self_test=True, hashes=True, source=True, distributions=("keras",))
    found = [item.what for item in policy_findings(strict, manifest, size=1, source_bytes=1)]
    assert any("a proof" in what for what in found)
    assert any("a self-test" in what for what in found)
    assert any("tensorflow" in what for what in found) == any(
        item.name.startswith("tensorflow") for item in manifest.requirements.distributions
    )
    assert not list(policy_findings(DEFAULT, manifest, size=1 << 40, source_bytes=1 << 40))
    sizes = Policy(file_bytes=10, source_bytes=5)
    assert [item.rule.id for item in policy_findings(sizes, manifest, size=11, source_bytes=6)] == [
        "policy.too-large",
        "policy.too-large",
    ]
    assert not list(policy_findings(sizes, manifest, size=10, source_bytes=5))
