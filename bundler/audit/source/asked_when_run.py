"""Lets the guard decide about a class, where no reading of the source tells whose it is.

A decorator that keeps the constructor of a class and calls it later (``init = cls.__init__``), or gives a class another
method (``cls.get_config = get_config``), may have any class: of one that is not the bundle's it would make an object
anew, of any file, or replace code that every model runs. Such a line is handed to a built-in of the bundle's code, which
looks at the class when the line runs. Lines keep their numbers.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable

from bundler.audit.finding import Finding

#: The built-in that stores a method to a class of the bundle's: `bundler.namespace` gives it.
STORE = "__store__"
MADE_AGAIN, BUILDS_OTHERS, REPLACES_CODE = (
    "of an object makes it anew",
    "says what others build in place of an object",
    "is a method; storing to it replaces code",
)
_CONSTRUCTOR = "__init__"
_STORED = re.compile(rf"the attribute (\w+) (?:{BUILDS_OTHERS}|{REPLACES_CODE})")
_EQUALS = re.compile(rb"[ \t]*=[ \t]*")
#: Where a text is replaced, from and to, and by which.
_Edit = tuple[int, int, bytes]


def is_asked(finding: Finding) -> bool:
    """Say whether the line of `finding` may be one that the guard can decide about."""
    return _name_in(finding) is not None


def _name_in(finding: Finding) -> str | None:
    """Return the name that `finding` says is read or stored, where the guard can decide about it."""
    if finding.what.startswith(f"{_CONSTRUCTOR} {MADE_AGAIN}"):
        return _CONSTRUCTOR
    found = _STORED.match(finding.what)
    return None if found is None else found[1]


def asked_when_run(text: bytes, tree: ast.Module, findings: Iterable[Finding]) -> bytes:
    """Return `text` with the reads and stores of `findings` handed to the guard, where they are plain enough."""
    wanted = {(finding.line, _name_in(finding)) for finding in findings}
    starts = line_starts(text)
    edits: list[_Edit] = []
    for node in ast.walk(tree):
        # Of a line only what the finding is about: others may store to anything there.
        edits += [edit for name, edit in _edits(node, text, starts) if (getattr(node, "lineno", None), name) in wanted]
    for start, end, instead in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def line_starts(text: bytes) -> list[int]:
    """Return where each line of `text` begins, and where the last one ends."""
    return [0, *itertools.accumulate(map(len, text.splitlines(keepends=True)))]


def _edits(node: ast.AST, text: bytes, starts: list[int]) -> list[tuple[str, _Edit]]:
    """Return what hands `node` to the guard, where it reads or stores a plain attribute, with its name."""
    if isinstance(node, ast.Attribute) and node.attr == _CONSTRUCTOR and isinstance(node.ctx, ast.Load):
        if not isinstance(node.value, ast.Name):
            return []
        start, end = _range(node, starts)
        read = f'getattr({node.value.id}, "{_CONSTRUCTOR}")'.encode()
        return [(_CONSTRUCTOR, (start, end, read))]
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
        return []
    (target,) = node.targets
    if not (isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)):
        return []
    (start, behind), (value, end) = _range(target, starts), _range(node.value, starts)
    if _EQUALS.fullmatch(text[behind:value]) is None:
        return []
    before = f'{STORE}({target.value.id}, "{target.attr}", '.encode()
    edits = (start, value, before), (end, end, b")")
    return [(target.attr, edit) for edit in edits]


def _range(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    return (
        starts[node.lineno - 1] + node.col_offset,
        starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0),
    )
