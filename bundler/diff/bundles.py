"""`diff_bundles`: two bundles, everything that differs between them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import BinaryIO, TypeVar

from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader, open_bundle
from bundler.diff import bounds
from bundler.diff.change import Difference, Side
from bundler.diff.manifest_values import statement_changes
from bundler.diff.model_file_changes import payload_difference
from bundler.diff.module_changes import module_changes
from bundler.diff.object_changes import object_changes
from bundler.diff.other_files import data_files, file_changes, other_members
from bundler.diff.requirement_changes import lock_changes

T = TypeVar("T")


def diff_bundles(
    before: str | os.PathLike[str] | BinaryIO,
    after: str | os.PathLike[str] | BinaryIO,
    *,
    progress: Progress | None = None,
) -> Difference:
    """Return what changed from one bundle to another; nothing of either is run, imported or unpacked.

    Every byte of both is checked against its digest first. Then source is compared line by line, the config layer by
    layer, the weights of a ``.keras`` payload array by array, all else by digest. Memory does not grow with the
    weights. What cannot be compared, or is beyond a bound of `bundler.diff.bounds`, is named in ``notes``.

    Args:
        before: a path, or a binary file object that can seek.
        after: another.
        progress: called with (what is done, bytes done, bytes in total).

    Returns:
        What differs, in sections; empty where nothing does.

    Raises:
        InvalidBundle: one of them is not a bundle, or its bytes are not those that its manifest lists.
        MissingDependency: a compressed member needs a decoder that is not installed.
        OSError: there is no room for a file that must be unpacked to be read.
        TypeError: an argument is neither a path nor a binary file object.

    Example:
        >>> found = bundler.diff_bundles("model.kbundle", "retrained.kbundle")
        >>> found.same, found.modules
        (False, ())
    """
    with open_bundle(before) as a, open_bundle(after) as b:
        for reader in (a, b):
            reader.verify(progress)
        return _difference(a, b, progress)


def _difference(a: BundleReader, b: BundleReader, progress: Progress | None) -> Difference:
    old, new = a.manifest, b.manifest
    notes: list[str] = []
    members = file_changes(other_members(a), other_members(b))
    sides = Difference(before=_side(a), after=_side(b), same=False)
    if a.digest == b.digest:
        # The same manifest, and what it lists was verified: only signatures lie outside of it.
        return dataclasses.replace(sides, same=not members, members=tuple(members))
    payload = payload_difference(a, b, progress)
    lock, lock_notes = lock_changes(a, b)
    notes += [*payload.notes, *lock_notes]
    return dataclasses.replace(
        sides,
        modules=_bounded("modules", module_changes(a, b), notes),
        config=_bounded("config", payload.config, notes),
        objects=_bounded("objects", object_changes(old.objects, new.objects), notes),
        lock=_bounded("lock", lock, notes),
        tensors=payload.tensors,
        optimizer=payload.optimizer,
        metadata=_bounded("metadata", payload.metadata, notes),
        payload_files=_bounded("payload files", payload.files, notes),
        data=_bounded("data", file_changes(data_files(a), data_files(b)), notes),
        members=_bounded("members", members, notes),
        statement=_bounded("manifest", statement_changes(old, new), notes),
        notes=tuple(notes),
    )


def _side(reader: BundleReader) -> Side:
    return Side(path=str(reader.path or "(file object)"), size=reader.size, digest=reader.digest)


def _bounded(section: str, changes: Sequence[T], notes: list[str]) -> tuple[T, ...]:
    """Return no more changes than the bound, and note that there are more."""
    if len(changes) > bounds.CHANGES:
        notes.append(f"{section}: there are more than the {bounds.CHANGES} changes that are told")
    return tuple(changes[: bounds.CHANGES])
