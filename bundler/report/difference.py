"""What changed between two bundles, as text for a terminal and as JSON from the same facts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bundler.diff import change
from bundler.report.terminal_text import shown, size_text, table

#: Rows of one section that are printed; JSON and HTML have more.
_ROWS = 200
#: Distributions whose versions the summary names.
_NAMED = ("keras", "tensorflow")


def as_json(difference: change.Difference) -> dict[str, Any]:
    """Return the difference as a JSON value; `schema/diff.schema.json` describes it."""
    return {
        "summary": list(summary(difference)),
        **dataclasses.asdict(difference),
    }


def as_text(difference: change.Difference, *, stat: bool = False) -> str:
    """Return the difference as lines: the summary first, then a section for each kind of thing.

    Args:
        difference: of two bundles.
        stat: leave out the lines of source and the values.
    """
    before, after = difference.before, difference.after
    lines = [
        *table([("-", before.path, size_text(before.size), before.digest)]),
        *table([("+", after.path, size_text(after.size), after.digest)]),
        f"  {shown('; '.join(summary(difference)), 2_000)}",
    ]
    sections = [
        _modules(difference.modules, stat=stat),
        _config(difference.config, stat=stat),
        _objects(difference, stat=stat),
        _lock(difference.lock, stat=stat),
        _tensors("Weights", difference.tensors, stat=stat),
        _tensors("Optimizer", difference.optimizer, stat=stat),
        _fields("Metadata of the model", difference.metadata, stat=stat),
        _files("Files in the model", difference.payload_files),
        _files("Data files", difference.data),
        _files("Other members", difference.members),
        _fields("Manifest", difference.statement, stat=stat),
        [f"Not compared: {len(difference.notes)}", *(f"  {shown(note)}" for note in difference.notes)]
        if difference.notes
        else [],
    ]
    return "\n\n".join("\n".join(section) for section in [lines, *sections] if section) + "\n"


def summary(difference: change.Difference) -> tuple[str, ...]:
    """Return what changed in a few phrases; they may hold a stranger's strings."""
    if difference.same:
        return ("no difference: every byte that their manifests list is the same",)
    if difference.before.digest == difference.after.digest:
        return (f"the same bundle; {_plural(len(difference.members), 'signature')} beside it differ",)
    phrases = [
        counted(difference.modules, "module"),
        counted(difference.config, "value of the config", "values of the config"),
        counted(difference.objects, "custom object"),
        tensors_changed(difference.tensors, "weight"),
        tensors_changed(difference.optimizer, "variable of the optimizer", "variables of the optimizer"),
        *_versions(difference.lock),
        counted(difference.payload_files, "file in the model", "files in the model"),
        counted(difference.data, "data file"),
    ]
    told = [phrase for phrase in phrases if phrase]
    if not told:
        told = ["neither source, config, requirements nor weights"]
        told += [f"{len(difference.statement)} other statements of the manifest"] if difference.statement else []
    return (*told, *((f"{len(difference.notes)} not compared",) if difference.notes else ()))


def _versions(lock: Sequence[change.LockChange]) -> list[str]:
    direct = (item for item in lock if item.kind == change.VERSION and item.role == "direct")
    named = [item for item in direct if item.name.startswith(_NAMED)]
    phrases = [f"{item.name} {item.before} -> {item.after}" for item in named[:4]]
    alarming = sum(item.kind == change.HASHES for item in lock)
    if alarming:
        phrases.append(f"{_plural(alarming, 'distribution')} with another hash for the same file")
    rest = len(lock) - len(phrases) + bool(alarming) - alarming
    if rest > 0:
        phrases.append(f"{rest} {'other ' if phrases else ''}{'requirement' if rest == 1 else 'requirements'} changed")
    return phrases


def counted(changes: Sequence[Any], one: str, many: str = "") -> str:
    """Return "3 modules changed, 1 added" for these changes, or nothing."""
    if not changes:
        return ""
    kinds = Counter(change.CHANGED if item.kind in (change.VERSION, change.HASHES) else item.kind for item in changes)
    order = sorted(kinds, key=lambda kind: (kind != change.CHANGED, kind))
    first, *others = order
    phrase = f"{_plural(kinds[first], one, many)} {first}"
    return ", ".join([phrase, *(f"{kinds[kind]} {kind}" for kind in others)])


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"


_SIGNS = {change.ADDED: "+", change.REMOVED: "-", change.RENAMED: ">", "moved": ">", change.REORDERED: "~"}


def sign(kind: str) -> str:
    """Return the character that stands for a kind of change in front of a line."""
    return _SIGNS.get(kind, "*")


def _modules(changes: Sequence[change.ModuleChange], *, stat: bool) -> list[str]:
    if not changes:
        return []
    rows = [
        (sign(item.kind), module_name(item), line_counts(item), _and_note(item.note, len(item.fields)))
        for item in changes
    ]
    lines = [f"Source: {counted(changes, 'module')}", *_some(rows)]
    if stat:
        return lines
    for item in changes:
        if item.hunks or item.fields:
            lines += ["", f"  {sign(item.kind)} {shown(module_name(item))}"]
            lines += [f"    {line}" for line in _field_lines(item.fields)]
        for hunk in item.hunks:
            lines.append(f"    @@ -{hunk.before_start},{hunk.before_count} +{hunk.after_start},{hunk.after_count} @@")
            lines += [f"    {shown(line, 1_200)}" for line in hunk.lines]
        if item.hunks and item.note:
            lines.append(f"    ({shown(item.note)})")
    return lines


def module_name(item: change.ModuleChange) -> str:
    """Return the name of a module, with the one before where it was renamed."""
    return item.name if item.before_name is None else f"{item.before_name} -> {item.name}"


def line_counts(item: change.ModuleChange) -> str:
    """Return how many lines came and went, or nothing where that was not counted."""
    if item.lines_added is None or item.lines_removed is None:
        return ""
    return f"+{item.lines_added} -{item.lines_removed}"


def _and_note(note: str, fields: int) -> str:
    return "; ".join(filter(None, [note, f"{_plural(fields, 'statement')} about it changed" if fields else ""]))


def _config(changes: Sequence[change.ConfigChange], *, stat: bool) -> list[str]:
    if not changes:
        return []
    heading = f"Config: {counted(changes, 'value')}"
    if stat:
        layers = Counter(item.layer or "(the model itself)" for item in changes)
        return [heading, *_some([(name, _plural(count, "value")) for name, count in layers.items()])]
    lines = [heading]
    for item in changes[:_ROWS]:
        where = f"{item.layer}: {item.pointer}" if item.layer else item.pointer
        lines.append(f"  {sign(item.kind)} {shown(where)}{'' if item.kind == change.CHANGED else f' ({item.kind})'}")
        lines += _values(item.before, item.after, indent="      ")
    return [*lines, *_more(len(changes))]


def _values(before: str | None, after: str | None, *, indent: str) -> list[str]:
    """Return the value before and after; in one line where both are short."""
    if before is not None and after is not None and len(before) + len(after) < 80:
        return [f"{indent}{shown(before)} -> {shown(after)}"]
    found = [(character, text) for character, text in (("-", before), ("+", after)) if text is not None]
    return [f"{indent}{character} {shown(text)}" for character, text in found]


def _objects(difference: change.Difference, *, stat: bool) -> list[str]:
    if not difference.objects:
        return []
    lines = [f"Custom objects: {counted(difference.objects, 'object')}"]
    for item in difference.objects[:_ROWS]:
        lines.append(f"  {sign(item.kind)} {shown(f'{item.module}.{item.qualname}')} ({shown(item.object_kind)})")
        if not stat:
            lines += [f"      {line}" for line in _field_lines(item.fields)]
    return [*lines, *_more(len(difference.objects))]


def _lock(changes: Sequence[change.LockChange], *, stat: bool) -> list[str]:
    if not changes:
        return []
    lines = [f"Requirements: {counted(changes, 'distribution')}"]
    for item in changes[:_ROWS]:
        version = " -> ".join(dict.fromkeys(text for text in (item.before, item.after) if text is not None))
        alarm = "  ! another hash for the same file of the same version" if item.kind == change.HASHES else ""
        lines.append(f"  {sign(item.kind)} {shown(f'{item.name} {version}')} ({item.role}){alarm}")
        if not stat:
            lines += [f"      {line}" for line in _field_lines(item.fields)]
    return [*lines, *_more(len(changes))]


def tensors_changed(tensors: change.TensorDifference | None, one: str, many: str = "") -> str:
    """Return "4 of 7 weights", or nothing where none changed."""
    if tensors is None or not tensors.changes:
        return ""
    return f"{len(tensors.changes)} of {_plural(max(tensors.before, tensors.after), one, many)}"


def _tensors(title: str, tensors: change.TensorDifference | None, *, stat: bool) -> list[str]:
    if tensors is None or not tensors.changes:
        return []
    lines = [
        f"{title}: {tensors_changed(tensors, 'tensor')} changed, {tensors.same} the same",
        *_some([(item.layer, f"{item.changed} of {item.tensors}") for item in tensors.layers]),
    ]
    if stat:
        return lines
    return [*lines, "", *_some([_tensor(item) for item in tensors.changes])]


def _tensor(item: change.TensorChange) -> tuple[str, str, str, str]:
    form = " -> ".join(dict.fromkeys(text for text in (item.before, item.after) if text is not None))
    path = item.path if item.before_path is None else f"{item.before_path} -> {item.path}"
    return sign(item.kind), path, form, item.kind


def _files(title: str, changes: Sequence[change.FileChange]) -> list[str]:
    if not changes:
        return []
    rows = [
        (
            sign(item.kind),
            item.name,
            _both(item.before_size, item.after_size, size_text),
            _both(item.before_sha256, item.after_sha256, lambda digest: digest[:12]),
        )
        for item in changes
    ]
    return [f"{title}: {counted(changes, 'file')} (name, size, sha256)", *_some(rows)]


def _both(before: Any, after: Any, text: Any) -> str:
    return " -> ".join(dict.fromkeys(text(value) for value in (before, after) if value is not None))


def _fields(title: str, changes: Sequence[change.FieldChange], *, stat: bool) -> list[str]:
    if not changes:
        return []
    heading = f"{title}: {counted(changes, 'value')}"
    if stat:
        return [heading, *_some([(sign(item.kind), item.path) for item in changes])]
    return [heading, *(f"  {line}" for line in _field_lines(changes[:_ROWS])), *_more(len(changes))]


def _field_lines(changes: Iterable[change.FieldChange]) -> list[str]:
    lines = []
    for item in changes:
        values = _values(item.before, item.after, indent="    ")
        if len(values) == 1:
            values[0] = values[0].strip()
            lines.append(f"{sign(item.kind)} {shown(item.path)}: {values[0].removeprefix('+ ').removeprefix('- ')}")
        else:
            lines += [f"{sign(item.kind)} {shown(item.path)}", *values]
    return lines


def _some(rows: Sequence[Sequence[object]]) -> list[str]:
    return [*table(rows[:_ROWS]), *_more(len(rows))]


def _more(count: int) -> list[str]:
    return [f"  and {count - _ROWS} more; --json tells all of them"] if count > _ROWS else []
