"""The rules are one list, each told apart and explained, and the documentation has all of them."""

from __future__ import annotations

from pathlib import Path

from bundler.audit.catalogue import RULES
from bundler.audit.finding import CAPABILITIES
from tools.audit_tables import page

_ROOT = Path(__file__).parents[2]


def test_every_rule_has_an_id_of_its_own_and_says_why_and_what_to_do() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        part, separator, name = rule.id.partition(".")
        assert all((part, separator, name, rule.title, rule.why, rule.remedy)), rule.id


def test_the_documentation_has_every_rule_and_every_capability() -> None:
    text = (_ROOT / "docs" / "audit.md").read_text()
    assert page(text) == text, "run python -m tools.refresh"
    assert all(f"`{rule.id}`" in text for rule in RULES)
    assert all(f"`{word}`" in text for word in CAPABILITIES)
