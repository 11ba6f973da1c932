"""A cell for one hostile module: a fork with namespaces of its own, and a watch over all that leaves it.

Linux only, and it needs the right to make namespaces (root, as in CI's containers). The warm process forks a keeper,
which leaves the machine's process, mount and network namespaces; the keeper forks a warden (process 1 of the cell) and
that forks the prisoner, which runs the module. The prisoner sees the machine's files read-only, an empty ``/tmp`` with
canary files, a canary ``/etc/passwd``, and a network that ends at the warden. The warden hears of every file that is
opened on any mount (fanotify), of every name that is made or removed in the canary folders (inotify), of connections,
of processes that are left over, and of what the prisoner's own audit hook reports through a pipe.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

#: Where the canaries lie: the `/tmp` of the cell, or a folder of its own where there is no cell (see `bare`).
ROOT = os.environ.get("KBUNDLE_CONFINED", "/tmp")
HOME, WORK, PASSWD = f"{ROOT}/home-canary-93ad", f"{ROOT}/work", "/etc/passwd"
#: The harness saves models here; everything else below the root is out of bounds.
SCRATCH = f"{ROOT}/scratch"
#: The folder for temporary files, of Keras and autograph; only code of a bundle that goes there itself is seen.
TEMPORARY = f"{ROOT}/temporary"
_MARKS = f"{ROOT}/.marks"
SECRETS = {
    "file": "canary-file-7f31c2",
    "passwd": "canary-passwd-51bd09",
    "environment": "canary-environment-c2e8aa",
    "home": HOME,
}
ENVIRONMENT = {"KBUNDLE_CANARY_SECRET": SECRETS["environment"], "MARK": SECRETS["environment"]}
_PORT = 80
_NEW = {"mount": 0x00020000, "uts": 0x04000000, "ipc": 0x08000000, "pid": 0x20000000, "net": 0x40000000}
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_FAN = {0x2: "write", 0x20: "open", 0x1000: "execute"}
_IN = {0x4: "changed", 0x40: "moved", 0x80: "moved", 0x100: "made", 0x200: "removed", 0x400: "removed"}
_libc = ctypes.CDLL(None, use_errno=True)

Report = dict[str, Any]


@functools.cache
def available() -> bool:
    """Say whether this process may make cells: tried in a fork, which ends at once."""
    if ROOT != "/tmp" or not sys.platform.startswith("linux"):
        return False
    # A cell has a /tmp of its own: what runs in it must lie elsewhere.
    if any(os.path.realpath(path).startswith("/tmp/") for path in (__file__, sys.prefix, sys.base_prefix)):
        return False
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _libc.unshare(sum(_NEW.values())) == 0 and _libc.fanotify_init(0x12, os.O_RDONLY) >= 0 else 1)
    return os.waitpid(pid, 0)[1] == 0


def confine(body: Callable[[Callable[[Report], None]], None], *, limit_s: float = 60) -> list[Report]:
    """Run `body` as the prisoner of a new cell, and return what it and the warden reported, in order.

    `body` gets a function that reports one JSON value. Anything it does not report by itself the warden adds:
    ``{"file": ..., "how": ...}``, ``{"connection": ...}``, ``{"left": ...}``, ``{"exit": ...}``, ``{"output": ...}``.
    """
    reading, writing = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(reading)
        code = 1
        try:
            _check(_libc.unshare(sum(_NEW.values())))
            warden = os.fork()
            if warden == 0:
                _ward(body, writing, limit_s)
            code = os.waitstatus_to_exitcode(os.waitpid(warden, 0)[1])
        finally:
            os._exit(code & 0xFF)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    os.waitpid(keeper, 0)
    return [json.loads(line) for line in content.splitlines()]


def mark(name: str) -> None:
    """Put a mark into the warden's stream of file events; what is before "begin" or after "end" does not count."""
    os.close(os.open(f"{_MARKS}/{name}", os.O_RDONLY))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "the cell cannot be made")


def _ward(body: Callable[[Callable[[Report], None]], None], result: int, limit_s: float) -> None:
    """Be process 1 of the cell, to the end."""
    try:
        _furnish()
        _listen()
        watch = _Watch()
        output = os.memfd_create("output")
        reading, writing = os.pipe()
        prisoner = os.fork()
        if prisoner == 0:
            os.close(reading)
            os.close(result)
            watch.close()
            _drop_rights()
            imprison(body, output, writing)
        os.close(writing)
        code = watch.wait(prisoner, reading, limit_s)
        left = _others(prisoner)
        os.lseek(output, 0, os.SEEK_SET)
        printed = os.read(output, 1 << 22).decode(errors="replace")
        reports = [*watch.reports, *({"left": name} for name in left), {"output": printed}, {"exit": code}]
        with os.fdopen(result, "wb") as stream:
            stream.write(b"".join(json.dumps(report).encode() + b"\n" for report in reports))
    finally:
        os._exit(0)


def _furnish() -> None:
    mount = _libc.mount
    _check(mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))
    for folder in (b"/tmp", b"/dev/shm"):
        _check(mount(b"tmpfs", folder, b"tmpfs", ctypes.c_ulong(0), b"size=256m"))
    furnish()
    _write("/tmp/passwd", f"root:x:0:0:{SECRETS['passwd']}:/root:/bin/sh\n")
    _check(mount(b"/tmp/passwd", PASSWD.encode(), None, ctypes.c_ulong(_MS_BIND), None))
    _check(mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None))
    _check(mount(None, b"/", None, ctypes.c_ulong(_MS_REMOUNT | _MS_BIND | _MS_RDONLY), None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def furnish() -> None:
    """Make the folders of a cell and the canary files in them."""
    for folder in (HOME, WORK, SCRATCH, TEMPORARY, _MARKS, f"{HOME}/.keras"):
        os.mkdir(folder)
    for name in ("begin", "end"):
        _write(f"{_MARKS}/{name}", "")
    for path in (f"{HOME}/secret.txt", f"{WORK}/secret.txt", f"{ROOT}/secret.txt", f"{HOME}/.netrc"):
        _write(path, f"# {SECRETS['file']}\n")
    _write(f"{HOME}/secret.py", f"# {SECRETS['file']}\n")
    _write(f"{HOME}/.keras/keras.json", "{}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, text.encode())
    os.close(descriptor)


_listener: socket.socket | None = None


def _listen() -> None:
    global _listener
    _listener = socket.create_server(("127.0.0.1", _PORT))
    _listener.setblocking(False)


def imprison(body: Callable[[Callable[[Report], None]], None], output: int, reports: int) -> None:
    """Be the prisoner, to the end."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # To report is to write one line at a descriptor that no module will guess; a write raises no audit event.
    channel = 709
    os.dup2(reports, channel)
    tempfile.tempdir = TEMPORARY
    os.environ.update(ENVIRONMENT, HOME=HOME, TMPDIR=TEMPORARY, KERAS_HOME=f"{HOME}/.keras")
    os.chdir(WORK)
    write, dumps = os.write, json.dumps

    def report(value: Report) -> None:
        write(channel, dumps(value, default=repr).encode() + b"\n")

    try:
        body(report)
        report({"finished": True})
    except BaseException as error:
        places = [
            f"{os.path.basename(item.filename)}:{item.lineno}" for item in traceback.extract_tb(error.__traceback__)
        ]
        report({"harness": f"{type(error).__name__}: {error} at {' '.join(places)}"})
    finally:
        os._exit(0)


def _drop_rights() -> None:
    """Give up every right of root but the files it owns, also for programs that are started."""
    for right in range(64):
        _libc.prctl(24, ctypes.c_ulong(right), 0, 0, 0)  # PR_CAPBSET_DROP
    header, data = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0] * 6)
    _check(_libc.capset(header, data))


def _others(prisoner: int) -> list[str]:
    """Return the processes of the cell that are neither the warden nor the prisoner, which has ended."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid not in (1, prisoner):
            try:
                with open(f"/proc/{pid}/cmdline") as stream:
                    found.append(stream.read().replace("\0", " ").strip() or str(pid))
            except OSError:
                continue
    return found


class _Watch:
    """The warden's ears."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._files = _libc.fanotify_init(0x12, os.O_RDONLY)
        _check(self._files)
        for place in (b"/", b"/tmp", b"/proc", PASSWD.encode(), b"/dev/shm"):
            mask = ctypes.c_uint64(sum(_FAN))
            _check(_libc.fanotify_mark(self._files, 0x11, mask, -100, place))
        self._names = _libc.inotify_init1(os.O_NONBLOCK)
        self._folders = {
            _libc.inotify_add_watch(self._names, folder.encode(), sum(_IN) | 0x20): folder
            for folder in ("/tmp", HOME, WORK, f"{HOME}/.keras", _MARKS)
        }
        self._counting = {"files": False, "names": False}
        self._own = os.getpid()

    def close(self) -> None:
        os.close(self._files)
        os.close(self._names)
        assert _listener is not None
        _listener.close()

    def wait(self, prisoner: int, pipe: int, limit_s: float) -> int | str:
        """Listen until the prisoner ends; return its exit code, or "time" if it had to be ended."""
        assert _listener is not None
        deadline, rest, code = time.monotonic() + limit_s, b"", None
        while code is None:
            ready, _, _ = select.select([self._files, self._names, _listener, pipe], [], [], 0.02)
            if pipe in ready:
                rest = self._reported(rest + os.read(pipe, 1 << 20))
            self._heard(ready)
            ended, status = os.waitpid(prisoner, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(prisoner, signal.SIGKILL)
                os.waitpid(prisoner, 0)
                code = "time"
        os.set_blocking(pipe, False)
        with contextlib.suppress(BlockingIOError):
            self._reported(rest + os.read(pipe, 1 << 22))
        self._heard([self._files, self._names, _listener])
        return code

    def _reported(self, content: bytes) -> bytes:
        *lines, rest = content.split(b"\n")
        for line in lines:
            try:
                self.reports.append(json.loads(line))
            except ValueError:
                self.reports.append({"channel": line.decode(errors="replace")[:200]})
        return rest

    def _heard(self, ready: list[Any]) -> None:
        if self._files in ready:
            self._opened()
        if self._names in ready:
            self._named()
        if _listener in ready:
            try:
                connection, address = _listener.accept()
            except BlockingIOError:
                return
            connection.close()
            self.reports.append({"connection": list(address)})

    def _opened(self) -> None:
        while True:
            try:
                content = os.read(self._files, 1 << 16)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(content):
                length, _, _, _, mask, descriptor, pid = struct.unpack_from("=IBBHQii", content, offset)
                offset += length
                if descriptor < 0:
                    continue
                path = os.readlink(f"/proc/self/fd/{descriptor}")
                os.close(descriptor)
                if path.startswith(_MARKS):
                    self._counting["files"] = path.endswith("begin")
                elif self._counting["files"] and pid != self._own:
                    how = "+".join(name for bit, name in _FAN.items() if mask & bit)
                    self.reports.append({"file": path, "how": how})

    def _named(self) -> None:
        while True:
            try:
                content = os.read(self._names, 1 << 16)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(content):
                watch, mask, _, length = struct.unpack_from("iIII", content, offset)
                name = content[offset + 16 : offset + 16 + length].rstrip(b"\0").decode(errors="replace")
                offset += 16 + length
                folder = self._folders.get(watch, "?")
                if folder == _MARKS:
                    self._counting["names"] = name == "begin"
                    continue
                how = "+".join(sorted({word for bit, word in _IN.items() if mask & bit}))
                if how and self._counting["names"]:
                    self.reports.append({"file": f"{folder}/{name}", "how": how})


def clear(folder: str) -> None:
    """Empty the harness's own folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
