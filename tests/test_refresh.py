"""The generated tables: fresh ones pass, a stale one is named, and what a version adds is put up for review."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tools import refresh
from tools.tables import ROOT, TABLES, Conflict, Part, added, merged, read_table, write_table


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with nothing but what is generated."""
    for name in (*TABLES.values(), refresh.PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def names(root: Path, parts: dict[str, Part] | None = None) -> set[str]:
    return {name for name, _ in refresh.stale(root, parts or {})}


def without_a_name(root: Path, table: str) -> str:
    """Take the last word out of the first list of a table, as an older version would not have it; return the word."""
    part, _ = read_table(root, table)

    def taken(tree: dict) -> str:
        for key in sorted(tree):
            if isinstance(tree[key], list) and tree[key]:
                *words, last = " ".join(tree[key]).split()
                tree[key] = words
                return last
            if isinstance(tree[key], str):
                return tree.pop(key)
            if isinstance(tree[key], dict) and (word := taken(tree[key])):
                return word
        return ""

    word = taken(part.tree)  # type: ignore[arg-type]
    write_table(root, table, part)
    return word


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_of_this_checkout_are_whole(table: str) -> None:
    part, wrong = read_table(ROOT, table)
    assert wrong == ""
    assert part.made_from
    assert all(part.made_from.values())
    assert part.tree


@pytest.mark.parametrize("table", TABLES)
def test_names_the_table_that_lacks_what_is_installed(table: str, copy: Path) -> None:
    here = {name: read_table(copy, name)[0] for name in TABLES}
    assert names(copy, here) == set()
    word = without_a_name(copy, table)
    assert [(name, word in what) for name, what in refresh.stale(copy, here)] == [(table, True)]


@pytest.mark.parametrize("table", TABLES)
def test_names_the_table_that_somebody_changed(table: str, copy: Path) -> None:
    file = copy / TABLES[table]
    content = json.loads(file.read_text())
    content["table"]["MadeUp"] = ["MadeUpExport"]
    file.write_text(json.dumps(content))
    assert [(name, "by hand" in what) for name, what in refresh.stale(copy, {})] == [(table, True)]


def test_names_a_table_that_is_not_there_or_is_none(copy: Path) -> None:
    (copy / TABLES["stock"]).unlink()
    (copy / TABLES["fields"]).write_text("[]")
    assert names(copy) == {"stock", "fields"}


def test_names_the_page_whose_tables_are_old(copy: Path) -> None:
    page = copy / refresh.PAGE
    page.write_text(page.read_text().replace("| `filesystem` |", "| `files` |"))
    assert names(copy) == {refresh.PAGE}


def test_lists_what_a_new_version_has_and_then_is_fresh(copy: Path) -> None:
    new = {"stock": Part({"keras": ["99.1"]}, {"classes": {"keras.layers": {"MadeUp"}}})}
    assert names(copy, new) == {"stock"}
    assert list(refresh.refresh(copy, [new])) == ["+ stock classes keras.layers: MadeUp"]
    assert names(copy, new) == set()
    assert read_table(copy, "stock")[0].made_from["keras"][-1] == "99.1"
    assert list(refresh.refresh(copy, [new])) == []


def test_makes_a_table_anew_and_lists_what_goes(copy: Path) -> None:
    new = {"operations": Part({"tensorflow": ["99.0"]}, {"registered": {"Abs", "MadeUp"}})}
    added_line, gone_line = refresh.refresh(copy, [new], anew=["operations"])
    assert added_line == "+ operations registered: MadeUp"
    assert gone_line.startswith("- operations registered: A Abort ")
    assert read_table(copy, "operations")[0].made_from == {"tensorflow": ["99.0"]}


def test_refuses_a_field_that_two_versions_have_with_two_meanings(copy: Path) -> None:
    new = {"fields": Part({"tensorflow": ["99.0"]}, {"messages": {"Any": {"1": "type_url int32"}}})}
    before = (copy / TABLES["fields"]).read_bytes()
    with pytest.raises(Conflict, match=r"fields messages Any 1: .*'type_url string', and here it is 'type_url int32'"):
        list(refresh.refresh(copy, [new]))
    assert (copy / TABLES["fields"]).read_bytes() == before
    assert names(copy, new) == {"fields"}


def test_sorts_versions_and_numbers_as_such() -> None:
    part = merged(Part({"keras": ["3.9.2"]}, {"of": {"2", "10"}}), Part({"keras": ["3.10.0"]}, {"of": {"-1"}}), "t")
    assert part.made_from == {"keras": ["3.9.2", "3.10.0"]}
    assert list(added(Part(), part)) == [("of", ["-1", "2", "10"])]


def test_every_table_of_the_product_is_in_the_wheel() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["bundler"]
    packed = {path for pattern in patterns for path in (ROOT / "bundler").glob(pattern)}
    tables = {ROOT / name for name in TABLES.values() if name.startswith("bundler/")}
    assert len(tables) == 4
    assert tables <= packed


def test_check_fails_and_says_how_to_mend_it(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {name: read_table(copy, name)[0] for name in TABLES}
    monkeypatch.setattr(refresh, "collect", lambda: here)
    assert refresh.main(["--check", "--root", str(copy)]) == 0
    assert capsys.readouterr().out.startswith("0 stale, for ")
    word = without_a_name(copy, "names")
    assert refresh.main(["--check", "--root", str(copy)]) == 1
    stale, mend, count = capsys.readouterr().out.splitlines()
    assert stale.startswith("stale: names (bundler/audit/source/names.json): it lacks, in ")
    assert stale.endswith(f": {word}")
    assert mend == "Make them anew, and review the list: python -m tools.refresh"
    assert count.startswith("1 stale, for ")


def test_check_says_what_it_could_not_look_at(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(refresh, "collect", lambda: {"names": read_table(copy, "names")[0]})
    assert refresh.main(["--check", "--root", str(copy)]) == 0
    assert "not checked: operations: TensorFlow and Keras are not installed here" in capsys.readouterr().out


def test_names_what_it_could_not_refresh_and_keeps_it(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: (copy / TABLES[name]).read_bytes() for name in TABLES}
    monkeypatch.setattr(refresh, "collect", dict)
    monkeypatch.setattr(refresh, "PYTHONS", ("2.6",))
    monkeypatch.setattr(refresh, "ready_environments", list)
    options = ["--offline", "--keras", "99.1", "--tensorflow", "99.2", "--wheels", str(tmp_path / "none")]
    assert refresh.main([*options, "--root", str(copy)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "not refreshed: Keras 99.1: no wheel of keras 99.1 in " in said
    assert "not refreshed: TensorFlow 99.2: no environment py" in said
    assert "not refreshed: Python 2.6: no Python 2.6 on this machine" in said
    assert {name: (copy / TABLES[name]).read_bytes() for name in TABLES} == before
