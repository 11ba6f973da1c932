"""``kbundle diff``: what it prints, where it writes, its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run, write_small_bundle


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return the path of a bundle like the small one with another name."""
    path = tmp_path / "other.kbundle"
    write_small_bundle(path, name="another name")
    return path


def test_shows_what_changed_and_ends_with_0(small: Path, other: Path, kbundle: Run) -> None:
    shown = kbundle("diff", small, other)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"provenance\.name: \"a name\" -> \"another name\"", shown.stdout)


def test_exit_code_is_1_where_something_differs_if_asked_for(small: Path, other: Path, kbundle: Run) -> None:
    assert kbundle("diff", small, other, "--exit-code").returncode == 1
    assert kbundle("diff", small, small, "--exit-code").returncode == 0
    assert "no difference" in kbundle("diff", small, small).stdout
    assert "--exit-code" in kbundle("diff", "--help").stdout


def test_what_is_no_bundle_ends_with_3(small: Path, tmp_path: Path, kbundle: Run) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello")
    for pair in ((small, wrong), (wrong, small), (small, tmp_path / "nowhere")):
        shown = kbundle("diff", *pair, "--exit-code")
        assert (shown.returncode, shown.stdout) == (3, "")
        assert "next step" in shown.stderr


def test_json_and_the_page_say_the_same(small: Path, other: Path, tmp_path: Path, kbundle: Run) -> None:
    page = tmp_path / "page.html"
    shown = json.loads(kbundle("diff", small, other, "--json", "--html", page).stdout)
    assert shown["same"] is False
    assert [item["path"] for item in shown["statement"]] == ["provenance.name"]
    assert "provenance.name" in page.read_text()


def test_a_page_is_not_replaced_unasked(small: Path, other: Path, tmp_path: Path, kbundle: Run) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    refused = kbundle("diff", small, other, "--html", page)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--overwrite" in refused.stderr
    assert page.read_text() == "mine"
    assert kbundle("diff", small, other, "--html", page, "--overwrite").returncode == 0
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_stat_leaves_out_the_values(small: Path, other: Path, kbundle: Run) -> None:
    shown = kbundle("diff", small, other, "--stat").stdout
    assert "provenance.name" in shown
    assert "another name" not in shown
