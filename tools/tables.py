"""The one format of the generated tables: a header that names versions and the digest of the rest, and the table.

A table is a tree of dicts. Its leaves are sets of words, written as sorted lines, and texts. What one environment has
to say about it is a `Part`; a table is the union of all of its parts, so that versions can be added one by one.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: Where each table is, below the root of the repository.
TABLES = {
    "fields": "bundler/formats/saved_model/fields.json",
    "operations": "bundler/audit/graph/operations.json",
    "stock": "bundler/audit/config/stock.json",
    "names": "bundler/audit/source/names.json",
    "powers": "tests/namespace/powers.json",
}
_MADE_BY = "python -m tools.refresh"


class Conflict(Exception):
    """Two versions say different things where a table has room for one."""


@dataclass(frozen=True)
class Part:
    """What was read, and from which versions. As JSON the sets of `tree` are lists."""

    made_from: Mapping[str, list[str]] = field(default_factory=dict)
    tree: Mapping[str, Any] = field(default_factory=dict)


def read_table(root: Path, name: str) -> tuple[Part, str]:
    """Return a table, and what is wrong with its file: it is not there, or its content was changed by hand."""
    path = root / TABLES[name]
    try:
        file = json.loads(path.read_text("utf-8"))
        part = Part(file["from"], file["table"])
    except FileNotFoundError:
        return Part(), "the file is not there"
    except (ValueError, KeyError, TypeError) as error:
        return Part(), f"the file has not the form of a table: {type(error).__name__}: {error}"
    changed = "" if file.get("digest") == _digest(part.tree) else "the file was changed by hand: its digest differs"
    return part, changed


def write_table(root: Path, name: str, part: Part) -> None:
    """Write a table."""
    tree = lines(part.tree)
    made_from = {of: _sorted(part.made_from[of]) for of in sorted(part.made_from)}
    file = {"made_by": _MADE_BY, "from": made_from, "digest": _digest(tree), "table": tree}
    (root / TABLES[name]).write_text(json.dumps(file, indent=1) + "\n", "utf-8")


def merged(first: Part, second: Part, name: str) -> Part:
    """Return the union of two parts of the table `name`.

    Raises:
        Conflict: a text differs.
    """
    versions = {of: set(first.made_from.get(of, ())) for of in {*first.made_from, *second.made_from}}
    for of, found in second.made_from.items():
        versions[of].update(found)
    return Part({of: _sorted(found) for of, found in versions.items()}, _merged(first.tree, second.tree, name))


def added(table: Part, part: Part) -> Iterator[tuple[str, list[str]]]:
    """Yield each place of a table that lacks something of `part`, and what it lacks there."""
    yield from _added(table.tree, part.tree, "")


def _added(old: Any, new: Any, place: str) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(new, Mapping):
        more = _words(new) - _words(old) if isinstance(new, list | set | frozenset) else {new} - {old}
        if more:
            yield place, _sorted(more)
        return
    if old is None and not new:
        yield place, ["(empty)"]
    old = old if isinstance(old, Mapping) else {}
    for key in _sorted(new):
        yield from _added(old.get(key), new[key], f"{place} {key}".strip())


def _merged(old: Any, new: Any, place: str) -> Any:
    if isinstance(new, Mapping):
        keys = {*old, *new}
        return {
            key: _merged(old[key], new[key], f"{place} {key}") if key in old and key in new else {**new, **old}[key]
            for key in keys
        }
    if isinstance(new, list | set | frozenset):
        return _words(old) | _words(new)
    if old != new:
        raise Conflict(f"{place}: the table has {old!r}, and here it is {new!r}")
    return old


def _words(value: Any) -> set[str]:
    return set(" ".join(value or ()).split())


def _sorted(words: Any) -> list[str]:
    """Return words sorted, numbers and versions as such."""

    def key(word: str) -> tuple[list[int], str]:
        parts = word.removeprefix("-").split(".")
        sign = -1 if word.startswith("-") else 1
        return [sign * int(part) for part in parts] if all(part.isdigit() for part in parts) else [], word

    return sorted(words, key=key)


def lines(value: Any) -> Any:
    """Return a tree as it is written: sets as lines of sorted words."""
    if isinstance(value, Mapping):
        return {key: lines(value[key]) for key in _sorted(value)}
    if isinstance(value, list | set | frozenset):
        text = " ".join(_sorted(_words(value)))
        return textwrap.wrap(text, 110, break_long_words=False, break_on_hyphens=False)
    return value


def _digest(tree: Any) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(lines(tree)).encode()).hexdigest()
