"""The drawing of a model's layers: who takes whose output, and boxes that do not lie on each other."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.report.page.graph_layout import GAP, layout
from bundler.report.page.layer_graph import BOXES, FEW, graph_of, in_order
from tests.report.samples import functional, node, tensor, wine_config


def edges_of(config: Any) -> set[tuple[str, str]]:
    graph = graph_of(config)
    assert graph is not None
    return {(graph.boxes[start].title, graph.boxes[end].title) for start, end in graph.edges}


def chain(count: int) -> list[Any]:
    return [node("Dense", "d0"), *(node("Dense", f"d{i}", tensor(f"d{i - 1}", [3])) for i in range(1, count))]


def test_edges_are_those_of_the_config() -> None:
    assert {("wide", "residual"), ("narrow", "residual"), ("scaled", "side"), ("joined", "head")} <= edges_of(
        wine_config()
    )


def test_reads_the_form_of_keras_2() -> None:
    layers = [
        node("InputLayer", "a"),
        {"class_name": "Dense", "name": "b", "config": {}, "inbound_nodes": [[["a", 0, 0, {}]]]},
    ]
    assert edges_of(functional(layers)) == {("a", "b")}


def test_a_sequential_model_is_a_chain() -> None:
    config = {"class_name": "Sequential", "config": {"layers": [node("Dense", name) for name in "abc"]}}
    assert edges_of(config) == {("a", "b"), ("b", "c")}


def test_a_layer_that_is_called_twice_has_two_boxes() -> None:
    again = node("Dense", "again", tensor("a", [3]))
    again["inbound_nodes"].append({"args": [tensor("again", [3])], "kwargs": {}})
    graph = graph_of(functional([node("InputLayer", "a"), again]))
    assert graph is not None
    assert [box.subtitle for box in graph.boxes] == ["InputLayer", "Dense, call 1", "Dense, call 2"]
    assert set(graph.edges) == {(0, 1), (1, 2)}


def test_a_model_inside_is_one_box() -> None:
    graph = graph_of(wine_config())
    assert graph is not None
    assert graph.boxes[-1].subtitle == "Sequential, 3 layers"


def test_long_runs_become_one_box() -> None:
    graph = graph_of(functional(chain(1_000)))
    assert graph is not None
    assert [box.subtitle for box in graph.boxes] == ["1000 layers in a row"]


def test_large_graphs_are_bounded_and_say_what_is_left_out() -> None:
    rng = random.Random(1)
    layers = [
        node("Add", f"n{i}", *(tensor(f"n{j}", [3]) for j in rng.sample(range(i), min(i, 5)))) for i in range(1_000)
    ]
    graph = graph_of(functional(layers))
    assert graph is not None
    assert len(graph.boxes) == BOXES
    assert graph.omitted + sum(len(box.layers) for box in graph.boxes) == 1_000


@pytest.mark.parametrize("count", [2, FEW, FEW + 10, 500])
def test_a_circle_is_drawn_and_ends(count: int) -> None:
    layers = [node("Add", f"n{i}", tensor(f"n{(i + 1) % count}", [3])) for i in range(count)]
    graph = graph_of(functional(layers))
    assert graph is not None
    assert sum(len(box.layers) for box in graph.boxes) + graph.omitted == count


pairs = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_order_has_everything_once_and_leads_forwards_where_it_can(edges: list[tuple[int, int]]) -> None:
    forward = list({(min(pair), max(pair)) for pair in edges if pair[0] != pair[1]})
    place = {item: index for index, item in enumerate(in_order(20, forward))}
    assert sorted(place) == list(range(20))
    assert all(place[start] < place[end] for start, end in forward)
    assert sorted(in_order(20, edges)) == list(range(20))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(20, 300), min_size=20, max_size=20), pairs)
def test_boxes_of_a_row_keep_their_distance_and_edges_lead_down(
    widths: list[float], edges: list[tuple[int, int]]
) -> None:
    made = layout(widths, edges, height=40)
    rows: dict[float, list[int]] = {}
    for item, (x, y) in enumerate(made.centres):
        rows.setdefault(y, []).append(item)
        assert widths[item] / 2 - 0.01 <= x <= made.width - widths[item] / 2 + 0.01
        assert 0 <= y <= made.height
    for row in rows.values():
        for a, b in itertools.pairwise(sorted(row, key=lambda item: made.centres[item][0])):
            apart = made.centres[b][0] - made.centres[a][0]
            assert apart >= (widths[a] + widths[b]) / 2 + GAP - 0.01
    for path in made.paths:
        assert [y for _, y in path] == sorted(y for _, y in path)
