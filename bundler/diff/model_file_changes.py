"""What lies in the ``.keras`` files of two bundles: config, metadata, weights, other files."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from bundler.archive.positioned import PIECE
from bundler.archive.progress import Meter, Progress
from bundler.archive.reader import BundleReader
from bundler.audit.model_file import archive_findings
from bundler.audit.weights import weights_findings
from bundler.diff import bounds
from bundler.diff.change import ConfigChange, FieldChange, FileChange, TensorDifference
from bundler.diff.config import config_changes, parse_config
from bundler.diff.manifest_values import field_changes
from bundler.diff.other_files import file_changes
from bundler.diff.weight_changes import ComparedWeight, layer_names, renamed_layers, tensor_difference, weight
from bundler.errors import InvalidBundle
from bundler.formats.hdf5 import read_hdf5
from bundler.formats.hdf5.weights_file import tensor_digest
from bundler.formats.keras_archive import CONFIG, METADATA, WEIGHTS, KerasArchive, open_keras_file
from bundler.formats.stored_arrays import Tensor

_KERAS = "keras"
#: Where Keras keeps the variables of the optimizer.
_OPTIMIZER = "optimizer/"


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadDifference:
    """What differs inside the payloads; see `Difference`."""

    config: tuple[ConfigChange, ...] = ()
    metadata: tuple[FieldChange, ...] = ()
    tensors: TensorDifference | None = None
    optimizer: TensorDifference | None = None
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Opened:
    """One ``.keras`` file while it is compared; `word` says which."""

    word: str
    archive: KerasArchive

    @property
    def notes(self) -> tuple[str, ...]:
        """Return why nothing in it is compared."""
        refused = archive_findings(self.archive) if self.archive.problems else []
        return tuple(
            f"model: not compared, the .keras file of the {self.word} bundle is refused: {finding.rule.title}"
            for finding in refused[:1]
        )

    def size(self, name: str) -> int:
        return self.archive.members[name].size

    def digest(self, name: str) -> tuple[int, str]:
        """Return size and SHA-256 of a file in it."""
        digest = hashlib.sha256()
        with self.archive.open(name) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        return self.size(name), digest.hexdigest()


def payload_difference(before: BundleReader, after: BundleReader, progress: Progress | None) -> PayloadDifference:
    """Compare the models, where both are ``.keras`` files; their members must have been verified.

    Raises:
        InvalidBundle: as `BundleReader.open_member`.
        OSError: there is no room for a file that must be unpacked.
    """
    old, new = before.manifest.payload, after.manifest.payload
    if old.kind != _KERAS or new.kind != _KERAS:
        note = "weights and config: not compared; those of a SavedModel are compared by the digests of its files alone"
        return PayloadDifference(notes=(note,))
    members = [{member.name: member for member in reader.manifest.members} for reader in (before, after)]
    if members[0][old.member].sha256 == members[1][new.member].sha256:
        return PayloadDifference()
    with _opened(before, "first") as a, _opened(after, "second") as b:
        if a.archive.problems or b.archive.problems:
            return PayloadDifference(notes=(*a.notes, *b.notes))
        return _compared(a, b, progress)


@contextlib.contextmanager
def _opened(reader: BundleReader, word: str) -> Iterator[_Opened]:
    name = reader.manifest.payload.member
    with reader.open_member(name) as file:
        yield _Opened(word, open_keras_file(file, file.seek(0, os.SEEK_END)))


def _compared(a: _Opened, b: _Opened, progress: Progress | None) -> PayloadDifference:
    notes: list[str] = []
    by_digest = set(a.archive.members) | set(b.archive.members)
    configs = _parsed(a, b, CONFIG, notes)
    config: list[ConfigChange] = []
    renamed: dict[str, str] = {}
    if configs is not None:
        by_digest.discard(CONFIG)
        config, renamed = config_changes(*configs)
    metadata: tuple[FieldChange, ...] = ()
    told = _parsed(a, b, METADATA, notes)
    if told is not None and all(isinstance(value, dict) for value in told):
        by_digest.discard(METADATA)
        metadata = tuple(field_changes(*told))
    weights = _weights(a, b, configs or (None, None), notes, progress)
    tensors = optimizer = None
    if weights is not None:
        by_digest.discard(WEIGHTS)
        weights = (renamed_layers(weights[0], renamed), weights[1])
        tensors, optimizer = (
            tensor_difference(
                *([item for item in side if item.path.startswith(_OPTIMIZER) == wanted] for side in weights)
            )
            for wanted in (False, True)
        )
    olds, news = ({name: side.digest(name) for name in side.archive.members if name in by_digest} for side in (a, b))
    return PayloadDifference(
        config=tuple(config),
        metadata=metadata,
        tensors=tensors,
        optimizer=optimizer,
        files=tuple(file_changes(olds, news)),
        notes=tuple(notes),
    )


def _parsed(a: _Opened, b: _Opened, name: str, notes: list[str]) -> tuple[Any, Any] | None:
    values = []
    for side in (a, b):
        try:
            values.append(parse_config(side.archive.read(name, bounds.CONFIG), name))
        except InvalidBundle as error:
            notes.append(f"{name}: not compared, that of the {side.word} bundle cannot be read: {error.message}")
    return (values[0], values[1]) if len(values) == 2 else None


def _weights(
    a: _Opened, b: _Opened, configs: tuple[Any, Any], notes: list[str], progress: Progress | None
) -> tuple[list[ComparedWeight], list[ComparedWeight]] | None:
    """Return the arrays of both files with their digests; `None` where one of the files cannot be read in full."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(side.archive.open(WEIGHTS)) for side in (a, b)]
        read = [read_hdf5(file, side.size(WEIGHTS)) for side, file in zip((a, b), files, strict=True)]
        found = [weights_findings(item, member=WEIGHTS, inside="") for item in read]
        # Of such a file only a part could be read, and a part must not pass for all.
        notes += [
            f"weights: not compared one by one, the file of the {side.word} bundle is refused: {wrong[0].rule.title}"
            for side, wrong in zip((a, b), found, strict=True)
            if wrong
        ]
        if any(found):
            return None
        tensors = [item.tensors for item in read]
        meter = Meter(progress, "comparing weights", sum(item.stored for items in tensors for item in items))
        before, after = (
            [weight(item.path, item.dtype, item.shape, _digest(file, item, meter), names) for item in items]
            for file, items, names in zip(files, tensors, map(layer_names, configs), strict=True)
        )
    return before, after


def _digest(file: BinaryIO, tensor: Tensor, meter: Meter) -> str:
    digest = tensor_digest(file, tensor)
    meter.add(tensor.stored)
    return digest
