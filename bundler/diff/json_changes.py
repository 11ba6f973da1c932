"""Two JSON values as trees: what was added, removed, changed.

The items of a list are compared by identity where they have one, a layer by its name, so that a layer more at the front
does not make all others look changed; otherwise by their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bundler.diff.change import ADDED, CHANGED, REMOVED, REORDERED

JSON = Any
Steps = tuple[str | int, ...]
#: Returns what an item of a list is called, or `None` where it has no name.
Identity = Callable[[JSON], str | None]

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values at one place. `steps` lead to it in the tree after, or before where there is none after.

    `names` has an entry for each list on the way: the name of the item, or `None` where it has none.
    """

    before: JSON
    after: JSON
    steps: Steps = ()
    names: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One difference. `before` and `after` of the pair mean nothing where `kind` says that there is none."""

    kind: str
    pair: Pair


#: Returns a pair of objects as they are to be compared, and what it has found already.
Prepare = Callable[[Pair], tuple[Pair, Sequence[Edit]]]


def edits(before: JSON, after: JSON, identity: Identity, prepare: Prepare | None = None) -> Iterator[Edit]:
    """Yield what differs, in the order of the tree after.

    Args:
        before: a JSON value.
        after: another.
        identity: of an item of a list.
        prepare: called with every two objects before they are compared.
    """
    # A stack, not recursion: who nests a value deeply must not choose how deep we call.
    stack: list[Pair | Edit] = [Pair(before, after)]
    while stack:
        pair = stack.pop()
        if isinstance(pair, Edit):
            yield pair
            continue
        found: list[Pair | Edit] = []
        if isinstance(pair.before, dict) and isinstance(pair.after, dict):
            if prepare is not None:
                pair, known = prepare(pair)
                found += known
            found += _of_objects(pair)
        elif isinstance(pair.before, list) and isinstance(pair.after, list):
            found += _of_lists(pair, identity)
        else:
            found += _of_values(pair)
        stack.extend(reversed(found))


def places(items: Sequence[JSON], identity: Identity) -> dict[str, int] | None:
    """Return the place of each name in a list; `None` where an item has no name, or two have one."""
    names: dict[str, int] = {}
    for index, item in enumerate(items):
        name = identity(item)
        if name is None or name in names:
            return None
        names[name] = index
    return names


def _of_values(pair: Pair) -> Iterator[Edit]:
    if pair.before is _ABSENT:
        yield Edit(ADDED, pair)
    elif pair.after is _ABSENT:
        yield Edit(REMOVED, pair)
    elif isinstance(pair.before, dict | list) or not _equal(pair.before, pair.after):
        yield Edit(CHANGED, pair)


def _equal(before: JSON, after: JSON) -> bool:
    """Compare two values that hold no others; JSON tells ``1``, ``1.0`` and ``true`` apart, Python does not."""
    return type(before) is type(after) and bool(before == after)


def _of_objects(pair: Pair) -> Iterator[Pair]:
    for key in [*pair.after, *(key for key in pair.before if key not in pair.after)]:
        before, after = pair.before.get(key, _ABSENT), pair.after.get(key, _ABSENT)
        yield Pair(before, after, (*pair.steps, key), pair.names)


def _of_lists(pair: Pair, identity: Identity) -> Iterator[Pair | Edit]:
    before, after = pair.before, pair.after
    if not any(isinstance(item, dict | list) for items in (before, after) for item in items):
        # A shape or a vocabulary is one value: ten thousand changes of place would say less.
        if len(before) != len(after) or not all(map(_equal, before, after)):
            yield Edit(CHANGED, pair)
        return
    olds, news = places(before, identity), places(after, identity)
    if olds is None or news is None:
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _ABSENT
            new = after[index] if index < len(after) else _ABSENT
            yield Pair(old, new, (*pair.steps, index), (*pair.names, None))
        return
    if [name for name in olds if name in news] != [name for name in news if name in olds]:
        yield Edit(REORDERED, Pair(list(olds), list(news), pair.steps, pair.names))
    for name, index in news.items():
        old = before[olds[name]] if name in olds else _ABSENT
        yield Pair(old, after[index], (*pair.steps, index), (*pair.names, name))
    for name, index in olds.items():
        if name not in news:
            yield Pair(before[index], _ABSENT, (*pair.steps, index), (*pair.names, name))
