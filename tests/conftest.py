"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.environment_fixtures import installer, links, offline_index, own
from tests.zygote import Zygote

# Tests that pack models are not about the index, and the ones that are say so themselves.
os.environ.setdefault("KBUNDLE_OFFLINE", "1")
pytest_plugins = ["tests.marks"]
# Whole programs of other people's kinds; `run_programs.py` starts them.
collect_ignore = ["acceptance/programs"]
__all__ = ["installer", "links", "offline_index", "own", "zygote"]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Return the one warm interpreter with Keras in it; see `tests.zygote`."""
    server = Zygote()
    yield server
    server.close()
