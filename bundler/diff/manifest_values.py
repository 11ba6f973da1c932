"""What the manifest says otherwise, value by value, under the dotted paths that its errors have too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from bundler.diff import bounds
from bundler.diff.bounds import json_text
from bundler.diff.change import ADDED, REMOVED, FieldChange
from bundler.diff.json_changes import Pair, edits
from bundler.manifest import Manifest
from bundler.manifest.codec import to_json

#: What other sections tell: dotted paths of the manifest.
_TOLD_ELSEWHERE = (
    "members",
    "modules",
    "data",
    "objects",
    "requirements.distributions",
    "requirements.transitive",
    "requirements.packed",
    "requirements.wheels",
)
#: What names an adaptation, an import that nothing answered, and an input or output.
_IDENTITIES = (("kind", "module", "qualname"), ("module", "member", "line"), ("name",))


def statement_changes(before: Manifest, after: Manifest) -> list[FieldChange]:
    """Return what differs in the manifest beside modules, data, objects, requirements and members."""
    return list(itertools.islice(field_changes(_rest(before), _rest(after)), bounds.CHANGES + 1))


def field_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Yield what differs between two JSON objects."""
    for edit in edits(before, after, _identity):
        yield FieldChange(
            path=_dotted(edit.pair),
            kind=edit.kind,
            before=None if edit.kind == ADDED else json_text(edit.pair.before),
            after=None if edit.kind == REMOVED else json_text(edit.pair.after),
        )


def _dotted(pair: Pair) -> str:
    """Return a place as a dotted path, an item of a list with its name where it has one."""
    names = iter(pair.names)
    path = ""
    for step in pair.steps:
        if isinstance(step, str):
            path += ("." if path else "") + bounds.cut(step, bounds.LINE)
        else:
            name = next(names, None)
            path += f"[{step if name is None else bounds.cut(name, bounds.LINE)}]"
    return path


def _rest(manifest: Manifest) -> dict[str, Any]:
    value: dict[str, Any] = to_json(manifest)
    for path in _TOLD_ELSEWHERE:
        *above, last = path.split(".")
        holder = value
        for step in above:
            holder = holder[step]
        holder.pop(last, None)
    return value


def _identity(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    for keys in _IDENTITIES:
        if all(isinstance(item.get(key), str | int) for key in keys):
            return " ".join(str(item[key]) for key in keys)
    return None
