"""One child process of our own: lines in, lines out, the end of what it says, and no trace afterwards."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import IO

from bundler.errors import PackError
from bundler.proof.fork_server import CAN_FORK, Forked
from bundler.proof.request import LONGEST_ANSWER
from bundler.proof.seclusion import PACKAGE, installed_entries

#: What the interpreter needs of the author's environment: the system's, the framework's and the network's.
_KEPT = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "USERPROFILE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONPLATLIBDIR", "PYTHONUTF8"),
    )
)
_KEPT_PREFIXES = ("LC_", "TF_", "KERAS_", "XLA_", "CUDA_", "NVIDIA_", "NCCL_", "OMP_", "MKL_", "KMP_", "OPENBLAS_")
_ENDING_KEPT = 8_000
#: What TensorFlow says while it starts, before its level of messages is in force too.
_OF_TENSORFLOW = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\]|\d{4}-\d\d-\d\d [\d:.]+: [IWE] "
    r"|To enable the following instructions"
)


def working_folder(folder: Path) -> str:
    """Return the current folder of an interpreter that lives in `folder`."""
    return str(folder / "cwd")


def temporary_folder(folder: Path) -> dict[str, str]:
    """Return the variables by which whatever the bundle's code leaves behind goes with `folder`."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))


class Interpreter:
    """A fresh Python with the framework and nothing of the author's, in a process group and a folder of its own.

    Attributes:
        lines: what it answers, a line each; an empty one when it has ended.
    """

    def __init__(self) -> None:
        """Start the process.

        Raises:
            PackError: it cannot be started.
        """
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._ending: deque[bytes] = deque()
        self._scratch = tempfile.TemporaryDirectory(prefix="kbundle-proof-", ignore_cleanup_errors=True)
        try:
            self._process = _started(Path(self._scratch.name))
        except OSError as error:
            self._scratch.cleanup()
            raise PackError(
                f"no fresh interpreter can be started: {error}", hint="pack with prove=False (--no-proof)"
            ) from error
        threading.Thread(target=_pass_on, args=(self._process.stdout, self.lines), daemon=True).start()
        self._listener = threading.Thread(target=_keep_end, args=(self._process.stderr, self._ending), daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def send(self, line: bytes) -> None:
        """Write a line to the process; if it has ended, `lines` tells that."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def last_words(self) -> tuple[int, list[str]]:
        """Wait for the end of the process and return its exit code and the last lines of its stderr."""
        code = self._process.wait()
        self._listener.join(timeout=5)
        said = b"".join(self._ending)[-_ENDING_KEPT:].decode(errors="replace").splitlines()
        return code, [line for line in said if not _OF_TENSORFLOW.match(line)][-15:]

    def end(self) -> None:
        """End the process and all that it started, and remove its folder."""
        self._process.end()
        with contextlib.suppress(OSError):  # What was not written yet cannot be written any more.
            self._process.stdin.close()
        self._scratch.cleanup()


class _Spawned(subprocess.Popen[bytes]):
    """A process that nobody forked."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def end(self) -> None:
        # The group may have ended by itself.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self.kill()
        self.wait()


def _started(folder: Path) -> _Spawned | Forked:
    if not sys.executable:
        raise OSError("this Python does not know its own program")
    for name in (working_folder(folder), *temporary_folder(folder).values()):
        os.makedirs(name, exist_ok=True)
    entries = installed_entries(sys.path)
    if CAN_FORK:
        return Forked(folder, [*_program("forking"), *entries], _environment())
    return _Spawned(
        [*_program("worker"), str(folder), *entries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=working_folder(folder),
        env={**_environment(), **temporary_folder(folder)},
        # Ctrl-C is the author's side to handle, and what the bundle's code starts ends with this process.
        start_new_session=True,
    )


def _program(module: str) -> list[str]:
    """Return the command that runs a module of the prover's, to be followed by its arguments."""
    options = ["-P", *(["-s"] if sys.flags.no_user_site else [])]
    return [sys.executable, *options, str(PACKAGE / "prover" / "start.py"), str(PACKAGE), module]


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name.upper() in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    # The author's own level of messages is about the author's screen.
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def _pass_on(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Pass the lines of `stream` on, and an empty one at its end."""
    with contextlib.suppress(ValueError, OSError), stream:  # Closed under our hands: also its end.
        while line := stream.readline(LONGEST_ANSWER):
            lines.put(line)
    lines.put(b"")


def _keep_end(stream: IO[bytes], ending: deque[bytes]) -> None:
    """Read `stream` to its end and keep the last bytes."""
    size = 0
    with contextlib.suppress(ValueError, OSError), stream:
        while piece := os.read(stream.fileno(), 1 << 16):
            ending.append(piece)
            size += len(piece)
            while size - len(ending[0]) > _ENDING_KEPT:
                size -= len(ending.popleft())
