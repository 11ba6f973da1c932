"""What functions read of an object that they captured, where that is a few attributes and nothing else.

A lambda in a method captures ``self``: the agent, with its memory and its models, for one number in it. What reads
attributes alone cannot tell the object from another one that has them.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterable
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from bundler.sources.extract.namespace_texts import captured_by


def with_read_attributes(value: Any, readers: Iterable[FunctionType]) -> SimpleNamespace | None:
    """Return an object with what `readers` read of `value`, which they captured; `None` where they need more of it.

    Args:
        value: an object of an author's class.
        readers: all functions that may have captured it.
    """
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or isinstance(value, type | ModuleType | FunctionType | SimpleNamespace):
        return None
    names: set[str] = set()
    for function in readers:
        for captured, item in captured_by(function).items():
            if item is value and not _note_reads(function.__code__, captured, names):
                return None
    if not names or any(name not in attributes or _is_overridden(type(value), name) for name in names):
        return None
    return SimpleNamespace(**{name: attributes[name] for name in sorted(names)})


def _note_reads(code: CodeType, captured: str, names: set[str]) -> bool:
    """Add the attributes that `code` reads of the variable `captured`; say whether that is all it does with it."""
    steps = list(dis.get_instructions(code))
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.argval != captured or ("DEREF" not in step.opname and "CLASSDEREF" not in step.opname):
            continue
        if not step.opname.startswith("LOAD") or following is None or following.opname != "LOAD_ATTR":
            return False
        names.add(str(following.argval))
    return all(
        _note_reads(inner, captured, names)
        for inner in code.co_consts
        if isinstance(inner, CodeType) and captured in inner.co_freevars
    )


def _is_overridden(cls: type, name: str) -> bool:
    """Say whether reading `name` runs code of the class."""
    hook = inspect.getattr_static(cls, "__getattribute__")
    is_hooked = hook is not inspect.getattr_static(object, "__getattribute__")
    return is_hooked or hasattr(type(inspect.getattr_static(cls, name, None)), "__get__")
