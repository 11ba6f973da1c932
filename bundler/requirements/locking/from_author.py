"""What the author gives instead of what the imports say: a list, a requirements file or a lock."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError, is_valid_pylock_path
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bundler.errors import PackError
from bundler.formats.lock_files import logical_lines
from bundler.limits import LIMITS
from bundler.requirements.transitive import applies

_HINT = 'give requirements=["scipy>=1.11", ...], a requirements.txt or a pylock.toml'
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-fA-F]{64})")
# pip's own options say where to look, not what to install; the installer that is asked has its own settings.
_ABOUT_INDEXES = ("-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host")
_ABOUT_FILES = ("--only-binary", "--no-binary", "--prefer-binary", "--require-hashes", "--pre", "--use-feature")

#: What `bundle` takes as ``requirements=``.
RequirementsChoice = str | os.PathLike[str] | Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorsRequirements:
    """The author's own word on the requirements.

    Either `lock`, the table of a ``pylock.toml``, or `needs`. `hashes` are the SHA-256 digests that a requirements file
    allows, by canonical name. `place` says where they were written, for messages.
    """

    place: str
    needs: tuple[Requirement, ...] = ()
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    lock: Mapping[str, Any] | None = None


def read_given(requirements: RequirementsChoice) -> AuthorsRequirements:
    """Read what the author gave.

    A string or path is a file. A file named ``pylock.toml`` or ``pylock.NAME.toml`` is a lock (PEP 751), any other a
    list as pip reads it: comments, line continuations, hashes, and other files with ``-r``.

    Raises:
        PackError: the file cannot be read, or a line of it means nothing here.
    """
    if isinstance(requirements, str | os.PathLike):
        path = Path(requirements)
        if is_valid_pylock_path(path):
            return AuthorsRequirements(place=str(path), lock=_lock(path))
        return _given(str(path), list(_lines_of(path, ())))
    if not isinstance(requirements, Sequence) or isinstance(requirements, bytes):
        raise PackError(
            "these are not requirements", place="requirements", found=type(requirements).__name__, hint=_HINT
        )
    return _given("requirements", [("requirements", str(line)) for line in requirements])


def _lock(path: Path) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(_text(path))
        lock = Pylock.from_dict(table)
    except (ValueError, RecursionError, PylockValidationError, PylockUnsupportedVersionError) as error:
        raise PackError(
            f"this is not a lock: {error}", place=str(path), expected="a pylock.toml (PEP 751)", hint=_HINT
        ) from error
    local = [package.name for package in lock.packages if package.directory is not None]
    if local:
        raise PackError(
            "the lock has packages from folders, which no other machine has",
            place=str(path),
            found=", ".join(local),
            hint="the author's own projects travel as source: lock what they need, without them",
        )
    return table


def _given(place: str, lines: Sequence[tuple[str, str]]) -> AuthorsRequirements:
    needs: list[Requirement] = []
    hashes: dict[str, set[str]] = {}
    for where, line in lines:
        allowed = _HASH.findall(line)
        try:
            need = Requirement(_HASH.sub("", line).strip())
        except InvalidRequirement as error:
            first = str(error).splitlines()[0]
            raise PackError(
                f"this is not a requirement: {first}", place=where, found=line, expected="as in PEP 508", hint=_HINT
            ) from error
        if not applies(need):
            continue
        needs.append(need)
        if allowed:
            hashes.setdefault(canonicalize_name(need.name), set()).update(digest.lower() for digest in allowed)
    return AuthorsRequirements(
        place=place, needs=tuple(needs), hashes={name: frozenset(digests) for name, digests in hashes.items()}
    )


def _lines_of(path: Path, above: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Yield the requirements of a file, each with its place."""
    if path.resolve() in above:
        raise PackError("the requirements file includes itself", place=str(path), hint="take the -r line out")
    for number, line in logical_lines(_text(path)):
        where = f"{path}:{number}"
        option, _, value = line.replace("=", " ", 1).partition(" ") if line.startswith("-") else ("", "", "")
        if option in (*_ABOUT_INDEXES, *_ABOUT_FILES):
            continue
        if option in ("-r", "--requirement"):
            yield from _lines_of(path.parent / value.strip(), (*above, path.resolve()))
        elif option in ("-e", "--editable"):
            continue  # a working tree of the author's: its modules are packed
        elif option:
            raise PackError(
                f"kbundle does not know {option} in a requirements file", place=where, hint="take the line out"
            )
        else:
            yield where, line


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LIMITS.lock:
            raise PackError("the file is too large", place=str(path), expected=LIMITS.lock, found=size)
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise PackError("there is no such requirements file", place=str(path), hint=_HINT) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"the requirements file cannot be read: {error}", place=str(path), hint=_HINT) from error


def allowed_files(given: AuthorsRequirements, packages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of a lock with the files alone whose hashes the author's file allows, where it names any.

    Raises:
        PackError: the index has none of the files that the author allows.
    """
    kept = []
    for package in packages:
        allowed = given.hashes.get(canonicalize_name(str(package.get("name"))))
        if allowed is None:
            kept.append(dict(package))
            continue
        wheels = [wheel for wheel in package.get("wheels", ()) if wheel.get("hashes", {}).get("sha256") in allowed]
        sdist = package.get("sdist")
        entry = {key: value for key, value in package.items() if key not in ("wheels", "sdist")}
        if sdist and sdist.get("hashes", {}).get("sha256") in allowed:
            entry["sdist"] = sdist
        if wheels:
            entry["wheels"] = wheels
        if not wheels and "sdist" not in entry:
            raise PackError(
                f"the index has no file of {package.get('name')} with a hash that the requirements file allows",
                place=given.place,
                hint="the index or the file is wrong: compare them before going on",
            )
        kept.append(entry)
    return kept
