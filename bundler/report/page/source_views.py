"""Which lines of the packed source the page shows, within a budget, and the anchor of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bundler.audit.finding import Finding
from bundler.audit.page_contents import Contents
from bundler.report.terminal_text import lines_of

#: Lines of source on one page, and characters; past that only what is near a finding.
LINES = 20_000
CHARACTERS = 4_000_000
#: Characters of one line.
LINE = 2_000
#: Lines around a flagged one that are shown where not all are, and flagged lines of such a module.
_NEAR = 3
_FLAGGED = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceView:
    """What is shown of one member.

    Attributes:
        member: its name.
        index: its number on the page.
        lines: (number, text) of those that are shown.
        total: how many lines there are.
    """

    member: str
    index: int
    lines: tuple[tuple[int, str], ...]
    total: int

    def anchor(self, line: int) -> str:
        """Return the anchor of a line."""
        return f"m{self.index}-{line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Views:
    """Every shown member, and which lines can be linked to."""

    views: tuple[SourceView, ...]
    anchors: dict[tuple[str, int], str]

    def link(self, member: str, line: int | None) -> str | None:
        """Return the link to a line, or `None` where it is not on the page."""
        anchor = self.anchors.get((member, line)) if line is not None else None
        return None if anchor is None else f"#{anchor}"


def views_of(contents: Contents, findings: Iterable[Finding]) -> Views:
    """Return what to show of the sources of `contents`; those with findings come first in the budget."""
    flagged: dict[str, set[int]] = {}
    for item in findings:
        if item.line is not None and item.member in contents.sources:
            flagged.setdefault(item.member, set()).add(item.line)
    order = [module.member for module in contents.manifest.modules if module.member in contents.sources]
    members = list(dict.fromkeys([*order, *sorted(contents.sources)]))
    index = {member: place for place, member in enumerate(members)}
    made: dict[str, SourceView] = {}
    lines_left, characters_left = LINES, CHARACTERS
    for member in sorted(members, key=lambda member: (member not in flagged, index[member])):
        lines = lines_of(contents.sources[member])
        cost = sum(map(_cost, lines))
        if len(lines) <= lines_left and cost <= characters_left:
            chosen = tuple(enumerate(lines, 1))
            lines_left -= len(lines)
            characters_left -= cost
        else:
            near = {
                number
                for line in sorted(flagged.get(member, ()))[:_FLAGGED]
                for number in range(max(1, line - _NEAR), min(len(lines), line + _NEAR) + 1)
            }
            chosen = tuple((number, lines[number - 1]) for number in sorted(near))
        made[member] = SourceView(member=member, index=index[member], lines=chosen, total=len(lines))
    ordered = tuple(made[member] for member in members)
    anchors = {(view.member, number): view.anchor(number) for view in ordered for number, _ in view.lines}
    return Views(views=ordered, anchors=anchors)


def _cost(line: str) -> int:
    """Return what a line takes of the budget: what is not plain ASCII may be spelled out, which is longer."""
    part = line[:LINE].replace("\t", " ")
    return len(part) if part.isascii() and part.isprintable() else 8 * len(part)
