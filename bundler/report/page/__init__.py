"""The page of a bundle: one HTML file that says what the bundle contains and what it could do.

It loads nothing and runs nothing: no script, no image, no font, no address; its own policy forbids them too. Every
text of the bundle goes through `bundler.report.page.markup`.
"""

from __future__ import annotations

from pathlib import PurePath

from bundler.audit.page_contents import Contents
from bundler.audit.result import Audit
from bundler.report.page.detail_tables import manifest_section, requirements_section, tensors_section
from bundler.report.page.findings import checks_section, findings_section, numbered
from bundler.report.page.html_page import document
from bundler.report.page.markup import Markup, join, name, plain, spelled, tag, words
from bundler.report.page.model import model_section
from bundler.report.page.source import source_section
from bundler.report.page.source_views import views_of
from bundler.report.terminal_text import size_text
from bundler.report.verdict import advice, headline, next_steps, tally
from bundler.version import __version__

_SECTIONS = ("findings", "checks", "model", "source", "tensors", "requirements", "manifest")


def audit_page(audit: Audit, contents: Contents) -> str:
    """Return the page of an audited bundle as HTML; write it as UTF-8."""
    anchors = numbered(audit)
    views = views_of(contents, audit.findings)
    # Not the name that the author gives it: that could read like a verdict.
    title = f"Audit of {plain(PurePath(audit.path).name, 80) if audit.path else 'a bundle'}"
    return document(
        f"{title}: {audit.verdict}",
        _header(audit, contents, title),
        tag(
            "main",
            findings_section(audit, contents, views, anchors),
            checks_section(audit),
            model_section(audit, contents, views),
            source_section(audit, contents, views, anchors),
            tensors_section(contents),
            requirements_section(contents),
            manifest_section(contents),
        ),
        tag(
            "footer",
            f"Made by kbundle {__version__} without running any of the bundle. What stands here is what "
            "the file says and what was found in it; nothing here is a promise about what it does when it runs.",
        ),
    )


def _header(audit: Audit, contents: Contents, title: str) -> Markup:
    steps = [join(tag("dt", when), tag("dd", tag("code", spelled(line, 4_000)))) for when, line in next_steps(audit)]
    provenance = contents.manifest.provenance
    facts = [
        ("file", name(audit.path, 1_000) if audit.path is not None else None),
        ("digest", name(audit.digest)),
        ("size", size_text(audit.size)),
        ("policy", name(audit.policy)),
        ("name *", words(provenance.name, 200) if provenance.name is not None else None),
        ("description *", words(provenance.description) if provenance.description is not None else None),
        ("found", tally(audit)),
    ]
    verdict = tag(
        "div",
        tag("b", headline(audit)),
        tag("p", advice(audit)[:1].upper() + advice(audit)[1:] + "."),
        tag("dl", *steps) if steps else None,
        class_=f"verdict {audit.verdict}",
    )
    rows = [join(tag("dt", word), tag("dd", value)) for word, value in facts if value is not None]
    told = None
    if provenance.name is not None or provenance.description is not None:
        told = tag("p", tag("small", "* as the author says; nothing checks it"))
    links = [tag("a", word, href=f"#{word}") for word in _SECTIONS]
    return tag("header", tag("h1", tag("bdi", title)), verdict, tag("dl", *rows), told, tag("nav", *links))
