"""The lowest Python that can read a set of source files."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOWEST = 11
_NESTED_FSTRINGS = 12


def python_floor(texts: Iterable[bytes]) -> str:
    """A PEP 440 specifier such as ``>=3.11``: the lowest version whose grammar takes all `texts`.

    The answer is the same on every Python that can parse them: the grammar of an older version takes less, and
    what only the tokenizer of 3.12 allows is looked for by itself.
    """
    floor = LOWEST
    for text in texts:
        while floor < sys.version_info.minor and not _is_read_by(text, floor):
            floor += 1
    return f">=3.{floor}"


def _is_read_by(text: bytes, minor: int) -> bool:
    if minor < _NESTED_FSTRINGS and has_nested_fstrings(text):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, feature_version=(3, minor))
    except (SyntaxError, ValueError):
        return False
    return True


def has_nested_fstrings(text: bytes) -> bool:
    """An f-string uses what PEP 701 allowed: its own quotes, backslashes, comments or line breaks in a field.

    Only the tokenizer of Python 3.12 and later can see this, and only there can such a file be parsed at all.
    """
    start, end = getattr(tokenize, "FSTRING_START", None), getattr(tokenize, "FSTRING_END", None)
    if start is None:
        return False
    outer: list[tuple[str, int]] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            quotes = token.string.lstrip("fFrRbBuU")
            if outer and token.type in (tokenize.STRING, start, tokenize.COMMENT, tokenize.NL):
                if token.type == tokenize.COMMENT:
                    return True
                if token.type == tokenize.NL and any(len(quote) == 1 for quote, _ in outer):
                    return True
                if token.type != tokenize.NL and any(quotes.startswith(quote) for quote, _ in outer):
                    return True
                if token.type == tokenize.STRING and "\\" in token.string:
                    return True
            if token.type == start:
                outer.append((quotes, token.start[0]))
            elif token.type == end and outer:
                outer.pop()
    except (tokenize.TokenError, SyntaxError):
        return False
    return False
