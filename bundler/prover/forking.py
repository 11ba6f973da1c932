"""The server that fresh interpreters are forked from: the other side of `bundler.proof.fork_server`.

An order is the folder of a new interpreter, and with it the descriptors of its stdin, stdout and stderr and of its
status, a socket. To the status go the process id and, at the end, the exit code. A closed status ends the interpreter;
closed orders end them all.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

from bundler.errors import BundleError
from bundler.keras_io import framework
from bundler.proof.interpreter import temporary_folder, working_folder
from bundler.proof.request import IDLE_SECONDS
from bundler.proof.seclusion import cut_path
from bundler.prover import worker
from bundler.unpacking.confinement import hold_framework

_LONGEST_FOLDER, _DESCRIPTORS = 4_096, 4


def main(entries: list[str]) -> None:
    """Import the framework and fork until the orders on stdin end; `entries` are more ones for `sys.path`."""
    orders = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    cut_path(entries)
    with contextlib.suppress(BundleError):  # A fork fails in the same way, and has somebody to tell.
        framework.keras()
        # The first load in a process does this; it is about the framework alone.
        hold_framework()
    # A collector that looks at what is here now would copy it into each fork.
    gc.collect()
    gc.freeze()
    # Until here the last words of this process are those of the first fork.
    os.dup2(nothing, 2)
    os.close(nothing)
    serve(orders)


def serve(orders: socket.socket) -> None:
    """Fork this process as it is now, for each order that comes, until `orders` end."""
    waking, woken = os.pipe()
    for descriptor in (waking, woken):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    #: By status; a process that has ended keeps its id until its status is closed.
    running: dict[socket.socket, tuple[int, Path]] = {}
    while True:
        watched: list[socket.socket | int] = [orders, waking, *running]
        ready, _, _ = select.select(watched, [], [], None if running else IDLE_SECONDS)
        if not ready:
            return
        if waking in ready:
            os.read(waking, 4_096)
            for status, (pid, _) in running.items():
                _tell_end(pid, status)
        for status in [status for status in running if status in ready]:
            _end(*running.pop(status))
            status.close()
        if orders in ready:
            message, descriptors, _, _ = socket.recv_fds(orders, _LONGEST_FOLDER, _DESCRIPTORS)
            if not message:
                break
            *streams, of_status = descriptors
            status = socket.socket(fileno=of_status)
            folder = Path(os.fsdecode(message))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (orders, status, *running):
                    other.close()
                for descriptor in (waking, woken):
                    os.close(descriptor)
                _become_interpreter(folder, streams)
            for descriptor in streams:
                os.close(descriptor)
            running[status] = pid, folder
            _tell(status, pid)
    for pid, folder in running.values():
        _end(pid, folder)


def _become_interpreter(folder: Path, streams: list[int]) -> NoReturn:
    """Be to the other side what a program is that was started in the folder `folder` with `streams`."""
    code = 1
    try:
        os.setsid()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(working_folder(folder))
        os.environ.update(temporary_folder(folder))
        tempfile.tempdir = None
        worker.main([str(folder)])
        code = 0
    except BaseException:  # noqa: BLE001 - told to whoever reads the last words
        traceback.print_exc()
    finally:
        # Not sys.exit: the exit handlers are the server's.
        sys.stderr.flush()
        os._exit(code)


def _tell(status: socket.socket, number: int) -> None:
    # Nobody waits for it any more, which the loop sees too; or somebody does not read what was told many times.
    with contextlib.suppress(ConnectionError, BlockingIOError):
        status.send(str(number).encode(), socket.MSG_DONTWAIT)


def _tell_end(pid: int, status: socket.socket) -> None:
    """Send the exit code, negative for a signal, if the process has ended; it stays a zombie, and the id its."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is not None:
        _tell(status, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)


def _end(pid: int, folder: Path) -> None:
    """End the process and all that it started, and remove its folder: an author who was killed cannot."""
    with contextlib.suppress(ProcessLookupError):  # The moment before its setsid.
        os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
