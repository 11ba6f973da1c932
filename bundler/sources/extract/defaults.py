"""Default values that a function got when it was defined, where their text would give others by now.

``def gate(x, rate=rate)`` in a loop is the common way to keep the value of one round. The text of such a default
becomes the value itself.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from bundler.sources.extract.captures import defaults_of
from bundler.sources.extract.constant_values import computed, is_plain, literal_is, same, type_name, written
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.match import Match
from bundler.sources.extract.segments import expression_text


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
        if is_plain(value) and not _gives(item, value, around)
        if any(isinstance(part, ast.Name) for part in ast.walk(item))
    ]
    lines = text.encode().split(b"\n")
    for item, value in sorted(stale, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        first, last = item.lineno - 1, (item.end_lineno or item.lineno) - 1
        tail = lines[last][item.end_col_offset or 0 :]
        lines[first : last + 1] = [lines[first][: item.col_offset] + written(value).encode() + tail]
    return b"\n".join(lines).decode()


def _gives(node: ast.expr, value: Any, around: Mapping[str, Any]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in around and same(around[node.id], value)
    now = computed(node, around)
    return now is not None and same(now[0], value)


def function_text(match: Match, function: Callable[..., Any], name: str) -> str:
    """Return ``def name(args): return ...`` for the lambda `function`, with its defaults of now.

    A default that cannot be written as a constant keeps its expression where that is a name; see `captures.captured`.

    Raises:
        NotExtractable: a default is neither.
    """
    node = match.node
    if not isinstance(node, ast.Lambda) or not isinstance(function, FunctionType):
        raise TypeError(f"{function} is not a lambda")
    arguments = copy.deepcopy(node.args)
    arguments.defaults = [
        _default(match, item, value)
        for item, value in zip(arguments.defaults, function.__defaults__ or (), strict=True)
    ]
    given = function.__kwdefaults__ or {}
    arguments.kw_defaults = [
        None if item is None else _default(match, item, given[argument.arg])
        for argument, item in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    body = node.body
    head = f"def {name}({ast.unparse(arguments)}):"
    if body.lineno == body.end_lineno and not isinstance(body, ast.NamedExpr | ast.Yield | ast.YieldFrom):
        return f"{head}\n    return {expression_text(match.unit, body, 0)}"
    return f"{head}\n    return (\n        {expression_text(match.unit, body, 8)}\n    )"


def _default(match: Match, node: ast.expr, value: object) -> ast.expr:
    if literal_is(node, value) or (isinstance(node, ast.Name) and not is_plain(value)):
        return node
    if is_plain(value):
        return ast.parse(written(value), mode="eval").body
    raise NotExtractable(
        f"{match.where}: the lambda has a {type_name(value)} as a default; give it a name, or write the lambda "
        "as a named function (def ...)"
    )
