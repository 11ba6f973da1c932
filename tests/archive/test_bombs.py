"""Small files that ask for much are refused for little (I5)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.archive import bombs, builders

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the peak of one process is read from /proc"),
]


def test_many_entries_are_laid_as_the_writer_lays_them() -> None:
    few = [builders.MIMETYPE, *((f"model/{index:06}", b"") for index in range(12))]
    assert bombs.many_entries(12) == builders.laid(few)


@pytest.mark.parametrize("build", bombs.BOMBS, ids=lambda build: build.__name__)
def test_refuses_bomb_within_64_mb(build: Callable[[], bytes]) -> None:
    # Not the second of CPU that it should take at most: another machine may be slow. It is killed after five.
    took = bombs.cost(build(), cpu_limit=5)
    assert took.said is not None
    assert took.memory < 64_000_000
