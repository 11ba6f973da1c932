"""Which member names a bundle may have (I4), as one grammar for the writer and the reader.

The functions tell the problem and leave the raising to the caller: for the writer a bad name is the author's
(`PackError`), for the reader it is the file's (`InvalidBundle`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from bundler.limits import LIMITS

MIMETYPE = "mimetype"
MANIFEST = "manifest.json"
SIGNATURES = "signatures/"

_FILES = (MIMETYPE, MANIFEST, "README.md", "LICENSE")
_FOLDERS = ("code/", "examples/", "model/", "requirements/", SIGNATURES)

# What Windows refuses in a name or reads as something else: a drive or stream (:), a wildcard, a redirection. And
# what Info-ZIP takes for the version of a VMS file and leaves out, so that "a" and "a;1" unpack to one file (;).
# And characters that count as printable and show nothing: names with and without them look the same.
_UNWANTED = re.compile(
    r'[\\:*?"<>|;]|'
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
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
# The second name that FAT and NTFS give a file with a long one: "LONGFI~1.TXT" is "long file name.txt" there.
_SHORT = re.compile(r"(?=[^.]{1,8}(\.|\Z))[^.~]{0,6}~[0-9]+(\.[^.]{0,3})?")


def is_declared(name: str) -> bool:
    """Tell whether the manifest must list the member `name` (I2)."""
    return name not in (MIMETYPE, MANIFEST) and not name.startswith(SIGNATURES)


def name_problem(name: str) -> str | None:
    """Return what is wrong with `name` as a relative path on any platform, or `None`."""
    if not name:
        return "the name is empty"
    if not name.isprintable() or _UNWANTED.search(name):
        return 'the name has a character that is not allowed: one of \\ : * ? " < > | ;, or one that cannot be seen'
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
    either, and a folder has one spelling. It ends early where there are more folders than any bundle has.
    """
    # A tree of segments, not of whole prefixes: with long names those would take gigabytes.
    nodes: dict[tuple[int, str], tuple[int, str]] = {}
    files: dict[int, str] = {}
    folders: set[int] = set()
    for name in names:
        *above, last = name.split("/")
        parent = 0
        for segment in above:
            parent, spelling = nodes.setdefault((parent, _folded(segment)), (len(nodes) + 1, segment))
            folders.add(parent)
            if len(folders) > LIMITS.folders:
                yield name, f"the members are in more than {LIMITS.folders} folders"
                return
            if spelling != segment:
                yield name, f"its folder {segment!r} has another spelling: {spelling!r}"
        node, _ = nodes.setdefault((parent, _folded(last)), (len(nodes) + 1, last))
        if node in files:
            other = files[node]
            same = "occurs twice" if other == name else f"equals {other!r} on a file system that ignores case"
            yield name, f"the name {same}"
        files[node] = name
    for node, name in files.items():
        if node in folders:
            yield name, "the name is also a folder"


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
    if _SHORT.fullmatch(segment):
        return "the name has a segment that Windows may take for the short name of another file"
    return None


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    # Folding can undo the normal form and the normal form can bring letters back that fold (Unicode 3.13, D145).
    once = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFC", once.casefold())
