"""The value in a text that was made of it: ``f"block_{index}"``, ``"block_%d" % index``, ``"block_" + name``."""

from __future__ import annotations

import ast
import re
from typing import Any

_PLACE = re.compile(r"%[ds]")


def value_in(node: ast.expr, text: str) -> tuple[ast.expr, Any] | None:
    """Return the one expression that `node` puts into its text, and what it was when it came to `text`.

    What reads as a whole number is one: a text of the same digits makes the same text.
    """
    parts = _parts(node)
    if parts is None:
        return None
    before, inner, after = parts
    if not (text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after)):
        return None
    found = text[len(before) : len(text) - len(after)]
    return inner, int(found) if re.fullmatch(r"0|-?[1-9]\d{0,17}", found) else found


def _parts(node: ast.expr) -> tuple[str, ast.expr, str] | None:
    """Return what a text has before its one expression, that, and what it has behind."""
    if isinstance(node, ast.JoinedStr):
        places = [index for index, item in enumerate(node.values) if isinstance(item, ast.FormattedValue)]
        if len(places) != 1:
            return None
        item = node.values[places[0]]
        assert isinstance(item, ast.FormattedValue)  # noqa: S101 - for mypy
        if item.format_spec is not None or item.conversion != -1:
            return None
        before, after = (
            "".join(str(part.value) for part in side if isinstance(part, ast.Constant))
            for side in (node.values[: places[0]], node.values[places[0] + 1 :])
        )
        return before, item.value, after
    if not isinstance(node, ast.BinOp):
        return None
    left, right = node.left, node.right
    if isinstance(node.op, ast.Add):
        if _is_text(left):
            return left.value, right, ""  # type: ignore[attr-defined]
        return ("", left, right.value) if _is_text(right) else None  # type: ignore[attr-defined]
    if isinstance(node.op, ast.Mod) and _is_text(left):
        pieces = _PLACE.split(left.value)  # type: ignore[attr-defined]
        if isinstance(right, ast.Tuple) and len(right.elts) == 1:
            right = right.elts[0]
        return (pieces[0], right, pieces[1]) if len(pieces) == 2 and "%" not in "".join(pieces) else None
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
