"""Manifest <-> canonical bytes.

Canonical means: UTF-8, no byte-order mark, keys sorted by code point, two spaces of indent, ``": "`` and ``","``
as separators, non-ASCII text as itself, fields that hold their default left out, one newline at the end. One
manifest has one text, so the sha256 of the text can be the bundle's identity (I3); a reader refuses any other spelling.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from bundler.errors import InvalidBundle, LimitExceeded, UnsupportedVersion
from bundler.limits import LIMITS
from bundler.manifest.codec import JSON, from_json, malformed, to_json, written_fields
from bundler.manifest.document import Manifest
from bundler.manifest.protocol import FORMAT, FORMAT_MAJOR
from bundler.manifest.references import check_references

_PLACE = "manifest.json"
# The next mark that is in no string. Possessive, and a string without an end runs to the end of the text: a scan that
# gives up and starts again one character later would be quadratic.
_MARK = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+([\[\]{},])', re.DOTALL)
# How the manifest is written, and compared when it is read.
_CANONICAL: dict[str, Any] = {"sort_keys": True, "indent": 2, "ensure_ascii": False, "allow_nan": False}
_HINT = "ask the author for a new bundle; this one was not written by kbundle, or was changed since"


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the canonical bytes of `manifest`."""
    return canonical_json(to_json(manifest))


def load_manifest(text: bytes) -> Manifest:
    """Read `manifest.json`.

    Raises:
        UnsupportedVersion: the major format version is newer than this kbundle.
        LimitExceeded: the text is larger or nested deeper than `bundler.limits` allows.
        InvalidBundle: anything else that the format does not allow; `place` is the dotted path.
    """
    manifest = from_json(Manifest, check_major(text))
    check_references(manifest)
    if not _is_canonical(manifest, text):
        raise InvalidBundle("the manifest is not in canonical form", place=_PLACE, hint=_HINT)
    return manifest


def check_major(text: bytes) -> dict[str, JSON]:
    """Return `manifest.json` as a JSON value, of which only the format that it says it has was checked.

    Raises:
        UnsupportedVersion: the major format version is newer than this kbundle.
        InvalidBundle: it says none.
    """
    value = parse_strict(text, _PLACE, LIMITS.manifest, value_limit=LIMITS.manifest_values)
    if not isinstance(value, dict):
        raise malformed("", "an object", value)
    _check_version(value)
    return value


def canonical_json(value: JSON) -> bytes:
    """Return the one text of a JSON value (see the module's docstring).

    Raises:
        InvalidBundle: the value has no JSON text: NaN, a lone surrogate, an object of another type.
    """
    try:
        text = json.dumps(value, **_CANONICAL)
        return (text + "\n").encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidBundle(
            f"a value of the manifest cannot be written as JSON: {error}",
            place=_PLACE,
            hint="use strings, finite numbers, true, false, null, lists and objects with string keys",
        ) from error


def parse_strict(text: bytes, place: str, size_limit: int, *, value_limit: int | None = None) -> JSON:
    """Parse JSON as RFC 8259 means it: UTF-8, no duplicate keys, no NaN, bounded in size, depth and numbers.

    Args:
        text: the whole text.
        place: how errors call it.
        size_limit: the most bytes that the text may have.
        value_limit: the most values that it may hold; three bytes of text can cost seventy of memory.

    Raises:
        LimitExceeded: the text is longer, holds more, or is nested deeper than the limits allow.
        InvalidBundle: anything else.
    """
    if len(text) > size_limit:
        raise LimitExceeded("the text is too long", place=place, expected=f"{size_limit} bytes", found=len(text))
    # Python's parser recurses once a level, so the depth is bounded before it starts.
    _check_nesting(text, place, len(text) if value_limit is None else value_limit)
    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_bounded_float,
        )
    except InvalidBundle as error:
        error.place = place
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"this is not JSON: {error}", place=place, hint=_HINT) from error


def _is_canonical(manifest: Manifest, text: bytes) -> bool:
    # Piece by piece: the whole text once more, and the values that it is made of, would double the memory.
    position = 0
    try:
        for piece in json.JSONEncoder(**_CANONICAL, default=written_fields).iterencode(manifest):
            expected = piece.encode()
            if not text.startswith(expected, position):
                return False
            position += len(expected)
    except (ValueError, RecursionError):  # A lone surrogate has no text.
        return False
    return text[position:] == b"\n"


def _check_version(value: dict[str, JSON]) -> None:
    if value.get("format") != FORMAT:
        raise malformed("format", repr(FORMAT), value.get("format"))
    version = value.get("format_version")
    major = version.partition(".")[0] if isinstance(version, str) else ""
    if not (major.isascii() and major.isdigit() and len(major) <= 6):
        raise malformed("format_version", "major.minor", version)
    if int(major) != FORMAT_MAJOR:
        raise UnsupportedVersion(
            "this bundle was written for another format version",
            place=_PLACE,
            expected=f"format {FORMAT_MAJOR}",
            found=f"format {version}",
            hint=f"install a kbundle that reads format {major}: pip install --upgrade kbundle",
        )


def _check_nesting(text: bytes, place: str, value_limit: int) -> None:
    depth = values = 0
    for token in _MARK.finditer(text):
        mark = token[1]
        if mark in (b"[", b"{"):
            depth += 1
            if depth > LIMITS.json_depth:
                raise LimitExceeded(
                    "the JSON is nested too deep", place=place, expected=LIMITS.json_depth, found="more"
                )
        elif mark in (b"]", b"}"):
            depth -= 1
            if depth < 0:  # Else brackets that close nothing could be had by the million.
                raise InvalidBundle("this is not JSON: a bracket closes nothing", place=place, hint=_HINT)
        # A value follows each comma and, at most, each opening bracket.
        values += mark in (b"[", b"{", b",")
        if values > value_limit:
            raise LimitExceeded("the JSON holds too many values", place=place, expected=value_limit, found="more")


def _unique_keys(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value: dict[str, JSON] = {}
    for key, item in pairs:
        if key in value:
            raise InvalidBundle(f"the key {key[:60]!r} occurs twice in one object", hint=_HINT)
        value[key] = item
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidBundle(f"{name} is not a JSON number", hint=_HINT)


def _bounded_int(digits: str) -> int:
    # int() of a very long digit string is quadratic (CVE-2020-10735).
    if len(digits) > 20 or abs(int(digits)) > LIMITS.integer:
        raise LimitExceeded(
            "an integer is too large", expected=LIMITS.integer, found=f"{len(digits)} digits", hint=_HINT
        )
    return int(digits)


def _bounded_float(digits: str) -> float:
    # 24 characters write every double; a number beyond them (1e999) would become infinite.
    value = float(digits) if len(digits) <= 32 else math.inf
    if not math.isfinite(value):
        raise LimitExceeded("a number is too large or too long", expected="a double", found=digits[:40], hint=_HINT)
    return value
