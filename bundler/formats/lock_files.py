"""The two files that say what to install, read as data: no address in them is asked, no path is followed.

``pylock.toml`` (PEP 751) is read with `tomllib` once its size is bounded; ``requirements.txt`` line by line, and only
the lines that kbundle writes are understood: pins with hashes. Every other line is told apart as what it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from bundler.limits import LIMITS

#: Where the public index keeps its files and its pages.
PUBLIC_HOSTS = frozenset({"files.pythonhosted.org", "pypi.org"})

#: tomllib takes time with the square of the parts of a dotted key: 20,000 parts in 40 KB are five seconds. A key is on
#: one line; the squares of the dots of all lines of a real lock add up to a tenth of this.
_MOST_DOTS = 20_000_000
_MOST_ENTRIES = 20_000
_STRONG = frozenset({"sha256", "sha384", "sha512", "blake2b", "sha3_256", "sha3_384", "sha3_512"})
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*==\s*([A-Za-z0-9.+!_-]+)")
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(@|[<>=!~(]|$)")
_HASH = re.compile(r"--hash[=\s]\s*([a-z0-9_]+):([0-9a-f]+)")


class NoLock(ValueError):
    """A file that is neither a lock nor a list of requirements, with the reason as text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of an entry; `kind` is a key of PEP 751, such as ``wheels``; `hashes` are by algorithm."""

    kind: str
    name: str
    url: str | None = None
    path: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    hashed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LockEntry:
    """One distribution that a file asks for.

    Attributes:
        name: canonical; empty where the line names none.
        version: `None` where no single one is asked for.
        marker: it is not for every machine.
        index: the address of an index that it is to come from.
        files: what may be installed; empty for a line of ``requirements.txt``.
        hashed: every file, or the line, has a hash that counts.
        line: of ``requirements.txt``, counted from 1.
        option: a line that is not a requirement but an instruction to the installer.
        direct: a requirement that names an address, a path or a repository; the text of the line.
        unclear: a line that is none of these; its text.
    """

    name: str = ""
    version: str | None = None
    marker: bool = False
    index: str | None = None
    files: tuple[File, ...] = ()
    hashed: bool = False
    line: int | None = None
    option: str | None = None
    direct: str | None = None
    unclear: str | None = None


def read_pylock(content: bytes) -> tuple[LockEntry, ...]:
    """Return the entries of a ``pylock.toml``.

    Raises:
        NoLock: it is not TOML, too large, or has the wrong types.
    """
    if len(content) > LIMITS.lock:
        raise NoLock(f"it is larger than {LIMITS.lock} bytes")
    if sum(line.count(b".") ** 2 for line in content.splitlines()) > _MOST_DOTS:
        raise NoLock("it has keys of too many parts")
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise NoLock(f"it is not TOML: {_said(error)}") from error
    packages = table.get("packages")
    if not isinstance(packages, list) or not all(isinstance(item, dict) for item in packages):
        raise NoLock("it does not list packages")
    if str(table.get("lock-version", "")).partition(".")[0] != "1":
        raise NoLock("its lock-version is not 1")
    if len(packages) > _MOST_ENTRIES:
        raise NoLock(f"it has more than {_MOST_ENTRIES} packages")
    return tuple(_entry(item) for item in packages)


def _entry(package: dict[str, Any]) -> LockEntry:
    files: list[File] = []
    for kind in ("wheels", "sdist", "archive", "vcs", "directory"):
        value = package.get(kind)
        if value is None:
            continue
        listed = value if kind == "wheels" else [value]
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise NoLock(f"{kind} of a package has the wrong type")
        files += [_file(kind, item) for item in listed]
    return LockEntry(
        name=canonicalize_name(_text(package, "name") or ""),
        version=_text(package, "version"),
        marker=_text(package, "marker") is not None,
        index=_text(package, "index"),
        files=tuple(files),
        hashed=bool(files) and all(file.hashed for file in files if file.kind != "directory"),
    )


def _file(kind: str, table: dict[str, Any]) -> File:
    told = table.get("hashes", {})
    if not isinstance(told, dict):
        raise NoLock("hashes have the wrong type")
    hashes = {algorithm: value for algorithm, value in told.items() if isinstance(value, str) and value}
    url, path = _text(table, "url"), _text(table, "path")
    place = (path or url or "").partition("?")[0].partition("#")[0].replace("\\", "/")
    commit = _text(table, "commit-id") or ""
    return File(
        kind=kind,
        name=_text(table, "name") or place.rpartition("/")[2],
        url=url,
        path=path,
        hashes=hashes,
        # A commit of git is a hash too, if it is not the name of a branch.
        hashed=bool(hashes.keys() & _STRONG)
        or (kind == "vcs" and re.fullmatch(r"[0-9a-f]{40,64}", commit) is not None),
    )


def read_requirements(content: bytes) -> tuple[LockEntry, ...]:
    """Return the entries of a ``requirements.txt``.

    Raises:
        NoLock: it is not UTF-8, or too large.
    """
    if len(content) > LIMITS.lock:
        raise NoLock(f"it is larger than {LIMITS.lock} bytes")
    try:
        text = content.decode()
    except ValueError as error:
        raise NoLock(f"it is not UTF-8: {_said(error)}") from error
    entries: list[LockEntry] = []
    for number, line in logical_lines(text):
        if len(entries) >= _MOST_ENTRIES:
            raise NoLock(f"it has more than {_MOST_ENTRIES} lines")
        entries.append(_requirement(number, line))
    return tuple(entries)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line of a requirements file, as pip reads it.

    Comments are left out, and continued lines joined.
    """
    parts: list[str] = []
    first = 0
    # The empty line ends a last line that says it goes on.
    for number, line in enumerate((*text.splitlines(), ""), 1):
        comment = line.lstrip().startswith("#")
        if not parts:
            first = number
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        # pip: a comment begins at the line's beginning or after a space, and ends a line that goes on.
        parts.append("" if comment else re.sub(r"\s#.*", "", line))
        if joined := " ".join(part.strip() for part in parts if part.strip()):
            yield first, joined
        parts = []


def _requirement(number: int, line: str) -> LockEntry:
    # Runs of spaces would take the patterns below time with the square of their length.
    line = " ".join(line.split())
    shown = line[:200]
    if line.startswith("-"):
        return LockEntry(line=number, option=shown)
    wanted, hashes = _without_hashes(line)
    requirement, semicolon, _ = wanted.partition(";")
    requirement = requirement.strip()
    hashed = bool({name for name, _ in hashes} & _STRONG)
    if (pin := _PIN.fullmatch(requirement)) is not None:
        name = canonicalize_name(pin[1])
        return LockEntry(line=number, name=name, version=pin[2], marker=bool(semicolon), hashed=hashed)
    # A path or an address without a name has a slash or a colon before anything that a version could have.
    named = _NAMED.match(requirement)
    if named is None or named[2] == "@" or "/" in requirement or "\\" in requirement:
        is_place = "/" in requirement or "\\" in requirement or ":" in requirement or (named and named[2] == "@")
        if is_place or requirement.startswith("."):
            return LockEntry(line=number, name=canonicalize_name(named[1]) if named else "", direct=shown)
        return LockEntry(line=number, unclear=shown)
    return LockEntry(line=number, name=canonicalize_name(named[1]), marker=bool(semicolon), hashed=hashed)


def _without_hashes(line: str) -> tuple[str, list[tuple[str, str]]]:
    wanted, found, _ = line.partition(" --hash")
    return wanted.strip(), _HASH.findall(line) if found else []


def _text(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise NoLock(f"{key} of a package has the wrong type")
    return value


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
