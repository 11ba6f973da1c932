"""The module tree for source that has no bundle yet."""

from __future__ import annotations

from pathlib import Path

from bundler.packing.search import provisional_namespace
from bundler.sources.closure import ClosedData, ClosedModule, Closure


def closure(data: Path | bytes, *, package: bool = False) -> Closure:
    member = "code/words/__init__.py" if package else "code/words.py"
    module = ClosedModule(
        name="words", text=b"HERE = __file__\n", is_package=package, member=member, display=member, reason="asked for"
    )
    file = ClosedData(path="words.txt", content=data, member="code/words.txt", reason="named")
    return Closure(modules=(module,), data=(file,), requirements=(), unresolved=(), python=">=3.11")


def test_data_that_changed_makes_another_tree(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one")
    first = provisional_namespace(closure(path), {})
    assert provisional_namespace(closure(path), {}) is first
    path.write_text("two")
    second = provisional_namespace(closure(path), {})
    assert (first.data["words.txt"], second.data["words.txt"]) == (b"one", b"two")


def test_whatever_else_code_can_see_makes_another_tree() -> None:
    known = provisional_namespace(closure(b"same"), {})
    assert provisional_namespace(closure(b"same", package=True), {}).modules["words"].package
    assert provisional_namespace(closure(b"same"), {"words": "1.0"}).versions == {"words": "1.0"}
    assert provisional_namespace(closure(b"same"), {}) is known
