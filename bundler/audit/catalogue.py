"""Every rule of the audit, for policies, reports and documentation."""

from __future__ import annotations

from bundler.audit import policy
from bundler.audit.facts import Rule

#: The rules of each part, in the order in which a bundle is audited.
RULES: tuple[Rule, ...] = (*policy.RULES,)


def rule_ids() -> frozenset[str]:
    """Return the id of every rule."""
    return frozenset(rule.id for rule in RULES)
