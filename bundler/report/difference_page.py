"""What changed between two bundles as one HTML page: no network, no script, everything of a bundle escaped."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence

from bundler.diff.change import (
    CHANGED,
    HASHES,
    ConfigChange,
    Difference,
    FieldChange,
    FileChange,
    Hunk,
    LockChange,
    ModuleChange,
    ObjectChange,
    Side,
    TensorDifference,
)
from bundler.report.difference import counted, line_counts, module_name, sign, summary, tensors_changed
from bundler.report.terminal_text import shown, size_text

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --add: #2da44e33; --del: #cf222e33; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h2 small { font-weight: normal; opacity: .75; }
code, .hunk, td { overflow-wrap: anywhere; }
code, .hunk { font: .85rem/1.45 ui-monospace, monospace; direction: ltr; unicode-bidi: bidi-override; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-top: 1px solid var(--line); }
td { min-width: 4rem; } .wide { min-width: 15rem; }
.kinds td:first-child { min-width: 0; white-space: nowrap; overflow-wrap: normal; }
th { font-weight: normal; opacity: .75; border-top: 0; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; }
summary { padding: .4rem .7rem; cursor: pointer; background: var(--soft); }
.hunk { margin: 0; border-top: 1px solid var(--line); white-space: pre-wrap; }
.hunk span { display: block; padding: 0 .7rem 0 1.9rem; text-indent: -1.2rem; min-height: 1.45em; }
.add, ins { background: var(--add); } .del, del { background: var(--del); }
.at { background: var(--soft); opacity: .75; }
ins, del { text-decoration: none; }
.note, .alarm { border-left: .25rem solid #bf8700; padding: .1rem .7rem; margin: .4rem 0; }
.alarm { border-color: #cf222e; }
ul.facts { list-style: none; padding: .2rem .7rem; margin: 0; }
@media (max-width: 45rem) {
  thead { display: none; } td { display: block; border: 0; padding: .1rem 0; } .wide { min-width: 0; }
  tr { display: block; border-top: 1px solid var(--line); padding: .3rem 0; }
}
@media print { body { max-width: none; padding: 0; } details { break-inside: auto; } summary { break-after: avoid; } }
"""
#: Rows of a table that is unfolded at first.
_OPEN = 100
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing is loaded and nothing runs, even where an escape were missing.
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def as_html(difference: Difference) -> str:
    """Return the page."""
    before, after = difference.before, difference.after
    body = [
        f"<h1>{_text('No difference' if difference.same else 'What changed')}</h1>",
        _sides(before, after),
        "<ul>",
        *(f"<li>{_text(phrase)}</li>" for phrase in summary(difference)),
        "</ul>",
        *(f'<p class="note">{_text(note, 2_000)}</p>' for note in difference.notes),
        *_modules(difference.modules),
        *_config(difference.config),
        *_objects(difference.objects),
        *_lock(difference.lock),
        *_tensors("Weights", difference.tensors),
        *_tensors("Optimizer", difference.optimizer),
        *_fields("Metadata of the model", difference.metadata),
        *_files("Files in the model", difference.payload_files),
        *_files("Data files", difference.data),
        *_files("Other members", difference.members),
        *_fields("Manifest", difference.statement),
    ]
    head = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        "<title>kbundle diff</title>",
        f"<style>{_STYLE}</style></head><body>",
    ]
    return "\n".join([*head, *body, "</body></html>", ""])


def _text(value: object, most: int = 400) -> str:
    """Return a stranger's text for the page: what cannot be seen is spelled out, what is markup is escaped."""
    return html.escape(shown(value, most))


def _code(value: object, most: int = 2_100) -> str:
    return f"<code>{_text(value, most)}</code>"


def _place(value: object) -> str:
    return f'<div class="wide">{_code(value)}</div>'


def _heading(title: str, told: str = "") -> str:
    return f"<h2>{_text(title)} <small>{_text(told)}</small></h2>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; the cells are HTML. A first column without a head holds one short word."""
    return [
        "<table>" if heads[0] else '<table class="kinds">',
        f"<thead><tr>{''.join(f'<th>{_text(head)}</th>' for head in heads)}</tr></thead><tbody>",
        *(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows),
        "</tbody></table>",
    ]


def _sides(before: Side, after: Side) -> str:
    rows = [
        (word, _code(side.path), _text(size_text(side.size)), _code(side.digest))
        for word, side in (("before", before), ("after", after))
    ]
    return "\n".join(_table(("", "file", "size", "digest"), rows))


def _values(before: str | None, after: str | None) -> str:
    if before == after:
        return "" if before is None else _code(before)
    parts = [f"<del>{_code(before)}</del>"] if before is not None else []
    parts += [f"<ins>{_code(after)}</ins>"] if after is not None else []
    return " → ".join(parts)


def _modules(changes: Sequence[ModuleChange]) -> list[str]:
    if not changes:
        return []
    lines = [_heading("Source", counted(changes, "module"))]
    for item in changes:
        title = f"{_text(item.kind)} {_code(module_name(item))} {_text(line_counts(item))}"
        lines.append(f"<details open><summary>{title}</summary>")
        lines += [f'<p class="note">{_text(item.note)}</p>'] if item.note else []
        lines += _facts(item.fields)
        lines += [_hunk(hunk) for hunk in item.hunks]
        lines.append("</details>")
    return lines


def _hunk(hunk: Hunk) -> str:
    classes = {"+": ' class="add"', "-": ' class="del"', "\\": ' class="at"'}
    place = f"@@ -{hunk.before_start},{hunk.before_count} +{hunk.after_start},{hunk.after_count} @@"
    lines = [f'<span class="at">{place}</span>']
    lines += [f"<span{classes.get(line[:1], '')}>{_text(line, 1_200)}</span>" for line in hunk.lines]
    return f'<div class="hunk">{"".join(lines)}</div>'


def _facts(changes: Sequence[FieldChange]) -> list[str]:
    if not changes:
        return []
    items = [f"<li>{sign(item.kind)} {_code(item.path)} {_values(item.before, item.after)}</li>" for item in changes]
    return ['<ul class="facts">', *items, "</ul>"]


def _config(changes: Sequence[ConfigChange]) -> list[str]:
    if not changes:
        return []
    rows = [
        (_text(item.kind), _code(item.layer), _place(item.pointer), _values(item.before, item.after))
        for item in changes
    ]
    return [_heading("Config", counted(changes, "value")), *_table(("", "layer", "place", "value"), rows)]


def _objects(changes: Sequence[ObjectChange]) -> list[str]:
    if not changes:
        return []
    rows = [
        (
            _text(item.kind),
            _place(f"{item.module}.{item.qualname}"),
            _text(item.object_kind),
            "".join(_facts(item.fields)),
        )
        for item in changes
    ]
    return [_heading("Custom objects", counted(changes, "object")), *_table(("", "name", "kind", ""), rows)]


def _lock(changes: Sequence[LockChange]) -> list[str]:
    if not changes:
        return []
    rows = [
        (
            _text(CHANGED if item.kind == HASHES else item.kind),
            _code(item.name),
            _values(item.before, item.after),
            _text(item.role),
            _alarm(item) + "".join(_facts(item.fields)),
        )
        for item in changes
    ]
    return [
        _heading("Requirements", counted(changes, "distribution")),
        *_table(("", "name", "version", "role", ""), rows),
    ]


def _alarm(item: LockChange) -> str:
    text = "another hash for the same file of the same version"
    return f'<p class="alarm">{text}</p>' if item.kind == HASHES else ""


def _tensors(title: str, tensors: TensorDifference | None) -> list[str]:
    if tensors is None or not tensors.changes:
        return []
    layers = [(_code(item.layer), f"{item.changed} of {item.tensors}") for item in tensors.layers]
    rows = [
        (
            _text(item.kind),
            _place(item.path if item.before_path is None else f"{item.before_path} -> {item.path}"),
            _values(item.before, item.after),
        )
        for item in tensors.changes
    ]
    return [
        _heading(title, f"{tensors_changed(tensors, 'tensor')} changed, {tensors.same} the same"),
        *_table(("layer", "changed"), layers),
        # A closed one is not printed; a long one hides what comes after it.
        f"<details{' open' if len(rows) <= _OPEN else ''}><summary>each tensor</summary>",
        *_table(("", "path", "type and shape"), rows),
        "</details>",
    ]


def _files(title: str, changes: Sequence[FileChange]) -> list[str]:
    if not changes:
        return []
    rows = [
        (
            _text(item.kind),
            _code(item.name),
            _values(_size(item.before_size), _size(item.after_size)),
            _values(item.before_sha256, item.after_sha256),
        )
        for item in changes
    ]
    return [_heading(title, counted(changes, "file")), *_table(("", "name", "size", "sha256"), rows)]


def _size(size: int | None) -> str | None:
    return None if size is None else size_text(size)


def _fields(title: str, changes: Sequence[FieldChange]) -> list[str]:
    if not changes:
        return []
    rows = [(_text(item.kind), _place(item.path), _values(item.before, item.after)) for item in changes]
    return [_heading(title, counted(changes, "value")), *_table(("", "place", "value"), rows)]
