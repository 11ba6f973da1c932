"""The findings of an audit on the page: grouped as in a terminal, each linked to its line."""

from __future__ import annotations

from collections.abc import Mapping

from bundler.audit.finding import Finding, Rule
from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit
from bundler.report.page.markup import Markup, folded, join, spelled, tag, words
from bundler.report.page.source_views import Views
from bundler.report.terminal_text import SourceLines
from bundler.report.verdict import STAGES, FindingGroup, Section, counted, does, groups, place_of

#: Findings of one rule that are seen at once, and that are on the page at all.
FIRST = 10
MOST = 300
#: Characters of what was found, and of a source line.
WHAT = 400
_LINE = 300


def numbered(audit: Audit) -> dict[int, str]:
    """Return the anchor of each finding, by its `id`: two findings may be equal."""
    return {id(finding): f"f{index}" for index, finding in enumerate(audit.findings)}


def findings_section(audit: Audit, contents: Contents, views: Views, anchors: Mapping[int, str]) -> Markup:
    """Return the three answers: what the bundle does, what it could do, what is refused; then what else there is."""
    texts = SourceLines(contents.sources)
    found = groups(audit)
    parts = [tag("h2", Section.DOES), *_uses(audit)]
    for section in (Section.COULD, Section.REFUSED, Section.ALSO):
        of_section = [group for group in found if group.section is section]
        if of_section or section is not Section.ALSO:
            parts.append(tag("h2", section))
        if not of_section and section is not Section.ALSO:
            parts.append(tag("p", "Nothing that was found."))
        for group in of_section:
            parts.append(_heading(group))
            for rule, findings in group.rules:
                items = [_item(item, texts, views, anchors[id(item)]) for item in findings[:MOST]]
                parts.append(_rule(rule, items, len(findings), held(audit, findings[0])))
    return tag("section", *parts, id="findings")


def held(audit: Audit, finding: Finding) -> str:
    """Return how a finding is marked: by its severity, or by what becomes of it while the bundle runs."""
    if finding.capability is not None and finding.capability in audit.accepted:
        return "accepted"
    return "held" if audit.waits(finding) else str(finding.severity)


def _uses(audit: Audit) -> list[Markup]:
    """Return what the author's proof recorded, as the author's word."""
    said = does(audit)
    parts = [tag("p", f"{said[:1].upper()}{said[1:]}.")]
    rows = [
        tag(
            "li",
            tag("span", STAGES.get(stage, stage), class_="dim"),
            " ",
            tag("code", spelled(use.capability, 60)),
            " ",
            words(use.what, WHAT),
            " ",
            tag("bdi", tag("code", spelled(place_of(use), 600))),
        )
        for stage, use in (audit.uses or ())[:MOST]
    ]
    if rows:
        parts.append(tag("ul", *rows[:FIRST]))
    if rows[FIRST:]:
        parts.append(folded(f"and {len(rows) - FIRST:,} more", tag("ul", *rows[FIRST:])))
    return parts


def badge(severity: str, text: str | None = None) -> Markup:
    """Return a severity as a small label, in words and not by its colour alone."""
    return tag("span", text or severity, class_=f"badge {severity}")


def _heading(group: FindingGroup) -> Markup:
    title = tag("code", group.title) if group.capability else group.title.capitalize()
    waits = group.section is Section.COULD
    mark = "accepted" if group.accepted else "held" if waits else str(group.severity)
    consent = join(badge(mark), " ") if group.capability else None
    said = tag("small", f"{counted(group.count, 'finding')}: {group.meaning}")
    return tag("h3", consent, title, " ", said, class_=f"group {mark}")


def _rule(rule: Rule, items: list[Markup], count: int, colour: str) -> Markup:
    seen, rest = items[:FIRST], items[FIRST:]
    more = folded(f"and {len(rest):,} more", tag("ul", *rest)) if rest else None
    left = None
    if count > MOST:
        left = tag("p", f"{count - MOST:,} more are not on this page: kbundle audit --json has them all")
    return tag(
        "div",
        tag("h3", spelled(rule.title), " ", tag("code", rule.id)),
        tag("p", tag("span", "Why: ", class_="dim"), spelled(rule.why)),
        tag("p", tag("span", "Do: ", class_="dim"), spelled(rule.remedy)),
        tag("ul", *seen),
        more,
        left,
        class_=f"rule {colour}",
    )


def _item(finding: Finding, texts: SourceLines, views: Views, anchor: str) -> Markup:
    place = spelled(finding.place, 600)
    link = views.link(finding.member, finding.line)
    where = tag("bdi", tag("code", tag("a", place, href=link) if link else place))
    line = texts.at(finding.member, finding.line)
    quote = tag("code", spelled(line, _LINE, keep="\t"), class_="quote") if line else None
    return tag("li", where, " ", words(finding.what, WHAT), quote, id=anchor)


def checks_section(audit: Audit) -> Markup:
    """Return what was looked at and, first, what was not."""
    parts = []
    for title, done in (("Not checked: nothing is known about", False), ("Checked", True)):
        checks = [check for check in audit.checks if check.done is done]
        if checks:
            rows = [join(tag("dt", words(check.subject, 200)), tag("dd", words(check.detail))) for check in checks]
            parts += [tag("h3", title), tag("dl", *rows)]
    return tag("section", tag("h2", "What was checked"), *parts, id="checks")
