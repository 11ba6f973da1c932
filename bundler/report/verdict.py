"""An audit in the order in which a reviewer reads it: the verdict, the next step, and the findings by what they mean.

Text and page are made from this, so that both say the same.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from bundler.audit.finding import CAPABILITIES, Finding, Rule, Severity
from bundler.audit.result import Audit, Verdict
from bundler.manifest import RecordedUse


class Section(enum.StrEnum):
    """What a reader asks of a bundle, in the order in which the answers are shown."""

    #: As the author's proof recorded it; this one has no findings.
    DOES = "Does when loaded or run"
    COULD = "Could do when called: stopped unless you allow it"
    REFUSED = "Refused"
    ALSO = "Also found"


#: The stages of a proof, as a reader knows them.
STAGES = {
    "load": "when loaded",
    "outputs": "when called",
    "train": "when trained",
    "save_and_load": "when saved and loaded again",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingGroup:
    """Findings that mean the same for who wants to load.

    Attributes:
        section: that they belong to.
        severity: of all of them.
        capability: that accepts them, where one does.
        accepted: whether it is accepted already.
        denied: whether the policy accepts it from nobody.
        rules: each rule with its findings, both in the order of the audit.
    """

    section: Section
    severity: Severity
    capability: str | None
    accepted: bool
    denied: bool
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
            return f"it could {CAPABILITIES[self.capability]}; {self._said(self.capability)}"
        return {
            Severity.REFUSED: "no argument accepts these",
            Severity.WARNING: "it loads; look at these first",
            Severity.NOTE: "worth knowing",
        }.get(self.severity, "")

    def _said(self, word: str) -> str:
        """Return in a few words what becomes of it here."""
        if self.accepted:
            return "accepted already"
        if self.section is Section.COULD:
            return "the policy stops it for good" if self.denied else f"stopped there unless allow=[{word!r}]"
        return f"accepted with allow=[{word!r}]"


def groups(audit: Audit) -> list[FindingGroup]:
    """Return the findings of `audit` in groups, section by section, what is accepted already after what is not."""
    found: dict[tuple[Section, Severity, str | None], dict[Rule, list[Finding]]] = {}
    for item in audit.findings:
        key = (_section(audit, item), item.severity, item.capability)
        found.setdefault(key, {}).setdefault(item.rule, []).append(item)
    made = [
        FindingGroup(
            section=section,
            severity=severity,
            capability=capability,
            accepted=capability is not None and capability in audit.accepted,
            denied=capability in audit.denied,
            rules=tuple((rule, tuple(items)) for rule, items in rules.items()),
        )
        for (section, severity, capability), rules in found.items()
    ]
    sections, ranks = list(Section), list(Severity)
    return sorted(
        made,
        key=lambda group: (
            sections.index(group.section),
            ranks.index(group.severity),
            group.accepted,
            group.capability or "",
        ),
    )


def _section(audit: Audit, finding: Finding) -> Section:
    if finding.severity in (Severity.REFUSED, Severity.CONSENT):
        return Section.COULD if audit.waits(finding) else Section.REFUSED
    return Section.ALSO


def headline(audit: Audit) -> str:
    """Return in one line what ``unbundle(path)`` does with the bundle here."""
    if audit.verdict is Verdict.REFUSED:
        refused = audit.counts[Severity.REFUSED]
        return f"refused: {counted(refused, 'finding')} that no argument accepts"
    stops = f"stops where it would {_listed(audit)}" if audit.could else ""
    if audit.verdict is Verdict.CONSENT:
        needs = f"needs consent: refused unless allow={[*audit.asked]}"
        return f"{needs}; then {stops}" if stops else needs
    given = [word for word in _words(audit.findings) if word in audit.accepted]
    loads = f"accepted: loads, with {', '.join(given)} allowed" if given else "accepted: loads"
    return f"{loads}; {stops}" if stops else f"{loads}; nothing that was found stops it"


def _listed(audit: Audit) -> str:
    """Return what the code is stopped at: ``read or write files of this machine (filesystem) or ...``."""
    parts = [
        f"{CAPABILITIES[word]} ({word}{', which the policy denies' if word in audit.denied else ''})"
        for word in audit.could
    ]
    return "; or ".join(parts)


def next_steps(audit: Audit) -> list[tuple[str, str]]:
    """Return what to do now: (when, the exact line to type); the line is not escaped for a screen."""
    if audit.verdict is Verdict.REFUSED:
        return []
    path = audit.path if audit.path is not None else "FILE"
    every = [word for word in _words(audit.findings) if word not in audit.denied]
    needed = [word for word in every if word in audit.accepted or word in audit.asked]
    flags = "".join(f" --allow {word}" for word in needed)
    # A name that starts with a dash is not an option, and one that the shell would read is quoted.
    name = shlex.quote(f"./{path}" if path.startswith("-") else path)
    steps = [
        ("in Python", f"bundler.unbundle({path!r}{_allow(needed)})"),
        ("in a shell", f"kbundle test {name}{flags}"),
    ]
    if set(audit.could) - {*needed, *audit.denied}:
        whole = [word for word in every if word in needed or word in audit.could]
        steps.append(("so that nothing stops it", f"bundler.unbundle({path!r}{_allow(whole)})"))
    return [*steps, ("this very file alone", f"bundler.unbundle({path!r}, digest={audit.digest!r})")]


def _allow(words: list[str]) -> str:
    return f", allow={words}" if words else ""


def advice(audit: Audit) -> str:
    """Return in one sentence what the verdict asks of the reader."""
    if audit.verdict is Verdict.REFUSED:
        return "do not load it; no argument makes it load. Show its author the findings under 'Refused'"
    if audit.verdict is Verdict.CONSENT:
        return "read the lines under 'Refused'; if you want what they do, say so when you load it"
    return (
        "loading it runs its code with your rights. What nobody allowed is stopped where the code uses it; that holds"
        " careless code, and is not a wall around code that was written to get past it"
    )


def does(audit: Audit) -> str:
    """Return what the record of the proof is worth, in one line."""
    if audit.uses is None:
        return "nothing is known: no proof watched it"
    if not audit.uses:
        return "nothing beyond computing, by the author's proof; nothing checks that"
    return "by the author's proof; nothing checks that"


def place_of(use: RecordedUse) -> str:
    """Return the module and line of what a proof recorded."""
    if not use.module:
        return "handed on to other code"
    return use.module if use.line is None else f"{use.module}:{use.line}"


def tally(audit: Audit) -> str:
    """Return how many findings there are of each severity that has some."""
    held = sum(audit.waits(item) for item in audit.findings)
    counts = audit.counts
    parts = [
        f"{count} {said}"
        for count, said in (
            (counts[Severity.REFUSED], "refused"),
            (counts[Severity.CONSENT] - held, "for consent"),
            (held, "held while it runs"),
            (counts[Severity.WARNING], "to look at"),
            (counts[Severity.NOTE], "to know"),
        )
        if count
    ]
    return f"{counted(len(audit.findings), 'finding')}: {', '.join(parts)}" if parts else "no findings"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _words(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return every capability that has a finding, accepted or not, sorted."""
    return tuple(sorted({item.capability for item in findings if item.capability is not None}))
