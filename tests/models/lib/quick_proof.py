"""Proofs without the seconds that a framework's import takes: another process has done it, or this one has.

Import this first in a script, before it has seen any of the author's code. That a real server is fresh is tested in
`test_proof.py`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

from bundler.proof import fork_server
from bundler.prover import forking


class _Process:
    """What `subprocess.Popen` is to the server's other side."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        return None

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) if self.pid else 0

    def kill(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)


class _Server(fork_server._Server):
    def serves(self, *_: Any) -> bool:
        return self.owner == os.getpid()


def _started() -> _Server:
    if {"newer_keras", "graphs"} & sys.modules.keys() or any(name.startswith("KERAS_") for name in os.environ):
        # A proof takes such variables along; and Keras may be another one in this process, or draw graphs.
        pid, orders = _forked()
    else:
        pid, orders = None, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        orders.connect(b"\0" + os.environ["PROOF_SERVER"].encode())
    process: Any = _Process(pid)
    return _Server(process=process, orders=orders, owner=os.getpid(), command=(), environment={}, last_use=0)


def _forked() -> tuple[int, socket.socket]:
    orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        orders.close()
        try:
            forking.serve(theirs)
        finally:
            os._exit(1)
    theirs.close()
    return pid, orders


fork_server._RUNNING.append(_started())
