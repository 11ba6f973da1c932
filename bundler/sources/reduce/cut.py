"""The text of a reduced module: every line that stays is the author's, at its place; the others are empty.

A comment in the place of the first line says what was left out, so that a reader who compares line by line is told.
"""

from __future__ import annotations

import ast
import copy
import io
import tokenize

from bundler.sources.reduce.reachable import Kept
from bundler.sources.reduce.statements import Role, Statement

_MOST_NAMES = 6


def cut(kept: Kept) -> bytes:
    """Return the text of a module with only the statements that are `kept`; the author's own where all are.

    Line numbers, comments, line ends and coding of what stays are those of the author's text.
    """
    module = kept.module
    encoding, _ = tokenize.detect_encoding(io.BytesIO(module.text).readline)
    # Not `splitlines`: a form feed ends no line for Python.
    lines = list(io.StringIO(module.text.decode(encoding), newline=""))
    end = (_ending(lines[0]) if lines else "") or "\n"
    before = 0
    run: list[Statement] = []
    start = 0
    for index, statement in enumerate(module.statements):
        if index in kept.statements:
            if run:
                _say(lines, start, run, end)
                run = []
            names = kept.names.get(index)
            if names is not None and (left := statement.binds - names):
                _trim(lines, statement, names, left, end)
        else:
            first = _with_comments(lines, statement.first, before)
            start = start if run else first
            for number in range(first, statement.last + 1):
                lines[number - 1] = _ending(lines[number - 1])
            run.append(statement)
        before = statement.last
    if run:
        _say(lines, start, run, end)
    return "".join(lines).encode(encoding)


def left_out(kept: Kept) -> int:
    """Return how many lines of the module's statements stay behind."""
    return sum(
        statement.last - statement.first + 1
        for index, statement in enumerate(kept.module.statements)
        if index not in kept.statements
    )


def left_names(kept: Kept) -> frozenset[str]:
    """Return the names that the module does not bind any more; ``*`` for those of a star import."""
    staying: set[str] = set()
    everything: set[str] = set()
    for index, statement in enumerate(kept.module.statements):
        everything |= statement.binds
        if index in kept.statements:
            staying |= statement.binds & kept.names.get(index, statement.binds)
    left = everything - staying
    for index, statement in enumerate(kept.module.statements):
        if index not in kept.statements and any(item.attribute == "*" for item in statement.imports):
            left.add("*")
    return frozenset(left)


def _with_comments(lines: list[str], first: int, before: int) -> int:
    """Return the line where the comments right above a statement start; they say something about it."""
    while first - 1 > max(before, 2) and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _say(lines: list[str], start: int, run: list[Statement], end: str) -> None:
    names = list(dict.fromkeys(name for statement in run for name in sorted(statement.binds)))
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    told = ", ".join(names[:_MOST_NAMES]) + more if names else "statements that the model does not need"
    lines[start - 1] = f"# left out by kbundle: {told}{_ending(lines[start - 1]) or end}"


def _trim(lines: list[str], statement: Statement, names: frozenset[str], left: frozenset[str], end: str) -> None:
    """Write an import anew with only the names that stay; a block of imports keeps its lines."""
    node = copy.deepcopy(statement.nodes[0])
    if not isinstance(node, ast.Import | ast.ImportFrom):
        raise TypeError(ast.dump(node))
    node.names = [alias for alias in node.names if _bound(node, alias) in names]
    ending = _ending(lines[statement.first - 1]) or end
    lines[statement.first - 1] = f"{ast.unparse(node)}  # left out by kbundle: {', '.join(sorted(left))}{ending}"
    for number in range(statement.first + 1, statement.last + 1):
        lines[number - 1] = _ending(lines[number - 1])


def _bound(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    if alias.asname or isinstance(node, ast.ImportFrom):
        return alias.asname or alias.name
    return alias.name.partition(".")[0]


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def is_reduced(kept: Kept) -> bool:
    """Say whether anything of the module stays behind."""
    return any(
        index not in kept.statements or (statement.role is Role.IMPORT and statement.binds - kept.names[index])
        for index, statement in enumerate(kept.module.statements)
    )
