"""The packed source on the page, with numbered lines, and the findings on the lines that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bundler.audit.finding import Finding
from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit
from bundler.report.page.findings import badge, held
from bundler.report.page.markup import Markup, folded, join, name, spelled, tag, words
from bundler.report.page.source_views import LINE, SourceView, Views
from bundler.report.verdict import counted

#: Modules with more lines than this are folded, unless something was found in them.
_OPEN = 60
#: Findings that stand under one line.
_MARKS = 20
#: How lines are coloured, worst first.
_WORST = ("refused", "consent", "held", "accepted", "warning", "note")
#: Characters of what was found that stand there; the finding itself has more.
_WHAT = 160


def source_section(audit: Audit, contents: Contents, views: Views, anchors: Mapping[int, str]) -> Markup:
    """Return every packed module."""
    flagged: dict[str, dict[int, list[Finding]]] = {}
    for item in audit.findings:
        if item.line is not None:
            flagged.setdefault(item.member, {}).setdefault(item.line, []).append(item)
    reasons = {module.member: module.reason for module in contents.manifest.modules}
    parts = [
        _module(view, reasons.get(view.member), flagged.get(view.member, {}), anchors, audit) for view in views.views
    ]
    count = tag("small", counted(len(parts), "module"))
    body = parts or [tag("p", "The bundle has no source of its own.")]
    return tag("section", tag("h2", "Source ", count), *body, id="source")


def _module(
    view: SourceView, reason: str | None, flagged: Mapping[int, list[Finding]], anchors: Mapping[int, str], audit: Audit
) -> Markup:
    found = sum(len(items) for items in flagged.values())
    worst = min((held(audit, item) for items in flagged.values() for item in items), key=_WORST.index, default=None)
    title = join(
        name(view.member),
        " ",
        tag("small", counted(view.total, "line"), join("; ", words(reason, 300)) if reason else None),
        " ",
        badge(worst, counted(found, "finding")) if worst else None,
    )
    lines: list[Markup] = []
    last = 0
    for number, text in view.lines:
        if number != last + 1:
            lines.append(_gap(number - last - 1))
        lines.append(_line(view, number, text, flagged.get(number, ()), anchors, audit))
        last = number
    if last < view.total:
        lines.append(_gap(view.total - last))
    code = tag("div", tag("div", *lines, class_="lines"), class_="code")
    return folded(title, code, opened=bool(found) or view.total <= _OPEN, id=f"m{view.index}")


def _line(
    view: SourceView, number: int, text: str, findings: Sequence[Finding], anchors: Mapping[int, str], audit: Audit
) -> Markup:
    anchor = view.anchor(number)
    # Tabs are what Python indents with; everything else that is not seen is spelled out.
    row = join(tag("a", str(number), href=f"#{anchor}"), tag("code", spelled(text, LINE, keep="\t")))
    if not findings:
        return tag("div", row, id=anchor, class_="line")
    worst = min((held(audit, item) for item in findings), key=_WORST.index)
    marks = [
        tag(
            "div",
            badge(held(audit, item)),
            " ",
            tag("a", item.rule.id, href=f"#{anchors[id(item)]}"),
            " ",
            words(item.what, _WHAT),
            class_="mark",
        )
        for item in findings[:_MARKS]
    ]
    more = None
    if len(findings) > _MARKS:
        more = tag("div", f"and {len(findings) - _MARKS:,} more on this line", class_="mark")
    return join(tag("div", row, id=anchor, class_=f"line hit {worst}"), *marks, more)


def _gap(count: int) -> Markup:
    return tag("div", f"{counted(count, 'line')} not on this page: kbundle extract has them", class_="gap")
