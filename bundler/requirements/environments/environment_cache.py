"""The folder of environments: where it is, which are ready, who uses one, and what may go.

An environment is ready when `FACTS` is in it, which is written last. Until then the file has the name `UNFINISHED`,
by which a later process knows that what lies there is ours to remove.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.errors import EnvironmentFailed
from bundler.requirements.environments.file_locks import Busy, locked

FACTS = "kbundle-environment.json"
UNFINISHED = "kbundle-environment.unfinished"
#: What `prune` removes unasked: environments that nobody has used for so many days.
UNUSED_DAYS = 30

_VARIABLE = "KBUNDLE_CACHE"
_LARGEST_FACTS = 1 << 20
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedEnvironment:
    """One entry of the cache; without `facts` it was never finished. `last_use` is in seconds since 1970."""

    key: str
    folder: Path
    size: int
    last_use: float
    facts: dict[str, Any] | None


def cache_folder() -> Path:
    """Return the folder of environments: below ``KBUNDLE_CACHE``, or below the user's folder of caches."""
    given = os.environ.get(_VARIABLE)
    if given:
        root = Path(given).expanduser().absolute()
    elif os.environ.get("XDG_CACHE_HOME"):
        root = Path(os.environ["XDG_CACHE_HOME"]).absolute() / "kbundle"
    elif sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "kbundle" / "Cache"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches" / "kbundle"
    else:
        root = Path.home() / ".cache" / "kbundle"
    return root / "environments"


def make_cache_folder() -> Path:
    """Return `cache_folder`, made if it is not there; only this user may look into it.

    Raises:
        EnvironmentFailed: it cannot be made.
    """
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if os.name == "posix":
        status = folder.stat()
        # What lies there is run. Root may put it there for all; anybody else could plant it.
        if status.st_uid not in (os.geteuid(), 0) or status.st_mode & stat.S_IWOTH:
            raise EnvironmentFailed(
                "other users could put their programs into this cache",
                place=str(folder),
                expected="a folder of your own that others cannot write to",
                hint=f"let {_VARIABLE} name another folder",
            )
    return folder


def cannot_write(folder: Path, error: OSError) -> EnvironmentFailed:
    """Return the error for what the system says about files below `folder`."""
    return EnvironmentFailed(
        f"the environment cannot be written: {error.strerror or error}",
        place=str(error.filename or folder),
        hint=f"make room there and see that you may write, or let {_VARIABLE} name another folder",
    )


def lock_file(key: str) -> Path:
    """Return the lock file of one environment of the cache."""
    return cache_folder() / f"{key}.lock"


def facts_of(folder: Path) -> dict[str, Any] | None:
    """Return what was written down about a ready environment, or `None` if it is not ready."""
    try:
        with open(folder / FACTS, "rb") as file:
            facts = json.loads(file.read(_LARGEST_FACTS))
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def used_now(folder: Path) -> None:
    """Note that the environment is used."""
    with contextlib.suppress(OSError):  # Of another user, or on a disk that cannot be written: nothing depends on it.
        os.utime(folder / FACTS)


def remove(folder: Path) -> None:
    """Remove an environment; whatever ends this in the middle, it is not ready any more.

    Raises:
        OSError: it cannot be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder / FACTS, folder / UNFINISHED)
    # The unfinished mark goes last, so that a folder half removed is still known as ours.
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == UNFINISHED):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    folder.rmdir()


def entries() -> list[CachedEnvironment]:
    """Return all environments of the cache, the last used first."""
    try:
        folders = [entry for entry in cache_folder().iterdir() if entry.is_dir() and not entry.is_symlink()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot_write(cache_folder(), error) from error
    found = []
    for folder in folders:
        facts = facts_of(folder)
        with contextlib.suppress(FileNotFoundError):  # Removed by another process just now.
            changed = (folder / FACTS if facts is not None else folder).stat().st_mtime
            found.append(
                CachedEnvironment(key=folder.name, folder=folder, size=_size(folder), last_use=changed, facts=facts)
            )
    return sorted(found, key=lambda entry: (-entry.last_use, entry.key))


def prune(
    *, older_than_days: float = UNUSED_DAYS, everything: bool = False, key: str | None = None
) -> tuple[list[CachedEnvironment], list[CachedEnvironment]]:
    """Remove environments that nobody uses; returns the removed ones, and those that are in use and stay.

    Unfinished ones go too unless a `key` is asked for.

    Args:
        older_than_days: remove those that were not used for so long.
        everything: remove all.
        key: remove the one with this key, or whose key begins so.

    Raises:
        EnvironmentFailed: there is none with this key, or a folder cannot be removed.
    """
    found = entries()
    if key is not None:
        chosen = [entry for entry in found if entry.key.startswith(key)]
        if len(chosen) != 1 or not key:
            raise EnvironmentFailed(
                "there is no environment with this key" if not chosen else "several environments begin with this key",
                [entry.key for entry in chosen],
                place=f"--key {key}",
                hint="kbundle cache lists them",
            )
    else:
        limit = time.time() - older_than_days * _DAY_S
        chosen = [entry for entry in found if everything or entry.facts is None or entry.last_use <= limit]
    removed, in_use = [], []
    for entry in chosen:
        lock = lock_file(entry.key)
        try:
            with locked(lock):
                try:
                    remove(entry.folder)
                finally:
                    lock.unlink(missing_ok=True)
        except Busy:
            in_use.append(entry)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise EnvironmentFailed(
                f"the environment cannot be removed: {error.strerror or error}",
                place=str(error.filename or entry.folder),
                hint="end the programs that use it, and see that you may write there",
            ) from error
        else:
            removed.append(entry)
    return removed, in_use


def _size(folder: Path) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
