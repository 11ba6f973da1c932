"""Containers that are right, with content that is not: other tools read them alike, we refuse them."""

from __future__ import annotations

import dataclasses
import functools
import json
import struct
from collections.abc import Callable
from typing import Any

from tests.archive import builders
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import bundle, replace
from tests.manifest import samples

_GOOD = samples.text(builders.manifest_of(builders.with_members([])))


def _text(change: Callable[[bytes], bytes]) -> bytes:
    text = change(_GOOD)
    assert text != _GOOD
    return builders.with_manifest_text(text)


def _replaced(old: bytes, new: bytes) -> bytes:
    return _text(lambda text: text.replace(old, new, 1))


def _field(path: str, value: Any) -> bytes:
    """A manifest with another value at a dotted path."""

    def change(manifest: dict[str, Any]) -> None:
        inner: Any = manifest
        *above, last = path.split(".")
        for key in above:
            inner = inner[int(key) if key.isdigit() else key]
        inner[int(last) if last.isdigit() else last] = value

    return builders.with_changed_manifest(change)


def _form(**options: Any) -> bytes:
    """The manifest as another JSON text of the same value."""
    form: dict[str, Any] = {"sort_keys": True, "indent": 2, "ensure_ascii": False, **options}
    return _text(lambda text: json.dumps(json.loads(text), **form).encode() + b"\n")


def _members(change: Callable[[list[dict[str, Any]]], object]) -> bytes:
    return builders.with_changed_manifest(lambda value: change(value["members"]))


def _content(name: bytes, content: bytes) -> bytes:
    """Other content than the manifest says, with the checksum that fits it."""
    return bundle(lambda parts: replace(parts, name, content=content))


def _zstd(change: Callable[[bytes], bytes] = lambda frame: frame, **declared: Any) -> bytes:
    content = b"0123456789" * 99
    return builders.with_encoded(change(builders.frame(content)), content, **declared)


_ENTRY = {"name": "model/none", "size": 0, "sha256": samples.SHA}

_MIMETYPES = (
    b"application/vnd.kbundle+zip\n",
    b" application/vnd.kbundle+zip",
    b"application/vnd.kbundle+ZIP",
    b"application/zip",
    b"application/epub+zip",
    b"",
    b"\xef\xbb\xbfapplication/vnd.kbundle+zip",
    b"application/vnd.kbundle+zip\0",
)

_VALUES = (
    ("format", "kbundl"),
    ("format", None),
    ("format_version", "2.0"),
    ("format_version", "0.9"),
    ("format_version", "1"),
    ("format_version", "1.01"),
    ("format_version", 1.0),
    ("format_version", "999999999.0"),
    ("generator", []),
    ("payload.layers", 1.0),
    ("payload.layers", True),
    ("payload.layers", "1"),
    ("payload.layers", 1 << 63),
    ("payload.layers", 10**400),
    ("payload.compiled", 0),
    ("payload.member", "model/none"),
    ("payload.member", "../x"),
    ("payload.kind", None),
    ("requirements.hashes", "most"),
    ("requirements.lock", "requirements/none"),
    ("modules", []),
    ("modules", [{"name": "os", "member": "code/os.py", "package": False, "reason": ""}]),
    ("members", {}),
    ("members.0.size", -1),
    ("members.0.size", 12),
    ("members.0.size", 11.0),
    ("members.0.sha256", "0" * 64),
    ("members.0.sha256", "A" * 64),
    ("members.0.sha256", ""),
    ("members.0.name", "model/MODEL.keras"),
    ("members.0.encoding", "zstd"),
    ("members.0.encoding", None),
    ("members.0.piece_size", 4),
    ("self_test", {}),
    ("builder", {"module": "os", "qualname": "system"}),
    ("provenance", {}),
    ("zz", 1e999),
    ("objects", [{"kind": "layer", "key": "a", "module": "a", "qualname": "a"}]),
)

CASES = (
    *(Case(f"mimetype is {text!r}", functools.partial(_content, b"mimetype", text)) for text in _MIMETYPES),
    *(Case(f"{path} is {json.dumps(value)[:40]}", functools.partial(_field, path, value)) for path, value in _VALUES),
    Case(
        "key twice, same value",
        lambda: _replaced(b'"format": "kbundle",', b'"format": "kbundle",\n  "format": "kbundle",'),
    ),
    Case(
        "key twice, other value", lambda: _replaced(b'"compiled": false', b'"compiled": true,\n    "compiled": false')
    ),
    Case(
        "key twice by an escape",
        lambda: _replaced(b'"format": "kbundle",', b'"format": "other",\n  "\\u0066ormat": "kbundle",'),
    ),
    Case("NaN", lambda: _replaced(b'"layers": 1', b'"layers": NaN')),
    Case("infinity", lambda: _replaced(b'"layers": 1', b'"layers": -Infinity')),
    Case("number with an exponent", lambda: _replaced(b'"layers": 1', b'"layers": 1e0')),
    Case("number with a zero in front", lambda: _replaced(b'"layers": 1', b'"layers": 01')),
    Case("minus zero", lambda: _replaced(b'"layers": 1', b'"layers": -0')),
    Case("integer of 100,000 digits", lambda: _replaced(b'"layers": 1', b'"layers": ' + b"1" * 100_000)),
    Case("number of 100,000 digits", lambda: _replaced(b'"layers": 1', b'"layers": 0.' + b"1" * 100_000)),
    Case("nested 100 deep", lambda: _replaced(b'"layers": 1', b'"layers": ' + b"[" * 100 + b"]" * 100)),
    Case("nested 100,000 deep", lambda: _text(lambda text: b"[" * 100_000)),
    Case("byte-order mark", lambda: _text(lambda text: b"\xef\xbb\xbf" + text)),
    Case("UTF-16", lambda: _text(lambda text: text.decode().encode("utf-16"))),
    Case("bytes that are not UTF-8", lambda: _replaced(b'"Sequential"', b'"\xff"')),
    Case("surrogate by an escape", lambda: _replaced(b'"Sequential"', b'"\\ud800"')),
    Case("surrogate in bytes", lambda: _replaced(b'"Sequential"', b'"\xed\xa0\x80"')),
    Case("zero byte by an escape in a name", lambda: _replaced(b'"model/model.keras"', b'"model/\\u0000"')),
    Case("letter by an escape", lambda: _replaced(b'"Sequential"', b'"\\u0053equential"')),
    Case("slash by an escape", lambda: _replaced(b'"model/model.keras"', b'"model\\/model.keras"')),
    Case("control character as itself", lambda: _replaced(b'"Sequential"', b'"\x01"')),
    Case("comment in the JSON", lambda: _text(lambda text: b"/* */" + text)),
    Case("comma behind the last", lambda: _text(lambda text: text.replace(b"\n}\n", b",\n}\n"))),
    Case("quotation marks that are single", lambda: _text(lambda text: text.replace(b'"', b"'"))),
    Case("second value behind", lambda: _text(lambda text: text + b"{}\n")),
    Case("zero byte behind the JSON", lambda: _text(lambda text: text + b"\0")),
    Case("space behind the JSON", lambda: _text(lambda text: text + b" ")),
    Case("space in front of the JSON", lambda: _text(lambda text: b" " + text)),
    Case("no newline at the end", lambda: _text(lambda text: text[:-1])),
    Case("newlines of Windows", lambda: _text(lambda text: text.replace(b"\n", b"\r\n"))),
    Case("tabs as indent", lambda: _form(indent="\t")),
    Case("indent of four", lambda: _form(indent=4)),
    Case("no indent", lambda: _form(indent=None)),
    Case("keys not sorted", lambda: _text(lambda text: _unsorted(text))),
    Case("manifest that is empty", lambda: _text(lambda text: b"")),
    Case("manifest that is null", lambda: _text(lambda text: b"null\n")),
    Case("manifest that is a list", lambda: _text(lambda text: b"[]\n")),
    Case("manifest that is an empty object", lambda: _text(lambda text: b"{}\n")),
    Case("manifest cut", lambda: _text(lambda text: text[: len(text) // 2])),
    Case("member listed and absent", lambda: _members(lambda members: members.insert(0, dict(_ENTRY, name="model/a")))),
    Case(
        "member there and not listed",
        lambda: builders.laid(
            [
                builders.MIMETYPE,
                ("manifest.json", _GOOD),
                ("model/extra", b"x"),
                builders.PAYLOAD,
                builders.REQUIREMENTS,
            ]
        ),
    ),
    Case("member listed twice", lambda: _members(lambda members: members.insert(0, members[0]))),
    Case("members in another order", lambda: _members(lambda members: members.reverse())),
    Case(
        "manifest lists itself", lambda: _members(lambda members: members.insert(0, dict(_ENTRY, name="manifest.json")))
    ),
    Case("manifest lists mimetype", lambda: _members(lambda members: members.append(dict(_ENTRY, name="mimetype")))),
    Case("code that no module names", lambda: builders.with_members([("code/evil.py", b"import os\n")])),
    Case("content of another digest", lambda: _content(b"model/a", b"CONTENT OF A")),
    Case("content of another length", lambda: _content(b"model/a", b"longer content of a")),
    Case("content that is empty", lambda: _content(b"model/a", b"")),
    Case(
        "signature with a wrong checksum",
        lambda: bundle(
            lambda parts: parts.append(
                dataclasses.replace(parts[-1], name=b"signatures/a", content=b"x", both={"crc": 1})
            )
        ),
    ),
    Case("zstd, two frames", lambda: _zstd(lambda frame: frame * 2)),
    Case("zstd, skippable frame behind", lambda: _zstd(lambda frame: frame + b"\x50\x2a\x4d\x18\x04\0\0\0evil")),
    Case("zstd, skippable frame in front", lambda: _zstd(lambda frame: b"\x50\x2a\x4d\x18\x04\0\0\0evil" + frame)),
    Case("zstd, bytes behind", lambda: _zstd(lambda frame: frame + b"evil")),
    Case("zstd, frame cut", lambda: _zstd(lambda frame: frame[:-1])),
    Case("zstd, no zstd", lambda: _zstd(lambda frame: b"evil" + frame[4:])),
    Case("zstd, another decoded size", lambda: _zstd(decoded_size=991)),
    Case("zstd, another decoded digest", lambda: _zstd(decoded_sha256="0" * 64)),
    Case("zstd, unknown encoding", lambda: _zstd(encoding="brotli")),
    Case(
        "zstd, name without its suffix",
        lambda: builders.with_encoded(builders.frame(b"x" * 99), b"x" * 99, name="examples/x"),
    ),
    Case("zstd, name equal to another once decoded", lambda: _decoded_twice()),
)


def _unsorted(text: bytes) -> bytes:
    """The same value with its keys in another order."""
    value = json.loads(text)
    return json.dumps(dict(reversed(value.items())), indent=2, ensure_ascii=False).encode() + b"\n"


def _decoded_twice() -> bytes:
    frame = builders.frame(b"x" * 99)

    def change(value: dict[str, Any]) -> None:
        entry = next(entry for entry in value["members"] if entry["name"] == "examples/x.zst")
        entry.update(encoding="zstd", decoded_size=99, decoded_sha256=samples.SHA)

    return builders.with_members([("examples/x", b"other"), ("examples/x.zst", frame)], change)


def _borders() -> dict[str, int]:
    """Where the structures of the good bundle begin and end."""
    data = builders.good()
    (directory,) = struct.unpack_from("<I", data, len(data) - 6)
    (manifest,) = (data.index(b"manifest.json") - 30,)
    end = len(data) - 22
    return {
        "in the first signature": 2,
        "after the first signature": 4,
        "in the first header": 29,
        "after the first name": 38,
        "after mimetype": manifest,
        "in the manifest": manifest + 200,
        "in front of the directory": directory,
        "in the first record": directory + 20,
        "after the first record": directory + 54,
        "in front of the end record": end,
        "in the end record": end + 10,
        "one byte short": len(data) - 1,
    }


def _cut(at: int) -> bytes:
    return builders.good()[:at]


def _without(start: int, stop: int) -> bytes:
    data = builders.good()
    return data[:start] + data[stop:]


TRUNCATIONS = (
    *(Case(f"cut {where}", functools.partial(_cut, at)) for where, at in _borders().items()),
    Case("first byte missing", lambda: _without(0, 1)),
    Case("mimetype missing", lambda: _without(0, _borders()["after mimetype"])),
    Case("byte of the manifest missing", lambda: _without(300, 301)),
    Case("directory missing", lambda: _without(_borders()["in front of the directory"], len(builders.good()) - 22)),
    Case("last record missing", lambda: _without(len(builders.good()) - 22 - 68, len(builders.good()) - 22)),
    Case(
        "byte of the directory missing",
        lambda: _without(_borders()["after the first record"], _borders()["after the first record"] + 1),
    ),
    Case("first half twice", lambda: builders.good()[:1000] + builders.good()),
    Case("zeros for the second half", lambda: builders.good()[:1000].ljust(len(builders.good()), b"\0")),
)
