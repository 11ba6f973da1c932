"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environment_fixtures import installer, links, offline_index, own
from tests.zygote import Zygote

__all__ = ["installer", "links", "offline_index", "own", "zygote"]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Return the one warm interpreter with Keras in it; see `tests.zygote`."""
    server = Zygote()
    yield server
    server.close()
