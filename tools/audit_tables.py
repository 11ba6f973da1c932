"""The tables of `docs/audit.md`, from the audit's own data."""

from __future__ import annotations

import re

from bundler.audit.catalogue import RULES
from bundler.audit.finding import CAPABILITIES


def page(text: str) -> str:
    """Return `text` with its tables made anew."""
    words = [f"| `{word}` | {meaning} |" for word, meaning in CAPABILITIES.items()]
    rules = [
        f"| `{rule.id}` | {rule.capability or rule.severity} | {_cell(rule.title)} | {_cell(rule.why)} |"
        for rule in sorted(RULES, key=lambda rule: rule.id)
    ]
    text = _filled(text, "capabilities", ["| word | what it lets the bundle do |", "|---|---|", *words])
    return _filled(text, "rules", ["| rule | asks for, or is | what was found | why |", "|---|---|---|---|", *rules])


def _filled(text: str, name: str, lines: list[str]) -> str:
    mark = f"<!-- {name}: made by python -m tools.refresh -->"
    return re.sub(
        rf"{re.escape(mark)}\n.*?<!-- end -->",
        lambda _: "\n".join([mark, "", *lines, "", "<!-- end -->"]),
        text,
        count=1,
        flags=re.DOTALL,
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
