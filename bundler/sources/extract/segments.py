"""Verbatim pieces of a text, moved to the left margin."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable

from bundler.sources.extract.namespace_texts import Unit

#: Marks of cells in exported notebooks and in editors; they belong to no definition.
_CELL_MARK = re.compile(r"#\s*(%%|In\[|<codecell>|coding[:=]|-\*-)|#!")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def first_line(node: ast.stmt) -> int:
    """Return the line where a definition starts, its decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def statement_text(unit: Unit, node: ast.stmt) -> str:
    """Return the text of `node` at the left margin, with the comment lines directly above it."""
    first, last = first_line(node), node.end_lineno or node.lineno
    if not isinstance(node, Definition) and not _stands_alone(unit, node):
        return ast.get_source_segment(unit.text, node) or ast.unparse(node)
    indent = len(unit.lines[first - 1]) - len(unit.lines[first - 1].lstrip())
    start = first
    while start > 1 and _is_comment(unit.lines[start - 2], indent):
        start -= 1
    return _moved(unit, range(start, last + 1), indent, 0)


def expression_text(unit: Unit, node: ast.expr, indent: int) -> str:
    """Return the text of `node`; where it has several lines, those after the first are indented by `indent`."""
    segment = ast.get_source_segment(unit.text, node) or ast.unparse(node)
    last = node.end_lineno or node.lineno
    if last == node.lineno:
        return segment
    rest = range(node.lineno + 1, last + 1)
    held = _inside_strings(unit, node.lineno, last)
    indents = [_indent(unit.lines[line - 1]) for line in rest if line not in held and unit.lines[line - 1].strip()]
    body = _moved(unit, rest, min(indents, default=0), indent).split("\n")
    tail = unit.lines[last - 1].encode()[node.end_col_offset or 0 :].decode()
    body[-1] = body[-1].removesuffix(tail)
    return "\n".join([segment.split("\n")[0], *body])


def _stands_alone(unit: Unit, node: ast.stmt) -> bool:
    before = unit.lines[node.lineno - 1].encode()[: node.col_offset].decode()
    after = unit.lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset or 0 :].decode()
    return not before.strip() and (not after.strip() or after.strip().startswith("#"))


def _is_comment(line: str, indent: int) -> bool:
    text = line.strip()
    return text.startswith("#") and _indent(line) == indent and not _CELL_MARK.match(text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _moved(unit: Unit, lines: Iterable[int], old: int, new: int) -> str:
    lines = list(lines)
    held = _inside_strings(unit, lines[0], lines[-1])
    moved = []
    for number in lines:
        line = unit.lines[number - 1]
        if number in held:
            moved.append(line)
        elif not line.strip():
            moved.append("")
        else:
            moved.append(" " * new + line[min(old, _indent(line)) :].rstrip())
    return "\n".join(moved)


def _inside_strings(unit: Unit, first: int, last: int) -> set[int]:
    """Return the lines from `first` to `last` that begin inside a string, whose blanks are part of its value.

    A docstring is left out: its indentation means nothing.
    """
    docstrings = {
        (node.body[0].lineno, node.body[0].end_lineno)
        for node in ast.walk(unit.tree)
        if isinstance(node, Definition)
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
        and isinstance(node.body[0].value.value, str)
    }
    held: set[int] = set()
    for start, end in _string_spans(unit):
        if (start, end) not in docstrings and start <= last and end >= first:
            held.update(range(start + 1, end + 1))
    return held


def _string_spans(unit: Unit) -> list[tuple[int, int]]:
    spans = []
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(unit.text).readline):
        name = tokenize.tok_name[token.type]
        if name == "STRING":
            spans.append((token.start[0], token.end[0]))
        elif name == "FSTRING_START":  # From Python 3.12 on an f-string is several tokens.
            opened.append(token.start[0])
        elif name == "FSTRING_END":
            spans.append((opened.pop(), token.end[0]))
    return [(start, end) for start, end in spans if end > start]
