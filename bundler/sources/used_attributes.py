"""Which attributes of an object a method of it may use, read from code objects and never by running anything."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Collection, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from bundler.sources.extract.namespace_texts import captured_by, nested
from bundler.sources.live_objects import is_framework


def names_used(cls: type, functions: Iterable[Any], known: Collection[str] = ()) -> frozenset[str]:
    """Return every name and text in `functions`, and in the author's functions and methods that they may call.

    More than what is used; an attribute whose name is not among them is used by nothing that was found. `known` are
    names that something else uses of the object, such as methods that it calls.
    """
    names: set[str] = set(known)
    seen: set[int] = set()
    stack: list[Any] = [*functions, *(item for name in known for item in _methods(cls, name))]
    while stack:
        current = _plain(stack.pop())
        if current is None or id(current) in seen or is_framework(current.__globals__.get("__name__")):
            continue
        seen.add(id(current))
        found = set(_names(current.__code__))
        names |= found
        for name in found:
            stack += [*_methods(cls, name), current.__globals__.get(name)]
        stack += captured_by(current).values()
    return frozenset(names)


def stored_arguments(value: Any) -> dict[str, str] | None:
    """Return by argument of its constructor the attribute that `value` keeps it in, where that is all it does.

    A constructor that calls something may do anything, and is then `None`, as one that keeps an argument otherwise.
    """
    constructor = inspect.getattr_static(type(value), "__init__")
    if constructor is object.__init__:
        return {}
    if not isinstance(constructor, FunctionType) or any(
        "CALL" in item.opname for item in dis.get_instructions(constructor.__code__)
    ):
        return None
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if any(item.kind not in kinds for item in parameters):
        return None
    found = {item.name: name for item in parameters for name in (item.name, f"_{item.name}") if name in vars(value)}
    return found if len(found) == len(parameters) else None


def _methods(cls: type, name: str) -> Iterator[Any]:
    return (vars(base)[name] for base in cls.__mro__ if name in vars(base))


def _plain(value: Any) -> FunctionType | None:
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)
    wrapped = getattr(value, "__wrapped__", value)
    value = wrapped if isinstance(wrapped, FunctionType) else value
    return value if isinstance(value, FunctionType) else None


def _names(code: CodeType) -> Iterator[str]:
    for inner in nested(code):
        yield from inner.co_names
        yield from (constant for constant in inner.co_consts if isinstance(constant, str))
