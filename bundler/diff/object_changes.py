"""The custom objects of two bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bundler.diff.change import ADDED, CHANGED, MOVED, REMOVED, FieldChange, ObjectChange
from bundler.diff.manifest_values import field_changes
from bundler.manifest import CustomObject
from bundler.manifest.codec import to_json

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
