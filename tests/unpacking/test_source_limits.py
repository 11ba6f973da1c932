"""Loading asks for the size of the source before it takes the memory for it."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest

from bundler.archive.reader import open_bundle
from bundler.errors import IntegrityError, LimitExceeded
from bundler.limits import LIMITS
from bundler.manifest import DataFile, Member
from bundler.unpacking.rebuilding import read_code
from tests.archive import builders
from tests.manifest import samples


class Untouched:
    """Stands for a reader of which nothing may be read."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def members(count: int, size: int) -> dict[str, Any]:
    names = [f"d{index:03}.bin" for index in range(count)]
    listed = tuple(
        Member(
            name=f"code/{name}.zst",
            size=100,
            sha256=samples.SHA,
            encoding="zstd",
            decoded_size=size,
            decoded_sha256=samples.SHA,
        )
        for name in names
    )
    return {
        "members": (*listed, *samples.small().members),
        "data": tuple(DataFile(path=name, member=f"code/{name}.zst", reason="named") for name in names),
    }


@pytest.mark.parametrize(("count", "size"), [(1, LIMITS.data_file + 1), (5, LIMITS.data_file)])
def test_data_that_would_decode_to_more_than_the_limit_is_refused_unread(count: int, size: int) -> None:
    manifest = dataclasses.replace(samples.small(), **members(count, size))
    with pytest.raises(LimitExceeded):
        read_code(Untouched(), manifest)  # type: ignore[arg-type]


def test_loading_notices_damage_in_a_compressed_member_that_it_does_not_use() -> None:
    content = bytearray(builders.good())
    content[content.index(b"\x28\xb5\x2f\xfd") + 12] ^= 1
    with open_bundle(io.BytesIO(content)) as reader, pytest.raises(IntegrityError, match="inputs"):
        read_code(reader, reader.manifest)
    with open_bundle(io.BytesIO(builders.good())) as reader:
        assert "code/scale.py" in read_code(reader, reader.manifest)
