"""An audit as SARIF 2.1.0, which code hosts and editors read (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any
from urllib.parse import quote

from bundler.audit.finding import Finding, Rule, Severity
from bundler.audit.result import Audit
from bundler.manifest import RecordedUse
from bundler.report.terminal_text import shown
from bundler.version import __version__

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Members are named relative to the bundle, not to a folder of the machine.
_BASE = "BUNDLE"
# What keeps the bundle from loading is an error, whether or not somebody may accept it; what was accepted is
# suppressed. What is stopped where the code uses it is a warning: it breaks nothing for who never gets there, so it
# must fail no check, and hosts hide notes from a reviewer, who should see the line.
_LEVELS = {
    Severity.REFUSED: "error",
    Severity.CONSENT: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
}


def as_sarif(audit: Audit) -> dict[str, Any]:
    """Return the audit as a SARIF log with one run.

    Every string of the bundle is escaped as for a terminal, since viewers show messages as they are.
    """
    rules: dict[str, Rule] = {}
    for finding in audit.findings:
        rules.setdefault(finding.rule.id, finding.rule)
    order = {name: index for index, name in enumerate(sorted(rules))}
    seen: Counter[str] = Counter()
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kbundle",
                        "semanticVersion": __version__,
                        "rules": [_rule(rules[name]) for name in order],
                    }
                },
                "invocations": [_invocation(audit)],
                "originalUriBaseIds": {_BASE: {"description": {"text": "the members of the bundle"}}},
                "results": [_result(finding, order, seen, audit) for finding in audit.findings],
                "properties": {
                    "digest": shown(audit.digest),
                    "path": None if audit.path is None else shown(audit.path, 4_000),
                    "size": audit.size,
                    "policy": shown(audit.policy),
                    "verdict": audit.verdict.value,
                    "gate": audit.gate,
                    "asked": list(audit.asked),
                    "could": list(audit.could),
                    "does": None if audit.uses is None else [_use(stage, use) for stage, use in audit.uses],
                    "accepted": list(audit.accepted),
                },
            }
        ],
    }


def _use(stage: str, use: RecordedUse) -> dict[str, Any]:
    return {
        "stage": stage,
        "capability": shown(use.capability),
        "what": shown(use.what, 2_000),
        "module": shown(use.module),
        "line": use.line,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    tags = ["security", *([rule.capability] if rule.capability else [])]
    return {
        "id": rule.id,
        "shortDescription": {"text": shown(rule.title, 1_000)},
        "fullDescription": {"text": shown(rule.why, 1_000)},
        "help": {"text": f"{shown(rule.remedy, 1_000)}\n\nWhy: {shown(rule.why, 1_000)}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": tags, "severity": rule.severity.value, "capability": rule.capability},
    }


def _invocation(audit: Audit) -> dict[str, Any]:
    """Return what was done; what was not checked is a notification, so that a viewer does not take it for clean."""
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {
                "level": "none" if check.done else "note",
                "message": {
                    "text": f"{'checked' if check.done else 'not checked'}: "
                    f"{shown(check.subject)}: {shown(check.detail)}"
                },
            }
            for check in audit.checks
        ],
    }


def _result(finding: Finding, order: dict[str, int], seen: Counter[str], audit: Audit) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.member), "uriBaseId": _BASE}}
    if finding.line is not None and finding.line >= 1:
        location["region"] = {"startLine": finding.line}
    where: dict[str, Any] = {"physicalLocation": location}
    if finding.inside:
        where["logicalLocations"] = [{"fullyQualifiedName": shown(finding.inside, 2_000)}]
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": order[finding.rule.id],
        "level": "warning" if audit.waits(finding) else _LEVELS[finding.severity],
        "message": {"text": f"{shown(finding.rule.title)}: {shown(finding.what, 2_000)}"},
        "locations": [where],
        "partialFingerprints": {"kbundleFinding/v1": _fingerprint(finding, seen)},
        "properties": {
            "severity": finding.severity.value,
            "capability": finding.capability,
            "held": finding.held.value if finding.capability is not None else None,
        },
    }
    if finding.capability is not None and finding.capability in audit.accepted:
        reason = f"{finding.capability} is accepted by the policy {shown(audit.policy)} or the caller"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _uri(member: str) -> str:
    """Return a relative reference that names no other host or scheme, whatever the member is called."""
    # A lone surrogate has no UTF-8; and an empty first segment would make the second one a host.
    return quote(member.lstrip("/"), safe="/", errors="surrogatepass") or "%20"


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Return what tells this finding from all others, also when lines above it come or go."""
    parts = (finding.rule.id, finding.member, finding.inside or "", finding.what)
    whole = "\0".join(parts).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(whole).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}/{seen[digest]}"
