"""Keeps objects of a bundle from handing an address of memory to C code that asks them for it.

NumPy maps the memory that ``__array_interface__`` of any object names, for writing too, and it asks instances, so that
a ``__getattr__`` or an entry of ``__dict__`` is enough. No event tells of it. Every class that a bundle makes therefore
answers that it has no such thing.
"""

from __future__ import annotations

import types
import typing
from typing import Any

from bundler.namespace.guard import Guard

ABSENT = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})


class _Absent:
    """A data descriptor, so that it comes before an entry of the instance's own dictionary."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError("absent")

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError("this name hands memory to C code, and stays absent in a bundle")


def made_class(guard: Guard, name: str, bases: tuple[Any, ...] = (), namespace: Any = None, /, **keywords: Any) -> Any:
    """Return the class that ``type(name, bases, namespace)`` makes, shielded.

    Raises:
        ConsentRequired: the namespace binds a name that the interpreter gives a meaning which code must not choose.
    """
    for bound, value in dict(namespace or {}).items():
        if isinstance(value, _Absent):
            continue  # A copy of a class that has the shield already: six.add_metaclass makes one.
        if isinstance(bound, str) and guard.tables.interpreter_name(bound) and bound not in ("__dict__", "__reduce__"):
            guard.require("reflection", f"makes a class with {bound}")
    made = types.new_class(name, types.resolve_bases(bases), keywords, lambda body: body.update(namespace or {}))
    return shielded(guard, made)


def shielded(guard: Guard, made: Any) -> Any:
    """Return the class `made` with the shield; what a metaclass made of something else comes back as it is."""
    if isinstance(made, type):
        guard.kinds.add(made)
    if not isinstance(made, type) or issubclass(made, type) or guard.accepts("native-code"):
        return made  # The descriptors of a metaclass would stand before those of its classes.
    if typing.Protocol in made.__bases__:
        return made  # Every attribute of it is asked of each object; and nobody makes an object of it.
    own = vars(made)
    for name in ABSENT:
        if name in own or not any(isinstance(vars(base).get(name), _Absent) for base in made.__mro__):
            type.__setattr__(made, name, _Absent())
    for name in ("__getattr__", "__getattribute__"):
        answers = own.get(name)
        if answers is not None:
            type.__setattr__(made, name, _without(answers))
    return made


def _without(answers: Any) -> Any:
    def shielded_answers(self: Any, name: str) -> Any:
        if name in ABSENT:
            raise AttributeError(name)
        bound = answers.__get__(self, type(self)) if hasattr(type(answers), "__get__") else answers
        return bound(name)

    for name in ("__name__", "__qualname__", "__module__"):
        setattr(shielded_answers, name, getattr(answers, name, ""))
    shielded_answers.autograph_info__ = {}  # type: ignore[attr-defined]
    return shielded_answers
