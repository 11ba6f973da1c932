"""Parse each text once in a command: every reader of Python text takes its tree from here and leaves it as it is."""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

_TREES: ContextVar[dict[bytes, ast.Module] | None] = ContextVar("trees", default=None)


@contextlib.contextmanager
def parsed_once() -> Iterator[None]:
    """Keep the trees of all texts that are parsed in the block, and let them go at its end; blocks may nest."""
    if _TREES.get() is not None:
        yield
        return
    token = _TREES.set({})
    try:
        yield
    finally:
        _TREES.reset(token)


def parse(text: bytes) -> ast.Module:
    """Return the tree of `text`; nobody may change it, since others are given the same one.

    Warnings about a text are the business of whoever wrote it, and are not told.

    Raises:
        SyntaxError: this Python cannot parse it.
        ValueError, RecursionError, MemoryError: the same.
    """
    trees = _TREES.get()
    tree = None if trees is None else trees.get(text)
    if tree is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        if trees is not None:
            trees[text] = tree
    return tree
