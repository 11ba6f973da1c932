"""Metaclasses in a bundle: whoever makes a class, its body is shielded first.

A ``class`` statement calls a `Maker`. `type`, `abc.ABCMeta` and every other metaclass of the host come as a stand-in
that makes classes with the shield. A metaclass of the bundle's own derives from a guarded one, so that what
``super().__new__`` makes is shielded too. The classes of `enum` have stand-ins as well, since calling one makes a class
from data.
"""

from __future__ import annotations

import builtins
import enum
import functools
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import Any

from bundler.namespace.guard import is_bundles
from bundler.namespace.reach import Reach
from bundler.namespace.shield import ABSENT, Maker, body_of, made_class
from bundler.namespace.source_texts import exact
from bundler.namespace.stubs import Stub

#: What code may read of a metaclass: these make or change no class.
_READ = frozenset(
    "__name__ __qualname__ __module__ __doc__ __init__ __call__ __prepare__ __instancecheck__ __subclasscheck__"
    " __repr__ __eq__ __hash__ __dir__".split()
)
#: What nobody stores to a class that is there: the shield stands under these names.
_SHIELDED = ABSENT | {"__getattr__", "__getattribute__", "__setstate__"}


class ShieldedMeta:
    """What stands for `type`, or for another metaclass of the host, in some bundle."""

    __slots__ = ()
    autograph_info__: Mapping[str, Any] = MappingProxyType({})


class Metaclasses:
    """The metaclasses of one bundle."""

    def __init__(self, reach: Reach) -> None:
        """Stand for metaclasses in the code that `reach` hands out to."""
        self._reach = reach
        self._kinds: dict[type, ShieldedMeta] = {}
        self._guarded: dict[type, type] = {}

    def of(self, real: type) -> Any:
        """Return what stands for the metaclass `real`; one of the bundle's own stands for itself."""
        if is_bundles(self._reach.guard, real):
            return real
        real = next((item for item, guarded in self._guarded.items() if issubclass(real, guarded)), real)
        if real not in self._kinds:
            self._kinds[real] = _kind(self._reach, real, self)
        return self._kinds[real]

    def real(self, kind: Any) -> Any:
        """Return the metaclass for which `kind` stands; anything else as it is."""
        return next((real for real, known in self._kinds.items() if known is kind), kind)

    def guarded(self, real: type) -> type:
        """Return a metaclass derived from `real` that shields what it makes, for others to derive from."""
        if real not in self._guarded:
            self._guarded[real] = _guarded(self._reach, real)
        return self._guarded[real]

    def build_class(self) -> Callable[..., Any]:
        """Return what takes the place of ``builtins.__build_class__``."""
        build, reach, real = builtins.__build_class__, self._reach, self.real

        def guarded(function: Any, name: str, /, *bases: Any, metaclass: Any = None, **keywords: Any) -> Any:
            maker = Maker(reach.guard, reach.attribute, real(metaclass))
            return build(function, name, *bases, metaclass=maker, **keywords)

        return guarded

    def singledispatch(self) -> Callable[..., Any]:
        """Return what takes the place of `functools.singledispatch`, which takes no stand-in for a class."""

        def dispatch(function: Any) -> Any:
            made = functools.singledispatch(function)
            keep = made.register

            def register(kind: Any, function: Any = None) -> Any:
                if function is None and isinstance(kind, FunctionType):
                    given = next(iter(kind.__annotations__.values()), None)
                    if isinstance(given, ShieldedMeta | Stub):
                        return register(given, kind)
                kind = self._reach.behind(self.real(kind))
                return keep(kind) if function is None else keep(kind, function)

            # It evaluates annotations that are texts, wherever it is handed to.
            made.register = self._reach.tagged(register)  # type: ignore[method-assign]
            return made

        return dispatch


def _guarded(reach: Reach, real: Any) -> type:
    guard, shows = reach.guard, reach.attribute

    class Guarded(real):  # type: ignore[misc]
        def __new__(meta, name: str, bases: Any = (), namespace: Any = None, /, **keywords: Any) -> Any:
            made = super().__new__(meta, name, bases, body_of(guard, shows, bases, namespace or {}), **keywords)
            guard.kinds.add(made)
            return made

        def __setattr__(self, name: str, value: Any) -> None:
            if exact(name) in _SHIELDED:
                guard.require("reflection", f"stores {name} to a class")
            super().__setattr__(exact(name), value)

        def __delattr__(self, name: str) -> None:
            if exact(name) in _SHIELDED:
                guard.require("reflection", f"removes {name} of a class")
            super().__delattr__(exact(name))

    Guarded.__name__, Guarded.__qualname__, Guarded.__module__ = real.__name__, real.__qualname__, real.__module__
    return Guarded


def _kind(reach: Reach, real: Any, kinds: Metaclasses) -> ShieldedMeta:
    guard = reach.guard

    def new(meta: Any, name: Any, bases: Any = (), namespace: Any = None, /, **keywords: Any) -> Any:
        meta = kinds.real(meta)
        if not is_bundles(guard, meta):
            return made_class(guard, reach.attribute, name, bases, namespace, metaclass=meta, **keywords)
        made = real.__new__(meta, name, bases, body_of(guard, reach.attribute, bases, namespace or {}), **keywords)
        guard.kinds.add(made)
        return made

    def class_of(thing: Any) -> Any:
        found = type(thing)
        if not issubclass(found, type):
            return found if is_bundles(guard, found) else reach.kind(found)
        # The class of a class is a metaclass, which makes classes from data.
        return kinds.of(found)

    class OfMetaclass(ShieldedMeta):
        __slots__ = ()

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            if len(args) == 1 and not kwargs and real is type:
                return class_of(args[0])
            keywords = kwargs if real is type else {**kwargs, "metaclass": real}
            if len(args) == 3 and type(args[2]) is dict:
                # Python takes it from the frame that calls, and that would be the shield's.
                home = sys._getframe(1).f_globals.get("__name__")
                args = (*args[:2], {"__module__": home, **args[2]})
            return made_class(guard, reach.attribute, *args, **keywords)

        def __instancecheck__(self, instance: Any) -> bool:
            return isinstance(instance, real | ShieldedMeta)

        def __subclasscheck__(self, subclass: Any) -> bool:
            return isinstance(subclass, ShieldedMeta) or issubclass(subclass, real)

        def __eq__(self, other: object) -> bool:
            return other is self or other is real

        def __hash__(self) -> int:
            return hash(real)

        def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
            return (kinds.guarded(real),)

        def __getitem__(self, item: Any) -> Any:
            return self  # What it is of tells nobody the class itself.

        def __or__(self, other: Any) -> Any:
            return Any

        def __ror__(self, other: Any) -> Any:
            return Any

        def __getattribute__(self, name: str) -> Any:
            # Not those of this object: ``type.__call__(cls)`` in a metaclass means that of `type`.
            name = exact(name)
            if name == "__new__":
                return new
            if name in ("__setattr__", "__delattr__"):
                return getattr(kinds.guarded(real), name)
            if name in ("__class__", "__mro_entries__", "autograph_info__"):
                return object.__getattribute__(self, name)
            if name.startswith("__") and name not in _READ and hasattr(real, name):
                guard.require("dynamic-code", f"reads {name} of {real.__name__}")
            return getattr(real, name)

        def __repr__(self) -> str:
            return repr(real)

    return OfMetaclass()


def enum_stand_ins(guarded: Any) -> Mapping[str, type]:
    """Return what stands for the classes of `enum`, made by `guarded`, a metaclass that stands for `enum.EnumMeta`."""
    bases: dict[type, type] = {}

    class EnumMeta(guarded):  # type: ignore[misc]
        def __instancecheck__(self, instance: Any) -> bool:
            return isinstance(instance, bases[self]) if self in bases else type.__instancecheck__(self, instance)

        def __subclasscheck__(self, subclass: Any) -> bool:
            return issubclass(subclass, bases[self]) if self in bases else type.__subclasscheck__(self, subclass)

    EnumMeta.__module__, EnumMeta.__qualname__ = "enum", "EnumMeta"
    for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"):
        real = getattr(enum, name, None)
        if real is not None:
            made = EnumMeta(name, (real,), EnumMeta.__prepare__(name, (real,)))
            made.__module__, made.__doc__ = "enum", real.__doc__
            bases[made] = real
    return {f"enum.{real.__name__}": made for made, real in bases.items()}
