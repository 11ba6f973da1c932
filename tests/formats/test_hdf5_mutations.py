"""Whatever stands in the file: an answer, soon, in little memory; and where it is yes, h5py reads the same."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.audit.finding import Severity
from bundler.formats.hdf5 import read_hdf5
from tests.formats import builders
from tests.formats.builders import ONE, findings, walked_by_h5py, walked_by_us

pytestmark = pytest.mark.slow

#: A compact file with everything in it that Keras writes.
SMALL = builders.hdf5(builders.model_like)


def answered(content: bytes) -> bool:
    """Return whether the audit takes the file; any exception is the test's failure."""
    return not any(item.severity is Severity.REFUSED for item in findings(content))


@pytest.mark.parametrize("flip", [0xFF, 0x01, 0x80])
def test_every_byte_changed_gives_an_answer_that_h5py_shares(flip: int) -> None:
    accepted = 0
    for position in range(len(ONE)):
        content = builders.written(ONE, position, bytes([ONE[position] ^ flip]))
        if answered(content):
            accepted += 1
            assert walked_by_us(content) == walked_by_h5py(content), position
    # What is left to differ: the numbers of the array, the padding of names, unused room in heaps and nodes.
    assert accepted > 24


def test_every_cut_is_refused() -> None:
    assert not any(answered(ONE[:length]) for length in range(len(ONE)))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SMALL) // 8 - 1),
            st.sampled_from([0, 1, 2, 8, 16, 24, 96, 136, 680, 800, (1 << 64) - 1, 1 << 40, 1 << 63, 0x10, 0x11]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_words_changed_give_an_answer(changes: list[tuple[int, int]]) -> None:
    content = SMALL
    for word, value in changes:
        content = builders.written(content, 8 * word, struct.pack("<Q", value))
    answered(content)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.integers(0, len(SMALL) - 1), st.integers(1, 600))
def test_any_part_copied_over_another_gives_an_answer(source: int, target: int, length: int) -> None:
    piece = SMALL[source : source + min(length, len(SMALL) - target)]
    answered(builders.written(SMALL, target, piece))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_an_answer(content: bytes) -> None:
    assert not answered(content)
    assert not answered(ONE[:96] + content)


def many_empty_groups(count: int) -> bytes:
    def fill(file: builders.h5py.File) -> None:
        for index in range(count):
            file.create_group(f"g{index:06}")

    return builders.hdf5(fill)


def many_attributes() -> bytes:
    def fill(file: builders.h5py.File) -> None:
        for index in range(400):
            group = file.create_group(f"g{index}")
            for number in range(40):
                group.attrs[f"a{number}"] = "x" * 30

    return builders.hdf5(fill)


def long_names() -> bytes:
    def fill(file: builders.h5py.File) -> None:
        for index in range(4_000):
            file.create_group(f"{index:06}" + "x" * 240)

    return builders.hdf5(fill)


def all_headers() -> bytes:
    """Words that are a header, an entry and an address at once, so that every byte begins a structure."""
    return ONE[:96] + ONE[96:136] * 50_000


@pytest.mark.parametrize(
    "build",
    [lambda: many_empty_groups(12_000), many_attributes, long_names, all_headers, lambda: ONE[:96] + bytes(8 << 20)],
    ids=["groups", "attributes", "names", "headers", "zeros"],
)
def test_memory_is_bounded_however_much_there_is(build: Callable[[], bytes]) -> None:
    content = build()
    content = builders.written(content, 40, struct.pack("<Q", len(content)))
    file = io.BytesIO(content)
    tracemalloc.start()
    try:
        started = time.process_time()
        read_hdf5(file, len(content))
        spent = time.process_time() - started
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
    assert spent < 10


def test_a_cycle_of_any_shape_ends() -> None:
    # Every address of the file put in place of every other one.
    addresses = {ONE[at : at + 8] for at in range(0, len(ONE) - 8, 8)}
    addresses = {word for word in addresses if 0 < struct.unpack("<Q", word)[0] < len(ONE)}
    places = [at for at in range(0, len(ONE) - 8, 8) if ONE[at : at + 8] in addresses]
    for at in places:
        for word in addresses:
            content = builders.written(ONE, at, word)
            if answered(content):
                assert walked_by_us(content) == walked_by_h5py(content)


def test_numbers_of_an_array_are_free() -> None:
    numbers = np.arange(6, dtype="float32").tobytes()
    assert answered(builders.patched(ONE, numbers, bytes(reversed(numbers))))
