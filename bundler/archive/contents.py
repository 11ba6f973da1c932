"""Which members a bundle consists of: their names, places and order, and that the manifest lists them (I2, I4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from bundler.archive.encodings import decoded_name
from bundler.archive.layout import Entry
from bundler.archive.names import MANIFEST, MIMETYPE, collisions, is_declared, name_problem, place_problem
from bundler.errors import IntegrityError, InvalidBundle
from bundler.manifest import Manifest, Member

MIMETYPE_CONTENT = b"application/vnd.kbundle+zip"

_SHOWN = 20  # Problems of one kind that a message names.


def file_order(name: str) -> tuple[int, bytes]:
    """Return the sort key of a member: ``mimetype``, ``manifest.json``, then the names as UTF-8 bytes."""
    return {MIMETYPE: 0, MANIFEST: 1}.get(name, 2), name.encode()


def naming_problems(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) for every name of a bundle that breaks I4."""
    sound: list[str] = []
    for name in names:
        problem = name_problem(name) or place_problem(name)
        if problem is None:
            sound.append(name)
        else:
            yield name, problem
    yield from collisions(sound)


def decoding_problems(members: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) where two members, or a folder, would have one name once decoded."""
    if any(member.encoding is not None for member in members):
        decoded = [decoded_name(member.name, member.encoding) for member in members]
        for name in decoded:
            problem = name_problem(name)
            if problem is not None:
                yield name, f"without its suffix, {problem}"
        yield from collisions(decoded)


def check_names(names: Sequence[str]) -> None:
    """Check the names of a file that is being read, and their order.

    Raises:
        InvalidBundle: a name breaks I4, or the members are not in the order of the format.
    """
    for name, problem in naming_problems(names):
        raise InvalidBundle(problem, place=repr(name)[:200], hint="do not unpack this file with other tools either")
    if list(names[:2]) != [MIMETYPE, MANIFEST]:
        raise InvalidBundle(
            "the file does not begin with the members of a bundle",
            expected=f"{MIMETYPE}, {MANIFEST}",
            found=", ".join(names[:2]) or "nothing",
        )
    for before, after in pairwise(names):
        if file_order(before) > file_order(after):
            raise InvalidBundle("the members are not in the order of their names", place=after, found=f"after {before}")


def shortened(lines: Sequence[str], most: int = _SHOWN) -> list[str]:
    """Return the first `most` of `lines`, and how many there are beyond."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]


def check_members(entries: Sequence[Entry], manifest: Manifest) -> None:
    """Check that the manifest lists exactly the members of the file, in order (I2).

    Raises:
        IntegrityError: a member is missing, is not listed, or has another size; the message names all of them.
        InvalidBundle: the manifest lists a member twice, or in another order.
    """
    stored = {entry.name: entry.size for entry in entries if is_declared(entry.name)}
    listed = {member.name: member.size for member in manifest.members}
    wrong = sorted(name for name in stored.keys() | listed.keys() if stored.get(name) != listed.get(name))
    if wrong:
        # Only those that are shown are put in words; there may be thousands.
        lines = [_difference(name, listed.get(name), stored.get(name)) for name in wrong[:_SHOWN]] + wrong[_SHOWN:]
        raise IntegrityError(
            "the manifest does not list the members of the file\n  - " + "\n  - ".join(shortened(lines)),
            hint="the file was changed, or packed by another tool; ask the author for it again",
        )
    if [member.name for member in manifest.members] != list(stored):
        raise InvalidBundle("the manifest lists the members twice or in another order", place="manifest.json: members")
    for name, problem in decoding_problems(manifest.members):
        raise InvalidBundle(problem, place=repr(name)[:200])


def _difference(name: str, listed: int | None, stored: int | None) -> str:
    # Names of the manifest have passed no grammar yet: repr keeps a line break in one from becoming a line of ours.
    if stored is None:
        return f"{name!r:.200}: in the manifest, but not in the file"
    if listed is None:
        return f"{name!r:.200}: in the file, but not in the manifest"
    return f"{name!r:.200}: the manifest says {listed} bytes, the file has {stored}"
