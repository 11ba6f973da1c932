"""An audit in the order in which a reviewer reads it: the verdict, the next step, and the findings by what they mean.

Text and page are made from this, so that both say the same.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from bundler.audit.facts import CAPABILITIES, Finding, Rule, Severity
from bundler.audit.result import Audit, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Findings that mean the same for who wants to load.

    Attributes:
        severity: of all of them.
        capability: that accepts them, where one does.
        accepted: whether it is accepted already.
        rules: each rule with its findings, both in the order of the audit.
    """

    severity: Severity
    capability: str | None
    accepted: bool
    rules: tuple[tuple[Rule, tuple[Finding, ...]], ...]

    @property
    def count(self) -> int:
        """How many findings there are."""
        return sum(len(findings) for _, findings in self.rules)

    @property
    def title(self) -> str:
        """The group in one or two words."""
        return self.capability or {"warning": "warnings", "note": "notes"}.get(self.severity, self.severity.value)

    @property
    def meaning(self) -> str:
        """What the findings mean, in one line."""
        if self.capability is not None:
            said = "accepted already" if self.accepted else f"accepted with allow=[{self.capability!r}]"
            return f"it could {CAPABILITIES[self.capability]}; {said}"
        return {
            Severity.REFUSED: "no argument accepts these",
            Severity.WARNING: "it loads; look at these first",
            Severity.NOTE: "worth knowing",
        }.get(self.severity, "")


def groups(audit: Audit) -> list[Group]:
    """Return the findings of `audit` in groups, worst first; what is accepted already comes after what is not."""
    found: dict[tuple[Severity, str | None], dict[Rule, list[Finding]]] = {}
    for item in audit.findings:
        found.setdefault((item.severity, item.capability), {}).setdefault(item.rule, []).append(item)
    made = [
        Group(
            severity=severity,
            capability=capability,
            accepted=capability is not None and capability in audit.accepted,
            rules=tuple((rule, tuple(items)) for rule, items in rules.items()),
        )
        for (severity, capability), rules in found.items()
    ]
    ranks = {severity: rank for rank, severity in enumerate(Severity)}
    return sorted(made, key=lambda group: (ranks[group.severity], group.accepted, group.capability or ""))


def headline(audit: Audit) -> str:
    """Return the verdict in one line."""
    if audit.verdict is Verdict.REFUSED:
        refused = audit.counts[Severity.REFUSED]
        return f"refused: {counted(refused, 'finding')} that no argument accepts"
    if audit.verdict is Verdict.CONSENT:
        return f"needs consent: {', '.join(audit.asked)}"
    if words := _words(audit):
        return f"accepted, with what the policy or the caller accepts: {', '.join(words)}"
    return "accepted: nothing that was checked needs consent"


def next_steps(audit: Audit) -> list[tuple[str, str]]:
    """Return what to do now: (when, the exact line to type); the line is not escaped for a screen."""
    if audit.verdict is Verdict.REFUSED:
        return []
    path = audit.path if audit.path is not None else "FILE"
    words = _words(audit)
    allow = f", allow={list(words)}" if words else ""
    flags = "".join(f" --allow {word}" for word in words)
    # A name that starts with a dash is no option, and one that the shell would read is quoted.
    name = shlex.quote(f"./{path}" if path.startswith("-") else path)
    return [
        ("in Python", f"bundler.unbundle({path!r}{allow})"),
        ("in a shell", f"kbundle test {name}{flags}"),
        ("this very file alone", f"bundler.unbundle({path!r}, digest={audit.digest!r})"),
    ]


def advice(audit: Audit) -> str:
    """Return in one sentence what the verdict asks of the reader."""
    return {
        Verdict.REFUSED: "do not load it; no argument makes it load. Show its author the findings under 'refused'",
        Verdict.CONSENT: "read the lines below; if you want what they do, say so when you load it",
        Verdict.ACCEPTED: "it loads. Loading it runs its code with your rights: an audit is no wall around it",
    }[audit.verdict]


def tally(audit: Audit) -> str:
    """Return how many findings there are of each severity that has some."""
    names = {Severity.REFUSED: "refused", Severity.CONSENT: "for consent", Severity.WARNING: "to look at"}
    parts = [f"{count} {names.get(severity, 'to know')}" for severity, count in audit.counts.items() if count]
    return f"{counted(len(audit.findings), 'finding')}: {', '.join(parts)}" if parts else "no findings"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _words(audit: Audit) -> tuple[str, ...]:
    """Return every capability that has a finding, accepted or not, sorted."""
    return tuple(sorted({item.capability for item in audit.findings if item.capability is not None}))
