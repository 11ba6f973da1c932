"""The file that gets its name is one that was proved, and says what its proof found."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember
from bundler.errors import PackError, ProofFailed
from bundler.manifest import Proof, RecordedUse, RecordedUses
from bundler.packing.until_proved import write_proved
from bundler.proof.client import Seen
from tests.manifest import samples

PROOF = Proof(python="3.11", keras_version="3.15.1", tensorflow_version="2.21.0", checks=("load",), uses=RecordedUses())
USE = RecordedUse(capability="environment", what="reads HOME", module="pkg", line=9)
MEMBERS = [
    NewMember(name="model/model.keras", content=b""),
    NewMember(name="requirements/requirements.txt", content=b""),
]


class Proofs:
    """Finds `found`, one after the other, and remembers which files it was asked about."""

    def __init__(self, *found: Any) -> None:
        self.found = list(found)
        self.digests: list[str] = []

    def __call__(self, path: Path) -> Seen:
        with open_bundle(path) as reader:
            self.digests.append(reader.digest)
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return Seen(proof=found, notes=(f"note {len(self.digests)}", "always"))


def write(target: Path, proofs: Proofs | None) -> Seen | None:
    manifest = samples.small(proof=PROOF if proofs else None)
    return write_proved(target, manifest, MEMBERS, proofs, overwrite=False, progress=None)[1]


def test_what_says_what_was_found_is_proved_once(tmp_path: Path) -> None:
    proofs = Proofs(PROOF)
    seen = write(tmp_path / "m.kbundle", proofs)
    assert seen == Seen(proof=PROOF, notes=("note 1", "always"))
    with open_bundle(tmp_path / "m.kbundle") as reader:
        assert proofs.digests == [reader.digest]


def test_what_a_proof_finds_is_written_and_proved_in_its_turn(tmp_path: Path) -> None:
    found = dataclasses.replace(PROOF, allow=("environment",), uses=RecordedUses(load=(USE,)))
    proofs = Proofs(found, found)
    seen = write(tmp_path / "m.kbundle", proofs)
    assert seen == Seen(proof=found, notes=("note 1", "always", "note 2"))
    with open_bundle(tmp_path / "m.kbundle") as reader:
        assert reader.manifest.proof == found
        assert reader.digest == proofs.digests[1] != proofs.digests[0]


@pytest.mark.parametrize("first", [(), (dataclasses.replace(PROOF, allow=("network",)),)])
def test_a_proof_that_fails_leaves_nothing(tmp_path: Path, first: tuple[Proof, ...]) -> None:
    with pytest.raises(ProofFailed, match="no"):
        write(tmp_path / "m.kbundle", Proofs(*first, ProofFailed("no", stage="load")))
    assert list(tmp_path.iterdir()) == []


def test_refuses_code_that_is_never_twice_the_same(tmp_path: Path) -> None:
    proofs = Proofs(*(dataclasses.replace(PROOF, allow=(str(number),)) for number in range(20)))
    with pytest.raises(PackError, match="something else each time"):
        write(tmp_path / "m.kbundle", proofs)
    assert list(tmp_path.iterdir()) == []
    assert len(proofs.digests) < 10


def test_without_a_proof_it_is_written_as_it_is(tmp_path: Path) -> None:
    assert write(tmp_path / "m.kbundle", None) is None
    with open_bundle(tmp_path / "m.kbundle") as reader:
        assert reader.manifest.proof is None
