"""What every page has around it: its policy, its title, its style."""

from __future__ import annotations

from bundler.report.page.markup import Markup, tag
from bundler.report.page.style import CONTENT_POLICY, STYLE


def document(title: str, *body: Markup) -> str:
    """Return a whole page as HTML; write it as UTF-8."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=CONTENT_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', *body), lang='en')}\n"
