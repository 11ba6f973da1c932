"""Closes the functions of a bundle that nothing could hold while they run, so that the rest of it loads.

What no net holds (``f.__globals__``, ``g(model.save)``, a text formatted by another text) is mostly in functions that a
model never calls: downloads, plots, a factory for others. Such a function keeps its signature and its docstring, and
its body becomes one line that asks for consent. That is done to the text itself, before anything reads it, so what
runs, what `inspect` shows and what autograph converts is one text; lines keep their numbers. Then the text is audited
again, and whatever it still has for a load to hold keeps the bundle out. A line that the guard can decide about when
it runs is handed to it first (`asked_when_run`).

What a module does at its top level cannot be closed: it is held at load as before. So is text that hides code: nobody
writes that by accident, wherever it stands.
"""

from __future__ import annotations

import ast
import codecs
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bundler.audit.finding import UNREADABLE, Finding, Held, Severity
from bundler.audit.source import SourceText, source_findings
from bundler.audit.source.asked_when_run import asked_when_run, is_asked, line_starts

#: The built-in that a closed function calls, with the capabilities and the reason: `bundler.namespace` gives it.
CLOSED = "__closed__"
_ROUNDS = 5
_LONGEST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """The source of a bundle, with the functions closed that could not be held.

    Attributes:
        findings: of the source as it is; those in a closed function wait for its call.
        texts: the text that runs in place of the author's, by member, where functions were closed.
    """

    findings: list[Finding]
    texts: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Body:
    """The body of one function behind its docstring, as a range of a text's bytes and of its lines."""

    name: str
    start: int
    end: int
    first: int
    last: int


def close_source(texts: Sequence[SourceText], requirements: Mapping[str, str], accepted: Collection[str]) -> Closing:
    """Return the findings of `texts`, and the texts in which functions were closed for what is not `accepted`.

    Args:
        texts: every packed module.
        requirements: as for `source_findings`.
        accepted: capabilities for which nothing need be closed.
    """
    findings = now = source_findings(texts, requirements)
    current = {item.member: item for item in texts}
    for _ in range(_ROUNDS):
        wanted: dict[str, list[Finding]] = {}
        for finding in now:
            if _is_closable(finding, accepted) and finding.member in current:
                wanted.setdefault(finding.member, []).append(finding)
        with warnings.catch_warnings():
            # Python warns of escapes that are none each time that it parses them.
            warnings.simplefilter("ignore")
            closed = {member: _closed(current[member].text, items) for member, items in wanted.items()}
        changed = {member: text for member, text in closed.items() if text is not None}
        if not changed:
            break
        current |= {member: replace(current[member], text=text) for member, text in changed.items()}
        now = source_findings(list(current.values()), requirements)
    left = {(item.member, item.line) for item in now if _is_hard(item, accepted)}
    known = set(findings)
    why = {True: "asks when it runs", False: "the function is closed"}
    waiting = [
        replace(item, held=Held.USE, what=f"{item.what}; {why[is_asked(item)]}")
        if _is_closable(item, accepted) and (item.member, item.line) not in left
        else item
        for item in findings
    ]
    changed = {item.member: current[item.member].text for item in texts if current[item.member].text != item.text}
    # A closed text must have no finding at load that the author's has not; if it has, it is refused with that.
    return Closing(
        findings=waiting + [item for item in now if _is_hard(item, accepted) and item not in known], texts=changed
    )


def _is_hard(finding: Finding, accepted: Collection[str]) -> bool:
    return finding.severity is Severity.CONSENT and finding.held is Held.LOAD and finding.capability not in accepted


def _is_closable(finding: Finding, accepted: Collection[str]) -> bool:
    return _is_hard(finding, accepted) and finding.line is not None and finding.capability != UNREADABLE


def _closed(text: bytes, findings: Sequence[Finding]) -> bytes | None:
    """Return `text` with the functions closed that hold `findings`; `None` where that cannot be done."""
    if b"\r" in text.replace(b"\r\n", b"") or text.startswith(codecs.BOM_UTF8):
        return None
    try:
        text.decode("utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if (asked := asked_when_run(text, tree, findings)) != text:
        return asked
    bodies = _bodies(tree, text)
    chosen: dict[_Body, list[Finding]] = {}
    for finding in findings:
        around = [body for body in bodies if body.first <= (finding.line or 0) <= body.last]
        if around:
            chosen.setdefault(min(around, key=lambda body: body.end - body.start), []).append(finding)
    outermost = [body for body in chosen if not any(body is not other and _is_within(body, other) for other in chosen)]
    for body in sorted(outermost, key=lambda body: body.start, reverse=True):
        inside = [item for other, items in chosen.items() if _is_within(other, body) for item in items]
        text = text[: body.start] + _asks(body, inside, text[body.start : body.end]) + text[body.end :]
    try:
        compile(text, "<closed>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # Only the closed body bound a name, and a function beside it says `nonlocal`.
    return text if outermost else None


def _is_within(body: _Body, other: _Body) -> bool:
    return other.start <= body.start and body.end <= other.end


def _asks(body: _Body, findings: Sequence[Finding], replaced: bytes) -> bytes:
    words = " ".join(sorted({str(item.capability) for item in findings}))
    what = f"calls {body.name}(), which is closed: {findings[0].what.partition('; runs in')[0]}"[:_LONGEST]
    return f"raise {CLOSED}({words!a}, {what!a})".encode() + b"\n" * replaced.count(b"\n")


def _bodies(tree: ast.Module, text: bytes) -> list[_Body]:
    starts = line_starts(text)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if not body:
            continue
        first, last = body[0], body[-1]
        decorators = getattr(first, "decorator_list", [])
        line = min([first.lineno, *(item.lineno for item in decorators)])
        shown = text[starts[line - 1] : starts[line]]
        column = len(shown) - len(shown.lstrip(b" \t")) if decorators else first.col_offset
        found.append(
            _Body(
                name=node.name,
                start=starts[line - 1] + column,
                end=starts[(last.end_lineno or last.lineno) - 1] + (last.end_col_offset or 0),
                first=line,
                last=last.end_lineno or last.lineno,
            )
        )
    return found
