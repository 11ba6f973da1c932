"""Proofs without the seconds that a framework's import takes: the worker runs in forks of a warm process.

Import this first in a script. It forks a nursery, which has imported Keras, has run no operation and has seen none of
the author's code; each interpreter that `bundle` asks for is a fork of it, and from there on everything is as in a
real one. That a real one is fresh is tested in `test_proof.py`.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from bundler.proof import interpreter
from bundler.proof.seclusion import installed_entries

_STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


class _Forked:
    """What `subprocess.Popen` is to the interpreter's other side."""

    def __init__(self, folder: Path) -> None:
        for name, _ in _STREAMS:
            os.mkfifo(folder / name)
        os.write(_orders, f"{folder}\n".encode())
        self.stdin = open(folder / "stdin", "wb", buffering=0)  # noqa: SIM115 - the prover closes it
        self.stdout = open(folder / "stdout", "rb")  # noqa: SIM115
        self.stderr = open(folder / "stderr", "rb", buffering=0)  # noqa: SIM115 - the prover closes it
        self.pid = int((folder / "pid").read_text())

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 1
        return None

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.01)
        return 1

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _started(folder: Path) -> _Forked:
    (folder / "cwd").mkdir()
    (folder / "tmp").mkdir()
    return _Forked(folder)


def _nursery(orders: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with os.fdopen(orders) as lines:
        for line in lines:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _child(Path(line.rstrip("\n")))
    os._exit(0)


def _child(folder: Path) -> None:
    os.setsid()
    (folder / "pid").write_text(str(os.getpid()))
    for number, (name, mode) in enumerate(_STREAMS):
        os.dup2(os.open(folder / name, mode), number)
    os.chdir(folder / "cwd")
    os.environ["TMPDIR"] = str(folder / "tmp")
    tempfile.tempdir = None
    from bundler.prover import worker

    try:
        worker.main([str(folder), *installed_entries(os.sys.path)])
    finally:
        os._exit(1)


_reading, _orders = os.pipe()
if os.fork() == 0:
    os.close(_orders)
    _nursery(_reading)
os.close(_reading)
interpreter._started = _started
