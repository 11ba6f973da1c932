"""What a package index says about pinned versions: files and hashes, asked through uv, else pip.

Both are external programs with a time limit; they know proxies, credentials and private indexes, and the author has
configured them. Where no index answers, a lock is made of pins alone, and says so.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shlex
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from bundler.limits import LIMITS
from bundler.requirements.compare import parsed_version
from bundler.requirements.programs import ProgramFailed, find_uv, run_program

#: Set to anything but 0: no index is ever asked, as with ``offline=True``.
OFFLINE = "KBUNDLE_OFFLINE"
#: The first versions that write PEP 751 locks.
_OLDEST_UV, _OLDEST_PIP = Version("0.7.0"), Version("25.1")
#: Of these, one is in every lock, and in every index that anybody uses.
_PROBES = ("packaging", "numpy", "rich")

Package = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The entries of a PEP 751 lock, as tomllib reads them, and why any are missing."""

    packages: tuple[Package, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tool:
    """One program that makes locks. `resolves`: it finds what other platforms need beside the pins."""

    name: str
    resolves: bool
    command: Callable[[Path, Path | None], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


class _Failed(Exception):
    """The program gave no lock; the text is its last line."""


def ask_index(direct: Sequence[str], pins: Mapping[str, str], python: str) -> Answer:
    """Ask for the files and hashes of pinned versions.

    With uv, what `direct` needs on other platforms and newer Pythons is found too, each entry with its marker; if
    that fails, the pins alone are asked for. Pins that no index has are left out.

    Args:
        direct: what to start from, as PEP 508 requirements with exact versions.
        pins: version by name, of all that belongs to the lock.
        python: the author's Python, major.minor.
    """
    if os.environ.get(OFFLINE, "0") not in ("", "0"):
        return Answer(problem=f"offline: {OFFLINE} is set")
    tool = _tool(python)
    if isinstance(tool, str):
        return Answer(problem=tool)
    deadline = time.monotonic() + LIMITS.index_seconds
    lines = [f"{name}=={version}" for name, version in sorted(pins.items())]
    if tool.resolves:
        try:
            found = _run(tool, direct, deadline, constraints=lines)
        except _Failed:
            found = []
        if _has_all(found, pins):
            return Answer(packages=tuple(found))
    try:
        return Answer(packages=tuple(_run(tool, lines, deadline)))
    except _Failed as error:
        problem = str(error)
    probe = next((line for line in lines if line.startswith(tuple(f"{name}==" for name in _PROBES))), lines[0])
    try:
        _run(tool, [probe], deadline)
    except _Failed:
        return Answer(problem=f"no index answers: {problem}")
    packages, missing = _what_there_is(tool, lines, deadline)
    if missing:
        problem = f"no index has {', '.join(missing)}"
        if time.monotonic() > deadline:
            problem = f"{tool.name} did not find all of them in {LIMITS.index_seconds} seconds: {', '.join(missing)}"
        return Answer(packages=tuple(packages), problem=problem)
    return Answer(packages=tuple(packages))


def _has_all(packages: Sequence[Package], pins: Mapping[str, str]) -> bool:
    found = {(canonical(package), canonicalize_version(str(package.get("version")))) for package in packages}
    return all((name, canonicalize_version(version)) in found for name, version in pins.items())


def _what_there_is(tool: _Tool, lines: Sequence[str], deadline: float) -> tuple[list[Package], list[str]]:
    """Ask for halves until what no index has stands alone: no program says that in a form to rely on."""
    try:
        return _run(tool, lines, deadline), []
    except _Failed:
        if len(lines) == 1:
            return [], list(lines)
    middle = len(lines) // 2
    first, second = (_what_there_is(tool, half, deadline) for half in (lines[:middle], lines[middle:]))
    return first[0] + second[0], first[1] + second[1]


def _run(tool: _Tool, lines: Sequence[str], deadline: float, constraints: Sequence[str] | None = None) -> list[Package]:
    with tempfile.TemporaryDirectory(prefix="kbundle-lock-", ignore_cleanup_errors=True) as folder:
        asked, output, limits = (Path(folder, name) for name in ("asked.txt", "pylock.toml", "limits.txt"))
        asked.write_text("".join(f"{line}\n" for line in lines))
        if constraints is not None:
            limits.write_text("".join(f"{line}\n" for line in constraints))
        command = [*tool.command(asked, limits if constraints is not None else None), "-o", str(output)]
        left = deadline - time.monotonic()
        if left <= 0:
            raise _Failed(f"{tool.name} took more than {LIMITS.index_seconds} seconds")
        try:
            run_program(command, seconds=left, environment={**os.environ, **tool.environment})
            return [dict(package) for package in tomllib.loads(output.read_text("utf-8"))["packages"]]
        except ProgramFailed as error:
            raise _Failed(f"{tool.name}: {error.lines[-1].strip() if error.lines else error.reason}") from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise _Failed(f"{tool.name}: {error}") from error


def _tool(python: str) -> _Tool | str:
    """Return the program to ask, or why there is none."""
    uv = find_uv()
    if uv is not None and (_version_of(uv) or _OLDEST_UV) >= _OLDEST_UV:
        indexes = _indexes_of_pip()

        def command(asked: Path, limits: Path | None) -> list[str]:
            way = ["--universal", "--no-build", "-c", str(limits)] if limits else ["--universal", "--no-deps"]
            return [
                *(uv, "pip", "compile", str(asked), "--format", "pylock.toml", "--python-version", python),
                *("--no-header", "--quiet", "--no-progress", "--color", "never", *indexes, *way),
            ]

        return _Tool(
            name="uv",
            resolves=True,
            command=command,
            # Its own defaults retry a dead network for minutes.
            environment={"UV_HTTP_TIMEOUT": os.environ.get("UV_HTTP_TIMEOUT", "15"), "UV_HTTP_RETRIES": "1"},
        )
    if importlib.util.find_spec("pip") is None:
        return "neither uv nor pip is installed here, and they ask the index"
    if (parsed_version(importlib.metadata.version("pip")) or _OLDEST_PIP) < _OLDEST_PIP:
        return f"pip is older than {_OLDEST_PIP}, and there is no uv; pip install --upgrade pip, or install uv"

    def command_of_pip(asked: Path, limits: Path | None) -> list[str]:  # noqa: ARG001 - resolves is false
        return [
            *(sys.executable, "-m", "pip", "lock", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-deps", "--retries", "1", "--timeout", "15", "-r", str(asked)),
        ]

    return _Tool(name="pip", resolves=False, command=command_of_pip)


def _version_of(uv: str) -> Version | None:
    found = re.search(r"\d+(\.\d+)+\S*", _said([uv, "--version"]))
    return parsed_version(found[0]) if found else None


def _indexes_of_pip() -> list[str]:
    """Return pip's configured indexes as arguments of uv, which does not read them, where uv has none of its own.

    A private name must not be looked up in the public index just because another program is asked.
    """
    if any(os.environ.get(name) for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")):
        return []
    if importlib.util.find_spec("pip") is None:
        return []
    arguments = []
    for line in _said([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        option = name.strip().rpartition(".")[2]
        if option not in ("index-url", "extra-index-url"):
            continue
        addresses = [address for part in shlex.split(value) for address in part.split()]
        for address in addresses:
            if address.startswith(("https://", "http://")):
                arguments += [f"--{option}", address]
    return arguments


def _said(command: Sequence[str]) -> str:
    """Return what a program writes; nothing where it fails."""
    try:
        return run_program(command, seconds=20, environment=os.environ)
    except ProgramFailed:
        return ""


def canonical(package: Package) -> str:
    """Return the canonical name of an entry of a lock."""
    return canonicalize_name(str(package.get("name", "")))
