"""The little of TOML 1.0 that a lock needs, written; `tomllib` of the standard library reads it back."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

#: What a lock holds: strings, integers, booleans, dates with a time, lists and tables of them.
Value = str | int | bool | datetime.datetime | Sequence["Value"] | Mapping[str, "Value"]


def toml_text(table: Mapping[str, Value]) -> str:
    """Return the text of a document: plain values first, then lists of tables, each table of them with a heading.

    Tables inside these are written in one line.

    Raises:
        TypeError: a value is of a type that a lock does not have.
    """
    plain = {key: value for key, value in table.items() if not _is_tables(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if key in plain or not isinstance(value, Sequence):
            continue
        for item in value:
            assert isinstance(item, Mapping)  # noqa: S101 - for mypy; _is_tables has looked
            lines += ["", f"[[{_key(key)}]]", *(f"{_key(name)} = {_value(inner)}" for name, inner in item.items())]
    return "\n".join(lines) + "\n"


def _is_tables(value: Value) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return listed and bool(value) and all(isinstance(item, Mapping) for item in value)  # type: ignore[union-attr]


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return '"' + "".join(_character(char) for char in value) + '"'
        case datetime.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case Sequence():
            if len(value) > 1 and _is_tables(value):
                return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
            return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"a lock has no {type(value).__name__}")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _character(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    return f"\\u{ord(char):04x}" if ord(char) < 0x20 or ord(char) == 0x7F else char
