"""Every rule of the audit, for policies, reports and documentation."""

from __future__ import annotations

from bundler.audit import config, graph, model_file, policy, source, weights
from bundler.audit.consistency import rules as consistency
from bundler.audit.finding import Rule
from bundler.audit.lock import lock_findings
from bundler.audit.pickles import pickle_findings

#: The rules of each part, in the order in which a bundle is audited.
RULES: tuple[Rule, ...] = tuple(
    rule
    for part in (model_file, config, weights, graph, source, pickle_findings, consistency, lock_findings, policy)
    for rule in part.RULES
)


def rule_ids() -> frozenset[str]:
    """Return the id of every rule."""
    return frozenset(rule.id for rule in RULES)
