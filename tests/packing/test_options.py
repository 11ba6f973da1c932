"""What the author wants is checked before any work starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest

import bundler
from bundler.errors import PackError
from bundler.packing.options import PackOptions, checked_metadata
from bundler.unpacking.unbundling import LoadOptions


def deep(levels: int) -> Any:
    return [] if levels == 0 else [deep(levels - 1)]


@pytest.mark.parametrize(
    "metadata", [{"x": float("nan")}, {"x": {1, 2}}, {"x": deep(70)}, {"x": 1 << 70}, {1: "x", "1": "y"}, ["x"], "x"]
)
def test_refuses_metadata_that_no_bundle_can_hold_before_any_work(metadata: Any, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(PackError) as caught:
        bundler.bundle(None, tmp_path / "m.kbundle", metadata=metadata, progress=lambda what, *_: told.append(what))
    assert caught.value.place == "metadata"
    assert caught.value.hint
    assert told == []


def test_metadata_is_what_the_manifest_will_say() -> None:
    assert checked_metadata(None) == {}
    assert checked_metadata({"x": (1, 2.5, None), "y": {"z": True}}) == {"x": [1, 2.5, None], "y": {"z": True}}


@pytest.mark.parametrize(
    ("function", "options", "by_itself", "made"),
    [
        (bundler.bundle, PackOptions, {"model", "filepath"}, {"reduces_included", "functions"}),
        (bundler.unbundle, LoadOptions, {"filepath", "digest"}, {"accept_all"}),
    ],
)
def test_options_are_the_keywords_of_the_function(
    function: Callable[..., Any], options: Any, by_itself: set[str], made: set[str]
) -> None:
    keywords = inspect.signature(function).parameters
    known = {item.name: item for item in fields(options)}
    assert keywords.keys() - by_itself == known.keys() - made
    for name in keywords.keys() - by_itself:
        factory = known[name].default_factory
        default = known[name].default if factory is MISSING else factory()
        # `None` stands for the default policy, and for nothing.
        assert keywords[name].default in (default, None), name


def test_one_of_several_may_be_given_as_it_is_and_again() -> None:
    options = PackOptions(include="thing", by_value=int, whole=True)  # type: ignore[arg-type]
    assert (options.include, options.by_value, options.whole) == (("thing",), (int,), ("*",))
    assert replace(options, modules=("more",)) == replace(replace(options), modules=("more",))


def test_modules_of_include_are_reduced_only_where_whole_is_false() -> None:
    assert not PackOptions().reduces_included
    reducing = PackOptions(whole=False)  # type: ignore[arg-type]
    assert (reducing.whole, reducing.reduces_included) == ((), True)
    assert replace(reducing, modules=("more",)).reduces_included
