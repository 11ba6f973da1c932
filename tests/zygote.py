"""A process that has imported Keras and kbundle once and forks for every script that wants a fresh interpreter.

Importing TensorFlow takes seconds, and kbundle a third of one; a fork of a process that has imported them, and has run
no operation yet, takes milliseconds and has never seen the code of any test. Run as a program this file is the
server; `Zygote` is its client.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_TIMEOUT_S = 240


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

    def run(self, script: str, folder: Path, *, path: tuple[Path, ...] = (), check: bool = True) -> Finished:
        """Run the text `script` as ``__main__`` in `folder`, with `path` in front of `sys.path`."""
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("script-*.py")))
        file, output = folder / f"script-{number}.py", folder / f"output-{number}.txt"
        file.write_text(script)
        request = {"script": str(file), "output": str(output), "folder": str(folder), "path": [str(p) for p in path]}
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
    # Importing them does nothing (`tests/cli/test_light.py`).
    for module in pkgutil.walk_packages(importlib.import_module("bundler").__path__, "bundler."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(request)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


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
