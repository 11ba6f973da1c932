"""The fork server: it imports the framework once, and forks a fresh interpreter for each proof.

It has imported the framework and kbundle, has run no operation, and has never seen bundled code. Every process that
packs has a server of its own. The server ends with that process, or after two minutes without a proof.

Linux only: elsewhere the framework and the system's own libraries do not stand a fork.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bundler.proof.request import IDLE_SECONDS

CAN_FORK = sys.platform == "linux"
#: Sooner than the server gives up by itself, so that no order reaches one that is just leaving.
_ASKED_AGAIN_WITHIN_S = IDLE_SECONDS - 10
_LONGEST_WORD = 64


class Forked:
    """A process of the server's, with what an interpreter needs of `subprocess.Popen`.

    The server tells its process id and its exit code, and leaves the id to it until `end`: whoever kills by an id must
    not meet another process.
    """

    def __init__(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Order a fork that lives below `folder`, from a server that is what `command` would start.

        Raises:
            OSError: no server can be started.
        """
        (theirs_in, to_child), (from_child, theirs_out), (errors, theirs_err) = os.pipe(), os.pipe(), os.pipe()
        self.stdin = os.fdopen(to_child, "wb")
        self.stdout = os.fdopen(from_child, "rb")
        self.stderr = os.fdopen(errors, "rb", buffering=0)
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid: int | None = None
        self._code: int | None = None
        try:
            with theirs:
                self._server = _server(tuple(command), dict(environment), theirs_err)
                descriptors = [theirs_in, theirs_out, theirs_err, theirs.fileno()]
                socket.send_fds(self._server.orders, [os.fsencode(folder)], descriptors)
                self._server.forks += 1
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_err):
                os.close(descriptor)

    @property
    def pid(self) -> int:
        """The process id; waits for the framework's import where that is not done yet.

        Raises:
            ProcessLookupError: the server ended before it could fork.
        """
        self._status.settimeout(None)
        if self._pid is None:
            self._hear()
        if self._pid is None:
            raise ProcessLookupError("the server of fresh interpreters has ended")
        return self._pid

    def poll(self) -> int | None:
        """Return the exit code, or `None` where the process has not ended."""
        self._status.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self._hear_all()
        return self._code

    def wait(self) -> int:
        """Wait for the end and return the exit code: negative for a signal."""
        self._status.settimeout(None)
        return self._hear_all()

    def end(self) -> None:
        """End the process and all that it started; where it has not been forked yet, it will not live long."""
        self.poll()
        if self._pid is not None:
            # The server kills it, since only the server knows that the id is still its.
            with contextlib.suppress(OSError):  # It may be gone itself.
                self._status.shutdown(socket.SHUT_WR)
                self._status.settimeout(None)
                while self._status.recv(_LONGEST_WORD):
                    pass
        self._status.close()
        self._server.forks -= 1
        self._server.last_use = time.monotonic()

    def _hear_all(self) -> int:
        while self._code is None:
            self._hear()
        return self._code

    def _hear(self) -> None:
        word = self._status.recv(_LONGEST_WORD)
        if not word:
            # The server is gone, and nobody knows any more what the process ended with.
            self._code = self._server.process.wait() or 1
        elif self._pid is None:
            self._pid = int(word)
        else:
            self._code = int(word)


@dataclass(kw_only=True, slots=True)
class _Server:
    """A running server, and what it was started with; `last_use` counts when it has no `forks`."""

    process: subprocess.Popen[bytes]
    orders: socket.socket
    owner: int
    command: tuple[str, ...]
    environment: dict[str, str]
    last_use: float
    forks: int = 0

    def serves(self, command: tuple[str, ...], environment: dict[str, str]) -> bool:
        """Say whether a fork of it is what a new process of this one with `command` and `environment` would be."""
        return (
            self.owner == os.getpid()
            and self.process.poll() is None
            and (self.forks > 0 or time.monotonic() - self.last_use < _ASKED_AGAIN_WITHIN_S)
            and (self.command, self.environment) == (command, environment)
        )

    def end(self) -> None:
        """End the process; in a fork of its owner, drop only what the fork has of it."""
        self.orders.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


_LOCK = threading.Lock()
_RUNNING: list[_Server] = []


def _server(command: tuple[str, ...], environment: dict[str, str], stderr: int) -> _Server:
    """Return the running server if it `serves`, or start one, whose last words go to `stderr` until it can fork."""
    with _LOCK:
        if _RUNNING and _RUNNING[0].serves(command, environment):
            return _RUNNING[0]
        end()
        orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
                command,
                # The descriptor of the orders: the program reads them from where others have their input.
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=os.path.abspath(os.sep),
                env=environment,
                # Ctrl-C is the author's side to handle.
                start_new_session=True,
            )
        server = _Server(
            process=process,
            orders=orders,
            owner=os.getpid(),
            command=command,
            environment=environment,
            last_use=time.monotonic(),
        )
        _RUNNING.append(server)
        return server


@atexit.register
def end() -> None:
    """End the server of this process, if there is one."""
    while _RUNNING:
        _RUNNING.pop().end()
