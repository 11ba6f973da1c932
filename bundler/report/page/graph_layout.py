"""Where the boxes of a graph go: in rows from top to bottom, so that edges lead down and cross seldom.

Sugiyama's method in its plainest form: the row of a box is the longest way to it; an edge over several rows gets an
invisible point in each of them; rows are sorted by the mean place of their neighbours; and within a row every box
stands as near to its neighbours as the boxes beside it allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bundler.report.page.layer_graph import in_order

ROW = 64
GAP = 18
_POINT = 10
_SWEEPS = 6
#: Invisible points; a graph that needs more has its long edges drawn straight.
_POINTS = 6_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Positions in pixels.

    Attributes:
        centres: of the boxes: (x, y).
        paths: of the edges, each a list of points from a box to a box.
        width: of everything.
        height: of everything.
    """

    centres: tuple[tuple[float, float], ...]
    paths: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def layout(widths: Sequence[float], edges: Sequence[tuple[int, int]], *, height: float) -> Layout:
    """Return where boxes of `widths` and one `height` go, given edges as pairs of their numbers."""
    rows_of, forward = _ranked(len(widths), edges)
    sizes = list(widths)
    chains: list[list[int]] = []
    points = sum(max(0, abs(rows_of[end] - rows_of[start]) - 1) for start, end in forward)
    for start, end in forward:
        chain = [start]
        if points <= _POINTS:
            for row in range(rows_of[start] + 1, rows_of[end]):
                chain.append(len(sizes))
                sizes.append(_POINT)
                rows_of.append(row)
        chains.append([*chain, end])
    rows: list[list[int]] = [[] for _ in range(max(rows_of, default=-1) + 1)]
    for item, row in enumerate(rows_of):
        rows[row].append(item)
    above: list[list[int]] = [[] for _ in sizes]
    below: list[list[int]] = [[] for _ in sizes]
    for chain in chains:
        for start, end in pairwise(chain):
            above[end].append(start)
            below[start].append(end)
    _sort(rows, above, below)
    x = _place(rows, sizes, above, below)
    left = min((x[item] - size / 2 for item, size in enumerate(sizes)), default=0)
    right = max((x[item] + size / 2 for item, size in enumerate(sizes)), default=0)
    centre = [(x[item] - left, rows_of[item] * ROW + height / 2) for item in range(len(sizes))]
    return Layout(
        centres=tuple(centre[: len(widths)]),
        paths=tuple(tuple(centre[item] for item in chain) for chain in chains),
        width=right - left,
        height=(len(rows) - 1) * ROW + height if rows else 0,
    )


def _ranked(count: int, edges: Sequence[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the row of each box, and the edges that lead down; those of a circle are turned round."""
    place = {item: index for index, item in enumerate(in_order(count, edges))}
    forward = list(dict.fromkeys((a, b) if place[a] < place[b] else (b, a) for a, b in edges if a != b))
    inputs: dict[int, list[int]] = {}
    for start, end in forward:
        inputs.setdefault(end, []).append(start)
    rows = [0] * count
    for item in sorted(place, key=lambda item: place[item]):
        rows[item] = max((rows[start] + 1 for start in inputs.get(item, ())), default=0)
    # An input stands just above what takes it first, not at the top of everything.
    outputs: dict[int, int] = {}
    for start, end in forward:
        outputs[start] = min(outputs.get(start, rows[end]), rows[end])
    return [
        row if item in inputs or item not in outputs else outputs[item] - 1 for item, row in enumerate(rows)
    ], forward


def _sort(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> None:
    """Sort each row by the mean place of what it hangs on, down and up in turn."""
    place = {item: index for row in rows for index, item in enumerate(row)}
    for sweep in range(_SWEEPS):
        near = below if sweep % 2 else above
        for row in reversed(rows) if sweep % 2 else rows:
            keys = {
                item: sum(place[other] for other in near[item]) / len(near[item]) if near[item] else place[item]
                for item in row
            }
            row.sort(key=lambda item: keys[item])
            place.update((item, index) for index, item in enumerate(row))


def _place(rows: list[list[int]], sizes: list[float], above: list[list[int]], below: list[list[int]]) -> list[float]:
    """Return x of the centres: each as near as can be to the mean of its neighbours, without touching another."""
    x = [0.0] * len(sizes)
    for row in rows:
        _settle(row, [0.0] * len(row), sizes, x)
    for sweep in range(_SWEEPS):
        near = below if sweep % 2 else above
        for row in reversed(rows) if sweep % 2 else rows:
            wanted = [
                sum(x[other] for other in near[item]) / len(near[item]) if near[item] else x[item] for item in row
            ]
            _settle(row, wanted, sizes, x)
    return x


def _settle(row: list[int], wanted: list[float], sizes: list[float], x: list[float]) -> None:
    """Put the items of a row, in their order, where the sum of squares of what they are off is least.

    Neighbours that want to overlap move as one block (pool adjacent violators).
    """
    offsets: list[float] = []
    at = 0.0
    for index, item in enumerate(row):
        if index:
            at += (sizes[row[index - 1]] + sizes[item]) / 2 + GAP
        offsets.append(at)
    blocks: list[tuple[float, int]] = []
    for target, offset in zip(wanted, offsets, strict=True):
        total, count = target - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before, others = blocks.pop()
            total, count = total + before, count + others
        blocks.append((total, count))
    index = 0
    for total, count in blocks:
        for _ in range(count):
            x[row[index]] = total / count + offsets[index]
            index += 1
