"""Which files anybody may read: those of Python and of installed packages, and what the bundle itself packs."""

from __future__ import annotations

import functools
import os
import pathlib
import site
import sys
import sysconfig

#: Devices that hold nothing.
_DEVICES = frozenset({os.devnull, "/dev/urandom", "/dev/random", "/dev/zero"})
#: Data of the system that libraries read to compute.
_SYSTEM = ("/usr/share/zoneinfo", "/etc/localtime", "/usr/lib/locale")

_TEXTS = (str, bytes)


@functools.cache
def library_folders() -> tuple[str, ...]:
    """Return the folders that hold the standard library, installed packages and kbundle itself, as real paths."""
    names = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    names += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.path.dirname(__file__))]
    # The base of a virtual environment, whose standard library is the one in use.
    names.append(os.path.dirname(os.__file__))
    real = {os.path.realpath(name) for name in names if name}
    return tuple(sorted(name + os.sep for name in real | {name for name in names if name}))


@functools.cache
def _readable() -> tuple[str, ...]:
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    # Below these, not the prefix itself: a prefix can be /usr, and a project can keep its environment inside itself.
    parts = [os.path.join(prefix, part) for prefix in prefixes for part in ("lib", "lib64", "share", "include")]
    real = {os.path.realpath(name) for name in (*parts, *_SYSTEM)}
    return (*library_folders(), *sorted(name + os.sep for name in real))


@functools.lru_cache(maxsize=4096)
def is_library(filename: str) -> bool:
    """Say whether code of this file name is a library's: of Python, of an installed package, or of kbundle."""
    return filename.startswith(("<frozen ", *library_folders()))


#: The classes of paths that bundles have, each exactly: a class derived from one answers as it likes.
PATH_KINDS: set[type] = {pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath}


def plain_path(path: object) -> str | None:
    """Return a path as text where it is one for certain, else `None`.

    An object that works its path out when it is asked may answer the system call otherwise than this check, and so may
    a descriptor: what file that is nobody can tell here.
    """
    if type(path) in _TEXTS or type(path) in PATH_KINDS:
        return os.fsdecode(path)  # type: ignore[arg-type]
    if isinstance(path, str):
        # The system call takes the text of a subclass too, whatever its methods say.
        return str.__str__(path)
    return None


def is_device(path: str) -> bool:
    """Say whether `path` is a device that holds nothing."""
    return path in _DEVICES


def is_free(path: str, *, reads: bool, own: str | None) -> bool:
    """Say whether `path` may be used without a word: below `own`, and, if it is only read, below a library's folder."""
    real = os.path.realpath(path)
    if own is not None and (real + os.sep).startswith(os.path.realpath(own) + os.sep):
        return True
    return reads and (real + os.sep).startswith(_readable())
