"""The file of arrays: what survives it, and what it refuses. NumPy alone, no framework."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from bundler.errors import BundleError, InvalidBundle, PackError
from bundler.keras_io.selftest.arrays import Keywords, Ragged, Sparse, dump, parse, read_file
from bundler.keras_io.selftest.output_difference import GRAPH, SELF_TEST, Tolerances, compare, tolerances_for

EXACT = Tolerances(absolute=0, relative=0)
NESTED: dict[str, Any] = {
    "image": np.arange(6, dtype="float32").reshape(2, 3),
    "half": np.arange(4).astype(ml_dtypes.bfloat16),
    "tags": np.array([b"\xc3\xbc", b"", b"more"]),
    "parts": [np.array(True), (np.zeros((0, 3), "int64"), None), {"a/b": np.float16(2) * np.ones(1, "float16")}],
    "a/b": np.ones(1, "uint8"),
}


def test_structure_names_dtypes_and_text_survive() -> None:
    back = parse(dump(NESTED), "x")
    assert compare(NESTED, back, EXACT) == compare(NESTED, NESTED, EXACT)
    assert compare(NESTED, back, EXACT).problem is None
    assert back["half"].dtype == ml_dtypes.bfloat16
    assert isinstance(back["parts"][1], tuple)
    assert back["parts"][1][1] is None
    keywords = parse(dump(Keywords(a=np.ones(1))), "x")
    assert isinstance(keywords, Keywords)
    assert not isinstance(back, Keywords)
    parts = parse(dump({"a": Ragged(values=np.ones(2), row_splits=[np.array([0, 2])]), "b": Sparse()}), "x")
    assert [type(parts[name]) for name in "ab"] == [Ragged, Sparse]


def test_the_same_arrays_give_the_same_bytes_and_numpy_opens_them() -> None:
    assert dump(NESTED) == dump(parse(dump(NESTED), "x"))
    with np.load(io.BytesIO(dump(NESTED)), allow_pickle=False) as file:
        assert file["image"].tolist() == NESTED["image"].tolist()
        assert file["parts/1/0"].shape == (0, 3)
        assert {"a_b", "parts/2/a_b"} <= set(file.files)


@pytest.mark.parametrize("value", [np.array([None]), {1: np.ones(1)}, np.array(["x"]), np.datetime64("2026-01-01")])
def test_refuses_to_write_what_is_no_plain_array(value: object) -> None:
    with pytest.raises(PackError):
        dump(value if isinstance(value, dict) else np.asarray(value))


def _file(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _npy(array: Any, **options: Any) -> bytes:
    target = io.BytesIO()
    np.lib.format.write_array(target, np.asarray(array), **options)
    return target.getvalue()


def _shaped(shape: str, content: bytes) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


ONE = json.dumps({"array": "x", "dtype": "float64"}).encode()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"nothing", id="no ZIP"),
        pytest.param(_file({"x.npy": _npy([1.0])}), id="no structure"),
        pytest.param(_file({"structure.json": ONE}), id="no array"),
        pytest.param(
            _file({"structure.json": ONE, "x.npy": _npy([1.0])}, zipfile.ZIP_DEFLATED), id="compressed member"
        ),
        pytest.param(
            _file({"structure.json": ONE, "x.npy": _npy(np.array([{}]), allow_pickle=True)}), id="pickled objects"
        ),
        pytest.param(_file({"structure.json": ONE, "x.npy": _npy([1.0])[:-1]}), id="cut short"),
        pytest.param(_file({"structure.json": ONE, "x.npy": _shaped("(9000000000,)", bytes(8))}), id="another shape"),
        pytest.param(
            _file({"structure.json": ONE, "x.npy": _shaped(f"(0, {'9' * 30})", b"")}), id="a shape beyond all numbers"
        ),
        pytest.param(_file({"structure.json": ONE, "x.npy": _shaped("(1, (", bytes(8))}), id="no Python"),
        pytest.param(_file({"structure.json": ONE, "x.npy": _npy([1])}), id="another dtype"),
        pytest.param(_file({"structure.json": b"[" * 100_000, "x.npy": _npy([1.0])}), id="deep JSON"),
        pytest.param(_file({"structure.json": b'{"list":' * 50 + b"null" + b"}" * 50}), id="deep structure"),
        pytest.param(_file({"structure.json": b'{"pickle": []}'}), id="unknown word"),
        pytest.param(_file({"structure.json": b"3"}), id="a number"),
        pytest.param(_file({"structure.json": b'{"dict": [1]}'}), id="a dict that is a list"),
    ],
)
def test_refuses_a_file_that_it_would_not_write(content: bytes) -> None:
    with pytest.raises(InvalidBundle):
        parse(content, "examples/inputs.npz")


def test_refuses_an_npz_file_of_an_author_that_is_damaged_or_locked(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.arange(1000))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    for position, value in ((60, 0xFF), (content.rindex(b"PK\x01\x02") + 8, 1)):
        damaged = bytearray(content)
        damaged[position] = value
        damaged[6] |= value == 1
        (tmp_path / "x.npz").write_bytes(damaged)
        with pytest.raises(PackError):
            read_file(tmp_path / "x.npz")


def test_the_refusals_above_are_about_the_shape() -> None:
    back = parse(_file({"structure.json": ONE, "x.npy": _shaped("(1, 2)", np.array([3.0, 4.0]).tobytes())}), "x")
    assert back.tolist() == [[3, 4]]


def test_reads_what_an_author_saved_with_numpy(tmp_path: Any) -> None:
    np.savez(tmp_path / "one.npz", np.ones(3))
    np.savez_compressed(tmp_path / "two.npz", a=np.ones(3), b=np.zeros(2))
    assert read_file(tmp_path / "one.npz").shape == (3,)
    assert set(read_file(tmp_path / "two.npz")) == {"a", "b"}
    (tmp_path / "ours.npz").write_bytes(dump(NESTED))
    assert isinstance(read_file(tmp_path / "ours.npz")["parts"][1], tuple)
    np.savez(tmp_path / "objects.npz", np.array([{}]))
    (tmp_path / "text.npz").write_text("text")
    np.save(tmp_path / "plain.npy", np.ones(2))
    for name in ("objects.npz", "text.npz", "plain.npy", "nowhere.npz"):
        with pytest.raises(BundleError) as error:
            read_file(tmp_path / name)
        assert name in str(error.value)


def test_numbers_agree_within_the_tolerance_and_nan_is_nan() -> None:
    tolerances = Tolerances(absolute=1e-3, relative=1e-2)
    old = np.array([100.0, 0.0, np.nan, np.inf], "float32")
    assert compare(old, old + np.float32(0.0005), tolerances).problem is None
    near = compare(old, np.array([100.9, 0.0009, np.nan, np.inf], "float32"), tolerances)
    assert near.problem is None
    assert near.largest == pytest.approx(0.9, abs=1e-4)
    for wrong in (
        [102.0, 0, np.nan, np.inf],
        [100, 0, 0, np.inf],
        [100, 0, np.nan, -np.inf],
        [np.nan, 0, np.nan, np.inf],
    ):
        assert compare(old, np.array(wrong, "float32"), tolerances).problem is not None


def test_numbers_are_compared_at_their_own_scale() -> None:
    tolerances = Tolerances(absolute=1e-4, relative=1e-4)

    def agree(old: list[float], new: list[float]) -> bool:
        return compare(np.array(old), np.array(new), tolerances).problem is None

    assert agree([1.0, 0.0], [1.00005, 0.00005])
    assert not agree([1.0, 0.0], [1.0, 0.001])
    # Both tiny: a fixed tolerance would call them equal.
    assert not agree([1e-6, 2e-6], [2e-6, 1e-6])
    assert agree([1e-6, 2e-6], [1e-6, 2.00001e-6])
    assert agree([0.0], [0.0])
    # Nothing but rounding: another machine rounds otherwise.
    assert agree([0.0], [1e-9])
    assert not agree([0.0], [1e-6])
    assert agree([np.nan, np.inf], [np.nan, np.inf])
    assert not agree([np.inf], [1.0])
    assert compare(np.array([1, 2]), np.array([1, 4]), tolerances).largest == 2.0
    half = np.ones(1).astype(ml_dtypes.bfloat16)
    assert compare({"x": half}, {"x": half}, tolerances).problem is None
    assert "'x'" in str(compare({"x": half}, {"x": half * 3}, tolerances).problem)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([True]), np.array([False])),
        (np.array([b"a"]), np.array([b"b"])),
        (np.ones(2, "float32"), np.ones(2, "float64")),
        (np.ones(2), np.ones((2, 1))),
        ([np.ones(1)], [np.ones(1), np.ones(1)]),
        ({"a": np.ones(1)}, {"b": np.ones(1)}),
        ({"a": np.ones(1)}, [np.ones(1)]),
        (None, np.ones(1)),
    ],
)
def test_everything_else_must_be_equal(old: Any, new: Any) -> None:
    assert compare(old, old, Tolerances(absolute=9, relative=9)).problem is None
    assert compare(old, new, Tolerances(absolute=9, relative=9)).problem is not None


def test_a_random_model_is_held_to_shapes_and_dtypes_alone() -> None:
    assert compare(np.zeros(2), np.ones(2), EXACT, values=False).problem is None
    assert compare(np.zeros(2), np.ones(3), EXACT, values=False).problem is not None


def test_the_tolerance_is_that_of_the_coarsest_dtype() -> None:
    assert tolerances_for(["float32", "int64"], SELF_TEST).absolute == SELF_TEST
    assert tolerances_for(["float32", "int64"], GRAPH).absolute == GRAPH
    assert tolerances_for(["float32", "bfloat16", "float16"], SELF_TEST).absolute == 3.2e-2
    assert tolerances_for(["float32", "int8"], GRAPH).relative == 5e-2
