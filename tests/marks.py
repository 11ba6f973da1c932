"""Marks that follow from where a test lies and which fixtures it has, and the guard that holds them honest.

A test starts the framework where it lies in one of `FRAMEWORK_FOLDERS` or uses the warm interpreter; others say so
with ``@pytest.mark.framework``. What is not marked and imports Keras or TensorFlow all the same fails, in the process
of the tests and in those that it starts (`tests/without_framework`).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

FRAMEWORK_FOLDERS = ("models", "confined")
#: By fixture, also where it is used through another one.
BY_FIXTURE = {"zygote": "framework", "running": "browser", "real_lock": "network"}
_HERE = Path(__file__).parent
_BLOCKING = str(_HERE / "without_framework")
_HEAVY = ("tensorflow", "keras")
_BEFORE = pytest.StashKey[frozenset[str]]()
_PATH = pytest.StashKey[str | None]()


def loaded() -> frozenset[str]:
    """Return which packages of the framework this process has imported."""
    return frozenset(name for name in _HEAVY if sys.modules.get(name) is not None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marks that nobody has to write."""
    if loaded():
        raise pytest.UsageError("a test module imports the framework when it is collected: import it in the test")
    for item in items:
        if item.path.is_relative_to(_HERE) and item.path.relative_to(_HERE).parts[0] in FRAMEWORK_FOLDERS:
            item.add_marker("framework")
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in BY_FIXTURE:
                item.add_marker(BY_FIXTURE[fixture])
    # Workers take whole files in this order: at the end there should be none left that takes minutes.
    weights = Counter(item.path for item in items if item.get_closest_marker("framework"))
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-weights[item.path], -slow[item.path], str(item.path)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Let processes that an unmarked test starts find no framework."""
    item.stash[_BEFORE], item.stash[_PATH] = loaded(), os.environ.get("PYTHONPATH")
    if item.get_closest_marker("framework") is None:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_BLOCKING, item.stash[_PATH])))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that is not marked and has imported the framework."""
    result = yield
    if item.get_closest_marker("framework") is None and (more := loaded() - item.stash[_BEFORE]):
        pytest.fail(f"this test imports {', '.join(sorted(more))}: give it @pytest.mark.framework")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Give the environment back."""
    try:
        return (yield)
    finally:
        path = item.stash.get(_PATH, None)
        if path is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = path
