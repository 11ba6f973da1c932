"""From imports to pins, and from pins to what they need in turn."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bundler.errors import PackError
from bundler.manifest import DirectSource, PinnedDistribution
from bundler.requirements.locking.record import LOADER, direct_pins, transitive_pins
from tests.sources.trees import installed

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Need:
    name: str
    distribution: str
    optional: bool = False
    required_by: str = "layers"
    line: int = 1


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for name in ("keras", "tensorflow"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    installed(tmp_path, "keras", {"keras/__init__.py": ""}, version="3.10.0")
    installed(tmp_path, "tensorflow-cpu", {"tensorflow/__init__.py": ""}, version="2.19.1")
    installed(tmp_path, "Thing.Dist", {"thing.py": ""}, version="1.0+cu12")
    return tmp_path


def pin(name: str, version: str, *imports: str, optional: bool = False, **more: object) -> PinnedDistribution:
    return PinnedDistribution(name=name, version=version, imports=imports, optional=optional, **more)  # type: ignore[arg-type]


def test_framework_is_pinned_as_the_variant_that_is_installed(site: Path) -> None:
    assert direct_pins([]) == (pin("keras", "3.10.0", "keras"), pin("tensorflow-cpu", "2.19.1", "tensorflow"))


def test_a_vendor_s_build_under_any_name_is_the_framework(site: Path) -> None:
    for file in (site / "tensorflow_cpu-2.19.1.dist-info").iterdir():
        file.unlink()
    (site / "tensorflow_cpu-2.19.1.dist-info").rmdir()
    installed(site, "acme-accelerated-tf", {"tensorflow/__init__.py": ""}, version="2.19.1")
    assert direct_pins([])[0] == pin("acme-accelerated-tf", "2.19.1", "tensorflow")


def test_imports_of_one_distribution_are_one_pin(site: Path) -> None:
    needed = [Need(name="b", distribution="thing-dist"), Need(name="a", distribution="Thing.Dist")]
    assert direct_pins(needed)[2:] == (pin("thing-dist", "1.0+cu12", "a", "b"),)


def test_distribution_is_optional_only_if_every_import_is(site: Path) -> None:
    needed = [
        Need(name="thing", distribution="thing-dist", optional=True),
        Need(name="keras", distribution="keras", optional=True),
    ]
    assert [item.optional for item in direct_pins(needed)] == [False, False, True]
    assert not direct_pins([*needed, Need(name="thing", distribution="thing-dist")])[2].optional


def test_framework_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, "keras", raising=False)
    with pytest.raises(PackError, match="no installed distribution provides 'keras'"):
        direct_pins([])


def test_distribution_without_metadata_is_named(site: Path) -> None:
    with pytest.raises(PackError, match="imports from gone"):
        direct_pins([Need(name="gone", distribution="gone")])


def needs(site: Path, folder: str, *lines: str) -> None:
    with (site / folder / "METADATA").open("a") as metadata:
        metadata.write("".join(f"Requires-Dist: {line}\n" for line in lines))


def test_needs_are_followed_with_the_extras_that_somebody_asks_for(site: Path) -> None:
    for name in ("one", "two", "three", "four", "five"):
        installed(site, name, {f"{name}.py": ""})
    needs(
        site,
        "Thing.Dist-1.0+cu12.dist-info",
        "One[more] >=1",
        "five; sys_platform == 'nowhere'",
        "absent; extra == 'x'",
    )
    needs(site, "one-1.0.dist-info", "two; extra == 'more'", "three; extra == 'other'")
    needs(site, "two-1.0.dist-info", "thing.dist", "four")
    found = transitive_pins([pin("thing-dist", "1.0+cu12", "thing")])
    assert [(item.name, item.extras) for item in found] == [("four", ()), ("one", ("more",)), ("two", ())]


def test_what_kbundle_needs_to_load_is_in_every_lock(site: Path) -> None:
    for name in LOADER:
        installed(site, name, {f"{name}.py": ""})
    assert {item.name for item in transitive_pins([])} == set(LOADER)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {Requirement(line).name for line in project["dependencies"]} == set(LOADER)


def test_an_extra_is_known_from_the_project_that_asks_for_it(site: Path, tmp_path: Path) -> None:
    installed(site, "own-project", {}, editable=tmp_path)
    needs(
        site, "own_project-1.0.dist-info", "Thing.Dist[gpu]; python_version >= '3'", "keras[not-here]; extra == 'dev'"
    )
    needed = [Need(name="thing", distribution="thing-dist")]
    assert {item.name: item.extras for item in direct_pins(needed)} == {
        "keras": (),
        "tensorflow-cpu": (),
        "thing-dist": ("gpu",),
    }


URL = "https://user:secret@host.example/r"


@pytest.mark.parametrize(
    ("told", "source"),
    [
        (
            {"url": f"{URL}.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "sub"},
            DirectSource(kind="vcs", url="git+https://host.example/r.git#subdirectory=sub", revision="abc"),
        ),
        (
            {"url": "ssh://git@host.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            DirectSource(kind="vcs", url="git+ssh://git@host.example/r.git", revision="abc"),
        ),
        ({"url": "file:///home/me/r", "vcs_info": {"vcs": "git", "commit_id": "abc"}}, DirectSource(kind="local")),
        (
            {"url": f"{URL}/a.whl", "archive_info": {"hashes": {"sha256": "0"}}},
            DirectSource(kind="archive", url="https://host.example/r/a.whl"),
        ),
        ({"url": "file:///home/me/a.whl", "archive_info": {}}, DirectSource(kind="local")),
        ({"url": "file:///home/me/project", "dir_info": {}}, DirectSource(kind="local")),
        ({"url": "file:///home/me/project", "dir_info": {"editable": True}}, DirectSource(kind="editable")),
        (["nonsense"], None),
    ],
)
def test_what_no_index_was_asked_for_is_recorded_as_what_it_is(
    site: Path, told: object, source: DirectSource | None
) -> None:
    folder = site / "Thing.Dist-1.0+cu12.dist-info"
    (folder / "direct_url.json").write_text(json.dumps(told))
    needed = [Need(name="thing", distribution="thing-dist")]
    *_, found = direct_pins(needed)
    assert found.source == source
    # conda writes the address of the folder in which it built the package.
    (folder / "INSTALLER").write_text("conda\n")
    # As every installer does, which puts the whole folder there.
    os.utime(site, ns=(1, 1))
    *_, found = direct_pins(needed)
    assert found.source is None
