"""Mutations that know what they change: a JSON tree, the members of a bundle, a field of a header.

Bytes changed blindly are refused by the first checksum. These are put right again afterwards, most of the time, so that
what stands behind the checksums is reached as well.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from tests.archive import builders

#: Changes bytes without knowing what they are: (data, the most bytes to return) -> other data.
Blind = Callable[[bytes, int], bytes]

#: Changes an input of a target: (data, the most bytes, source of chance, blind mutation) -> another input.
Mutation = Callable[[bytes, int, random.Random, Blind], bytes]

_NUMBERS = (0, 1, -1, 2, 255, 256, 0xFFFE, 0xFFFF, 1 << 20, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 32, 1 << 44, (1 << 63) - 1)
_VALUES = (
    None, True, False, *_NUMBERS, 1 << 63, -(1 << 63), 0.5, -0.0, 1e-05, 1e16, 1e308, "", "a", "kbundle", "1.0", "2.0",
    "zstd", "model/model.keras", "code/a.py", "../a", "/a", "\ud800", "\u202e", "\U0001f600", "e\u0301", "\x00",
    "a" * 300, "0" * 64, [], {}, [[]], {"": 0}, [None],
)  # fmt: skip
_NAMES = (
    "a", "../a", "/a", "model/../a", "model\\a", "model/a:b", "model/con.txt", "model/a.", "model/a ", "model//a",
    "code/a.py", "code/\u00e9.py", "code/e\u0301.py", "model/MODEL.keras", "model/model.keras", "mimetype",
    "manifest.json", "signatures/a", "examples/a.zst", "requirements/a", "README.md", "readme.md", "model/\u202e",
    "model/" + "a/" * 20 + "a", "model/" + "a" * 300, "", ".", "model/", "model/\x00", "model/\udc80",
)  # fmt: skip


def anything(data: bytes, size: int, chance: random.Random, blind: Blind) -> bytes:
    """Change bytes of which nothing is known."""
    return blind(data, size)


def json_text(data: bytes, size: int, chance: random.Random, blind: Blind) -> bytes:
    """Change a JSON text: one to three values of its tree, or its bytes."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return blind(data, size)
    if chance.random() < 0.15:
        return blind(data, size)
    for _ in range(chance.randint(1, 3)):
        value = _tree(value, chance)
    return _text(value, chance)[:size]


def container(data: bytes, size: int, chance: random.Random, blind: Blind) -> bytes:
    """Change a bundle: a header, a member, the manifest, or its bytes; checksums and digests are mostly put right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()][:64]
    except Exception:  # A file that zipfile cannot read is still one to change.
        return blind(data, size)
    how = chance.random()
    if how < 0.1 or len(members) < 3:
        return blind(data, size)
    if how < 0.25:
        return _header(data, chance)
    for _ in range(chance.randint(1, 2)):
        index = chance.randrange(len(members))
        if how < 0.5:
            index = next((at for at, (name, _) in enumerate(members) if name == "manifest.json"), index)
        name, content = members[index]
        if name == "manifest.json":
            members[index] = name, json_text(content, size, chance, blind)
        elif how < 0.75:
            members[index] = name, blind(content, min(len(content) + 64, size))
        elif how < 0.8:
            members.insert(index, (chance.choice(_NAMES), content[: chance.choice([0, 10, 1000])]))
        elif how < 0.85:
            del members[index]
        elif how < 0.95:
            members[index] = _renamed(name, chance), content
        else:
            members.insert(chance.randrange(len(members)), members[index])
    try:
        return _rebuilt(members, chance)[:size]
    except (ValueError, struct.error):
        return blind(data, size)


def blind_changes(chance: random.Random) -> Blind:
    """Return a blind mutation for where there is no fuzzer to ask for one."""

    def change(data: bytes, size: int) -> bytes:
        for _ in range(chance.randint(1, 4)):
            at, length = chance.randint(0, len(data)), chance.choice([1, 1, 2, 4, 8, 40])
            piece = chance.choice(
                [chance.randbytes(length), data[at // 2 : at // 2 + length], b"", b"\xff" * length, b"PK\x05\x06"]
            )
            data = data[:at] + piece + data[at + chance.choice([0, length]) :]
        return data[:size]

    return change


def _tree(value: Any, chance: random.Random) -> Any:
    """Return a JSON value with one change somewhere in it."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        changed = dict(value)
        how = chance.random()
        if how < 0.75:
            changed[key] = _tree(value[key], chance)
        elif how < 0.85:
            del changed[key]
        elif how < 0.95:
            changed[chance.choice(["extra", "zz", "encoding", "member", "name", key.upper()])] = value[key]
        else:
            changed[key] = value[chance.choice(sorted(value))]
        return changed
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        other = value[chance.randrange(len(value))]
        how = chance.random()
        if how < 0.7:
            return [*value[:at], _tree(value[at], chance), *value[at + 1 :]]
        if how < 0.8:
            return [*value[:at], *value[at + 1 :]]
        return [*value[:at], other, *value[at:]]
    if isinstance(value, str) and chance.random() < 0.5:
        at = chance.randint(0, len(value))
        return (
            value[:at] + chance.choice(["", "/", ".", "..", "\u00e9", "\n", "\\", "a", "0", "\u200b"]) + value[at + 1 :]
        )
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice([-1, 1, 0.0, 1 << 31])
    return chance.choice(_VALUES)


def _text(value: Any, chance: random.Random) -> bytes:
    """Return the canonical text of a value, now and then another one."""
    form: dict[str, Any] = {"sort_keys": True, "indent": 2, "ensure_ascii": False}
    how = chance.random()
    if how > 0.9:
        form.update(chance.choice([{"indent": None}, {"sort_keys": False}, {"ensure_ascii": True}, {"indent": 3}]))
    text = json.dumps(value, **form).encode("utf-8", "surrogatepass") + b"\n"
    if how < 0.03:
        key, _, rest = text.partition(b'": ')
        text = key + b'": 0,\n  ' + text[text.find(b'"') :] if rest else text
    elif how < 0.05:
        text = chance.choice([b"\xef\xbb\xbf" + text, text + b" ", text[:-1], text.replace(b"1", b"1" * 30, 1)])
    elif how < 0.07:
        text = text.replace(b"false", chance.choice([b"NaN", b"-Infinity", b"1e999", b"-0", b"[" * 80 + b"]" * 80]), 1)
    return text


def _renamed(name: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(_NAMES)
    at = chance.randint(0, len(name))
    return name[:at] + chance.choice(["", "/", ".", "A", "\u00e9", "\u0301", " ", ":", "\u200b", ".zst"]) + name[at:]


def _rebuilt(members: list[tuple[str, bytes]], chance: random.Random) -> bytes:
    """Return the members as a bundle, with all or some of what the manifest says about them put right."""
    if chance.random() < 0.9:
        members[2:] = sorted(members[2:], key=lambda item: item[0].encode("utf-8", "surrogatepass"))
    if chance.random() < 0.9:
        members = [
            (name, _relisted(content, members) if name == "manifest.json" else content) for name, content in members
        ]
    return builders.laid(members)


def _relisted(text: bytes, members: list[tuple[str, bytes]]) -> bytes:
    """Return a manifest text that lists these members; what it says of their decoded content stays."""
    try:
        value = json.loads(text)
        said = {entry["name"]: entry for entry in value["members"]}
        value["members"] = [
            {**said.get(name, {}), "name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in members
            if name not in ("mimetype", "manifest.json") and not name.startswith("signatures/")
        ]
        return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
    except (ValueError, TypeError, KeyError, RecursionError):
        return text


def _header(data: bytes, chance: random.Random) -> bytes:
    """Return the file with one field of one header, or one end record, changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = chance.choice(archive.infolist())
    changed = bytearray(data)
    position, fields = chance.choice(
        [
            (info.header_offset, builders.LOCAL),
            (data.rfind(info.filename.encode("utf-8", "surrogatepass")) - 46, builders.CENTRAL),
            (len(data) - 22, builders.END),
        ]
    )
    at, form = fields[chance.choice(sorted(fields))]
    most = (1 << 8 * struct.calcsize(form)) - 1
    if 0 <= position + at <= len(data) - 4:
        (old,) = struct.unpack_from(form, changed, position + at)
        new = chance.choice([old + 1, old - 1, old ^ 1 << chance.randrange(16), *_NUMBERS])
        struct.pack_into(form, changed, position + at, new & most)
    return bytes(changed)
