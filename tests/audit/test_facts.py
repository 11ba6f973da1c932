"""A rule says what a caller can do about it, and nothing else can be said."""

from __future__ import annotations

import pytest

from bundler.audit.finding import FILESYSTEM, Held, Rule, Severity


def rule(severity: Severity, capability: str | None) -> Rule:
    return Rule(id="part.name", severity=severity, title="t", why="w", remedy="r", capability=capability)


@pytest.mark.parametrize(
    ("severity", "capability"),
    [(Severity.CONSENT, None), (Severity.REFUSED, FILESYSTEM), (Severity.NOTE, FILESYSTEM), (Severity.CONSENT, "all")],
)
def test_refuses_a_rule_whose_word_does_not_fit_its_severity(severity: Severity, capability: str | None) -> None:
    with pytest.raises(ValueError, match="capability"):
        rule(severity, capability)


def test_a_finding_shows_the_most_exact_place() -> None:
    wanted = rule(Severity.CONSENT, FILESYSTEM)
    assert wanted.at("code/a.py", "open", line=3).place == "code/a.py:3"
    assert wanted.at("model/model.keras", "x", inside="/config").place == "model/model.keras: /config"
    assert wanted.at("manifest.json", "x").place == "manifest.json"


def test_refuses_to_leave_to_the_guard_what_is_no_source() -> None:
    graph = Rule(
        id="graph.filesystem", severity=Severity.CONSENT, title="t", why="w", remedy="r", capability=FILESYSTEM
    )
    assert graph.at("g", "x").held is Held.LOAD
    with pytest.raises(ValueError, match="only what source does"):
        graph.at("g", "x", held=Held.USE)
