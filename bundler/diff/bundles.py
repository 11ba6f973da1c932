"""`diff_bundles`: two bundles, everything that differs between them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, TypeVar

from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader, open_bundle
from bundler.diff import bounds
from bundler.diff.change import ADDED, CHANGED, MOVED, REMOVED, Difference, FieldChange, ObjectChange, Side
from bundler.diff.manifest_values import field_changes, statement_changes
from bundler.diff.model_file_changes import payload_difference
from bundler.diff.module_changes import module_changes
from bundler.diff.other_files import data_files, file_changes, other_members
from bundler.diff.requirement_changes import lock_changes
from bundler.manifest import CustomObject
from bundler.manifest.codec import to_json

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


Name = tuple[str, str]


def object_changes(before: Sequence[CustomObject], after: Sequence[CustomObject]) -> list[ObjectChange]:
    """Return what changed among the custom objects, in the order of their modules and names.

    A line number and a place in the config are not changes by themselves: they follow from the source and the config.
    """
    olds = {(item.module, item.qualname): item for item in before}
    news = {(item.module, item.qualname): item for item in after}
    gone = [item for name, item in olds.items() if name not in news]
    moved = dict(_moved(gone, [item for name, item in news.items() if name not in olds]))
    found = []
    for name, item in news.items():
        old = olds.get(name) or moved.get(name)
        if old is None:
            found.append(_told(item, ADDED))
        elif fields := tuple(field_changes(_facts(old), _facts(item))):
            found.append(_told(item, CHANGED if name in olds else MOVED, fields))
    kept = {(item.module, item.qualname) for item in moved.values()}
    found += [_told(item, REMOVED) for item in gone if (item.module, item.qualname) not in kept]
    return sorted(found, key=lambda change: (change.module, change.qualname))


def _moved(removed: Sequence[CustomObject], added: Sequence[CustomObject]) -> Iterator[tuple[Name, CustomObject]]:
    """Yield objects that have another place and are found under the same key as the same kind of thing."""
    waiting: dict[tuple[str, str], list[CustomObject]] = {}
    for item in removed:
        waiting.setdefault((item.kind, item.key), []).append(item)
    for item in added:
        if olds := waiting.get((item.kind, item.key)):
            yield (item.module, item.qualname), olds.pop(0)


def _told(item: CustomObject, kind: str, fields: tuple[FieldChange, ...] = ()) -> ObjectChange:
    return ObjectChange(module=item.module, qualname=item.qualname, kind=kind, object_kind=item.kind, fields=fields)


def _facts(item: CustomObject) -> dict[str, Any]:
    value: dict[str, Any] = to_json(item)
    value.pop("paths", None)
    if item.source is not None:
        value["source"] = {key: told for key, told in value["source"].items() if key != "line"}
    return value
