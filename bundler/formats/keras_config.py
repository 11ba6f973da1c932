"""Keras's ``config.json`` as a tree: find the nodes that name a class or a function, and address them.

A place is an RFC 6901 JSON pointer. A *node* is an object with ``class_name`` and ``config``, which is how Keras
writes every class and every function (``class_name: "function"``, the name in ``config``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bundler.formats.problem import Problem
from bundler.limits import LIMITS

JSON = Any

MALFORMED = "config.malformed"
TOO_DEEP = "config.too-deep"
#: Characters that the pointers to all values may have together: 60 for each value of the largest config.
_POINTERS = 1 << 28


def read_config(data: bytes) -> JSON | Problem:
    """Return the value of a ``config.json``, which is an object, or why it has none.

    Nothing is read with a value for which another reader would see another one.
    """
    if len(data) > LIMITS.keras_config or data.count(b",") + data.count(b"[") + data.count(b"{") > LIMITS.config_values:
        return Problem(MALFORMED, f"it is too large: {len(data)} bytes")
    try:
        config = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except RecursionError:
        return Problem(TOO_DEEP, "deeper than Python can read")
    except ValueError as error:
        return Problem(MALFORMED, f"it is not JSON: {error}"[:200])
    if not isinstance(config, dict):
        return Problem(MALFORMED, "it is not an object")
    too_deep = _too_deep(config)
    # What reads the config after this makes the same pointers.
    return config if too_deep is None else Problem(TOO_DEEP, too_deep)


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return made


def _too_deep(config: JSON) -> str | None:
    """Return what is too deep or too long about the places in a config; no pointer is made to find out."""
    level: list[tuple[JSON, int]] = [(config, 0)]
    total = 0
    for _ in range(LIMITS.config_depth):
        below: list[tuple[JSON, int]] = []
        for value, length in level:
            # Every character of a key may take two in a pointer, and an index has at most 7 digits.
            items = [(2 * len(key) + 1, item) for key, item in value.items()] if isinstance(value, dict) else ()
            items = [(8, item) for item in value] if isinstance(value, list) else items
            total += sum(length + more for more, _ in items)
            below += [(item, length + more) for more, item in items if isinstance(item, dict | list) and item]
        if total > _POINTERS:
            return "the keys on the way to its values are too long"
        if not below:
            return None
        level = below
    return f"more than {LIMITS.config_depth} levels"


def nodes(config: JSON) -> Iterator[tuple[str, dict[str, JSON]]]:
    """Yield (pointer, node) for every node, outer before inner, in document order."""
    for pointer, value in walk(config):
        if isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value:
            yield pointer, value


def walk(config: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield (pointer, value) for `config` and everything below it, in document order."""
    # A stack, not recursion: a config may nest deeper than Python's recursion limit. Pointers are made one at a time,
    # since a key of a megabyte with a thousand values below it would be a gigabyte of them.
    stack = [iter([("", config)])]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        yield entry
        pointer, value = entry
        if isinstance(value, dict):
            stack.append(_below(pointer, list(value.items())))
        elif isinstance(value, list):
            stack.append(_below(pointer, list(enumerate(value))))


def _below(pointer: str, items: Sequence[tuple[str | int, JSON]]) -> Iterator[tuple[str, JSON]]:
    for step, item in items:
        yield f"{pointer}/{_escape(step) if isinstance(step, str) else step}", item


def is_function(node: dict[str, JSON]) -> bool:
    """Say whether `node` names a plain function."""
    return node["class_name"] == "function" and isinstance(node["config"], str)


def lookup_key(node: dict[str, JSON]) -> str:
    """Return the key by which Keras looks up the object of `node`."""
    if is_function(node):
        return str(node["config"])
    return str(node.get("registered_name") or node["class_name"])


def is_builtin_class(node: dict[str, JSON]) -> bool:
    """Say whether `node` is a class that Keras itself defines, or one of its ``__tensor__``-like literals."""
    module = node.get("module")
    name = str(node["class_name"])
    if name.startswith("__") and name.endswith("__"):
        return True
    return isinstance(module, str) and (module == "keras" or module.startswith("keras."))


def get(config: JSON, pointer: str) -> JSON:
    """Return the value at `pointer`; raises `KeyError` where there is none."""
    value = config
    for step in _steps(pointer):
        value = _descend(value, step, pointer)
    return value


def replace(config: JSON, pointer: str, value: JSON) -> None:
    """Set the value at `pointer` in place; raises `KeyError` where there is no parent for it."""
    *parents, last = _steps(pointer)
    holder = config
    for step in parents:
        holder = _descend(holder, step, pointer)
    _descend(holder, last, pointer)
    holder[int(last) if isinstance(holder, list) else last] = value


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise KeyError(pointer)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _descend(holder: JSON, step: str, pointer: str) -> JSON:
    if isinstance(holder, dict) and step in holder:
        return holder[step]
    # Nineteen digits are not an index, and int() of thousands is slow and refused.
    if isinstance(holder, list) and len(step) < 19 and step.isascii() and step.isdigit() and int(step) < len(holder):
        return holder[int(step)]
    raise KeyError(pointer)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def snake_case(name: str) -> str:
    """Return what Keras makes of a class name (`keras.src.utils.naming.to_snake_case`)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
