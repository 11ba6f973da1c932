"""A cell without walls, for a machine that lets nobody make one: a fork, folders of its own, and a look at them after.

The fork keeps the files, the rights and the network of whoever runs it, so nothing may run here but the modules of
`tests.confined.attacks`, which do no harm beyond their own folders. Fewer witnesses speak than in a cell: the audit
hook, secrets in what the module keeps and prints, how the process ends, and the canary folders afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable

from tests.confined.cell import HOME, ROOT, SCRATCH, TEMPORARY, WORK, Report, furnish, imprison


def confine(body: Callable[[Callable[[Report], None]], None], *, limit_s: float = 60) -> list[Report]:
    """Run `body` in a fork, and return what it reported, and what changed in the canary folders."""
    _clear()
    furnish()
    before = _canaries()
    output = os.memfd_create("output")
    reading, writing = os.pipe()
    prisoner = os.fork()
    if prisoner == 0:
        os.close(reading)
        imprison(body, output, writing)
    os.close(writing)
    content, code = b"", None
    deadline = time.monotonic() + limit_s
    while code is None:
        if select.select([reading], [], [], 0.02)[0]:
            content += os.read(reading, 1 << 20)
        ended, status = os.waitpid(prisoner, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > deadline:
            os.kill(prisoner, signal.SIGKILL)
            os.waitpid(prisoner, 0)
            code = "time"
    os.set_blocking(reading, False)
    with contextlib.suppress(BlockingIOError):
        content += os.read(reading, 1 << 22)
    os.close(reading)
    os.lseek(output, 0, os.SEEK_SET)
    printed = os.read(output, 1 << 22).decode(errors="replace")
    os.close(output)
    after = _canaries()
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return [
        *(json.loads(line) for line in content.splitlines()),
        *({"file": path, "how": "changed"} for path in changed),
        {"output": printed},
        {"exit": code},
    ]


def _clear() -> None:
    for name in os.listdir(ROOT):
        path = os.path.join(ROOT, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def _canaries() -> dict[str, tuple[int, int, int]]:
    """Return what is known of every file and folder that is out of bounds, without opening any."""
    found = {}
    for place, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if os.path.join(place, name) not in (SCRATCH, TEMPORARY)]
        for name in (*folders, *files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            # A folder's times change with what is in it, which is looked at anyway.
            times = 0 if os.path.isdir(path) else status.st_mtime_ns
            found[path] = (status.st_mode, times, 0 if os.path.isdir(path) else status.st_size)
    return found


def placed(text: str) -> str:
    """Return a module with the places of the cell's canaries replaced by those that are used now."""
    return text.replace("/tmp/home-canary-93ad", HOME).replace("/tmp/work", WORK)
