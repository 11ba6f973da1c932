"""Bundles at the edges of what is allowed: accepted, and read alike by all."""

from __future__ import annotations

from tests.archive import builders
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import bundle, manifest_text, parts_of

_FRAME = b"0123456789" * 99


def _with(name: str, content: bytes = b"x") -> bytes:
    return builders.with_members([(name, content)])


def _newer_minor() -> bytes:
    parts = parts_of(builders.good())
    text = manifest_text(lambda value: value.update(format_version="1.7", zz=[1, {}]), builders.good())
    return builders.laid(
        [(part.name.decode(), text if part.name == b"manifest.json" else part.content) for part in parts]
    )


CASES = (
    Case("small", builders.good, True),
    Case("two more members", bundle, True),
    Case("empty member", lambda: _with("model/empty", b""), True),
    Case("name that is not ASCII", lambda: _with("examples/\u00e9t\u00e9 \u4e16.bin"), True),
    Case("name of four-byte characters", lambda: _with("examples/\U0001f600.bin"), True),
    Case("name with spaces inside", lambda: _with("examples/a b  c.bin"), True),
    Case("segment of 255 bytes", lambda: _with("model/" + "a" * 255), True),
    Case("sixteen segments", lambda: _with("model/" + "/".join("abcdefghijklmno")), True),
    Case("name of 1024 bytes", lambda: _with("model/" + "/".join(["a" * 254] * 3 + ["b" * 253])), True),
    Case("hidden file", lambda: _with("model/.hidden"), True),
    Case("name in shell characters", lambda: _with("model/$(a) & 'b' `c` #!"), True),
    Case("name like an option", lambda: _with("model/-rf"), True),
    Case("member on a page", lambda: _with("model/large", bytes(range(256)) * 4096), True),
    Case("two members on pages", lambda: builders.with_members([(f"model/{x}", bytes(1 << 20)) for x in "ab"]), True),
    Case("zstd member", lambda: builders.with_encoded(builders.frame(_FRAME), _FRAME), True),
    Case(
        "zstd member with checksum",
        lambda: builders.with_encoded(builders.frame(_FRAME, write_checksum=True), _FRAME),
        True,
    ),
    Case("zip as the content of a member", lambda: _with("model/inner.zip", builders.good()), True),
    Case("end record as the content of a member", lambda: _with("model/end", builders.good()[-22:]), True),
    Case("local header as the content of a member", lambda: _with("model/local", builders.good()[:200]), True),
    Case("signature that the manifest does not list", lambda: _with("signatures/a", b"{}"), True),
    Case("newer minor version", _newer_minor, True),
)
