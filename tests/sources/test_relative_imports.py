"""A relative import has one absolute form, and none of it raises."""

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.formats.python.relative_imports import absolute

PARTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(".".join)


@given(PARTS, st.integers(min_value=0, max_value=9), PARTS)
def test_means_what_python_makes_of_it(name: str, level: int, package: str) -> None:
    found = absolute(name, level, package)
    if not level:
        assert found == name
        return
    try:
        assert found == importlib.util.resolve_name("." * level + name, package)
    except ImportError:
        assert found == "." * level + name


@pytest.mark.parametrize("package", ["", "a", "a.b"])
def test_keeps_the_dots_of_what_leaves_its_top_level_package(package: str) -> None:
    assert absolute("x", 10_000, package) == "." * 10_000 + "x"
