"""External programs, with a time limit and without the Python settings of the caller."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_KEPT_LINES = 15
_TICK_S = 0.5


def find_uv() -> str | None:
    """Return the path of uv: on PATH, or beside this interpreter, whose environment need not be activated."""
    found = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable or ""))
    return os.path.abspath(found) if found is not None else None


class ProgramFailed(Exception):
    """A program could not be started, ended with an error, or took too long.

    Attributes:
        reason: what happened, to follow the name of the program.
        lines: the last lines that it wrote to stderr.
    """

    def __init__(self, reason: str, lines: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines = tuple(lines)


def scrubbed_environment() -> dict[str, str]:
    """Return the environment variables without those that would lead a Python to the caller's packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("PYTHON") and name not in ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    }


def run_program(
    command: Sequence[str],
    *,
    seconds: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
    tick: Callable[[], None] | None = None,
) -> str:
    """Run a program to its end and return what it wrote to stdout.

    It gets a process group of its own, which is killed if this call ends otherwise: no half of an installation goes
    on behind our back.

    Args:
        command: the program and its arguments.
        seconds: the time that it may take.
        folder: its working folder.
        environment: its environment variables; `scrubbed_environment` by default.
        keep: file descriptors that it holds too: a lock is then released when the last of us has ended.
        tick: called now and then while it runs.

    Raises:
        ProgramFailed: see there.
    """
    posix = os.name == "posix"
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and the caller's own command
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=scrubbed_environment() if environment is None else dict(environment),
            start_new_session=posix,
            pass_fds=tuple(keep) if posix else (),
        )
    except (OSError, ValueError) as error:
        raise ProgramFailed(f"cannot be started: {getattr(error, 'strerror', None) or error}") from error
    end = time.monotonic() + seconds
    try:
        while True:
            try:
                output, errors = process.communicate(timeout=_TICK_S)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > end:
                    _kill(process)
                    _, errors = process.communicate()
                    raise ProgramFailed(f"did not end within {seconds:.0f} seconds", _last(errors)) from None
                if tick is not None:
                    tick()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    if process.returncode < 0:
        raise ProgramFailed(f"was ended by signal {-process.returncode}", _last(errors))
    if process.returncode:
        raise ProgramFailed(f"ended with exit code {process.returncode}", _last(errors))
    return output


def _last(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()][-_KEPT_LINES:]


def _kill(process: subprocess.Popen[str]) -> None:
    if process.returncode is not None:
        return  # Its number may be another's by now.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
