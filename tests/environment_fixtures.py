"""A folder of wheels in place of an index, and a cache of each test's own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bundler.requirements.locking.record import LOADER
from tests.requirements import wheels


@pytest.fixture(scope="session")
def links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with wheels for what kbundle needs, a `thing`, and a `sourced` of which there is no wheel."""
    folder = tmp_path_factory.mktemp("links")
    wheels.own_wheels(folder)
    wheels.wheel(folder, "thing")
    wheels.sdist(folder, "sourced")
    return folder


@pytest.fixture
def offline_index(links: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the installers find `links` and nothing else; returns the folder of environments."""
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("KBUNDLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KBUNDLE_INSTALLER", raising=False)
    return tmp_path / "cache" / "environments"


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with both installers."""
    name: str = request.param
    if name == "uv" and not (shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))):
        pytest.skip("uv is not installed")
    monkeypatch.setenv("KBUNDLE_INSTALLER", name)
    return name


@pytest.fixture
def own(links: Path) -> list[str]:
    """Return the lock's entries for what kbundle itself needs."""
    names = sorted(name.replace("-", "_") for name in LOADER)
    return [wheels.entry(links / f"{name}-1.0-py3-none-any.whl") for name in names]
