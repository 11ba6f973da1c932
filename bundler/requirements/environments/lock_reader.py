"""A bundle's lock, read for one interpreter: which file of each package fits it.

The lock comes from a stranger. It is data here: no address in it is asked, no path in it is followed.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import cast

from packaging.markers import Environment, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from bundler.archive.contents import shortened
from bundler.archive.reader import BundleReader
from bundler.errors import EnvironmentFailed, InvalidBundle, LimitExceeded
from bundler.limits import LIMITS
from bundler.requirements.environments.interpreter_choice import Target

File = PackageWheel | PackageSdist | PackageVcs | PackageArchive | PackageDirectory

#: What the parsers raise about text that is not a lock.
_FOREIGN = (
    PylockValidationError,
    UndefinedComparison,
    UndefinedEnvironmentName,
    RecursionError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
)
_BROKEN_HINT = "ask the author to pack the model again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """One package of the lock and the file of it that fits; `wheels` are all of its wheels that fit."""

    package: Package
    file: File
    wheels: tuple[PackageWheel, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLock:
    """What the lock says for one interpreter.

    Attributes:
        chosen: what is to be installed.
        names: every package of the lock, those for other machines among them.
        left_out: optional packages of which no file fits.
    """

    chosen: tuple[Locked, ...] = ()
    names: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()


def read_lock(reader: BundleReader) -> bytes | None:
    """Return the bytes of the bundle's lock, or `None` where it has none.

    Raises:
        LimitExceeded: it is too long; it is not read then.
        InvalidBundle: as `BundleReader.read`.
    """
    name = reader.manifest.requirements.lock
    if name is None:
        return None
    size = next(item.content_size for item in reader.manifest.members if item.name == name)
    if size > LIMITS.lock:
        raise LimitExceeded("the lock is too long", place=name, expected=LIMITS.lock, found=size)
    return reader.read(name)


def locked_for(
    content: bytes, place: str, target: Target, provided: Callable[[Package], bool], optional: Container[str] = ()
) -> ReadLock:
    """Return what the lock holds for `target`.

    Args:
        content: the bytes of the lock.
        place: what errors call it.
        target: the interpreter.
        provided: whether another file than those of the lock is there for a package, so that none has to fit.
        optional: the names of packages that may be missing.

    Raises:
        InvalidBundle: it is not a lock, or one that contradicts itself.
        EnvironmentFailed: it has nothing for this Python or this machine; every package is named.
    """
    try:
        lock = Pylock.from_dict(tomllib.loads(content.decode()))
        _check_fits(lock, place, target)
        return _chosen(lock, place, target, provided, optional)
    except _FOREIGN as error:
        raise InvalidBundle(
            f"this is not a lock that can be read: {' '.join(str(error).split())[:400] or type(error).__name__}",
            place=place,
            expected="a pylock.toml as PEP 751 has it",
            hint=_BROKEN_HINT,
        ) from error


def _check_fits(lock: Pylock, place: str, target: Target) -> None:
    """Refuse a lock that is for other Pythons or machines as a whole."""
    try:
        _select(dataclasses.replace(lock, packages=()), target)
    except PylockSelectError as error:
        environments = " or ".join(str(marker) for marker in lock.environments or ())
        raise EnvironmentFailed(
            "the lock is not for this Python on this machine",
            place=place,
            expected=f"Python {lock.requires_python}" if lock.requires_python else environments,
            found=f"Python {target.version} on {target.platform}",
            hint="name another Python with --python (python=)",
        ) from error


def _chosen(
    lock: Pylock, place: str, target: Target, provided: Callable[[Package], bool], optional: Container[str]
) -> ReadLock:
    left_out: list[str] = []
    chosen: dict[str, Locked] = {}
    misfits: list[_Misfit] = []
    for package in lock.packages:
        # One at a time, so that all that do not fit can be named at once.
        try:
            file = _select(dataclasses.replace(lock, packages=(package,)), target)
        except PylockSelectError:
            if not provided(package):
                if package.name in optional:
                    left_out.append(package.name)
                else:
                    misfits.append(_misfit(package, target))
                continue
            file = (package.wheels or ())[0]
        if file is None:
            continue
        if package.name in chosen:
            raise InvalidBundle(
                "the lock has two versions of one package for the same machine",
                place=place,
                found=package.name,
                hint=_BROKEN_HINT,
            )
        chosen[package.name] = Locked(package=package, file=file, wheels=_fitting(package, target))
    if misfits:
        raise _nothing_fits(misfits, target)
    names = frozenset(package.name for package in lock.packages)
    return ReadLock(chosen=tuple(chosen.values()), names=names, left_out=tuple(left_out))


def _select(lock: Pylock, target: Target) -> File | None:
    """Return the file for the one package of `lock`; `None` if its marker says that it is not for this machine."""
    selected = lock.select(environment=cast("Environment", dict(target.markers)), tags=target.tags)
    return next((file for _, file in selected), None)


def _fitting(package: Package, target: Target) -> tuple[PackageWheel, ...]:
    tags = frozenset(target.tags)
    return tuple(wheel for wheel in package.wheels or () if parse_wheel_filename(wheel.filename)[-1] & tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Misfit:
    """One package without a file for this machine: the line about it, and the Pythons that would have one."""

    line: str
    pythons: frozenset[str]


def _misfit(package: Package, target: Target) -> _Misfit:
    name = package.name if package.version is None else f"{package.name} {package.version}"
    if package.requires_python is not None and not package.requires_python.contains(target.version, prereleases=True):
        return _Misfit(line=f"{name} needs Python {package.requires_python}", pythons=frozenset())
    pythons = pythons_with_wheels(package, target)
    if pythons:
        return _Misfit(
            line=f"{name} has no wheel for Python {target.short} on this machine; it has for {', '.join(pythons)}",
            pythons=frozenset(pythons),
        )
    platforms = sorted(
        {tag.platform for wheel in package.wheels or () for tag in parse_wheel_filename(wheel.filename)[-1]}
    )
    return _Misfit(
        line=f"{name} has no wheel for {target.platform}; it has for {', '.join(shortened(platforms, 6))}",
        pythons=frozenset(),
    )


def pythons_with_wheels(package: Package, target: Target) -> list[str]:
    """Return the CPython versions that have a wheel of `package` for the machine of `target`, in order."""
    platforms = {tag.platform for tag in target.tags}
    found = set()
    for wheel in package.wheels or ():
        for tag in parse_wheel_filename(wheel.filename)[-1]:
            digits = tag.interpreter.removeprefix("cp")
            if tag.platform in platforms and digits != tag.interpreter and digits.isdecimal() and len(digits) > 1:
                found.add((int(digits[0]), int(digits[1:])))
    return [f"{major}.{minor}" for major, minor in sorted(found)]


def _nothing_fits(misfits: Sequence[_Misfit], target: Target) -> EnvironmentFailed:
    common = frozenset.intersection(*(item.pythons for item in misfits))
    hint = (
        f"name a Python that fits all of them: --python {max(common, key=Version)} (python=)"
        if common
        else "name another Python with --python (python=), use another machine, or ask the author for a newer lock"
    )
    return EnvironmentFailed(
        f"the lock has no file of some packages for Python {target.version} on {target.platform}",
        shortened([item.line for item in misfits]),
        hint=hint,
    )
