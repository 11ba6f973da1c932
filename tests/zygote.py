"""A process that has imported Keras and kbundle once and forks for every script that wants a fresh interpreter.

Importing TensorFlow takes seconds, and kbundle a third of one; a fork of a process that has imported them, and has run
no operation yet, takes milliseconds and has never seen the code of any test. Run as a program this file is the
server; `Zygote` is its client.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_TIMEOUT_S = 240
_LONGEST = 65_536


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a script printed (stdout and stderr together) and its exit code."""

    code: int
    output: str


class Zygote:
    """Runs scripts in forks of one warm interpreter."""

    def __init__(self, python: str = sys.executable) -> None:
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "PYTHONHASHSEED": "random",
        }
        # -P keeps the folder of this file, and so the tests, off the path of every script.
        self._process = subprocess.Popen(
            [python, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(
        self, script: str, folder: Path, *, path: tuple[Path, ...] = (), check: bool = True, held: bool = False
    ) -> Finished:
        """Run the text `script` as ``__main__`` in `folder`, with `path` in front of `sys.path`.

        `held`: in a process that is as after the first load, which takes as long as a test.
        """
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("script-*.py")))
        file, output = folder / f"script-{number}.py", folder / f"output-{number}.txt"
        file.write_text(script)
        request = {
            "script": str(file),
            "output": str(output),
            "folder": str(folder),
            "path": [str(p) for p in path],
            "held": held,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the zygote died"
        finished = Finished(code=json.loads(answer)["code"], output=output.read_text(errors="replace"))
        file.unlink()
        if check and finished.code != 0:
            raise AssertionError(f"the script ended with {finished.code}:\n{finished.output}")
        return finished

    def close(self) -> None:
        """End the warm interpreter."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)


def _serve() -> None:
    importlib.import_module("keras")
    # A graph takes TensorFlow half a second for each step of training and predicts no other numbers.
    importlib.import_module("tensorflow").config.run_functions_eagerly(True)
    warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions_eagerly`")
    # Importing them does nothing (`tests/cli/test_light.py`).
    for module in pkgutil.walk_packages(importlib.import_module("bundler").__path__, "bundler."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # What every pack asks of the installed distributions, and remembers by their texts.
    from bundler.sources.installed import Distributions

    assert Distributions().all
    # A collection in a fork would copy, and look through, all that was imported here.
    gc.collect()
    gc.freeze()
    _offer_forks()
    held: _Held | None = None
    for line in sys.stdin:
        if json.loads(line)["held"]:
            held = held or _Held()
            print(held.answer(line), flush=True)
        else:
            print(_answer(line), flush=True)


def _answer(line: str) -> str:
    request = json.loads(line)
    pid = os.fork()
    if pid == 0:
        _child(request)
    _, status = os.waitpid(pid, 0)
    return json.dumps({"code": os.waitstatus_to_exitcode(status)})


class _Held:
    """A fork that has done what the first load in a process does to the framework."""

    def __init__(self) -> None:
        from_server, self._orders = os.pipe()
        answers, to_server = os.pipe()
        if os.fork() == 0:
            os.close(self._orders)
            importlib.import_module("bundler.unpacking.confinement").hold_framework()
            gc.freeze()
            with os.fdopen(from_server) as lines:
                for line in lines:
                    os.write(to_server, _answer(line).encode() + b"\n")
            os._exit(0)
        os.close(from_server)
        os.close(to_server)
        self._answers = os.fdopen(answers)

    def answer(self, line: str) -> str:
        os.write(self._orders, line.encode())
        return self._answers.readline().strip()


def _offer_forks() -> None:
    """Fork a process that forks for the scripts: provers for `quick_proof`, interpreters for `fresh`."""
    listening = {name: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for name in ("PROOF", "FRESH")}
    for name, server in listening.items():
        # An address without a file (unix(7), abstract): it goes with the process.
        os.environ[f"{name}_SERVER"] = address = f"kbundle-tests-{name}-{os.getpid()}"
        server.bind(b"\0" + address.encode())
        server.listen()
    ended, _kept_open = os.pipe()
    if os.fork():
        for server in listening.values():
            server.close()
        os.close(ended)
        return
    os.close(_kept_open)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    forking = importlib.import_module("bundler.prover.forking")
    forking.hold_framework()
    gc.freeze()
    while ended not in (ready := select.select([ended, *listening.values()], [], [])[0]):
        for name, server in listening.items():
            if server not in ready:
                continue
            orders, _ = server.accept()
            if os.fork() == 0:
                for other in listening.values():
                    other.close()
                if name == "PROOF":
                    forking.serve(orders)
                else:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    orders.send(_answer(orders.recv(_LONGEST).decode()).encode())
                os._exit(0)
            orders.close()
    os._exit(0)


def _child(request: dict[str, object]) -> None:
    code = 1
    try:
        descriptor = os.open(str(request["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.alarm(_TIMEOUT_S)
        os.chdir(str(request["folder"]))
        sys.path[:0] = list(request["path"])  # type: ignore[call-overload]
        main = ModuleType("__main__")
        main.__file__ = str(request["script"])
        sys.modules["__main__"] = main
        text = Path(str(request["script"])).read_text()
        exec(compile(text, str(request["script"]), "exec"), vars(main))
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: the exit handlers of the server are not this script's. Those of the script are run here.
        atexit._run_exitfuncs()
        os._exit(code)


if __name__ == "__main__":
    _serve()
