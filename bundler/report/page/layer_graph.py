"""The graph of a model's layers from its ``config.json``: who takes whose output, in as few boxes as say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bundler.manifest.codec import JSON
from bundler.report.page.layers import histories, listed, name_of, text_of

#: Layers that are looked at; past `FEW` boxes the runs without a branch become one box; `BOXES` are drawn.
LAYERS = 5_000
FEW = 60
BOXES = 300
#: Edges that are drawn: a graph where everything meets everything is not a picture.
EDGES = 3_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """One box: a call of a layer, or a run of layers of which each takes what the one before it gave.

    Attributes:
        layers: the numbers of the layers in the model's list, in order.
        title: what stands in it.
        subtitle: below it.
    """

    layers: tuple[int, ...]
    title: str
    subtitle: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerGraph:
    """Boxes, and the edges between them as pairs of their numbers.

    `omitted` counts the layers that no box has.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]
    omitted: int = 0


def graph_of(model: JSON) -> LayerGraph | None:
    """Return the graph of the layers of a model's node; `None` where the config has none (a subclassed model)."""
    nodes = listed(model)
    if not nodes:
        return None
    omitted = len(nodes[LAYERS:])
    nodes = nodes[:LAYERS]
    if any(isinstance(node, dict) and node.get("inbound_nodes") for node in nodes):
        boxes, edges = _functional(nodes)
    else:
        boxes = [_box(index, node) for index, node in enumerate(nodes)]
        edges = [(index, index + 1) for index in range(len(boxes) - 1)]
    order = in_order(len(boxes), edges)
    if len(boxes) > FEW:
        boxes, edges = _runs(boxes, edges, order)
        order = in_order(len(boxes), edges)
    kept = order[:BOXES]
    omitted += sum(len(boxes[index].layers) for index in order[BOXES:])
    number = {index: place for place, index in enumerate(kept)}
    return LayerGraph(
        boxes=tuple(boxes[index] for index in kept),
        edges=tuple((number[a], number[b]) for a, b in edges if a in number and b in number)[:EDGES],
        omitted=omitted,
    )


def in_order(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return 0 to `count` - 1 so that edges lead forwards; where they go in circles, the lowest number comes next."""
    after: dict[int, list[int]] = {}
    waiting = [0] * count
    for start, end in edges:
        after.setdefault(start, []).append(end)
        waiting[end] += 1
    ready = [index for index in range(count) if not waiting[index]][::-1]
    done = [False] * count
    order: list[int] = []
    lowest = 0
    while len(order) < count:
        if not ready:
            while done[lowest]:
                lowest += 1
            ready.append(lowest)
        index = ready.pop()
        if done[index]:
            continue
        done[index] = True
        order.append(index)
        for end in reversed(after.get(index, [])):
            waiting[end] -= 1
            if waiting[end] == 0:
                ready.append(end)
    return order


def _box(index: int, node: JSON, call: int = 0, calls: int = 1) -> Box:
    class_name = text_of(node.get("class_name")) if isinstance(node, dict) else "?"
    inner = len(listed(node))
    return Box(
        layers=(index,),
        title=name_of(node) or "?",
        subtitle=class_name + (f", {inner} layers" if inner else "") + (f", call {call + 1}" if calls > 1 else ""),
    )


def _functional(nodes: list[JSON]) -> tuple[list[Box], list[tuple[int, int]]]:
    """Return a box for each call of each layer: a layer that is called twice has two places in the graph."""
    boxes: list[Box] = []
    number: dict[tuple[str, int], int] = {}
    called: list[tuple[int, JSON]] = []
    for index, node in enumerate(nodes):
        calls = node.get("inbound_nodes") if isinstance(node, dict) else None
        calls = calls if isinstance(calls, list) and calls else [None]
        for call, arguments in enumerate(calls[: LAYERS - len(boxes)]):
            number.setdefault((name_of(node), call), len(boxes))
            called.append((len(boxes), arguments))
            boxes.append(_box(index, node, call, len(calls)))
    edges: dict[tuple[int, int], None] = {}
    for box, arguments in called:
        for layer, call, _ in histories(arguments):
            start = number.get((layer, call), number.get((layer, 0)))
            if start is not None and start != box:
                edges[start, box] = None
    return boxes, list(edges)


def _runs(boxes: list[Box], edges: list[tuple[int, int]], order: list[int]) -> tuple[list[Box], list[tuple[int, int]]]:
    """Join what follows each other without a branch: A -> B where A has no other output and B no other input."""
    outputs: dict[int, list[int]] = {}
    inputs: dict[int, list[int]] = {}
    for start, end in edges:
        outputs.setdefault(start, []).append(end)
        inputs.setdefault(end, []).append(start)
    run_of: dict[int, int] = {}
    runs: list[list[int]] = []
    for index in order:
        before = inputs.get(index, [])
        if len(before) == 1 and len(outputs[before[0]]) == 1 and before[0] in run_of:
            run_of[index] = run_of[before[0]]
            runs[run_of[index]].append(index)
        else:
            run_of[index] = len(runs)
            runs.append([index])
    joined = [_joined([boxes[index] for index in run]) for run in runs]
    between = dict.fromkeys((run_of[start], run_of[end]) for start, end in edges if run_of[start] != run_of[end])
    return joined, list(between)


def _joined(run: list[Box]) -> Box:
    if len(run) == 1:
        return run[0]
    layers = tuple(index for box in run for index in box.layers)
    return Box(layers=layers, title=f"{run[0].title} ... {run[-1].title}", subtitle=f"{len(layers)} layers in a row")
