"""Default values that a function got when it was defined, where their text would give others by now.

``def gate(x, rate=rate)`` in a loop is the common way to keep the value of one round. The text of such a default
becomes the value itself.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from bundler.sources.extract.captures import defaults_of
from bundler.sources.extract.constant_values import computed, is_plain, same, written


def with_defaults(text: str, function: FunctionType, namespace: Mapping[str, Any]) -> str:
    """Return the definition `text` with the plain defaults of `function` that its names do not give any more."""
    try:
        node = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        return text
    around = {**vars(builtins), **namespace}
    stale = [
        (item, value)
        for item, value in defaults_of(node, function)
        if is_plain(value) and _reads(item) and not _gives(item, value, around)
    ]
    lines = text.encode().split(b"\n")
    for item, value in sorted(stale, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        first, last = item.lineno - 1, (item.end_lineno or item.lineno) - 1
        tail = lines[last][item.end_col_offset or 0 :]
        lines[first : last + 1] = [lines[first][: item.col_offset] + written(value).encode() + tail]
    return b"\n".join(lines).decode()


def _reads(node: ast.expr) -> bool:
    return any(isinstance(item, ast.Name) for item in ast.walk(node))


def _gives(node: ast.expr, value: Any, around: Mapping[str, Any]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in around and same(around[node.id], value)
    now = computed(node, around)
    return now is not None and same(now[0], value)
