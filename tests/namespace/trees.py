"""Module trees of a few lines of text, held as a bundle's code is."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import textwrap
from collections.abc import Callable, Collection
from typing import Any

from bundler.keras_io.native.array_kinds import array_stand_ins
from bundler.namespace import Guard, ModuleText, Namespace, Use, open_namespace
from bundler.unpacking.confinement import tables_for

_numbers = itertools.count()


def tree(
    text: str,
    *,
    allow: Collection[str] = (),
    denied: Collection[str] = (),
    requires: Collection[str] = (),
    data: dict[str, bytes] | None = None,
    on_refused: Callable[[Use], None] | None = None,
    same: str | None = None,
) -> Namespace:
    """Return a new tree with the one module ``guarded``; `same` names a tree that may be there already."""
    text = textwrap.dedent(text)
    name = same or f"{text}{next(_numbers)}"
    return open_namespace(
        "sha256:" + hashlib.sha256(name.encode()).hexdigest(),
        [ModuleText(name="guarded", text=text.encode(), package=False)],
        data or {},
        versions={},
        isolation=lambda *_: contextlib.nullcontext(),
        guard=Guard(
            tables=tables_for(requires),
            allowed=set(allow),
            denied=frozenset(denied),
            on_refused=on_refused,
            stand_ins=array_stand_ins,
        ),
    )


def module(text: str, **options: Any) -> Any:
    """Return the module of a new tree, imported."""
    return tree(text, **options).load("guarded")
