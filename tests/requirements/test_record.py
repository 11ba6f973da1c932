"""From imports to pins and to the text that installers read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bundler.errors import PackError
from bundler.manifest import PinnedDistribution
from bundler.requirements.record import pins, requirements_text
from tests.sources.trees import installed


@dataclass(frozen=True, kw_only=True)
class Need:
    name: str
    distribution: str
    optional: bool = False


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed(tmp_path, "keras", {"keras/__init__.py": ""}, version="3.10.0")
    installed(tmp_path, "tensorflow-cpu", {"tensorflow/__init__.py": ""}, version="2.19.1")
    installed(tmp_path, "Thing.Dist", {"thing.py": ""}, version="1.0+cu12")
    return tmp_path


def pin(name: str, version: str, *imports: str, optional: bool = False) -> PinnedDistribution:
    return PinnedDistribution(name=name, version=version, imports=imports, optional=optional)


def test_framework_is_pinned_as_the_variant_that_is_installed(site: Path) -> None:
    assert pins([]) == (pin("keras", "3.10.0", "keras"), pin("tensorflow-cpu", "2.19.1", "tensorflow"))


def test_imports_of_one_distribution_are_one_pin(site: Path) -> None:
    needed = [Need(name="b", distribution="thing-dist"), Need(name="a", distribution="Thing.Dist")]
    assert pins(needed, always=()) == (pin("thing-dist", "1.0+cu12", "a", "b"),)


def test_distribution_is_optional_only_if_every_import_is(site: Path) -> None:
    needed = [
        Need(name="thing", distribution="thing-dist", optional=True),
        Need(name="keras", distribution="keras", optional=True),
    ]
    assert [item.optional for item in pins(needed)] == [False, False, True]
    assert not pins([*needed, Need(name="thing", distribution="thing-dist")])[2].optional


def test_framework_that_is_not_installed_is_named(site: Path) -> None:
    with pytest.raises(PackError, match="no installed distribution provides 'absent'"):
        pins([], always=("absent",))


def test_distribution_without_metadata_is_named(site: Path) -> None:
    with pytest.raises(PackError, match="imports from gone"):
        pins([Need(name="gone", distribution="gone")], always=())


def test_requirements_text_is_sorted_and_keeps_optional_ones_as_comments() -> None:
    text = requirements_text(
        [pin("z", "1"), pin("b", "2.0", "bee", "bzz", optional=True), pin("a", "1.0+cu12", "a")], ">=3.11"
    )
    assert text == (
        "# The distributions that the model was packed with; needs Python >=3.11.\n"
        "a==1.0+cu12\n"
        "z==1\n"
        "# b==2.0  # optional: the code goes on without bee, bzz\n"
    )
    assert [str(Requirement(line)) for line in text.splitlines() if not line.startswith("#")] == ["a==1.0+cu12", "z==1"]
