"""What the author wants is checked before any work starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bundler
from bundler.errors import PackError
from bundler.packing.options import checked_metadata


def deep(levels: int) -> Any:
    return [] if levels == 0 else [deep(levels - 1)]


@pytest.mark.parametrize(
    "metadata", [{"x": float("nan")}, {"x": {1, 2}}, {"x": deep(70)}, {"x": 1 << 70}, {1: "x", "1": "y"}, ["x"], "x"]
)
def test_refuses_metadata_that_no_bundle_can_hold_before_any_work(metadata: Any, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(PackError) as caught:
        bundler.bundle(None, tmp_path / "m.kbundle", metadata=metadata, progress=lambda what, *_: told.append(what))
    assert caught.value.place == "metadata"
    assert caught.value.hint
    assert told == []


def test_metadata_is_what_the_manifest_will_say() -> None:
    assert checked_metadata(None) == {}
    assert checked_metadata({"x": (1, 2.5, None), "y": {"z": True}}) == {"x": [1, 2.5, None], "y": {"z": True}}
