"""Keeps objects of a bundle from handing an address of memory to C code that asks them for it.

NumPy maps the memory that ``__array_interface__`` of any object names, for writing too, and it asks instances, so that
a ``__getattr__`` or an entry of ``__dict__`` is enough. No event tells of it. Every class that a bundle makes therefore
answers that it has no such thing, from the moment on that it is there: ``__set_name__`` and ``__init_subclass__`` run
code while a class is being made.
"""

from __future__ import annotations

import copyreg
import enum
import sys
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from bundler.frameworks import MODELS
from bundler.namespace.guard import Guard

ABSENT = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})


class _Absent:
    """A data descriptor, so that it comes before an entry of the instance's own dictionary."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError("absent")

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError("this name hands memory to C code, and stays absent in a bundle")


#: The body of an enumeration keeps the order of its members; this very type does, and a bundle cannot derive from it.
_ENUM_BODY = type(enum.EnumMeta.__prepare__("_", (enum.Enum,)))
#: What the values of an object's state are handed to: ``(name, value)`` gives what the bundle's code gets.
Shows = Callable[[str, Any], Any]


class Maker:
    """Stands for the metaclass in one ``class`` statement: it shields the namespace before the class is made."""

    def __init__(self, guard: Guard, shows: Shows | None, given: Any = None) -> None:
        """Make a class with the metaclass `given`, or with that of its bases."""
        self._guard, self._shows, self._given = guard, shows, given
        self._real: Any = type

    def __prepare__(self, name: str, bases: tuple[Any, ...], **keywords: Any) -> Any:
        """Return the namespace that the real metaclass wants for the body (PEP 3115)."""
        options = keywords if self._given is None else {"metaclass": self._given, **keywords}
        self._real, namespace, _ = types.prepare_class(name, bases, options)
        return namespace

    def __call__(self, name: str, bases: tuple[Any, ...], namespace: Any, **keywords: Any) -> Any:
        """Return the class, made of a body that has run; classes that derive from it are the real metaclass's."""
        if isinstance(namespace, dict):
            namespace = body_of(self._guard, self._shows, bases, namespace)
        made = self._real(name, bases, namespace, **keywords)
        # Called as a metaclass, any function may give back a class of the host.
        if isinstance(made, type) and isinstance(self._real, type):
            self._guard.kinds.add(made)
        return made


def made_class(
    guard: Guard,
    shows: Shows | None,
    name: str,
    bases: tuple[Any, ...] = (),
    namespace: Mapping[str, Any] | None = None,
    /,
    metaclass: Any = None,
    **keywords: Any,
) -> Any:
    """Return the class that ``type(name, bases, namespace)`` makes, shielded.

    Raises:
        ConsentRequired: the namespace binds a name that the interpreter gives a meaning which code must not choose.
    """
    for bound, value in dict(namespace or {}).items():
        if isinstance(value, _Absent):
            continue  # A copy of a class that has the shield already: six.add_metaclass makes one.
        if isinstance(bound, str) and guard.tables.interpreter_name(bound) and bound != "__dict__":
            guard.require("reflection", f"makes a class with {bound}")
    maker = Maker(guard, shows, metaclass)
    resolved = types.resolve_bases(bases)
    body = maker.__prepare__(name, resolved, **keywords)
    body.update(namespace or {})
    if resolved is not bases:
        body["__orig_bases__"] = bases
    return maker(name, resolved, body, **keywords)


def shielded(guard: Guard, made: type) -> type:
    """Shield a class of ours that stands for somebody else's: its objects are the bundle's to fill."""
    guard.kinds.add(made)
    if not guard.accepts("native-code"):
        for name in ABSENT:
            type.__setattr__(made, name, _Absent())
    return made


def body_of(guard: Guard, shows: Shows | None, bases: tuple[Any, ...], body: Any) -> Any:
    """Return the shielded body of a class that a metaclass is about to make of `bases`.

    A mapping of another type may answer as it likes, and `type` copies what is stored: so a copy is shielded.
    """
    shielded_body = body if type(body) is _ENUM_BODY else dict.copy(body)
    _shield(guard, shows, bases, shielded_body)
    return shielded_body


def _shield(guard: Guard, shows: Shows | None, bases: tuple[Any, ...], body: MutableMapping[str, Any]) -> None:
    if any(isinstance(base, type) and issubclass(base, type) for base in bases) or guard.accepts("native-code"):
        return  # The descriptors of a metaclass would stand before those of its classes.
    home = body.get("__module__")
    if isinstance(home, str) and str.partition(home, ".")[0] in MODELS:
        # Whoever builds a config finds classes by what they say of themselves.
        guard.require("reflection", "makes a class that says it is the framework's")
    for name in ABSENT:
        if typing.Protocol in bases:
            body.pop(name, None)  # Every attribute of it is asked of each object; and nobody makes an object of it.
        else:
            body[name] = _Absent()
    for name in ("__getattr__", "__getattribute__"):
        if name in body:
            body[name] = _without(body[name])
    takes = body.get("__setstate__")
    if takes is not None and shows is not None:
        body["__setstate__"] = _shown_state(takes, shows)
    if "__new__" in body:
        body["__new__"] = _made_here(guard, body["__new__"])


def _without(answers: Any) -> Any:
    def shielded_answers(self: Any, name: str) -> Any:
        if name in ABSENT:
            raise AttributeError(name)
        bound = answers.__get__(self, type(self)) if hasattr(type(answers), "__get__") else answers
        return bound(name)

    return _named_as(shielded_answers, answers)


def _shown_state(takes: Any, shows: Shows) -> Any:
    """Return a ``__setstate__`` that gets what the bundle may see: copy hands it all that is inside a host's object."""

    def shown(state: Any) -> Any:
        if type(state) is dict:
            return {name: shows(str(name), value) for name, value in state.items()}
        return tuple(map(shown, state)) if type(state) is tuple else state

    def take(self: Any, state: Any) -> Any:
        bound = takes.__get__(self, type(self)) if hasattr(type(takes), "__get__") else takes
        return bound(shown(state))

    return _named_as(take, takes)


def _made_here(guard: Guard, makes: Any) -> Any:
    """Return a ``__new__`` that gives copy no object of the host's: copy would store its attributes anew."""
    makes = getattr(makes, "__func__", makes)

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = makes(cls, *args, **kwargs)
        if type(made) not in guard.kinds and sys._getframe(1).f_code in _COPIES:
            guard.require("side-effects", f"copies itself as a {type(made).__name__} of others")
        return made

    return staticmethod(_named_as(new, makes))


_COPIES = frozenset(
    getattr(copyreg, name).__code__ for name in ("__newobj__", "__newobj_ex__") if hasattr(copyreg, name)
)


def _named_as(function: Any, other: Any) -> Any:
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(function, name, getattr(other, name, ""))
    function.autograph_info__ = {}
    return function


class ShieldedModule(types.ModuleType):
    """A module of a bundle: NumPy asks modules too, and those answer from their dictionary or their ``__getattr__``."""


class _Refused(_Absent):
    """Raises no `AttributeError`: on that a module would ask its ``__getattr__``."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise TypeError("a module hands no memory to C code")


for _name in ABSENT:
    setattr(ShieldedModule, _name, _Refused())
