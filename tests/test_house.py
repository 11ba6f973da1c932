"""A name leads to one place: no two files and no two classes of `bundler` share one."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

_BUNDLER = Path(__file__).parents[1] / "bundler"
#: Files that stand in each room for the same purpose.
_SHARED = {"__init__.py", "rules.py"}


def _modules() -> list[Path]:
    return [path for path in sorted(_BUNDLER.rglob("*.py")) if path.name not in _SHARED]


def test_no_two_modules_have_one_name() -> None:
    places = defaultdict(list)
    for path in _modules():
        # A command is called as its users call it.
        if path.parent.name != "cli":
            places[path.name].append(str(path.relative_to(_BUNDLER)))
    assert [where for where in places.values() if len(where) > 1] == []


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path in _modules():
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(_BUNDLER)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_module_is_longer_than_one_can_read() -> None:
    assert [str(path.relative_to(_BUNDLER)) for path in _modules() if len(path.read_text().splitlines()) > 400] == []
