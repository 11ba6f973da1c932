"""Keras's ``config.json`` as a tree: find the nodes that name a class or a function, and address them.

A place is an RFC 6901 JSON pointer. A *node* is an object with ``class_name`` and ``config``, which is how Keras
writes every class and every function (``class_name: "function"``, the name in ``config``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

JSON = Any


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
    # Nineteen digits are no index, and int() of thousands is slow and refused.
    if isinstance(holder, list) and len(step) < 19 and step.isascii() and step.isdigit() and int(step) < len(holder):
        return holder[int(step)]
    raise KeyError(pointer)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
