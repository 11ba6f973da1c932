"""The graph of a model's layers as inline SVG."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from bundler.report.page.graph_layout import layout
from bundler.report.page.layer_graph import Box, LayerGraph
from bundler.report.page.markup import Markup, join, plain, tag

_HEIGHT = 40
_LETTER = 7.3
_LONGEST = 30
_MARGIN = 6


def drawing(graph: LayerGraph, *, link: Callable[[Box], str | None], kind: Callable[[Box], str | None]) -> Markup:
    """Return the drawing of `graph`.

    Args:
        graph: what to draw.
        link: gives the link of a box, if it has one.
        kind: gives the classes of a box: ``custom``, ``marked`` with a severity.
    """
    labels = [(_short(box.title), _short(box.subtitle)) for box in graph.boxes]
    widths = [max(80.0, max(_columns(text) for text in label) * _LETTER + 20) for label in labels]
    made = layout(widths, graph.edges, height=_HEIGHT)
    edges = [tag("path", d=_curve(path)) for path in made.paths]
    boxes = [
        _box(box, label, width, centre, link(box), kind(box))
        for box, label, width, centre in zip(graph.boxes, labels, widths, made.centres, strict=True)
    ]
    width, height = made.width + 2 * _MARGIN, made.height + 2 * _MARGIN
    svg = tag(
        "svg",
        *edges,
        *boxes,
        viewBox=f"{-_MARGIN} {-_MARGIN} {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="img",
        aria_label=f"drawing of {len(graph.boxes)} boxes and {len(graph.edges)} edges",
    )
    return tag("div", svg, class_="drawing")


def _box(
    box: Box, label: tuple[str, str], width: float, centre: tuple[float, float], link: str | None, kind: str | None
) -> Markup:
    x, y = centre
    words = [
        tag(
            "text",
            text,
            x=f"{x:.1f}",
            y=f"{y + shift:.1f}",
            text_anchor="middle",
            direction="ltr",
            unicode_bidi="bidi-override",
            class_=class_,
        )
        for text, shift, class_ in ((label[0], -3, None), (label[1], 12, "sub"))
    ]
    corner = {"x": f"{x - width / 2:.1f}", "y": f"{y - _HEIGHT / 2:.1f}"}
    inner = join(
        tag("title", f"{plain(box.title, 500)}: {plain(box.subtitle, 500)}"),
        tag("rect", width=f"{width:.1f}", height=_HEIGHT, rx=5, **corner),
        *words,
    )
    many = "many" if len(box.layers) > 1 else None
    classes = " ".join(word for word in (kind, many) if word)
    return tag("g", tag("a", inner, href=link) if link else inner, class_=classes or None)


def _curve(points: tuple[tuple[float, float], ...]) -> str:
    """Return the path of an edge: from the foot of a box to the head of another, round where it bends."""
    (x, y), *rest = points
    y += _HEIGHT / 2
    parts = [f"M{x:.1f} {y:.1f}"]
    for index, (to_x, to_y) in enumerate(rest):
        end = to_y - _HEIGHT / 2
        middle = (y + end) / 2
        parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {end:.1f}")
        x, y = to_x, end
        if index < len(rest) - 1:
            # Straight down beside the boxes of a row that it passes.
            y = to_y + _HEIGHT / 2
            parts.append(f"V{y:.1f}")
    return "".join(parts)


def _short(text: str) -> str:
    """Return `text` with its middle left out where a box would be too wide; escapes are never cut in two."""
    spelled = plain(text, 4 * _LONGEST)
    if len(spelled) <= _LONGEST and len(text) <= _LONGEST:
        return spelled
    half = _LONGEST // 2 - 1
    return f"{plain(text[:half], half)}..{plain(text[-half:], half)}"[: 3 * _LONGEST]


def _columns(text: str) -> int:
    """Return how many letters wide `text` is, where letters of East Asia count twice."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
