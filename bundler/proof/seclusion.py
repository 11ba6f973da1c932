"""What the proving interpreter does without: the author's folders, and imports from them.

This is not a wall. It makes code fail here as it would fail elsewhere, where it reads a file which did not travel, or
imports a module which did not. TensorFlow's own readers are told too (`bundler.prover.hidden_files`); what other
compiled code opens by an absolute path (HDF5) is not noticed.
"""

from __future__ import annotations

import errno
import functools
import importlib.abc
import importlib.machinery
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bundler.namespace import ROOT
from bundler.proof.request import Surroundings
from bundler.sources.installed import is_site, is_stdlib

_EVENTS = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect"})
#: `bundler` itself, which may lie in a checkout of the author's.
PACKAGE = Path(__file__).parents[1]


def installed_entries(path: Iterable[str]) -> list[str]:
    """Return the entries of `sys.path` that hold the standard library or installed distributions."""
    return [entry for entry in path if _is_installed(entry)]


def authors_entries(path: Iterable[str]) -> list[str]:
    """Return the other entries of `sys.path`."""
    return [os.path.abspath(entry) for entry in path if not _is_installed(entry) and os.path.isdir(entry or ".")]


def cut_path(more: Sequence[str]) -> None:
    """Reduce `sys.path` to the interpreter and what is installed; `more` are such entries of the author's process."""
    path = installed_entries(sys.path)
    sys.path[:] = [*path, *(entry for entry in more if entry not in path)]


def _is_installed(entry: str) -> bool:
    if not entry or not os.path.isabs(entry):
        return False
    file = Path(entry) / "x"
    # The ZIP of the standard library is named on every path, and rarely there.
    if (
        is_site(file)
        or is_stdlib(file)
        or Path(entry).name == f"python{sysconfig.get_config_var('py_version_nodot')}.zip"
    ):
        return True
    # Where `pip install --target` or a vendor put things; a checkout has its metadata as *.egg-info.
    return next(Path(entry).glob("*.dist-info"), None) is not None if os.path.isdir(entry) else False


class Seclusion(importlib.abc.MetaPathFinder):
    """Refuses the author's folders and modules to this process, from `enter` on; there is no way back out of it.

    Attributes:
        unread: the paths that were asked for and refused, each with the bundled line that asked, as far as known.
    """

    def __init__(self, open_folders: Iterable[str | os.PathLike[str]]) -> None:
        self.unread: list[str] = []
        self._open = _spellings(
            [sys.prefix, sys.base_prefix, sys.exec_prefix, PACKAGE, *installed_entries(sys.path), *open_folders]
        )
        self._closed: frozenset[str] = frozenset()
        self._names: frozenset[str] = frozenset()
        self._home = {os.path.normcase(path) for path in _both(os.path.expanduser("~"))}
        self._entered = False

    def enter(self, surroundings: Surroundings, bundle: str) -> None:
        """Refuse what `surroundings` names from now on, except the file `bundle`. Later calls replace the names."""
        self.unread.clear()
        self._open |= _spellings([bundle])
        # The root of the file system is nobody's own folder.
        self._closed = frozenset(path for path in _spellings(surroundings.folders) if os.path.dirname(path) != path)
        self._names = frozenset(surroundings.names)
        if not self._entered:
            self._entered = True
            sys.addaudithook(self._audit)
            os.stat = self._hiding_stat(os.stat)
        if sys.meta_path[:1] != [self]:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the signature of PEP 451
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Refuse the author's modules: an editable install would answer for them here, and nowhere else."""
        parts = fullname.split(".")
        if any(".".join(parts[:depth]) in self._names for depth in range(1, len(parts) + 1)):
            raise ModuleNotFoundError(f"No module named {fullname!r} outside the bundle", name=fullname)
        return None

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS or not arguments:
            return
        asked = arguments[0]
        if not isinstance(asked, str | bytes | os.PathLike):
            return  # A descriptor, or the folder that the process is in: its scratch.
        if self.is_hidden(os.fsdecode(asked)):
            raise _not_found(os.fsdecode(asked))

    def is_hidden(self, path: str) -> bool:
        """Say whether `path` is refused to this process, and remember that it was asked for."""
        if not any(self._is_closed(os.path.normcase(spelling)) for spelling in _both(path)):
            return False
        place = _asking_line()
        entry = f"{path} (read by {place})" if place else path
        if entry not in self.unread:
            self.unread.append(entry)
        return True

    def _hiding_stat(self, stat: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        """Return an `os.stat` for which hidden files are not there: there is no audit event for it.

        It is what `os.path.exists` and `pathlib` ask, and code may well have another way for a file that is missing.
        """

        @functools.wraps(stat)
        def hiding(path: Any, *arguments: Any, **named: Any) -> os.stat_result:
            if isinstance(path, str | bytes | os.PathLike) and self.is_hidden(os.fsdecode(path)):
                raise _not_found(os.fsdecode(path))
            return stat(path, *arguments, **named)

        return hiding

    def _is_closed(self, path: str) -> bool:
        """Say whether the nearest folder around `path` that is known is a closed one."""
        around, below = path, ""
        while True:
            if around in self._open:
                return False
            if around in self._closed:
                # Settings and caches of libraries: ~/.keras, ~/.cache, ...
                return not (around in self._home and below.startswith("."))
            parent, below = os.path.split(around)
            if parent == around:
                return False
            around = parent


def _not_found(path: str) -> FileNotFoundError:
    # What the consumer's machine will say, so that code with a way around a missing file takes it.
    return FileNotFoundError(errno.ENOENT, "this file did not travel with the bundle", path)


def _both(path: str) -> set[str]:
    return {os.path.abspath(path), os.path.realpath(path)}


def _spellings(paths: Iterable[str | os.PathLike[str]]) -> set[str]:
    return {os.path.normcase(spelling) for path in paths for spelling in _both(os.fspath(path))}


def _asking_line() -> str | None:
    """Return "module line N" of the bundled code that is running."""
    frame = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if str.startswith(name, ROOT):
            return f"{name.partition('.')[2]} line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None
