"""Objects of an author's class by their state: what is in their ``__dict__`` and slots, and what a base holds.

An object is made without its constructor, which might do anything, and gets its state. That is the whole object only
where its class leaves making, copying and pickling to Python.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Base classes whose content is a part of the state.
CONTAINERS: tuple[type, ...] = (dict, list, set)
#: Base classes that are the value, or of which the state lies elsewhere.
_NOT_STATES: tuple[type, ...] = (
    *(str, int, float, tuple, frozenset, bytes),
    *(BaseException, types.ModuleType, type),
)
#: Methods by which a class makes its objects in a way of its own.
_HOOKS = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__del__",
)
#: How the attributes start in which TensorFlow notes what an object holds.
_NOTES = ("_self_",)
_LIBRARY = ("builtins", "typing", "abc", "enum", "collections")


class Unsayable(Exception):
    """A value that cannot be carried; the message says what it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnState:
    """An object as its class and its state.

    Attributes:
        cls: its class, which must travel as source.
        attributes: by name, those of its ``__dict__`` first, then those of slots.
        slots: the names among them that have no ``__dict__`` to lie in.
        content: what it holds as a dictionary, list or set; `None` for others.
        is_own_dict: its ``__dict__`` is itself, so that keys are attributes.
    """

    cls: type
    attributes: Mapping[str, Any]
    slots: tuple[str, ...] = ()
    content: Any = None
    is_own_dict: bool = False


def own_state(value: Any) -> OwnState:
    """Return the state of an object of an author's class.

    Raises:
        Unsayable: its class makes or copies its objects in a way of its own, or its state lies elsewhere.
    """
    cls = type(value)
    name = cls.__qualname__
    for base in cls.__mro__:
        if base is object or base in CONTAINERS:
            continue
        hook = next((item for item in _HOOKS if item in vars(base) and not _is_generated(vars(base)[item])), None)
        if hook is not None:
            raise Unsayable(f"of type {name!r}, which has a {hook} of its own")
        if "__new__" in vars(base) and base.__module__ not in _LIBRARY:
            raise Unsayable(f"of type {name!r}, which has a __new__ of its own")
        if base.__flags__ & (1 << 9) == 0 and base.__module__ not in _LIBRARY:
            raise Unsayable(f"of type {name!r}, which is compiled code")
    if isinstance(value, _NOT_STATES):
        raise Unsayable(f"of type {name!r}, a kind of {_kind(value)}")
    held = getattr(value, "__dict__", None)
    slots = tuple(item for item in _slots(cls) if hasattr(value, item))
    may_have_state = cls.__dictoffset__ != 0 or _slots(cls)
    if held is None and not slots and not isinstance(value, CONTAINERS) and not may_have_state:
        raise Unsayable(f"of type {name!r}, which has no attributes")
    content = next((kind(value) for kind in CONTAINERS if isinstance(value, kind)), None)
    is_own_dict = held is value
    attributes = {} if is_own_dict or held is None else dict(held)
    if _is_tracked(cls):
        # What TensorFlow notes of the others when they are set.
        attributes = {item: part for item, part in attributes.items() if not item.startswith(_NOTES)}
    attributes |= {item: getattr(value, item) for item in slots}
    return OwnState(cls=cls, attributes=attributes, slots=slots, content=content, is_own_dict=is_own_dict)


def given_state(
    cls: type, attributes: Iterable[tuple[str, Any]], content: Any = None, *, is_own_dict: bool = False
) -> Any:
    """Return a new object of `cls` with this state; no method of the class runs.

    Raises:
        ValueError: the class cannot have it.
    """
    value = object_of(cls)
    fill(value, attributes, content, is_own_dict=is_own_dict)
    return value


def object_of(cls: type) -> Any:
    """Return an object of `cls` that has no state yet."""
    base = next((kind for kind in CONTAINERS if issubclass(cls, kind)), object)
    made: Any = base.__new__
    return made(cls)


def fill(value: Any, attributes: Iterable[tuple[str, Any]], content: Any, *, is_own_dict: bool) -> None:
    """Give `value` its state."""
    if isinstance(value, dict) and content is not None:
        dict.update(value, content)
    elif isinstance(value, list) and content is not None:
        list.extend(value, content)
    elif isinstance(value, set) and content is not None:
        set.update(value, content)
    if is_own_dict:
        object.__setattr__(value, "__dict__", value)
    for name, item in attributes:
        if not isinstance(name, str) or name in ("__class__", "__dict__"):
            raise ValueError("an attribute cannot have this name")
        # A tf.Module notes what it holds, for checkpoints.
        (setattr if _is_tracked(type(value)) else object.__setattr__)(value, name, item)


def _is_tracked(cls: type) -> bool:
    """Say whether TensorFlow's own ``__setattr__`` is that of `cls`."""
    owner = next(base for base in cls.__mro__ if "__setattr__" in vars(base))
    return owner.__module__.partition(".")[0] == "tensorflow"


def _is_generated(method: Any) -> bool:
    """Say whether `dataclasses` or attrs wrote a method; those with slots have such, and they do what Python does."""
    return getattr(method, "__globals__", {}).get("__name__") in ("dataclasses", "attr._make")


def _slots(cls: type) -> list[str]:
    names: list[str] = []
    for base in reversed(cls.__mro__):
        slots = vars(base).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _kind(value: Any) -> str:
    return next(base.__name__ for base in type(value).__mro__ if base.__module__ == "builtins" and base is not object)


def pydantic_fields(value: Any) -> dict[str, Any] | None:
    """Return the fields of a model of pydantic's, which it can be made of without validation; `None` for others.

    Raises:
        Unsayable: it has more than fields.
    """
    if not any(base.__module__ == "pydantic.main" and base.__name__ == "BaseModel" for base in type(value).__mro__):
        return None
    if value.__pydantic_private__:
        raise Unsayable(f"of type {type(value).__qualname__!r}, which has private attributes")
    return {**vars(value), **(value.__pydantic_extra__ or {})}
