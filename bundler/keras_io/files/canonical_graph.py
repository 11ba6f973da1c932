"""One text for one graph (invariant I3): TensorFlow numbers the functions of a graph by process.

``__inference_serve_86`` is 99 where something else was traced before, and the library lists its functions in an
order of its own. Here they are numbered by base name, in the order in which they were made, and listed by name.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bundler.keras_io.native.python_calls import GRAPH, read_graph

_NUMBERED = re.compile(r"^(?P<base>.+)_(?P<number>\d+)$")


#: A SavedModel's random number; the manifest has every other fact in that file.
FINGERPRINT = "fingerprint.pb"


def write_saved_model(held: Any, directory: Path, signatures: Mapping[str, Any], options: Any = None) -> None:
    """Let TensorFlow save `held` to the folder `directory`; raises whatever TensorFlow raises."""
    with _without_notice():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.saved_model.save(held, os.fspath(directory), signatures=dict(signatures), options=options)


@contextlib.contextmanager
def _without_notice() -> Iterator[None]:
    """Keep TensorFlow from telling the user about a folder that is about to go ("Assets written to")."""

    def is_ours(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Assets written to")

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_ours)
    try:
        yield
    finally:
        logger.removeFilter(is_ours)


def canonicalise(directory: Path) -> None:
    """Rewrite the graph of the SavedModel in `directory` in place; what it computes stays the same."""
    (directory / FINGERPRINT).unlink(missing_ok=True)
    saved = read_graph(directory)
    for meta in saved.meta_graphs:
        library = meta.graph_def.library
        names = _new_names([function.signature.name for function in library.function])
        _rename(meta, names)
        for function in library.function:
            for holder in (*function.arg_attr.values(), *function.node_def):
                _drop_numbers(holder.attr)
        ordered = sorted(library.function, key=lambda function: str(function.signature.name))
        copies = [type(function)() for function in ordered]
        for copy, function in zip(copies, ordered, strict=True):
            copy.CopyFrom(function)
        del library.function[:]
        library.function.extend(copies)
    (directory / GRAPH).write_bytes(saved.SerializeToString(deterministic=True))


def _drop_numbers(attributes: Any) -> None:
    """Drop notes on where a node came from that are numbers of this process: a captured tensor's id, a gradient's."""
    for name in [name for name in ("_user_specified_name", "_gradient_op_type") if name in attributes]:
        text = attributes[name].s
        if text.isdigit() or text.startswith(b"PartitionedCall-"):
            del attributes[name]


def _new_names(names: list[str]) -> dict[str, str]:
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        matched = _NUMBERED.match(name)
        if matched:
            numbered.setdefault(matched["base"], []).append((int(matched["number"]), name))
    renamed = {
        name: f"{base}_{index}"
        for base, found in sorted(numbered.items())
        for index, (_, name) in enumerate(sorted(found), 1)
    }
    kept = set(names) - set(renamed)
    return renamed if not kept & set(renamed.values()) else {}


def _rename(message: Any, names: Mapping[str, str]) -> None:
    """Replace, anywhere below the protocol buffer `message`, the strings in `names`; map keys too."""
    for field, value in list(message.ListFields()):
        is_map = bool(field.message_type and field.message_type.GetOptions().map_entry)
        if is_map:
            _rename_map(value, field, names)
        elif field.message_type is not None:
            for item in value if _is_repeated(field) else (value,):
                _rename(item, names)
        elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
            if _is_repeated(field):
                value[:] = [_renamed(item, names) for item in value]
            else:
                setattr(message, field.name, _renamed(value, names))


def _rename_map(entries: Any, field: Any, names: Mapping[str, str]) -> None:
    holds_messages = field.message_type.fields_by_name["value"].message_type is not None
    for key in list(entries):
        if holds_messages:
            _rename(entries[key], names)
        elif isinstance(entries[key], str | bytes):
            entries[key] = _renamed(entries[key], names)
        new = _renamed(key, names) if isinstance(key, str) else key
        if new == key:
            continue
        # Old and new names overlap (serve_2 may become serve_1), so the new ones wait under a name of their own.
        if holds_messages:
            entries[f"\0{new}"].CopyFrom(entries[key])
        else:
            entries[f"\0{new}"] = entries[key]
        del entries[key]
    for key in [key for key in entries if isinstance(key, str) and key.startswith("\0")]:
        if holds_messages:
            entries[key[1:]].CopyFrom(entries[key])
        else:
            entries[key[1:]] = entries[key]
        del entries[key]


def _is_repeated(field: Any) -> bool:
    # `label` is on its way out of protobuf, `is_repeated` is new in it.
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if repeated is None else repeated)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, bytes):
        # An attribute of a node that holds text: only whole names are replaced.
        found = names.get(value.decode("utf-8", "surrogateescape"))
        return value if found is None else found.encode()
    return names.get(value, value)
