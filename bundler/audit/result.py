"""What an audit comes to: the findings, what was looked at, and one word for it.

`Audit` is what every screen and every refusal is made from. `Contents` is what the page of a bundle shows beside it.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bundler.audit.facts import Check, Finding, Severity
from bundler.manifest import Manifest
from bundler.manifest.codec import JSON

_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Verdict(enum.StrEnum):
    """What an audit says about loading, best first."""

    #: Nothing was found that needs anybody's word.
    ACCEPTED = "accepted"
    #: It loads where the caller names what `Audit.asked` lists, or the file's digest.
    CONSENT = "consent"
    #: No argument loads it.
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What was found in one bundle, under one policy.

    Attributes:
        digest: of the whole file, as ``sha256:...``: what a caller pins.
        path: where it was read, if it was a file with a name.
        size: of the file, in bytes.
        findings: worst first, then by member and line (see `in_order`).
        checks: what was looked at, and what was not.
        accepted: the capabilities that the policy or the caller accepts already, sorted.
        policy: the name of the policy.
    """

    digest: str
    path: str | None
    size: int
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    accepted: tuple[str, ...] = ()
    policy: str = "default"

    @property
    def asked(self) -> tuple[str, ...]:
        """The capabilities that somebody must still accept, sorted."""
        found = {finding.capability for finding in self.findings if finding.severity is Severity.CONSENT}
        return tuple(sorted(word for word in found if word is not None and word not in self.accepted))

    @property
    def verdict(self) -> Verdict:
        """The one word: a refusal outweighs a question, and a question outweighs nothing found."""
        if any(finding.severity is Severity.REFUSED for finding in self.findings):
            return Verdict.REFUSED
        return Verdict.CONSENT if self.asked else Verdict.ACCEPTED

    @property
    def counts(self) -> Mapping[Severity, int]:
        """How many findings each severity has, worst first; a severity without findings has 0."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorFact:
    """One stored tensor.

    Attributes:
        path: where the weights file has it.
        dtype: as the file says it, such as ``float32``.
        shape: all dimensions.
        size: of the stored values, in bytes.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What the page of a bundle shows beside its findings.

    Attributes:
        manifest: the bundle's own statement.
        config: of the model, as its ``config.json`` has it; `None` where there is none or it could not be read.
        sources: the text of every packed module, by member.
        tensors: the weights, if their file could be read.
        lock_text: the lock's text; empty where there is none.
    """

    manifest: Manifest
    config: JSON | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    tensors: tuple[TensorFact, ...] = ()
    lock_text: str = ""


def in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return `findings` worst first, then by member, line, rule and place, so that two audits of a file are equal."""
    return tuple(
        sorted(
            findings,
            key=lambda item: (
                _RANK[item.severity],
                item.member,
                item.line or 0,
                item.rule.id,
                item.inside or "",
                item.what,
            ),
        )
    )
