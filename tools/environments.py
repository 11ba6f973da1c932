"""Virtual environments and wheels of chosen versions, in the cache folder of the user, outside of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bundler.requirements.environments.environment_cache import cache_folder

ROOT = Path(__file__).resolve().parents[1]
CACHE = cache_folder().parent
WHEELS = CACHE / "wheels"
#: The minor versions that kbundle supports, or will when TensorFlow has wheels for them.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ENVIRONMENTS = CACHE / "matrix"
#: Written last: a folder without it was not finished.
_READY = "ready"


class Unavailable(Exception):
    """Something is not on this machine, and could not be fetched."""


@dataclass(frozen=True, order=True)
class Versions:
    """What an environment has: minor versions, such as 3.11, or exact ones of the framework."""

    python: str
    keras: str
    tensorflow: str

    def __str__(self) -> str:
        return f"py{self.python}-keras{self.keras}-tf{self.tensorflow}"


def python_program(version: str) -> str:
    """Return the interpreter of a minor version.

    Raises:
        Unavailable: this machine has none. None is fetched.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for program in filter(None, candidates):
        # A shim may be there without the Python that it stands for.
        asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if asked.stdout.startswith(f"Python {version}."):
            return program
    raise Unavailable(f"no Python {version} on this machine")


def environment(wanted: Versions, *, offline: bool = False) -> Path:
    """Return the interpreter of an environment with these versions and all that kbundle needs, made if it is not there.

    Raises:
        Unavailable: it is not there, and cannot be made.
    """
    folder = ENVIRONMENTS / str(wanted)
    program = folder / "bin" / "python"
    if (folder / _READY).exists():
        return program
    if offline:
        raise Unavailable(f"no environment {wanted}, and nothing is fetched")
    base = python_program(wanted.python)
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    _run([uv, "venv", "--quiet", "--python", base, folder] if uv else [base, "-m", "venv", "--without-pip", folder])
    install(program, [_exact("tensorflow-cpu", wanted.tensorflow), _exact("keras", wanted.keras), *_needs()])
    (folder / _READY).touch()
    return program


def ready_environments() -> list[tuple[str, Path]]:
    """Return the environments that are there, by name."""
    folders = sorted(mark.parent for mark in ENVIRONMENTS.glob(f"*/{_READY}"))
    return [(folder.name, folder / "bin" / "python") for folder in folders]


def install(program: Path, what: list[str | Path], *options: str) -> None:
    """Install into the environment of an interpreter."""
    uv = _uv()
    start = [uv, "pip"] if uv else [sys.executable, "-m", "pip", "--python", program]
    _run([*start, "install", "--quiet", *(["--python", program] if uv else []), *options, *what])


def unpacked_wheel(project: str, version: str, wheels: Path, *, offline: bool = False) -> Path:
    """Return the folder with the content of a pure wheel, which is taken from `wheels` or fetched into it.

    Raises:
        Unavailable: it is not there, and cannot be fetched.
    """
    folder = wheels / f"{project}-{version}"
    if folder.exists():
        return folder
    if not (found := sorted(wheels.glob(f"{project}-{version}-*.whl"))):
        if offline:
            raise Unavailable(f"no wheel of {project} {version} in {wheels}, and nothing is fetched")
        wheels.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{project}=={version}", "-d", wheels])
        found = sorted(wheels.glob(f"{project}-{version}-*.whl"))
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with zipfile.ZipFile(found[0]) as wheel:
        wheel.extractall(unfinished)
    unfinished.rename(folder)
    return folder


def built_wheel(folder: Path) -> Path:
    """Return a wheel of this checkout, built in `folder` from a copy, so that no stale build folder gets into it."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "bundler", source / "bundler", ignore=shutil.ignore_patterns("__pycache__"))
    _run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source])
    return next(folder.glob("kbundle-*.whl"))


def _needs() -> list[str | Path]:
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])


def _exact(project: str, version: str) -> str:
    return f"{project}=={version}" if version.count(".") > 1 else f"{project}=={version}.*"


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _run(command: list[str | Path | None]) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [" ".join(line.split()) for line in (done.stderr or done.stdout).splitlines() if line.strip(" |╰─▶")]
        raise Unavailable(f"{Path(str(command[0])).name} failed: {' | '.join(lines[-2:])}")
