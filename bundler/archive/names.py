"""Which member names a bundle may have (I4), as one grammar for the writer and the reader.

The functions tell the problem and leave the raising to the caller: for the writer a bad name is the author's
(`PackError`), for the reader it is the file's (`InvalidBundle`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from bundler.limits import LIMITS

MIMETYPE = "mimetype"
MANIFEST = "manifest.json"
SIGNATURES = "signatures/"

_FILES = (MIMETYPE, MANIFEST, "README.md", "LICENSE")
_FOLDERS = ("code/", "examples/", "model/", "requirements/", SIGNATURES)

# What Windows refuses in a name or reads as something else: a drive or stream (:), a wildcard, a redirection.
_FORBIDDEN = frozenset('\\:*?"<>|')
_DIGITS = "0123456789\u00b9\u00b2\u00b3"  # Windows counts the superscript digits as digits here.
_RESERVED = frozenset(
    [
        "CON",
        "PRN",
        "AUX",
        "NUL",
        "CONIN$",
        "CONOUT$",
        *(f"{port}{digit}" for port in ("COM", "LPT") for digit in _DIGITS),
    ]
)


def is_declared(name: str) -> bool:
    """Tell whether the manifest must list the member `name` (I2)."""
    return name not in (MIMETYPE, MANIFEST) and not name.startswith(SIGNATURES)


def name_problem(name: str) -> str | None:
    """Return what is wrong with `name` as a relative path on any platform, or `None`."""
    if not name:
        return "the name is empty"
    if not all(character.isprintable() and character not in _FORBIDDEN for character in name):
        return 'the name has a character that is not allowed: one of \\ : * ? " < > |, or one that cannot be seen'
    if not unicodedata.is_normalized("NFC", name):
        return "the name is not in Unicode normal form C"
    if len(name.encode()) > LIMITS.name_bytes:
        return f"the name is longer than {LIMITS.name_bytes} bytes"
    segments = name.split("/")
    if len(segments) > LIMITS.name_segments:
        return f"the name has more than {LIMITS.name_segments} segments"
    for segment in segments:
        problem = _segment_problem(segment)
        if problem is not None:
            return problem
    return None


def place_problem(name: str) -> str | None:
    """Return what is wrong with the place of `name` inside a bundle, or `None`.

    The list is closed: ``unzip`` in a working folder must not be able to plant a ``.git/config`` or a
    ``sitecustomize.py``.
    """
    if name in _FILES or name.startswith(_FOLDERS):
        return None
    return f"the member is outside the places that a bundle has: {', '.join((*_FILES, *_FOLDERS))}"


def collisions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) for names that some file system cannot keep apart.

    Two names are the same when they are equal after case folding and NFC. A name may not be a folder of another
    either, and a folder has one spelling.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = _folded(name)
        if key in files:
            other = files[key]
            same = "occurs twice" if other == name else f"equals {other!r} on a file system that ignores case"
            yield name, f"the name {same}"
        files[key] = name
        segments = name.split("/")[:-1]
        for count in range(1, len(segments) + 1):
            folder = "/".join(segments[:count])
            if folders.setdefault(_folded(folder), folder) != folder:
                yield name, f"its folder {folder!r} has another spelling: {folders[_folded(folder)]!r}"
    for key, name in files.items():
        if key in folders:
            yield name, f"the name is also a folder: {folders[key]!r}"


def _segment_problem(segment: str) -> str | None:
    if segment in ("", ".", ".."):
        return "the name is absolute, or has an empty, '.' or '..' segment"
    if segment[0] == " " or segment[-1] in " .":
        return "a segment of the name begins with a space, or ends with a space or a dot"
    if len(segment.encode()) > LIMITS.name_segment_bytes:
        return f"a segment of the name is longer than {LIMITS.name_segment_bytes} bytes"
    # Windows ignores the extension, and spaces in front of it: "con .txt" is the console.
    if segment.partition(".")[0].rstrip(" ").upper() in _RESERVED:
        return "the name has a segment that Windows reserves for a device"
    return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
