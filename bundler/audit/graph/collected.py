"""Findings of one file, each once, and not more of a kind than somebody can read."""

from __future__ import annotations

from collections import Counter

from bundler.audit.finding import Finding, Rule

_OF_A_KIND = 200


class Collected:
    """The findings of the member `member`, in the order in which they were found."""

    def __init__(self, member: str) -> None:
        self._member = member
        self._found: dict[Finding, None] = {}
        self._counts: Counter[Rule] = Counter()

    def add(self, rule: Rule, what: str, inside: str | None = None) -> None:
        """Add a finding. The first 200 of a rule are kept; the rest are counted."""
        if self._counts[rule] < _OF_A_KIND:
            finding = rule.at(self._member, what, inside=inside)
            if finding in self._found:
                return
            self._found[finding] = None
        self._counts[rule] += 1

    def is_full(self, rule: Rule) -> bool:
        """Say whether no further finding of a rule is kept, so that looking for one is not worth the time."""
        return self._counts[rule] >= _OF_A_KIND

    def findings(self) -> list[Finding]:
        """Return what was found, with a line for each rule of which not all is shown."""
        more = [
            rule.at(self._member, f"and {count - _OF_A_KIND} more of this kind")
            for rule, count in self._counts.items()
            if count > _OF_A_KIND
        ]
        return [*self._found, *more]
