"""A lambda as a named function."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

from bundler.sources.extract.constant_values import is_plain, literal_is, type_name, written
from bundler.sources.extract.extracted import NotExtractableError
from bundler.sources.extract.match import Match
from bundler.sources.extract.segments import expression_text


def function_text(match: Match, function: Callable[..., Any], name: str) -> str:
    """Return ``def name(args): return ...`` for the lambda `function`, with its defaults of now.

    A default that cannot be written as a constant keeps its expression where that is a name; see `captures.captured`.

    Raises:
        NotExtractableError: a default is neither.
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
    raise NotExtractableError(
        f"{match.where}: the lambda has a {type_name(value)} as a default; give it a name, or write the lambda "
        "as a named function (def ...)"
    )
