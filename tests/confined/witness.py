"""What a prisoner's process says of the module that it ran: events that were let through, and state that changed.

The hook is added after bundler's own: hooks run in their order and the first that raises ends the event, so this one
hears only of what was let through.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import importlib
import io
import json
import logging
import os
import pathlib
import re
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from tests.confined.cell import SCRATCH, SECRETS, TEMPORARY, WORK, Report

#: Events of the interpreter that reach out of the process, by how their names begin.
OUTSIDE = (
    *("subprocess.", "os.", "socket.", "shutil.", "ftplib.", "http.", "smtplib.", "imaplib.", "nntplib.", "poplib."),
    *("telnetlib.", "urllib.", "webbrowser.", "pty.", "ctypes.", "mmap.", "fcntl.", "resource.", "signal.", "syslog."),
    *("sqlite3.", "tempfile.", "glob.", "pathlib.", "ensurepip.", "kbundle.native", "faulthandler.", "builtins.input"),
    *("cpython.run_", "setopencodehook", "msvcrt.", "winreg."),
)
#: Powers that stay in the process; counted beside, and only where a frame of the bundle is on the stack.
INSIDE = ("exec", "compile", "code.__new__", "function.__new__", "marshal.", "pickle.", "gc.", "sys.", "_thread.")
NATIVE = "kbundle.native"
_BY_PATH = ("open", "os.listdir", "os.scandir", "glob.glob", "glob.glob/2", "pathlib.Path.glob")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FREE = tuple({os.path.realpath(root) + "/" for root in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))})
_REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..")) + "/"
HOST_LOG = f"{SCRATCH}/host.log"
_LIMIT = 300
_current_frame = ctypes.pythonapi.PyEval_GetFrame
# A borrowed reference: py_object as the result would take it away from the interpreter.
_current_frame.restype = ctypes.c_void_p
_current_frame.argtypes = ()


def free(path: str) -> bool:
    """Say whether reading `path` is nothing: the interpreter's own files, kbundle's, or the harness's."""
    return path.startswith((*_FREE, _REPOSITORY, "/usr/lib/", "/lib/", "/sys/devices/")) or ours(path)


def ours(path: str) -> bool:
    """Say whether `path` is below the harness's folder or the one for temporary files."""
    return f"{path}/".startswith((f"{SCRATCH}/", f"{TEMPORARY}/"))


def plain(value: Any) -> Any:
    """Return what may be said of an argument without running code of whoever made it."""
    if isinstance(value, str):
        return str.__str__(value)[:300]
    if type(value) is pathlib.PosixPath:
        return str(value)
    if isinstance(value, bytes):
        return bytes.decode(value, errors="replace")[:300]
    if type(value) in (int, float, bool, type(None)):
        return value
    if type(value) in (tuple, list):
        return [plain(item) for item in value[:8]]
    return f"<{type.__dict__['__name__'].__get__(type(value))}>"


def normal(text: str) -> str:
    """Return `text` without what differs from run to run."""
    text = re.sub(r"/tmp\w{8}", "/tmp*", text)
    text = re.sub(r"kbundle-[\w-]+|__autograph_generated_file\w+", "*", text)
    text = re.sub(r"0x[0-9a-f]+|_kbundle_[0-9a-f]{32}", "*", text)
    return re.sub(r"/(proc|task)/\d+", r"/\1/*", text)


def _path(path: Any, below: int | None = None) -> Any:
    """Return the path that a call names, from the root; another value comes back as it is."""
    if type(path) is int:
        try:
            return os.readlink(f"/proc/self/fd/{path}")
        except OSError:
            return path
    if path is None:
        path = "."
    if not isinstance(path, str):
        return path
    base = _path(below) if below is not None else "/"
    return os.path.join(base, path) if base != "/" else os.path.abspath(path)


def _tidying(path: str) -> bool:
    """Say whether `shutil.rmtree` opens a folder by its name in another one: the event does not say in which."""
    frame = ctypes.cast(_current_frame(), ctypes.py_object).value
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") == "shutil" and path.startswith(WORK)


class Witness:
    """The hook, silent until `begin`."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        self._report = report
        self._seen: set[str] = set()
        self._on = False
        self._busy = threading.local()
        self._builtins: tuple[dict[str, Any], ...] = ()
        self._own: str | None = None

    def install(self) -> None:
        """Add the hook; nobody can take it away."""
        sys.addaudithook(self._hook)

    def begin(self, seen: dict[str, Any], own: os.PathLike[str] | None = None) -> None:
        """Count from now on: frames with the builtins `seen` are the bundle's, which may read its files in `own`."""
        self._builtins = (seen,)
        self._own = None if own is None else os.fspath(own) + "/"
        self._on = True

    def end(self) -> None:
        """Count no more."""
        self._on = False

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._on or getattr(self._busy, "on", False):
            return
        by_path, outside = event in _BY_PATH, event.startswith(OUTSIDE)
        if not (by_path or outside or event.startswith(INSIDE)):
            return
        self._busy.on = True
        try:
            self._note(event, args, by_path=by_path, outside=by_path or outside)
        except BaseException as error:
            self._report({"harness": f"hook: {type(error).__name__}"})
        finally:
            self._busy.on = False

    def _note(self, event: str, args: tuple[Any, ...], *, by_path: bool, outside: bool) -> None:
        what, bundle, how = plain(args), self._bundle_frame(), ""
        if by_path:
            how = "write" if event == "open" and type(args[2]) is int and args[2] & _WRITING else "read"
            path = what[0] = _path(what[0])
            if isinstance(path, str) and how == "read" and (self._is_own(path) or (free(path) and not ours(path))):
                return
            what = what[:1]
        elif event.startswith("os.") and what and isinstance(what[0], str):
            # The last arguments are the descriptors of the folders that the paths are below, or -1.
            below = what[-1] if type(what[-1]) is int and what[-1] > 2 else None
            what = [_path(part, below) if isinstance(part, str) else part for part in what[: 1 + ("rename" in event)]]
        elif event.startswith(("tempfile.", "shutil.", "glob.")):
            what = what[:1]
        elif event == NATIVE and len(what) > 2 and isinstance(what[2], str):
            what = [_path(what[2].removeprefix("file://"))] if ours(what[2].removeprefix("file://")) else what
        # Its log file is the host's, whoever logs; a traceback looks for the text of code that has no file.
        if what in (["/dev/null"], [HOST_LOG]) or (how == "read" and "/<" in str(what[0])):
            return
        if not bundle and what and all(isinstance(path, str) and (ours(path) or _tidying(path)) for path in what):
            return
        if not outside:
            if not bundle:
                return
            what = []
        key = normal(json.dumps([event, how, what, bundle]))
        if key not in self._seen and len(self._seen) < _LIMIT:
            self._seen.add(key)
            self._report({"event" if outside else "inside": key})

    def _is_own(self, path: str) -> bool:
        return self._own is not None and f"{os.path.realpath(path)}/".startswith(self._own)

    def _bundle_frame(self) -> bool:
        frame = ctypes.cast(_current_frame(), ctypes.py_object).value
        while frame is not None:
            if any(frame.f_builtins is seen for seen in self._builtins):
                return True
            frame = frame.f_back
        return False


@functools.cache
def _modules() -> dict[str, Any]:
    """Return modules of the host by name, as they are at the first call: code may take them off their parents."""
    import keras
    import numpy as np
    import tensorflow as tf

    found = {"os": os, "io": io, "sys": sys, "json": json, "logging": logging, "warnings": warnings, "re": re}
    found |= {"builtins": builtins, "keras": keras, "keras.ops": keras.ops, "keras.layers": keras.layers}
    return found | {"numpy": np, "tensorflow": tf, "keras.saving": keras.saving, "signal": signal}


def state() -> dict[str, Any]:
    """Return what code can leave changed in its process, to compare."""
    import keras
    import numpy as np
    import tensorflow as tf

    def ids(owner: Any) -> dict[str, int]:
        return {name: id(value) for name, value in list(vars(owner).items())}

    found: dict[str, Any] = {
        f"{module}.{name}": value for module, owner in _modules().items() for name, value in ids(owner).items()
    }
    for owner in (keras.layers.Dense, keras.layers.Layer, keras.Model, keras.Variable, np.lib, tf.Module):
        found |= {f"{owner.__name__}.{name}": value for name, value in ids(owner).items()}
    found |= {f"environ.{name}": value for name, value in os.environ.items()}
    found["cwd"] = os.readlink("/proc/self/cwd")
    found["sys.path[:]"] = tuple(sys.path)
    found["sys.meta_path[:]"] = tuple(map(id, sys.meta_path))
    found["sys.path_hooks[:]"] = tuple(map(id, sys.path_hooks))
    found["signals"] = tuple(str(signal.getsignal(number)) for number in range(1, 32))
    found["limits"] = tuple(resource.getrlimit(number) for number in range(16))
    found["root logger"] = (len(logging.root.handlers), logging.root.level)
    found["numpy seed"] = hash(np.random.get_state()[1].tobytes())
    found["eager"] = tf.config.functions_run_eagerly()
    found["safe mode"] = importlib.import_module("keras.src.saving.serialization_lib").in_safe_mode()
    found["settings"] = keras.config.is_interactive_logging_enabled(), keras.config.floatx()
    umask = os.umask(0)
    os.umask(umask)
    found["umask"] = umask
    return found


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the names of what is other than it was; a new name in a module counts for the environment alone."""
    names = [name for name in before if before[name] != after.get(name)]
    return sorted({*names, *(name for name in after if name.startswith("environ.") and name not in before)})


def secrets_in(*roots: Any) -> list[str]:
    """Return which secrets are in `roots`, looking into plain containers, arrays, tensors and plain instances."""
    import numpy as np

    found: set[str] = set()
    seen: set[int] = set()
    work: list[tuple[Any, int]] = [(root, 0) for root in roots]
    while work and len(seen) < 20000:
        value, depth = work.pop()
        if id(value) in seen or depth > 6:
            continue
        seen.add(id(value))
        kind = type(value)
        if issubclass(kind, str | bytes | bytearray):
            text = str.__str__(value) if issubclass(kind, str) else bytes(memoryview(value)).decode("latin-1")
            found |= {name for name, secret in SECRETS.items() if secret in text}
        elif issubclass(kind, dict):
            work += [(item, depth + 1) for pair in list(dict.items(value)) for item in pair]
        elif issubclass(kind, list | tuple | set | frozenset):
            work += (
                [(item, depth + 1) for item in kind.__iter__(value)] if kind in (list, tuple, set, frozenset) else []
            )
        elif kind is np.ndarray:
            content = value.ravel().tolist() if value.dtype == object else value.tobytes()
            work.append((content, depth + 1))
        elif hasattr(kind, "numpy") and kind.__module__.startswith(("tensorflow.", "keras.")):
            try:
                work.append((value.numpy(), depth + 1))
            except Exception:
                continue
        elif issubclass(kind, BaseException):
            work.append((value.args, depth + 1))
        elif not issubclass(kind, type) and kind.__module__.startswith(("_kbundle_", "pathlib", "keras.", "types")):
            inner = getattr(value, "__dict__", None)
            if type(inner) is dict:
                work.append((inner, depth + 1))
            if kind.__module__ == "pathlib":
                work.append((str(value), depth + 1))
    return sorted(found)
