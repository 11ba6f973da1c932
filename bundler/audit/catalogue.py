"""Every rule of the audit, for policies, reports and documentation."""

from __future__ import annotations

from bundler.audit import config, consistency, graph, keras_archive, lock, opaque, policy, source, weights
from bundler.audit.facts import Rule

#: The rules of each part, in the order in which a bundle is audited.
RULES: tuple[Rule, ...] = tuple(
    rule
    for part in (keras_archive, config, weights, graph, source, opaque, consistency, lock, policy)
    for rule in part.RULES
)


def rule_ids() -> frozenset[str]:
    """Return the id of every rule."""
    return frozenset(rule.id for rule in RULES)
