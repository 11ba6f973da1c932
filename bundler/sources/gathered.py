"""The functions that live objects are, hold or wrap, as decorators and Keras leave them.

No code of the author's is asked: attributes are read past every `__getattr__` and property.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from bundler.sources.extract.namespace_texts import captured_by

#: Where wrappers keep what they wrap, beside the cells of a closure.
_INSIDE = (
    *("__wrapped__", "__func__", "func", "fget", "fset", "fdel"),
    *("python_function", "_python_function", "__original_wrapped__"),
)
_DEEPEST = 5


@dataclass(kw_only=True)
class Gathered:
    """What was met, each once by its id; it is kept alive, so that no id comes twice.

    `tops` are the top-level packages whose classes are looked into.
    """

    tops: Collection[str]
    functions: dict[int, types.FunctionType] = field(default_factory=dict)
    classes: dict[int, type] = field(default_factory=dict)
    others: dict[int, Any] = field(default_factory=dict)


def gather(value: Any, found: Gathered, depth: int = 0) -> None:
    """Add the functions that `value` is, has as a class, or wraps."""
    if depth > _DEEPEST:
        return
    if isinstance(value, type):
        if id(value) not in found.classes and str(value.__module__).partition(".")[0] in found.tops:
            found.classes[id(value)] = value
            for inner in list(vars(value).values()):
                gather(inner, found)
    elif isinstance(value, types.FunctionType):
        if id(value) not in found.functions:
            found.functions[id(value)] = value
            _gather_all([*captured_by(value).values(), *(vars(value).get(name) for name in _INSIDE)], found, depth)
    elif id(value) not in found.others and (callable(value) or hasattr(type(value), "__get__")):
        found.others[id(value)] = value
        _gather_all(_inside(value), found, depth)


def _gather_all(values: Any, found: Gathered, depth: int) -> None:
    for inner in values:
        if not isinstance(inner, type):
            gather(inner, found, depth + 1)


def _inside(value: Any) -> Iterator[Any]:
    for name in _INSIDE:
        try:
            inner = inspect.getattr_static(value, name, None)
            if isinstance(inner, types.MemberDescriptorType | types.GetSetDescriptorType):
                inner = inner.__get__(value)
        except Exception:  # noqa: BLE001, S112 - objects that break the rules of attributes hold nothing for us
            continue
        yield inner
