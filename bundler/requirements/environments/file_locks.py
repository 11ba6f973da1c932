"""File locks between processes: any number of users, or one builder.

A lock file is removed together with what it guards. So whoever gets the lock looks whether the file still has its
name, and starts again if not. The system releases the lock of a process that ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PAUSE_S = 0.1


class Busy(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, waiting: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold the lock of `path` and yield its file descriptor.

    Args:
        path: the lock file; made if it is not there.
        shared: hold it beside others who share it.
        waiting: called again and again while another process holds it; with `None` that is an error.

    Raises:
        Busy: another process holds it, and nobody waits.
        OSError: the file cannot be made.
    """
    descriptor = _opened(path)
    try:
        while True:
            if not _try(descriptor, shared=shared):
                if waiting is None:
                    raise Busy
                waiting()
                time.sleep(_PAUSE_S)
            elif _is_at(descriptor, path):
                break
            else:
                os.close(descriptor)
                descriptor = _opened(path)
        yield descriptor
    finally:
        # Closing does not release it where a child still has the descriptor; that one's end does.
        os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int, *, shared: bool) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        if shared:
            # Windows' C library has no shared locks. A builder is waited for; that nobody removes the files of a
            # running program is Windows' own rule.
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        return True

else:
    import fcntl

    def _try(descriptor: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
