"""Installs a selection with uv, or with the pip that Python brings along, from what this machine is configured for.

The names, versions and digests are the bundle's; where they are fetched from is this machine's own matter: no address
of the bundle is asked unless the caller has accepted it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bundler.archive.progress import Progress, tell
from bundler.archive.reader import BundleReader
from bundler.errors import EnvironmentFailed
from bundler.limits import LIMITS
from bundler.requirements.environments.interpreter_choice import Target
from bundler.requirements.environments.selection import Selection, Wanted
from bundler.requirements.programs import ProgramFailed, find_uv, run_program, scrubbed_environment

#: ``uv`` or ``pip``; without it, uv where it is found.
CHOICE = "KBUNDLE_INSTALLER"

#: Settings that would change what is installed, or where; those of the index stay.
_MEDDLING = (
    *("BUILD_CONSTRAINT", "CONSTRAINT", "DRY_RUN", "EDITABLE", "EXCLUDE", "EXTRA", "IGNORE_INSTALLED", "NO_BINARY"),
    *("NO_DEPS", "ONLY_BINARY", "OVERRIDE", "PREFIX", "PYTHON", "REPORT", "REQUIREMENT", "REQUIRE_HASHES", "ROOT"),
    *("SYSTEM_PYTHON", "TARGET", "UPGRADE", "USER", "REQUIRE_VIRTUALENV", "PROJECT_ENVIRONMENT"),
)
_INDEX_HINTS = {
    "uv": "uv does not read the configuration of pip: if that names your index, set KBUNDLE_INSTALLER=pip",
    "pip": "pip config list shows which index is asked",
}
_HASH_HINT = (
    "a file here is not the one that the bundle was locked with, so nothing of it was installed; "
    "ask whoever keeps your package index, or the author"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Installer:
    """The program that installs: `name` is ``uv`` or ``pip``; `program` is uv's executable."""

    name: str
    program: str | None = None


def find_installer() -> Installer:
    """Return uv where it is on the PATH or beside this Python, else pip; or what `CHOICE` says.

    Raises:
        EnvironmentFailed: `CHOICE` asks for something that is not there.
    """
    asked = os.environ.get(CHOICE) or None
    if asked not in (None, "uv", "pip"):
        raise EnvironmentFailed("there is no such installer", place=CHOICE, expected="uv or pip", found=asked)
    if asked == "pip":
        return Installer(name="pip")
    program = find_uv()
    if program is not None:
        return Installer(name="uv", program=program)
    if asked == "uv":
        raise EnvironmentFailed(
            "uv is asked for and not found", place=CHOICE, hint="pip install uv, or unset KBUNDLE_INSTALLER"
        )
    return Installer(name="pip")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """One environment to be made in `folder`.

    Attributes:
        folder: where; empty.
        target: the interpreter that it is made from.
        selection: what goes into it.
        reader: the bundle, for the wheels that it holds.
        offline: ask no index.
        keep: file descriptors that the programs hold too.
        progress: told what is done, and again and again while it is done.
    """

    folder: Path
    target: Target
    selection: Selection
    reader: BundleReader
    installer: Installer
    offline: bool
    keep: Sequence[int]
    progress: Progress | None


def install(work: Installation) -> None:
    """Make the virtual environment and install the selection.

    Raises:
        EnvironmentFailed: a program failed; the error has its last lines.
        OSError: a file cannot be written.
    """
    python = str(work.target.python_in(work.folder))
    without_pip = ["--without-pip"] if work.installer.name == "uv" else []
    _run(
        work,
        [work.target.program, "-I", "-m", "venv", *without_pip, str(work.folder)],
        what="making a virtual environment",
        hint="this Python lacks parts (Debian and Ubuntu: apt install python3-venv); name another with --python",
    )
    with tempfile.TemporaryDirectory(prefix="kbundle-install-") as name:
        scratch = Path(name)
        wheels = _write_wheels(work, scratch / "wheels")
        for group in _groups(work.selection):
            requirements = scratch / "requirements.txt"
            requirements.write_text("".join(map(_line, group)), "utf-8")
            checked = all(item.hashes for item in group)
            options = ["--no-deps", *(["--require-hashes"] if checked else [])]
            if all(item.unchecked is None for item in group):
                options += ["--only-binary", ":all:"]
            if wheels is not None:
                options += _find_links(work.installer, wheels)
            if all(item.vendored is not None for item in group):
                options += ["--no-index"]
            elif work.offline:
                # uv may still take what it has downloaded before.
                options += ["--offline"] if work.installer.name == "uv" else ["--no-index"]
            _run(
                work,
                [*_command(work.installer, python), *options, "--requirement", str(requirements)],
                what=f"installing {_count(group)} with {work.installer.name}",
                folder=scratch,
            )


def _groups(selection: Selection) -> Iterable[list[Wanted]]:
    """Yield what can be asked for together: wheels with hashes, other files with hashes, the rest."""
    kinds: tuple[Callable[[Wanted], bool], ...] = (
        lambda item: item.unchecked is None,
        lambda item: item.unchecked is not None and bool(item.hashes),
        lambda item: item.unchecked is not None and not item.hashes,
    )
    for kind in kinds:
        group = [item for item in selection.wanted if kind(item)]
        if group:
            yield group


def _line(item: Wanted) -> str:
    return " ".join([item.line, *(f"--hash=sha256:{digest}" for digest in item.hashes)]) + "\n"


def _find_links(installer: Installer, wheels: Path) -> list[str]:
    places = [str(wheels)]
    if installer.name == "uv":
        # Of uv, unlike pip, the option replaces the variable.
        places += [place for place in os.environ.get("UV_FIND_LINKS", "").split(",") if place]
    return [word for place in places for word in ("--find-links", place)]


def _count(group: Sequence[Wanted]) -> str:
    return "1 package" if len(group) == 1 else f"{len(group)} packages"


def _command(installer: Installer, python: str) -> list[str]:
    if installer.program is not None:
        return [installer.program, "pip", "install", "--python", python, "--no-progress"]
    return [python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]


def _hint(work: Installation, lines: Sequence[str]) -> str:
    if any("hash" in line.lower() for line in lines):
        return _HASH_HINT
    if work.offline:
        return "without --offline (offline=False) the index of this machine is asked"
    return f"see that this machine reaches a package index that has these packages; {_INDEX_HINTS[work.installer.name]}"


def _write_wheels(work: Installation, folder: Path) -> Path | None:
    wheels = [item.vendored for item in work.selection.wanted if item.vendored is not None]
    if not wheels:
        return None
    folder.mkdir()
    for wheel in wheels:
        # The name is a segment of a member's name that parses as a wheel's: one file below the folder.
        with open(folder / wheel.file, "xb") as file:
            work.reader.copy_to(wheel.member, file)
    return folder


def _run(
    work: Installation, command: list[str], *, what: str, hint: str | None = None, folder: Path | None = None
) -> None:
    def tick() -> None:
        tell(work.progress, what)

    tick()
    try:
        run_program(
            command,
            seconds=LIMITS.install_seconds,
            folder=folder,
            environment=_environment(),
            keep=work.keep,
            tick=tick,
        )
    except ProgramFailed as error:
        raise EnvironmentFailed(
            f"{what} failed: the program {error.reason}", error.lines, hint=hint or _hint(work, error.lines)
        ) from error


def _environment() -> dict[str, str]:
    dropped = {f"{tool}_{name}" for tool in ("PIP", "UV") for name in _MEDDLING}
    return {name: value for name, value in scrubbed_environment().items() if name.upper() not in dropped}
