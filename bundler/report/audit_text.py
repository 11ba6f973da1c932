"""What `kbundle audit` prints: the verdict, the exact next step, the findings, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bundler.audit.finding import Finding, Rule
from bundler.audit.result import Audit
from bundler.report import verdict
from bundler.report.terminal_text import SourceLines, shown, size_text, table

#: Findings of one rule that are shown unless all are asked for.
FIRST = 5
#: Characters of a source line that are shown.
_LINE = 110


def as_text(audit: Audit, sources: Mapping[str, str] | None = None, *, everything: bool = False) -> str:
    """Return the audit as lines for a terminal.

    Args:
        audit: of a bundle.
        sources: the text of its modules by member, for the lines that findings are about.
        everything: show every finding; else the first few of each rule.
    """
    texts = SourceLines(sources or {})
    sections = [
        _verdict(audit),
        *_sections(audit, texts, None if everything else FIRST),
        _checks(audit, "Checked", done=True),
        _checks(audit, "Not checked: nothing is known about", done=False),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _verdict(audit: Audit) -> list[str]:
    name = audit.path if audit.path is not None else "(file object)"
    return [
        f"{shown(name)}: {verdict.headline(audit)}",
        *table([(when, shown(line, 4_000)) for when, line in verdict.next_steps(audit)]),
        f"  {verdict.advice(audit)}",
        "",
        *table(
            [
                ("digest", audit.digest),
                ("size", size_text(audit.size)),
                ("policy", audit.policy if audit.gate == "run" else f"{audit.policy}, gate {audit.gate}"),
                ("found", verdict.tally(audit)),
            ]
        ),
    ]


def _sections(audit: Audit, texts: SourceLines, most: int | None) -> Iterator[list[str]]:
    """Yield the three answers, and what else was found."""
    yield [f"{verdict.Section.DOES}: {verdict.does(audit)}", *_uses(audit, most)]
    found = verdict.groups(audit)
    for section in (verdict.Section.COULD, verdict.Section.REFUSED, verdict.Section.ALSO):
        of_section = [group for group in found if group.section is section]
        if not of_section:
            if section is not verdict.Section.ALSO:
                yield [f"{section}: nothing"]
            continue
        for index, group in enumerate(of_section):
            yield [
                *([] if index or section is verdict.Section.ALSO else [f"{section}:", ""]),
                *_group(group, texts, most),
            ]


def _uses(audit: Audit, most: int | None) -> list[str]:
    uses = audit.uses or ()
    rows = [
        (verdict.STAGES.get(stage, stage), shown(use.capability), shown(use.what), shown(verdict.place_of(use)))
        for stage, use in uses[:most]
    ]
    left = len(uses) - len(rows)
    return [*table(rows), *([f"  and {left:,} more (--all)"] if left else [])]


def _group(group: verdict.FindingGroup, texts: SourceLines, most: int | None) -> list[str]:
    title = group.title if group.capability else group.title.capitalize()
    lines = [f"{title} ({group.count}): {group.meaning}"]
    for rule, findings in group.rules:
        lines += _rule(rule, findings, texts, most)
    return lines


def _rule(rule: Rule, findings: tuple[Finding, ...], texts: SourceLines, most: int | None) -> Iterator[str]:
    yield f"  {shown(rule.id)}: {shown(rule.title)}"
    for finding in findings[:most]:
        yield f"    {shown(finding.place)}  {shown(finding.what)}"
        line = texts.at(finding.member, finding.line)
        if line is not None:
            yield f"      | {shown(line, _LINE)}"
    if most is not None and len(findings) > most:
        members = verdict.counted(len({finding.member for finding in findings[most:]}), "member")
        yield f"    and {len(findings) - most:,} more in {members} (--all)"
    yield f"    why: {shown(rule.why, 1_000)}"
    yield f"    do:  {shown(rule.remedy, 1_000)}"


def _checks(audit: Audit, title: str, *, done: bool) -> list[str]:
    rows = [(check.subject, check.detail) for check in audit.checks if check.done is done]
    return [title, *table(rows)] if rows else []
