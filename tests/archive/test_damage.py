"""Every single-bit flip and every truncation of a bundle is noticed, and only as a `BundleError` (I1, I2, I12)."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archive.reader import open_bundle
from bundler.errors import BundleError
from tests.archive import builders

GOOD = builders.good()
# Nothing in the file vouches for a signature but its checksum, which covers every flip.
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, len(GOOD) - 1), st.sampled_from(["set", "insert", "delete", "copy"]), st.binary(max_size=8)
    ),
    min_size=1,
    max_size=6,
)


def noticed(data: bytes) -> bool:
    try:
        with open_bundle(io.BytesIO(data)) as bundle:
            bundle.verify()
    except BundleError as error:
        return bool(str(error))
    return False


def test_good_bundle_is_sound() -> None:
    assert not noticed(GOOD)


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_noticed(bit: int) -> None:
    data = bytearray(GOOD)
    unnoticed = []
    for position in range(len(data)):
        data[position] ^= 1 << bit
        if not noticed(bytes(data)):
            unnoticed.append(position)
        data[position] ^= 1 << bit
    assert unnoticed == []


def test_every_truncation_is_noticed() -> None:
    assert [length for length in range(len(GOOD)) if not noticed(GOOD[:length])] == []


def test_every_missing_start_is_noticed() -> None:
    assert [length for length in range(1, len(GOOD)) if not noticed(GOOD[length:])] == []


@given(MUTATIONS)
def test_any_mutation_is_noticed(mutations: list[tuple[int, str, bytes]]) -> None:
    data = GOOD
    for position, action, piece in mutations:
        position = min(position, len(data))
        if action == "delete":
            data = data[:position] + data[position + max(1, len(piece)) :]
        elif action == "copy":
            data = data[:position] + data[position // 2 : position // 2 + 50] + data[position:]
        else:
            data = data[:position] + piece + data[position + (len(piece) if action == "set" else 0) :]
    assert noticed(data) == (data != GOOD)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    assert noticed(data)
    assert noticed(b"PK\x03\x04" + data)
    assert noticed(GOOD[: GOOD.index(b"PK\x01\x02")] + data + GOOD[-22:])
