"""An audit as JSON: what `kbundle audit --json` prints and `schema/audit.schema.json` describes."""

from __future__ import annotations

from typing import Any

from bundler.audit.finding import Finding, Rule
from bundler.audit.result import Audit
from bundler.manifest import RecordedUse

#: Goes up in the first number when a key is taken away or changes its meaning, in the second when one is added.
FORMAT_VERSION = "1.1"


def as_json(audit: Audit) -> dict[str, Any]:
    """Return the audit as a JSON value.

    Its strings are the bundle's own, word for word: escape them before they are shown (`json.dumps` does, as long as
    ``ensure_ascii`` is on).
    """
    return {
        "format": "kbundle-audit",
        "format_version": FORMAT_VERSION,
        "verdict": audit.verdict.value,
        "gate": audit.gate,
        "asked": list(audit.asked),
        "could": list(audit.could),
        "does": None if audit.uses is None else [_use(stage, use) for stage, use in audit.uses],
        "path": audit.path,
        "digest": audit.digest,
        "size": audit.size,
        "policy": audit.policy,
        "accepted": list(audit.accepted),
        "counts": {severity.value: count for severity, count in audit.counts.items()},
        "findings": [_finding(item, audit) for item in audit.findings],
        "rules": {item.rule.id: _rule(item.rule) for item in sorted(audit.findings, key=lambda item: item.rule.id)},
        "checks": [{"subject": check.subject, "done": check.done, "detail": check.detail} for check in audit.checks],
    }


def _use(stage: str, use: RecordedUse) -> dict[str, Any]:
    return {
        "stage": stage,
        "capability": use.capability,
        "what": use.what,
        "module": use.module,
        "line": use.line,
    }


def _finding(finding: Finding, audit: Audit) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.value,
        "capability": finding.capability,
        "held": finding.held.value if finding.capability is not None else None,
        "accepted": finding.capability is not None and finding.capability in audit.accepted,
        "member": finding.member,
        "line": finding.line,
        "inside": finding.inside,
        "what": finding.what,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"title": rule.title, "why": rule.why, "remedy": rule.remedy}
