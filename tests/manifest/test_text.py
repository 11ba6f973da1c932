"""The manifest's text: canonical, strict, bounded, and nothing lost between reading and writing (I3, I5, I6, I12)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bundler.errors import BundleError, InvalidBundle, LimitExceeded, UnsupportedVersion
from bundler.limits import LIMITS
from bundler.manifest import Manifest, dump_manifest, load_manifest
from tests.manifest import samples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5).filter(str.isprintable), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.parametrize("manifest", [samples.small(), samples.full()], ids=["small", "full"])
def test_reads_what_it_writes(manifest: Manifest) -> None:
    text = dump_manifest(manifest)
    assert load_manifest(text) == manifest
    assert dump_manifest(load_manifest(text)) == text


def test_text_is_canonical() -> None:
    text = dump_manifest(samples.full())
    assert text == samples.text(json.loads(text))
    assert text.endswith(b"}\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + b"\n",
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"  ", b"\t"),
        lambda text: json.dumps(json.loads(text), sort_keys=True).encode(),
        lambda text: samples.text(json.loads(text)).replace(
            b'"name": "kbundle",\n    "version": "0.1.0"', b'"version": "0.1.0",\n    "name": "kbundle"'
        ),
        lambda text: text.replace(b'"ranks"', b'"r\\u0061nks"'),
        lambda text: text.replace(b"0.5", b"0.50"),
        lambda text: text.replace(b'"layers": 1,', b'"layers": 1.0,'),
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b'"compiled"', b'"class_name": "X",\n    "compiled"'),
        lambda text: text.replace(b"0.5", b"NaN"),
        lambda text: text.replace(b"0.5", b"-Infinity"),
        lambda text: text.replace(b"0.5", b"1e999"),
        lambda text: text.replace(b"0.5", b"0." + b"1" * 1000),
        lambda text: text.replace(b"0.5", b"9223372036854775808"),
        lambda text: text.replace(b"0.5", b"1" * 100_000),
        lambda text: text.replace(b'"ranks"', b'"\\ud800"'),
        lambda text: text.replace(b'"ranks"', b'"\xff"'),
        lambda text: text.replace(b'"ranks"', b'"\xed\xa0\x80"'),
        lambda text: text.replace(b'"ranks"', b"[" * 100 + b"]" * 100),
        lambda text: text.replace(b'"ranks"', b"null"),
        lambda text: b"[]\n",
        lambda text: b"",
        lambda text: b"\x00" * 10,
    ],
)
def test_refuses_any_other_text(change: Any) -> None:
    text = dump_manifest(samples.full())
    assert change(text) != text
    with pytest.raises(InvalidBundle) as caught:
        load_manifest(change(text))
    assert str(caught.value.place).startswith("manifest.json")


def test_refuses_default_that_is_written_out() -> None:
    value = samples.value()
    value["members"][0]["encoding"] = None
    with pytest.raises(InvalidBundle, match="canonical"):
        load_manifest(samples.text(value))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every object inside a JSON value."""
    found = [path] if isinstance(value, dict) else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


@pytest.mark.parametrize("path", places(samples.value()), ids=lambda path: ".".join(map(str, path)) or "top")
def test_unknown_field_survives_read_then_write(path: tuple[Any, ...]) -> None:
    value = samples.value()
    inner = value
    for key in path:
        inner = inner[key]
    inner["zz_from_1.9"] = {"a": [1, None, "\u00e9", {"extra": 0.25}]}
    inner["extra"] = 1
    text = samples.text(value)
    assert dump_manifest(load_manifest(text)) == text


@pytest.mark.slow
@given(JSON, st.sampled_from(["novelty", "extra", "format2"]))
def test_any_unknown_value_survives(item: Any, key: str) -> None:
    value = samples.value()
    value["members"][0][key] = value[key] = item
    assert dump_manifest(load_manifest(samples.text(value))) == samples.text(value)


@given(JSON)
def test_any_metadata_survives(item: Any) -> None:
    provenance = dataclasses.replace(samples.small().provenance, metadata={"key": item})
    manifest = samples.small(provenance=provenance)
    assert dump_manifest(load_manifest(dump_manifest(manifest))) == dump_manifest(manifest)


@pytest.mark.parametrize("version", ["2.0", "2", "3.0-beta", "0.1", "999999.0"])
def test_other_major_version_is_its_own_error(version: str) -> None:
    value = samples.value()
    # What a later version looks like is not for us to check.
    del value["payload"]
    value["format_version"] = version
    with pytest.raises(UnsupportedVersion, match="install a kbundle that reads format") as caught:
        load_manifest(samples.text(value))
    assert version in str(caught.value)


@pytest.mark.parametrize(
    "version", ["1", "1.", "1.x", "1.01", "", "v1.0", 1, 1.0, None, "1.0.0", "\u0661.0", "9999999.0"]
)
def test_refuses_malformed_version(version: object) -> None:
    value = samples.value()
    value["format_version"] = version
    with pytest.raises(InvalidBundle) as caught:
        load_manifest(samples.text(value))
    assert type(caught.value) is InvalidBundle
    assert "format_version" in str(caught.value.place)


def test_newer_minor_version_is_read_and_kept() -> None:
    value = samples.value()
    value["format_version"] = "1.12"
    assert load_manifest(samples.text(value)).format_version == "1.12"
    assert dump_manifest(load_manifest(samples.text(value))) == samples.text(value)


@pytest.mark.parametrize(
    "text",
    [
        b" " * (LIMITS.manifest + 1),
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b"[" + b"[]," * 2_000_000 + b"[]]",
        b"[" + b"0," * 2_000_000 + b"0]",
        b"[" + b"1" * 5_000_000 + b"]",
        b"[" + b"1" * 5_000_000 + b".5]",
        b'"' + b'\\"' * 5_000_000,
        b'"' * 5_000_001,
        b'"' + b"\\" * 5_000_001,
    ],
    ids=[
        "size",
        "lists",
        "objects",
        "many lists",
        "many numbers",
        "integer",
        "float",
        "escapes",
        "quotes",
        "backslash",
    ],
)
def test_text_made_to_cost_time_is_refused(text: bytes) -> None:
    # Whatever is quadratic in these takes hours, so a test that ends has shown it.
    with pytest.raises(InvalidBundle):
        load_manifest(text)


@pytest.mark.parametrize("text", [b"[" * 100, b"[" + b"0," * 2_000_000 + b"0]", b" " * (LIMITS.manifest + 1)])
def test_limits_have_their_own_error(text: bytes) -> None:
    with pytest.raises(LimitExceeded):
        load_manifest(text)


@given(st.binary(max_size=200))
@example(b"\x80")
@example(b'{"format": "kbundle", "format_version": "1.0"}')
@example(b'"\\')
def test_arbitrary_bytes_raise_only_bundle_errors(data: bytes) -> None:
    with pytest.raises(BundleError):
        load_manifest(data)


@given(st.data())
def test_any_value_anywhere_raises_only_bundle_errors(data: st.DataObject) -> None:
    value = samples.value()
    inner: Any = value
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], dict | list) or not inner[key] or data.draw(st.integers(0, 3)) == 0:
            inner[key] = data.draw(JSON)
            break
        inner = inner[key]
    try:
        manifest = load_manifest(samples.text(value))
    except BundleError as error:
        place = error.place
    else:
        place = "manifest.json"
        assert dump_manifest(manifest) == samples.text(value)
    assert str(place).startswith("manifest.json")
