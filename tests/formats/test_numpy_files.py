"""Arrays of a self-test: what kbundle writes is read as NumPy reads it; objects and lies are refused."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.audit.weights import arrays_findings
from bundler.formats.npz import read_npz
from bundler.keras_io.selftest.arrays import Keywords, dump, parse
from tests.formats.builders import written


def npy(array: Any, version: tuple[int, int] | None = (1, 0)) -> bytes:
    target = io.BytesIO()
    np.lib.format.write_array(target, np.asanyarray(array), version=version)
    return target.getvalue()


def rules_of_npy(content: bytes) -> list[str]:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.npy", content)
    read = read_npz(target, len(target.getvalue()), structured=False)
    return [item.rule.id for item in arrays_findings(read, member="m")]


def rules_of_npz(content: bytes) -> list[str]:
    read = read_npz(io.BytesIO(content), len(content))
    return [item.rule.id for item in arrays_findings(read, member="examples/inputs.npz")]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize(
    "array",
    [
        np.zeros(()),
        np.zeros(3, "f2"),
        np.zeros((2, 3), ">f4"),
        np.zeros((0, 3)),
        np.asfortranarray(np.ones((2, 3))),
        np.zeros((1,) * 32, "u1"),
        np.array([True]),
        np.zeros(2, "c8"),
        np.array([b"ab", b""]),
        np.array(["ab", ""]),
        *(np.zeros(2, kind) for kind in ("i1", "i2", "i4", "i8", "u2", "u4", "u8", "c16")),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_plain_arrays_have_no_finding(array: Any, version: tuple[int, int]) -> None:
    assert rules_of_npy(npy(array, version)) == []


def test_a_self_test_has_no_finding_and_lists_its_arrays() -> None:
    value = {
        "image": np.zeros((2, 3), "float32"),
        "Image": np.array([b"x"]),
        "con": Keywords(bf=np.zeros(2, ml_dtypes.bfloat16), none=None),
        "a.": [np.zeros(()), (np.zeros((2, 0)), None)],
    }
    content = dump(value)
    assert rules_of_npz(content) == []
    assert sorted(
        (item.path, item.dtype, item.shape) for item in read_npz(io.BytesIO(content), len(content)).tensors
    ) == [
        ("Image", "bytes8", (1,)),
        ("a./0", "float64", ()),
        ("a./1/0", "float64", (2, 0)),
        ("con/bf", "uint16", (2,)),
        ("image", "float32", (2, 3)),
    ]


def test_an_array_alone_has_no_finding() -> None:
    assert rules_of_npz(dump(np.zeros(3))) == []


def header(text: str, data: bytes = b"", *, version: bytes = b"\1\0") -> Callable[[], bytes]:
    body = text.encode()
    length = struct.pack("<H", len(body)) if version == b"\1\0" else struct.pack("<I", len(body))
    return lambda: b"\x93NUMPY" + version + length + body + data


def plain(descr: str = "'<f4'", shape: str = "(1,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}   \n"


OBJECT = np.empty(1, object)
ATTACKS_ON_ARRAYS: list[tuple[str, str, Callable[[], bytes]]] = [
    ("nothing", "not-an-array", lambda: b""),
    ("pickle", "not-an-array", lambda: b"\x80\x04N."),
    ("cut in its header", "not-an-array", lambda: npy(np.zeros(1))[:40]),
    ("objects", "not-an-array", lambda: npy(OBJECT)),
    ("objects in a structure", "not-an-array", lambda: npy(np.empty(1, [("a", "O")]))),
    ("structure", "not-an-array", lambda: npy(np.zeros(1, [("a", "f4")]))),
    ("arrays in an element", "not-an-array", header(plain("('<f4', (2,))"), bytes(8))),
    ("dates", "not-an-array", lambda: npy(np.zeros(1, "M8[s]"))),
    ("raw bytes", "not-an-array", lambda: npy(np.zeros(1, "V4"))),
    ("long double", "not-an-array", lambda: npy(np.zeros(1, np.longdouble))),
    ("expression as a shape", "not-an-array", header(plain(shape="(1,)*(2**30)"))),
    ("call as a header", "not-an-array", header("__import__('os').system('id')\n")),
    ("deep header", "not-an-array", header("(" * 4000 + "\n")),
    ("negative size", "not-an-array", header(plain(shape="(-1, -4)"), bytes(16))),
    ("size with underscores", "not-an-array", header(plain(shape="(1_0,)"), bytes(40))),
    ("long integer of Python 2", "not-an-array", header(plain(shape="(1L,)"), bytes(4))),
    ("truth as a size", "not-an-array", header(plain(shape="(True,)"), bytes(4))),
    ("other key", "not-an-array", header(plain().replace("}", "'x': 1, }"), bytes(4))),
    ("key twice", "not-an-array", header(plain().replace("}", "'descr': '|O', }"), bytes(4))),
    ("unfinished header", "not-an-array", header(plain().rstrip(), bytes(4))),
    ("comment in the header", "not-an-array", header("# x\n" + plain(), bytes(4))),
    ("version 4", "not-an-array", header(plain(), bytes(4), version=b"\4\0")),
    ("header of 4 GB", "not-an-array", lambda: b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(100)),
    ("shape bomb", "size", header(plain(shape="(1099511627776,)"), bytes(4))),
    ("shape beyond 64 bits", "size", header(plain(shape="(9999999999999999999, 9999999999999999999)"), bytes(4))),
    ("shape that wraps to zero", "size", header(plain(shape="(4294967296, 4294967296)"))),
    ("element of a gigabyte", "size", header(plain("'|S999999999'"), bytes(4))),
    ("bytes after", "size", lambda: npy(np.zeros(1)) + b"x"),
    ("cut short", "size", lambda: npy(np.zeros(1))[:-1]),
    ("pickle after", "size", lambda: npy(np.zeros(0)) + b"\x80\x04N."),
]


@pytest.mark.parametrize(("rule", "build"), [pytest.param(r, b, id=name) for name, r, b in ATTACKS_ON_ARRAYS])
def test_refuses_an_array(rule: str, build: Callable[[], bytes]) -> None:
    assert rules_of_npy(build()) == [f"arrays.{rule}"]


def zipped(files: dict[str, bytes], **options: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def structure(value: Any) -> bytes:
    return json.dumps(value).encode()


ONE = {"structure.json": structure({"array": "x", "dtype": "float64"}), "x.npy": npy(np.zeros(2))}


def nested(depth: int) -> bytes:
    return b'{"list":[' * depth + b"null" + b"]}" * depth


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        pytest.param("arrays.not-a-file-of-arrays", b"", id="nothing"),
        pytest.param("arrays.not-a-file-of-arrays", npy(np.zeros(1)), id="one array alone"),
        pytest.param("arrays.not-a-file-of-arrays", zipped(ONE, compression=zipfile.ZIP_DEFLATED), id="packed"),
        pytest.param("arrays.not-a-file-of-arrays", b"x" + zipped(ONE), id="bytes before"),
        pytest.param("arrays.not-a-file-of-arrays", zipped(ONE) + b"x", id="bytes after"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({**ONE, "x.pkl": b""}), id="other file"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({**ONE, "y.npy": npy(np.zeros(1))}), id="unnamed array"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"x.npy": npy(np.zeros(2))}), id="no structure"),
        pytest.param(
            "arrays.not-a-file-of-arrays", zipped({"structure.json": ONE["structure.json"]}), id="missing array"
        ),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": b"{"}), id="no JSON"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": b"\xff"}), id="no text"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": b"[]"}), id="other JSON"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": structure({"set": []})}), id="word"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": nested(20)}), id="20 levels"),
        pytest.param("arrays.not-a-file-of-arrays", zipped({"structure.json": nested(200_000)}), id="200,000 levels"),
        pytest.param("arrays.not-an-array", zipped({**ONE, "x.npy": npy(OBJECT)}), id="objects"),
        pytest.param("arrays.size", zipped({**ONE, "x.npy": npy(np.zeros(2)) + b"x"}), id="bytes behind an array"),
    ],
)
def test_refuses_a_file_of_arrays(rule: str, content: bytes) -> None:
    assert rules_of_npz(content) == [rule]
    assert read_npz(io.BytesIO(content), len(content)).tensors == ()


@pytest.mark.parametrize("flip", [0xFF, 0x01])
def test_every_byte_changed_gives_an_answer(flip: int) -> None:
    good = dump({"a": np.arange(3.0), "b": np.array([b"xy"])})
    accepted = 0
    for position in range(len(good)):
        content = written(good, position, bytes([good[position] ^ flip]))
        if not rules_of_npz(content):
            accepted += 1
    # The numbers themselves, the dtype names of the structure and the times of the ZIP; their checksums are not
    # looked at here, the bundle has a digest.
    assert 0 < accepted < len(good) // 2
    assert all(rules_of_npz(good[:length]) for length in range(len(good)))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}()[]',:<>|fiOSU0123456789 descrfotanhpFlsTu_\n", max_size=120))
def test_any_header_gives_an_answer(text: str) -> None:
    assert rules_of_npy(header(text)()) != []


def test_a_small_file_takes_little_memory() -> None:
    content = zipped({**ONE, "x.npy": header(plain(shape="(1099511627776,)"))()})
    tracemalloc.start()
    assert rules_of_npz(content) == ["arrays.size"]
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_what_has_no_finding_can_be_parsed() -> None:
    content = dump({"x": [np.zeros(2), np.array([True])]})
    assert rules_of_npz(content) == []
    assert parse(content, "examples/inputs.npz")["x"][1].tolist() == [True]
