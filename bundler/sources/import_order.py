"""The order in which this process imported modules, for such as need each other.

Python keeps modules in the order in which their imports ended. Of modules that import each other, the one whose import
began first is the one whose import ended last, and it must begin first again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from bundler.namespace import namespace_of


def import_order(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the modules of `needs` that this process has imported, in the order to import them in again.

    Nothing where there is but one.

    Args:
        needs: by module those that its import imports.
    """
    trees = ((name, namespace_of(name)) for name in tuple(sys.modules))
    imported = (name if tree is None else tree.original(name) for name, tree in trees)
    ended = [name for name in dict.fromkeys(imported) if name in needs]
    rank = {name: number for number, name in enumerate(ended)}
    first: dict[str, str] = {}
    for circle in _circles({name: [item for item in needs[name] if item in rank] for name in ended}):
        first |= dict.fromkeys(circle, max(circle, key=rank.__getitem__))
    order = dict.fromkeys(item for name in ended for item in (first[name], name))
    return tuple(order) if len(order) > 1 else ()


def _circles(needs: Mapping[str, list[str]]) -> Iterable[list[str]]:
    """Yield the strongly connected parts of a graph (Kosaraju's algorithm, without recursion)."""
    done: dict[str, None] = {}
    for start in needs:
        stack = [(start, iter(needs[start]))] if start not in done else []
        seen = {start}
        while stack:
            name, rest = stack[-1]
            step = next((item for item in rest if item not in done and item not in seen), None)
            if step is None:
                done[name] = None
                stack.pop()
            else:
                seen.add(step)
                stack.append((step, iter(needs[step])))
    users: dict[str, list[str]] = {name: [] for name in needs}
    for name, items in needs.items():
        for item in items:
            users[item].append(name)
    left = set(needs)
    for start in reversed(done):
        circle, waiting = [], [start]
        while waiting:
            name = waiting.pop()
            if name in left:
                left.discard(name)
                circle.append(name)
                waiting += users[name]
        if circle:
            yield circle
