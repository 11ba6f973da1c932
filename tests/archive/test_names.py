"""Names that other tools or people would read as another name (I4), and names made to cost memory (I5)."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from bundler.archive.names import collisions, name_problem
from bundler.archive.reader import open_bundle
from bundler.errors import InvalidBundle
from bundler.limits import LIMITS
from tests.archive import builders


@pytest.mark.parametrize("name", ["examples/a;1", "examples/a;", "a;1/b"])
def test_refuses_what_unzip_takes_for_a_version_number(name: str) -> None:
    assert "not allowed" in str(name_problem(name))


@pytest.mark.parametrize("name", ["model/LONGFI~1.TXT", "model/longfi~1", "code/~1.py", "GIT~1/x", "model/lo4f2c~1.t"])
def test_refuses_short_name_that_windows_gives_another_file(name: str) -> None:
    assert "short name" in str(name_problem(name))


@pytest.mark.parametrize(
    "name", ["model/a~", "model/longfile~1", "model/a~b", "model/a~1.text", "model/~", "model/a.b~1"]
)
def test_accepts_tilde_that_makes_no_short_name(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("code", [0x34F, 0x115F, 0x17B4, 0x180B, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100])
def test_refuses_characters_that_show_nothing(code: int) -> None:
    assert "cannot be seen" in str(name_problem(f"model/a{chr(code)}"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("straße", "STRASSE"), ("\u1fb4\u0301", "\u0386\u0301\u0345"), ("é", "É"), ("dir/x", "DIR/x")],
)
def test_finds_names_that_a_file_system_cannot_keep_apart(one: str, other: str) -> None:
    assert list(collisions([f"model/{one}", f"model/{other}"]))


def test_names_that_differ_are_no_collision() -> None:
    assert not list(collisions(["a/b", "a/c", "b", "ab/c", "a b"]))


def test_long_deep_names_cost_no_more_memory_than_they_are_long() -> None:
    deep = "/".join(f"{'d' * 60}" for _ in range(14))
    members = [(f"signatures/{index:05}/{deep}", b"") for index in range(LIMITS.folders // 16)]
    data = builders.with_members(members)
    tracemalloc.start()
    with open_bundle(io.BytesIO(data)):
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_refuses_more_folders_than_any_bundle_has() -> None:
    names = [f"model/{index}/a" for index in range(LIMITS.folders)]
    assert [problem for _, problem in collisions(names)] == [f"the members are in more than {LIMITS.folders} folders"]
    assert not list(collisions(names[1:]))


def test_a_name_in_the_manifest_cannot_write_lines_of_its_own() -> None:
    def change(value: dict[str, list[dict[str, object]]]) -> None:
        value["members"][0]["name"] = "A\nkbundle: every byte is fine"

    with pytest.raises(InvalidBundle) as refused:
        open_bundle(io.BytesIO(builders.with_changed_manifest(change)))
    assert "\nkbundle: every byte" not in str(refused.value)
