"""What changed between two bundles as one HTML page, made as the page of an audit is (`bundler.report.page`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bundler.diff import change
from bundler.report.difference import counted, line_counts, module_name, sign, summary, tensors_changed
from bundler.report.page.html_page import document
from bundler.report.page.markup import Markup, folded, join, name, spelled, table, tag, words
from bundler.report.terminal_text import size_text

#: Rows of a table that is unfolded at first.
_OPEN = 100
#: Characters of a value and of a line of source that are shown.
_VALUE = 2_100
_LINE = 1_200
_OBJECT = ("change", "name", "kind", "statements")
_DISTRIBUTION = ("change", "name", "version", "role", "statements")
_FIELD = ("change", "place", "value")
_FILE = ("change", "name", "size", "sha256")

T = TypeVar("T")
Row = tuple[str | None, ...]


def as_html(difference: change.Difference) -> str:
    """Return the page."""
    title = "No difference" if difference.same else "What changed"
    header = tag(
        "header",
        tag("h1", title),
        _sides(difference.before, difference.after),
        tag("ul", *(tag("li", words(phrase, 400)) for phrase in summary(difference))),
        *(_note(note) for note in difference.notes),
    )
    sections = (
        _modules(difference.modules),
        _listed("Config", difference.config, "value", ("change", "layer", "place", "value"), _config),
        _listed("Custom objects", difference.objects, "object", _OBJECT, _object),
        _listed("Requirements", difference.lock, "distribution", _DISTRIBUTION, _distribution),
        _tensors("Weights", difference.tensors),
        _tensors("Optimizer", difference.optimizer),
        _listed("Metadata of the model", difference.metadata, "value", _FIELD, _field),
        _listed("Files in the model", difference.payload_files, "file", _FILE, _file),
        _listed("Data files", difference.data, "file", _FILE, _file),
        _listed("Other members", difference.members, "file", _FILE, _file),
        _listed("Manifest", difference.statement, "value", _FIELD, _field),
    )
    return document("kbundle diff", header, tag("main", *sections))


def _section(title: str, told: str, *body: Markup) -> Markup:
    return tag("section", tag("h2", f"{title} ", tag("small", told)), *body)


def _listed(
    title: str, changes: Sequence[T], one: str, headings: Sequence[str], row: Callable[[T], Row]
) -> Markup | None:
    if not changes:
        return None
    return _section(title, counted(changes, one), table(headings, [row(item) for item in changes], class_="changes"))


def _note(text: str) -> Markup:
    return tag("p", words(text), class_="rule consent")


def _sides(before: change.Side, after: change.Side) -> Markup:
    rows = [
        (word, _value(side.path), tag("span", size_text(side.size), class_="number"), _value(side.digest))
        for word, side in (("before", before), ("after", after))
    ]
    return table(("bundle", "file", "size", "digest"), rows)


def _value(text: str) -> Markup:
    return name(text, _VALUE)


def _values(before: str | None, after: str | None) -> Markup | None:
    if before == after:
        return None if before is None else _value(before)
    gone = None if before is None else tag("del", _value(before))
    come = None if after is None else tag("ins", _value(after))
    return join(gone, come, by=" → ")


def _modules(changes: Sequence[change.ModuleChange]) -> Markup | None:
    if not changes:
        return None
    return _section("Source", counted(changes, "module"), *map(_module, changes))


def _module(item: change.ModuleChange) -> Markup:
    title = join(item.kind, " ", _value(module_name(item)), " ", tag("small", line_counts(item)))
    note = _note(item.note) if item.note else None
    hunks = [line for hunk in item.hunks for line in _lines(hunk)]
    code = tag("div", tag("div", *hunks, class_="lines"), class_="code hunks") if hunks else None
    return folded(title, note, _facts(item.fields), code, opened=True)


def _lines(hunk: change.Hunk) -> list[Markup]:
    classes = {"+": "line add", "-": "line del", "\\": "line at"}
    place = f"@@ -{hunk.before_start},{hunk.before_count} +{hunk.after_start},{hunk.after_count} @@"
    return [
        tag("div", tag("code", place), class_="line at"),
        *(
            # Tabs are what Python indents with; everything else that is not seen is spelled out.
            tag("div", tag("code", spelled(line, _LINE, keep="\t")), class_=classes.get(line[:1], "line"))
            for line in hunk.lines
        ),
    ]


def _facts(changes: Sequence[change.FieldChange]) -> Markup | None:
    if not changes:
        return None
    items = [join(sign(item.kind), _value(item.path), _values(item.before, item.after), by=" ") for item in changes]
    return tag("ul", *(tag("li", item) for item in items))


def _config(item: change.ConfigChange) -> Row:
    return item.kind, _value(item.layer) if item.layer else None, _value(item.pointer), _values(item.before, item.after)


def _object(item: change.ObjectChange) -> Row:
    return item.kind, _value(f"{item.module}.{item.qualname}"), words(item.object_kind), _facts(item.fields)


def _distribution(item: change.LockChange) -> Row:
    kind = change.CHANGED if item.kind == change.HASHES else item.kind
    told = join(_alarm(item), _facts(item.fields)) or None
    return kind, _value(item.name), _values(item.before, item.after), words(item.role), told


def _alarm(item: change.LockChange) -> Markup | None:
    text = "another hash for the same file of the same version"
    return tag("p", text, class_="rule refused") if item.kind == change.HASHES else None


def _tensors(title: str, tensors: change.TensorDifference | None) -> Markup | None:
    if tensors is None or not tensors.changes:
        return None
    layers = [(_value(item.layer), f"{item.changed} of {item.tensors}") for item in tensors.layers]
    rows = [_tensor(item) for item in tensors.changes]
    return _section(
        title,
        f"{tensors_changed(tensors, 'tensor')} changed, {tensors.same} the same",
        table(("layer", "changed"), layers),
        # A long one hides what comes after it.
        folded(
            "each tensor",
            table(("change", "path", "type and shape"), rows, class_="changes"),
            opened=len(rows) <= _OPEN,
        ),
    )


def _tensor(item: change.TensorChange) -> Row:
    path = item.path if item.before_path is None else f"{item.before_path} -> {item.path}"
    return item.kind, _value(path), _values(item.before, item.after)


def _file(item: change.FileChange) -> Row:
    size = _values(_size(item.before_size), _size(item.after_size))
    return (
        item.kind,
        _value(item.name),
        tag("span", size, class_="number"),
        _values(item.before_sha256, item.after_sha256),
    )


def _size(size: int | None) -> str | None:
    return None if size is None else size_text(size)


def _field(item: change.FieldChange) -> Row:
    return item.kind, _value(item.path), _values(item.before, item.after)
