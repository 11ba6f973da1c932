"""Values in a form that two processes can compare, without a framework."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bundler.keras_io.program.plain import GONE, NAMED, NotPlain, plain, same_form, with_gone, with_opaque


class Thing:
    pass


def nobodys(_: Any) -> None:
    return None


def test_tells_what_cannot_be_compared_by_its_class_where_it_stands() -> None:
    value = {"scale": 2, "parts": [Thing(), None]}
    with pytest.raises(NotPlain):
        plain(value, nobodys)
    found = with_opaque(value, nobodys)
    assert found == {"dict": [["parts", [{"object": "Thing"}, None]], ["scale", {"int": "2"}]]}
    assert same_form(found, with_opaque({**value, "parts": [Thing(), None]}, nobodys))
    assert not same_form(found, with_opaque({**value, "scale": 3}, nobodys))
    assert not same_form(found, with_opaque({**value, "parts": [None, None]}, nobodys))


def test_looks_through_many_objects_and_circles_in_no_time() -> None:
    circle: list[dict[str, Any]] = [{} for _ in range(60)]
    for item in circle:
        item.update((str(index), other) for index, other in enumerate(circle))
    started = time.perf_counter()
    assert with_opaque(circle, nobodys) == {"object": "list"}
    assert with_opaque([Thing() for _ in range(100_000)], nobodys) == {"object": "list"}
    # Not a figure of speed: what it would take without an end is hours.
    assert time.perf_counter() - started < 60


def test_a_registry_may_lack_what_stays_behind_and_nothing_else() -> None:
    entry = {NAMED: "nets:Unet"}
    table = {"dict": [["unet", {"dict": [["cls", entry]]}], ["vae", {"dict": [["cls", {NAMED: "nets:Vae"}]]}]]}
    author = with_gone(table, lambda name: name == "nets:Unet")
    assert author["dict"][1][1] == {"dict": [["cls", {GONE: "nets:Vae"}]]}
    assert same_form(author, {"dict": table["dict"][:1]})
    assert not same_form(author, {"dict": []})
    assert not same_form(author, {"dict": [*table["dict"][:1], ["gan", entry]]})
    assert same_form([entry, {GONE: "nets:Vae"}], [entry])
    assert not same_form([entry, entry], [entry])
