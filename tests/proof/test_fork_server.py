"""The server of fresh interpreters and its forks, with a worker that needs no framework."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bundler.proof import fork_server
from bundler.proof.fork_server import Forked
from bundler.proof.interpreter import temporary_folder, working_folder

pytestmark = pytest.mark.skipif(not fork_server.CAN_FORK, reason="the server is for Linux")

# Answers each line with what `answers` makes of it, and counts in a module that all forks have imported.
SERVER = """
import os, sys
from bundler.prover import forking, worker
forking.framework.keras = forking.hold_framework = lambda: None
def answer(folder):
    seen = sys.modules.setdefault("seen_by_forks", [])
    for line in sys.stdin:
        seen.append(line)
        print(eval(line), flush=True)
worker.main = lambda arguments: answer(*arguments)
{more}
forking.main([])
"""


@dataclass(frozen=True)
class Orders:
    """Orders forks of one kind of server, each with a folder of its own below `folder`."""

    folder: Path
    ordered: list[Forked] = field(default_factory=list)
    ended: list[Forked] = field(default_factory=list)

    def __call__(self, environment: dict[str, str] | None = None, more: str = "") -> Forked:
        folder = self.folder / str(len(self.ordered))
        for name in (working_folder(folder), *temporary_folder(folder).values()):
            os.makedirs(name, exist_ok=True)
        command = [sys.executable, "-c", SERVER.format(more=more)]
        self.ordered.append(Forked(folder, command, {**os.environ, **(environment or {})}))
        return self.ordered[-1]

    def end(self, process: Forked) -> None:
        """End a process."""
        if process not in self.ended:
            self.ended.append(process)
            process.end()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@pytest.fixture
def order(tmp_path: Path) -> Iterator[Orders]:
    """Give orders, and leave neither a fork nor a server behind."""
    orders = Orders(tmp_path)
    yield orders
    for process in orders.ordered:
        orders.end(process)
    fork_server.end()


def asked(process: Forked, line: str) -> str:
    """Return what the worker answers to `line`."""
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()
    return process.stdout.readline().decode().strip()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait some seconds for something to become true."""
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


def lives(pid: int) -> bool:
    """Say whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_fork_has_seen_nothing_of_the_first(order: Orders) -> None:
    first = order()
    assert asked(first, "len(seen)") == "1"
    second = order()
    assert asked(first, "len(seen)") == "2"
    assert asked(second, "len(seen)") == "1"
    assert first.pid != second.pid
    assert asked(first, "os.getppid()") == asked(second, "os.getppid()")


def test_a_fork_lives_in_its_folder_and_its_own_session(order: Orders, tmp_path: Path) -> None:
    process = order()
    assert asked(process, "os.getcwd()") == working_folder(tmp_path / "0")
    assert asked(process, "__import__('tempfile').gettempdir()") == str(tmp_path / "0" / "tmp")
    assert asked(process, "os.getsid(0) == os.getpid() != os.getppid()") == "True"


def test_a_fork_has_no_descriptor_of_the_server(order: Orders) -> None:
    first = order()
    second = order()
    listed = "sorted(int(n) for n in os.listdir('/proc/self/fd'))"
    assert asked(first, listed) == asked(second, listed)


@pytest.mark.parametrize(("line", "code"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9), ("sys.exit(4)", 1)])
def test_tells_how_a_fork_ended(order: Orders, line: str, code: int) -> None:
    process = order()
    assert process.poll() is None
    assert asked(process, line) == ""
    assert process.wait() == code
    assert process.poll() == code


def test_says_why_a_fork_failed(order: Orders) -> None:
    process = order()
    assert asked(process, "1 / 0") == ""
    assert process.wait() == 1
    assert process.stderr.read().endswith(b"ZeroDivisionError: division by zero\n")


def test_the_last_words_of_a_server_that_cannot_start_are_those_of_the_fork(order: Orders) -> None:
    process = order(more="sys.exit('no framework here')")
    assert process.wait() == 1
    assert process.stderr.read() == b"no framework here\n"
    with pytest.raises(ProcessLookupError):
        process.pid  # noqa: B018


def test_ending_a_fork_ends_what_it_started_and_removes_its_folder(order: Orders, tmp_path: Path) -> None:
    process = order()
    child = int(asked(process, "__import__('subprocess').Popen(['sleep', '60']).pid"))
    pid = process.pid
    order.end(process)
    assert not lives(pid)
    wait_until(lambda: not lives(child))
    assert not (tmp_path / "0").exists()


def test_ending_a_fork_that_is_not_there_yet_does_not_wait_for_it(order: Orders) -> None:
    process = order(more="import time; time.sleep(60)")
    started = time.monotonic()
    order.end(process)
    assert time.monotonic() - started < 30


def test_another_environment_needs_another_server(order: Orders) -> None:
    server = asked(order(), "os.getppid()")
    assert asked(order({"TF_SETTING": "1"}), "(os.environ['TF_SETTING'], os.getppid())") != f"('1', {server})"


@pytest.mark.parametrize("cause", ["killed", "idle"])
def test_a_server_that_has_gone_is_replaced(order: Orders, monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    first = order()
    server = int(asked(first, "os.getppid()"))
    if cause == "killed":
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: not lives(server))
        assert first.poll() == -signal.SIGKILL
    else:
        order.end(first)
        monkeypatch.setattr(fork_server, "_ASKED_AGAIN_WITHIN_S", 0.0)
    assert int(asked(order(), "os.getppid()")) != server


def test_a_server_that_has_a_fork_is_not_replaced_however_long_it_takes(
    order: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = asked(order(), "os.getppid()")
    monkeypatch.setattr(fork_server, "_ASKED_AGAIN_WITHIN_S", 0.0)
    assert asked(order(), "os.getppid()") == server


def test_a_server_that_nobody_asks_ends(order: Orders) -> None:
    process = order(more="forking.IDLE_SECONDS = 0.05")
    server = int(asked(process, "os.getppid()"))
    time.sleep(0.2)
    assert lives(server)
    order.end(process)
    wait_until(lambda: not lives(server))


def test_a_fork_of_the_owner_starts_a_server_of_its_own(order: Orders) -> None:
    server = asked(order(), "os.getppid()")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            mine = order()
            os.write(writing, asked(mine, "os.getppid()").encode())
            mine.end()
            fork_server.end()
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        other = answer.read()
    assert other not in ("", server)
    assert lives(int(server))
    assert not lives(int(other))


def test_all_ends_with_the_owner(order: Orders, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process = order()
            os.write(writing, f"{process.pid} {asked(process, 'os.getppid()')}".encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as answer:
        forked, server = map(int, answer.read().split())
    wait_until(lambda: not lives(forked) and not lives(server))
    assert not (tmp_path / "0").exists()
