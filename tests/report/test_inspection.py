"""What a person reads about a bundle, and what is refused before it is opened."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import bundler
from bundler.report.inspection import Inspection, as_text
from tests.manifest import samples


def test_metadata_does_not_pass_for_another_statement() -> None:
    manifest = samples.small()
    provenance = dataclasses.replace(manifest.provenance, name="mine", metadata={"name": "another", "digest": "sha"})
    inspection = Inspection(
        path="m.kbundle", size=1, digest="sha256:0", manifest=dataclasses.replace(manifest, provenance=provenance)
    )
    lines = [line.split() for line in as_text(inspection).splitlines()]
    assert ["name", "*", "mine"] in lines
    assert ["metadata.name", "*", "another"] in lines
    assert ["metadata.digest", "*", "sha"] in lines


@pytest.mark.parametrize("word", ["graph", "", "FULL", 3])
def test_refuses_a_fidelity_that_means_nothing_before_anything_else(word: Any, tmp_path: Path) -> None:
    with pytest.raises(bundler.BundleError, match="unknown value") as caught:
        bundler.unbundle(tmp_path / "absent.kbundle", fidelity=word)
    assert caught.value.place == "fidelity"
    assert caught.value.expected == "'full' or 'inference'"
