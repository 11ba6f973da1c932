"""What Keras writes has no finding, and is read as h5py reads it."""

from __future__ import annotations

import hashlib
import io
import os
import time
import tracemalloc
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest

from bundler.formats.hdf5 import read_hdf5
from bundler.formats.hdf5.weights_file import tensor_digest
from tests.formats import builders
from tests.formats.builders import findings, hdf5, put, tensors, walked_by_h5py, walked_by_us

_DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]


def test_a_model_has_no_finding_and_the_arrays_that_h5py_reads() -> None:
    content = hdf5(builders.model_like)
    assert findings(content) == []
    assert walked_by_us(content) == walked_by_h5py(content)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", _DTYPES)
def test_every_type_of_numbers_is_named_as_keras_names_it(dtype: str, order: str) -> None:
    content = hdf5(lambda file: put(file, "a/vars/0", np.zeros((2, 3), np.dtype(dtype).newbyteorder(order))))
    assert findings(content) == []
    assert [(item.dtype, item.shape, item.stored) for item in tensors(content)] == [
        (dtype, (2, 3), 6 * np.dtype(dtype).itemsize)
    ]


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "int4"])
def test_types_that_hdf5_does_not_have_are_opaque_bytes(dtype: str) -> None:
    content = hdf5(lambda file: put(file, "a/vars/0", np.zeros((2, 3), getattr(ml_dtypes, dtype))))
    assert findings(content) == []
    assert [item.dtype for item in tensors(content)] == [dtype if dtype == "bfloat16" else "opaque8"]


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (1,) * 32])
def test_any_shape_is_read(shape: tuple[int, ...]) -> None:
    content = hdf5(lambda file: put(file, "a/vars/0", np.zeros(shape, "float32")))
    assert findings(content) == []
    (tensor,) = tensors(content)
    assert (tensor.shape, tensor.stored, tensor.count) == (shape, 4 * tensor.count, int(np.prod(shape)))


def test_strings_of_fixed_length_are_an_array() -> None:
    content = hdf5(lambda file: put(file, "a/vars/0", np.array([b"ab", b"c"])))
    assert findings(content) == []
    assert [item.dtype for item in tensors(content)] == ["bytes16"]


def test_an_array_inside_its_header_is_read_there() -> None:
    def fill(file: h5py.File) -> None:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        made = h5py.h5d.create(file.id, b"0", h5py.h5t.NATIVE_INT32, space, dcpl=plist)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(3, dtype="int32"))

    content = hdf5(fill)
    assert findings(content) == []
    assert walked_by_us(content) == walked_by_h5py(content)


@pytest.mark.slow
def test_groups_with_a_deep_b_tree_are_walked_in_full() -> None:
    def fill(file: h5py.File) -> None:
        for index in range(2_000):
            file.create_group(f"layers/dense_{index}/vars")
        for index in range(400):
            file[f"optimizer/vars/{index}"] = np.float32(index)

    content = hdf5(fill)
    assert findings(content) == []
    assert len(tensors(content)) == 400
    assert walked_by_us(content) == walked_by_h5py(content)


def test_groups_that_lost_members_are_still_sound() -> None:
    def fill(file: h5py.File) -> None:
        for index in range(300):
            file[f"vars/{index}"] = np.float32(index)
        for index in range(0, 300, 3):
            del file[f"vars/{index}"]
        file["vars/again"] = np.float32(0)

    content = hdf5(fill)
    assert findings(content) == []
    assert walked_by_us(content) == walked_by_h5py(content)


def test_attributes_of_any_plain_kind_are_read_over() -> None:
    def fill(file: h5py.File) -> None:
        group = file.create_group("vars")
        values = {"name": "déjà", "none": "", "number": 3, "list": np.arange(4.0), "bytes": np.bytes_(b"x"), "b": True}
        for name, value in values.items():
            group.attrs[name] = value
        for index in range(40):
            group.attrs[f"text{index}"] = "x" * 200

    assert findings(hdf5(fill)) == []


def test_a_digest_covers_the_bytes_of_the_array() -> None:
    content = hdf5(builders.model_like)
    found = {item.path: tensor_digest(io.BytesIO(content), item) for item in tensors(content)}
    expected = {
        path: f"sha256:{hashlib.sha256(stored).hexdigest()}" for path, (_, stored) in walked_by_h5py(content).items()
    }
    assert found == expected


def test_a_large_file_costs_what_its_structures_cost(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as file:
        for index in range(10):
            # Written at its last number only, so the file is sparse: 6 GiB, and hardly any on the disk.
            made = file.create_dataset(f"layers/l{index}/vars/0", shape=(160 << 20,), dtype="float32")
            made[-1] = 1.0
    size = path.stat().st_size
    assert size > 6 << 30
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            started = time.process_time()
            read = read_hdf5(file, size)
            assert read.problems == ()
            assert time.process_time() - started < 0.5
            assert sum(item.stored for item in read.tensors) == 10 * (640 << 20)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
        os.unlink(path)
