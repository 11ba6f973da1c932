"""`environment`: a virtual environment with what a bundle's lock says, made once and kept.

A virtual environment cannot be moved, so it is built in its place. What makes that whole or absent is a lock file an
environment, and a file of facts that is written last: a folder without it is removed and built anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from bundler.archive.progress import Progress, tell
from bundler.archive.reader import BundleReader, open_bundle
from bundler.errors import EnvironmentFailed, TargetExists
from bundler.requirements.environments import environment_cache
from bundler.requirements.environments.file_locks import locked
from bundler.requirements.environments.install_self import copy_into, source_digest
from bundler.requirements.environments.installer import Installation, find_installer, install
from bundler.requirements.environments.interpreter_choice import Target, choose
from bundler.requirements.environments.lock_reader import read_lock
from bundler.requirements.environments.selection import Selection, select
from bundler.version import __version__

_KEY_DIGITS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A virtual environment that has what a bundle needs, and kbundle itself.

    Attributes:
        folder: where it is.
        python: its interpreter.
        version: the version of that, such as ``3.11.7``.
        key: the digits by which the cache knows it: the same for the same lock, interpreter and kbundle.
        cached: it was there already.
        packages: how many packages were installed, kbundle not counted.
        unchecked: one line for each package that was installed without a check, as the caller has accepted.
        left_out: optional distributions that cannot be installed here; the bundle's code goes on without them.

    Example:
        >>> made = bundler.environment("model.kbundle", "venv")
        >>> made.unchecked, made.left_out
        ((), ())
    """

    folder: Path
    python: Path
    version: str
    key: str
    cached: bool
    packages: int
    unchecked: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentInUse:
    """An environment that nobody removes as long as `descriptor`, or a child's copy of it, is open."""

    environment: Environment
    descriptor: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What is to be made, before anything was written."""

    reader: BundleReader
    target: Target
    selection: Selection
    key: str
    offline: bool
    progress: Progress | None


def environment(
    filepath: str | os.PathLike[str] | BinaryIO | BundleReader,
    directory: str | os.PathLike[str] | None = None,
    *,
    python: str | os.PathLike[str] | None = None,
    allow_unchecked: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Environment:
    """Return a virtual environment with the packages of the bundle's lock, each checked against its hash.

    Packages come from the index that this machine is configured for (that of uv where uv is found, else that of
    pip), and from the wheels that the bundle holds. Nothing of the bundle's own code runs.

    Args:
        filepath: path of the bundle, a seekable binary file object, or an open bundle.
        directory: where to make it: a folder that is not there, or is empty. Without it, in the user's cache, where
            the next call with the same lock finds it.
        python: the interpreter to make it from: a path, a name, or a version such as ``3.12``. By default the one
            that comes nearest to the author's.
        allow_unchecked: install what cannot be checked against a hash, too.
        offline: ask no index.
        progress: called with (what is done, 0, 0).

    Returns:
        Where it is, and what is in it.

    Raises:
        InvalidBundle: the file is not a bundle, or its lock is not a lock.
        EnvironmentFailed: it cannot be made; the message says what to do.
        TargetExists: there is something in `directory`.

    Example:
        >>> made = bundler.environment("model.kbundle", "venv")
        >>> made.python.is_file(), made.cached
        (True, False)
    """
    with _opened(filepath) as reader:
        plan = _plan(reader, python, allow_unchecked=allow_unchecked, offline=offline, progress=progress)
        if directory is not None:
            return _made_in(Path(os.path.realpath(directory)), plan)
        with _held(plan) as held:
            return held.environment


@contextlib.contextmanager
def held_environment(
    reader: BundleReader,
    *,
    python: str | os.PathLike[str] | None = None,
    allow_unchecked: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Iterator[EnvironmentInUse]:
    """Yield the environment of the cache, made if it is not there, and keep it from being removed; as `environment`."""
    with _held(_plan(reader, python, allow_unchecked=allow_unchecked, offline=offline, progress=progress)) as held:
        yield held


@contextlib.contextmanager
def _opened(filepath: str | os.PathLike[str] | BinaryIO | BundleReader) -> Iterator[BundleReader]:
    if isinstance(filepath, BundleReader):
        yield filepath
        return
    with open_bundle(filepath) as reader:
        yield reader


def _plan(
    reader: BundleReader,
    python: str | os.PathLike[str] | None,
    *,
    allow_unchecked: bool,
    offline: bool,
    progress: Progress | None,
) -> _Plan:
    lock = read_lock(reader)
    target = choose(python, reader.manifest.requirements.packed_under)
    selection = select(reader, lock, target)
    if not allow_unchecked:
        selection.require_checked()
    return _Plan(
        reader=reader,
        target=target,
        selection=selection,
        key=_key(selection, lock, target),
        offline=offline,
        progress=progress,
    )


def _key(selection: Selection, lock: bytes | None, target: Target) -> str:
    """Return what names the environment: whatever would make another one is in it."""
    facts = {
        "lock": None if lock is None else hashlib.sha256(lock).hexdigest(),
        # The pins that no lock has, the wheels of the bundle and what was accepted unchecked are all in here.
        "wanted": [(item.line, item.hashes, item.unchecked) for item in selection.wanted],
        "vendored": [item.vendored.sha256 for item in selection.wanted if item.vendored is not None],
        "interpreter": target.identity,
        "kbundle": [__version__, source_digest()],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]


@contextlib.contextmanager
def _held(plan: _Plan) -> Iterator[EnvironmentInUse]:
    folder = environment_cache.make_cache_folder() / plan.key
    lock = environment_cache.lock_file(plan.key)
    waiting = functools.partial(tell, plan.progress, "waiting for another process that makes this environment")
    built = False
    while True:
        with contextlib.ExitStack() as stack:
            with _written_below(folder):
                descriptor = stack.enter_context(locked(lock, shared=True, waiting=waiting))
            if _is_ready(folder, plan):
                environment_cache.used_now(folder)
                yield EnvironmentInUse(environment=_result(folder, plan, cached=not built), descriptor=descriptor)
                return
        # Before this lock and after it somebody else may build or remove it: so look again each time.
        with _written_below(folder), locked(lock, waiting=waiting) as descriptor:
            if not _is_ready(folder, plan):
                try:
                    if folder.exists():
                        environment_cache.remove(folder)
                    _build(folder, plan, [descriptor])
                except BaseException:
                    lock.unlink(missing_ok=True)
                    raise
                built = True


@contextlib.contextmanager
def _written_below(folder: Path) -> Iterator[None]:
    """Turn what the system says about files into one error of ours."""
    try:
        yield
    except BrokenPipeError:
        # No file says this: the reader of the caller's progress has left.
        raise
    except OSError as error:
        raise environment_cache.cannot_write(folder, error) from error


def _made_in(folder: Path, plan: _Plan) -> Environment:
    lock = (
        environment_cache.make_cache_folder()
        / f"at-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:_KEY_DIGITS]}.lock"
    )
    waiting = functools.partial(tell, plan.progress, "waiting for another process that writes there")
    with _written_below(folder), locked(lock, waiting=waiting) as descriptor:
        try:
            if _is_ready(folder, plan):
                environment_cache.used_now(folder)
                return _result(folder, plan, cached=True)
            _require_free(folder)
            if (folder / environment_cache.UNFINISHED).exists():
                environment_cache.remove(folder)
            _build(folder, plan, [descriptor])
            return _result(folder, plan, cached=False)
        finally:
            lock.unlink(missing_ok=True)


def _require_free(folder: Path) -> None:
    if not os.path.lexists(folder):
        if not folder.parent.is_dir():
            raise EnvironmentFailed(
                "the folder to write into does not exist", place=str(folder.parent), hint=f"mkdir -p '{folder.parent}'"
            )
        return
    if folder.is_dir() and ((folder / environment_cache.UNFINISHED).exists() or not any(folder.iterdir())):
        return
    raise TargetExists(
        "there is something where the environment would go",
        place=str(folder),
        expected="an empty folder, or none",
        found="an environment for another lock, Python or kbundle" if environment_cache.facts_of(folder) else None,
        hint="name another folder, or none: the environment is then kept in the cache",
    )


def _build(folder: Path, plan: _Plan, keep: Sequence[int]) -> None:
    """Make the environment in `folder`, which is empty or not there; it is as it was if this fails."""
    was_there = folder.exists()
    unfinished = folder / environment_cache.UNFINISHED
    try:
        folder.mkdir(exist_ok=True)
        unfinished.touch()
        installer = find_installer()
        install(
            Installation(
                folder=folder,
                target=plan.target,
                selection=plan.selection,
                reader=plan.reader,
                installer=installer,
                offline=plan.offline,
                keep=keep,
                progress=plan.progress,
            )
        )
        copy_into(folder / plan.target.site)
        unfinished.write_text(json.dumps(_facts(plan, installer.name), indent=2) + "\n", "utf-8")
        os.replace(unfinished, folder / environment_cache.FACTS)
    except BaseException:
        with contextlib.suppress(OSError):
            environment_cache.remove(folder)
            if was_there:
                folder.mkdir()
        raise


def _facts(plan: _Plan, installer: str) -> dict[str, Any]:
    path = plan.reader.path
    return {
        "key": plan.key,
        "bundle": None if path is None else path.name,
        "digest": plan.reader.digest,
        "python": plan.target.version,
        "interpreter": list(plan.target.identity),
        "kbundle": __version__,
        "installer": installer,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": len(plan.selection.wanted),
        "unchecked": list(plan.selection.unchecked),
    }


def _is_ready(folder: Path, plan: _Plan) -> bool:
    facts = environment_cache.facts_of(folder)
    # The interpreter is a link to the one that it was made from, which may be gone.
    return facts is not None and facts.get("key") == plan.key and plan.target.python_in(folder).exists()


def _result(folder: Path, plan: _Plan, *, cached: bool) -> Environment:
    return Environment(
        folder=folder,
        python=plan.target.python_in(folder),
        version=plan.target.version,
        key=plan.key,
        cached=cached,
        packages=len(plan.selection.wanted),
        unchecked=plan.selection.unchecked,
        left_out=plan.selection.left_out,
    )
