"""What an audit comes to: its findings, what was looked at, and whether the bundle may be loaded."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bundler.audit.finding import Check, Finding, Held, Severity
from bundler.audit.policy import Gate
from bundler.manifest import RecordedUse

#: An import of what neither Python, the framework, the lock nor the bundle has.
_ABSENT = "source.unknown-import"
_ORDER = {severity: place for place, severity in enumerate(Severity)}


class Verdict(enum.StrEnum):
    """Whether a bundle loads under a policy and with what its caller accepts."""

    ACCEPTED = "accepted"
    #: It loads where the capabilities of `Audit.asked` are accepted too.
    CONSENT = "consent"
    #: No argument makes it load.
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The result of an audit.

    Attributes:
        digest: of the bundle, ``sha256:...``.
        path: where it is, or `None`.
        size: of the file, in bytes.
        findings: worst first, then by member and line.
        checks: what was looked at, and what was not.
        accepted: the capabilities that the policy or the caller accepts.
        policy: the policy's name.
        gate: what decides about code that could do more than compute: ``run`` stops it where it does, ``strict``
            refuses to load it.
        denied: the capabilities that the policy accepts from nobody.
        uses: what the author's proof saw the code do, each with its stage; `None` where nobody watched. It is the
            author's word: shown, never trusted.

    Example:
        >>> audit = bundler.audit_bundle("model.kbundle")
        >>> "source" in {check.subject for check in audit.checks if check.done}
        True
    """

    digest: str
    path: str | None
    size: int
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    accepted: tuple[str, ...] = ()
    policy: str = "default"
    gate: Gate = "run"
    denied: tuple[str, ...] = ()
    uses: tuple[tuple[str, RecordedUse], ...] | None = None

    def waits(self, finding: Finding) -> bool:
        """Whether `finding` keeps nothing from loading: what it asks for is stopped where the code uses it."""
        return finding.severity is Severity.CONSENT and finding.held is Held.USE and self.gate == "run"

    @property
    def asked(self) -> tuple[str, ...]:
        """The capabilities that must be accepted beside `accepted` for the bundle to load, sorted."""
        return self._open(waits=False)

    @property
    def could(self) -> tuple[str, ...]:
        """The capabilities that the code could use and nobody has accepted, sorted: it is stopped where it does.

        What nothing names is left out: for the code of the bundle it is not installed, which stops nothing.
        """
        return self._open(waits=True)

    def _open(self, *, waits: bool) -> tuple[str, ...]:
        words = {
            item.capability
            for item in self.findings
            if item.capability and self.waits(item) is waits and not (waits and item.rule.id == _ABSENT)
        }
        return tuple(sorted(words.difference(self.accepted)))

    @property
    def verdict(self) -> Verdict:
        """Whether the bundle loads."""
        if any(finding.severity is Severity.REFUSED for finding in self.findings):
            return Verdict.REFUSED
        return Verdict.CONSENT if self.asked else Verdict.ACCEPTED

    @property
    def counts(self) -> Mapping[Severity, int]:
        """The number of findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return `findings` worst first, then by capability, member and line; the same finding once."""
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda item: (
                _ORDER[item.severity],
                item.capability or "",
                item.member,
                item.line or 0,
                item.inside or "",
                item.rule.id,
                item.what,
            ),
        )
    )
