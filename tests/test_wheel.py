"""The wheel holds all that it needs: installed alone, every module of it can be imported."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
#: What the wheel requires, and what that requires in turn.
_NEEDS = ("cloudpickle", "packaging", "rich", "zstandard", "markdown-it-py", "mdurl", "pygments")
_IMPORT_ALL = """
import importlib, pkgutil, sys
import bundler
assert bundler.__file__.startswith(sys.prefix), bundler.__file__
names = [module.name for module in pkgutil.walk_packages(bundler.__path__, "bundler.")]
for name in names:
    if name != "bundler.__main__":
        importlib.import_module(name)
assert all(hasattr(bundler, name) for name in bundler.__all__)
print(len(names), *(name for name in ("keras", "tensorflow") if importlib.util.find_spec(name)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of what git would have, built without an index."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("bundler", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(_ROOT / name)
    backend = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    run([sys.executable, "-c", backend], source)
    [path] = folder.glob("*.whl")
    return path


def run(command: list[str], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed_alone(wheel: Path, folder: Path) -> tuple[str, Path]:
    """Install the wheel and nothing else; return the interpreter and its folder of packages."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], wheel.parent)
    python = str(folder / "bin" / "python")
    run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", str(wheel)],
        wheel.parent,
    )
    [site] = folder.glob("lib/python*/site-packages")
    return python, site


def test_wheel_says_its_licence_and_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    said = message_from_string(metadata)
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE"]
    files = [path for path in (_ROOT / "bundler").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.relative_to(_ROOT).as_posix() for path in files} == {n for n in names if n.startswith("bundler/")}


def test_every_module_can_be_imported_with_what_the_wheel_requires(wheel: Path, tmp_path: Path) -> None:
    python, site = installed_alone(wheel, tmp_path / "venv")
    for name in _NEEDS:
        for file in importlib.metadata.files(name) or ():
            link = site / file.parts[0]
            if ".." not in file.parts and not link.exists():
                link.symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / file.parts[0])
    said = run([python, "-I", "-c", _IMPORT_ALL], tmp_path).split()
    assert int(said[0]) > 300
    assert said[1:] == []


@pytest.mark.framework
def test_every_module_can_be_imported_beside_the_framework(wheel: Path, tmp_path: Path) -> None:
    python, site = installed_alone(wheel, tmp_path / "venv")
    (site / "more.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    said = run([python, "-I", "-c", _IMPORT_ALL], tmp_path).split()
    assert said[1:] == ["keras", "tensorflow"]
