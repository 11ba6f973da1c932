"""The builtins of a bundle's code: those of Python, with the few replaced that reach things by a computed name.

`getattr` and its like look at every name and at every result, `globals` and `locals` show no name of the interpreter's,
classes are made with a shield, and what runs text or ends the process is a stub. Everything else is Python's own.
"""

from __future__ import annotations

import abc
import builtins
import collections
import enum
import string
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import FrameType, MappingProxyType, ModuleType
from typing import Any

from bundler.namespace.guard import Guard, is_bundles
from bundler.namespace.reach import Reach
from bundler.namespace.shield import Maker, made_class
from bundler.namespace.texts import exact

_MISSING = object()
#: What a module's dictionary has besides the names of its code.
_INNER = frozenset({"__builtins__", "__loader__", "__spec__", "__path__", "__cached__", "__getattr__", "__dir__"})
#: What it may read and not change: Python looks modules up by these.
_FIXED = _INNER | {"__name__", "__package__"}
#: Steps of making an object, which make another one anew: of any file, or over any memory.
_MAKING = frozenset("__init__ __new__ __setattr__ __delattr__ __setstate__ __getstate__".split())
#: What an exception or a file leads to: the object that lacked an attribute, the file below.
_INWARD = frozenset({"obj", "raw", "detach", "buffer"})


def guarded_builtins(reach: Reach) -> dict[str, Any]:
    """Return what takes the place of builtins in the code that `reach` hands out to."""
    guard = reach.guard
    kind_of, real_of = _kinds(reach)
    reach.stand_in({f"{kind.__module__}.{kind.__name__}": kind_of(kind) for kind in (abc.ABCMeta, enum.EnumMeta)})
    reach.stand_in({"enum.EnumMeta": kind_of(enum.EnumMeta)})
    found: dict[str, Any] = {
        "getattr": _getattr(reach),
        "hasattr": _hasattr,
        "setattr": _setattr(guard),
        "delattr": _delattr(guard),
        "vars": _vars(reach),
        "globals": _globals(guard),
        "locals": _locals(guard),
        "type": kind_of(type),
        "__build_class__": _build_class(reach, real_of),
        "SystemExit": _exit(guard),
    }
    for name in ("open",):
        found[name] = reach.tagged(getattr(builtins, name))
    for name in ("eval", "exec", "compile", "input", "breakpoint", "exit", "quit", "help"):
        function = getattr(builtins, name, None)
        if function is not None:
            found[name] = reach.closed(f"builtins.{name}", _WORDS[name], function)
    for name, made in found.items():
        if callable(made) and name not in ("type", "SystemExit", "open"):
            _unconverted(made, name)
    return found


_WORDS = {
    **dict.fromkeys(("eval", "exec", "compile", "breakpoint"), "dynamic-code"),
    **dict.fromkeys(("exit", "quit"), "process"),
    "input": "environment",
    "help": "side-effects",
}


def _unconverted(function: Any, name: str) -> None:
    """Keep autograph from compiling a guard anew, and let it read as what it guards."""
    if isinstance(function, type(_unconverted)):
        function.__name__ = function.__qualname__ = name
        function.__module__ = "builtins"
        function.autograph_info__ = {}  # type: ignore[attr-defined]


def _checked(guard: Guard, thing: Any, name: Any) -> Any:
    """Return the name of an attribute that may be read.

    Raises:
        ConsentRequired: it leads past what can be read in the source.
    """
    name = exact(name)
    kind = thing if isinstance(thing, type) else type(thing)
    deeper = name in _MAKING | _INWARD and not is_bundles(guard, kind)
    if deeper or guard.tables.interpreter_name(name):
        guard.require("reflection", f"reads {name} of a {type(thing).__name__} by a computed name")
    return name


def _getattr(reach: Reach) -> Callable[..., Any]:
    guard = reach.guard

    def guarded(thing: Any, name: str, default: Any = _MISSING, /) -> Any:
        name = _checked(guard, thing, name)
        value = getattr(thing, name) if default is _MISSING else getattr(thing, name, default)
        if name in ("format", "format_map"):
            if isinstance(thing, str | collections.UserString):
                return _formatter(guard, str(thing), value)
            if isinstance(thing, type) and issubclass(thing, str | collections.UserString):
                return lambda text, *args, **kwargs: _formatter(guard, str(text), text.format)(*args, **kwargs)
        return value if value is default else reach.computed(thing, name, value)

    return guarded


def _formatter(guard: Guard, text: str, function: Callable[..., str]) -> Callable[..., str]:
    """Return ``text.format`` for a text whose fields read no more than plain attributes."""

    def formatted(*args: Any, **kwargs: Any) -> str:
        for _, field, _, _ in string.Formatter().parse(text):
            if field and any(part.startswith("_") for part in _parts(field)):
                guard.require("reflection", f"reads {field} in a format")
        return function(*args, **kwargs)

    return formatted


def _parts(field: str) -> list[str]:
    return field.replace("[", ".").replace("]", "").split(".")[1:]


def _hasattr(thing: Any, name: str, /) -> bool:
    return hasattr(thing, exact(name))


def _stored(guard: Guard, thing: Any, name: Any) -> Any:
    name = exact(name)
    if name == "__class__" and not is_bundles(guard, type(thing)):
        guard.require("side-effects", f"changes the class of a {type(thing).__name__}")
    inner = name.startswith("__") and name.endswith("__") and (name not in _STORED or isinstance(thing, ModuleType))
    if inner and (guard.tables.interpreter_name(name) or isinstance(thing, type | ModuleType)):
        guard.require("reflection", f"stores {name} by a computed name")
    if name in guard.tables.targets and not is_bundles(guard, type(thing)):
        guard.require("filesystem", f"stores {name}, which says where a {type(thing).__name__} writes")
    if isinstance(thing, type) and not is_bundles(guard, thing):
        guard.require("side-effects", f"stores {name} to {thing.__module__}.{thing.__qualname__}")
    return name


#: Names of two underscores that code may store to its own classes: they say what something is called.
_STORED = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__version__", "__all__"})


def _setattr(guard: Guard) -> Callable[..., None]:
    def guarded(thing: Any, name: str, value: Any, /) -> None:
        setattr(thing, _stored(guard, thing, name), value)

    return guarded


def _delattr(guard: Guard) -> Callable[..., None]:
    def guarded(thing: Any, name: str, /) -> None:
        delattr(thing, _stored(guard, thing, name))

    return guarded


def _names_of() -> Callable[[dict[str, Any]], MutableMapping[str, Any]]:
    """Return what shows a module's names to its own code: without those of the interpreter.

    The dictionary itself is in no attribute: who replaced its ``__builtins__`` would run without a guard.
    """
    kept: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()

    class Names(MutableMapping[str, Any]):
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            return self is other

        def __getitem__(self, name: str) -> Any:
            if exact(name) in _INNER:
                raise KeyError(name)
            return kept[self][exact(name)]

        def __setitem__(self, name: str, value: Any) -> None:
            if exact(name) in _FIXED:
                raise KeyError(f"{name} is the interpreter's")
            kept[self][exact(name)] = value

        def __delitem__(self, name: str) -> None:
            if exact(name) in _FIXED:
                raise KeyError(name)
            del kept[self][exact(name)]

        def __iter__(self) -> Iterator[str]:
            return iter([name for name in kept[self] if name not in _INNER])

        def __len__(self) -> int:
            return sum(1 for _ in self)

        def copy(self) -> dict[str, Any]:
            return dict(self)

    def names(dictionary: dict[str, Any]) -> MutableMapping[str, Any]:
        shown = Names()
        kept[shown] = dictionary
        return shown

    return names


_names = _names_of()


def _own(guard: Guard, frame: FrameType) -> FrameType:
    """Return the frame whose names are asked for: the bundle's, not that of a library which calls the builtin."""
    if frame.f_builtins is not guard.builtins or frame.f_globals.get("__builtins__") is not guard.builtins:
        guard.require("reflection", "reads the names of code that is not its own")
    return frame


def _globals(guard: Guard) -> Callable[[], Any]:
    return lambda: _names(_own(guard, sys._getframe(1)).f_globals)


def _locals(guard: Guard) -> Callable[[], Any]:
    return lambda: _seen(_own(guard, sys._getframe(1)))


def _seen(frame: FrameType) -> Any:
    # In a class body or a function a copy: what is stored there is lost, as Python says of locals().
    if frame.f_locals is frame.f_globals:
        return _names(frame.f_globals)
    return {name: value for name, value in frame.f_locals.items() if name not in _INNER}


def _vars(reach: Reach) -> Callable[..., Any]:
    guard = reach.guard

    def guarded(*things: Any) -> Any:
        if not things:
            return _seen(_own(guard, sys._getframe(1)))
        (thing,) = things
        if isinstance(thing, ModuleType):
            if vars(thing).get("__builtins__") is guard.builtins:
                return _names(vars(thing))
            seen = reach.view(thing)
            return {name: getattr(seen, name) for name in dir(seen) if not name.startswith("__")}
        found = vars(thing)
        if isinstance(thing, type) and not is_bundles(guard, thing):
            guard.require("reflection", f"reads all attributes of {thing.__module__}.{thing.__qualname__}")
        if is_bundles(guard, type(thing)):
            return found
        return {name: reach.attribute(name, value) for name, value in found.items()}

    return guarded


class _Kind:
    """What stands for `type`, or for another metaclass, in some bundle."""

    __slots__ = ()
    autograph_info__: Mapping[str, Any] = MappingProxyType({})


def _kinds(reach: Reach) -> tuple[Callable[[type], _Kind], Callable[[Any], Any]]:
    """Return what gives the stand-in of a metaclass, and what gives the metaclass of a stand-in.

    The one for `type` tells the class of an object too. They make classes only with the shield.
    """
    guard = reach.guard
    kinds: dict[type, _Kind] = {}

    def of(thing: Any) -> Any:
        found = type(thing)
        if not issubclass(found, type):
            return found if is_bundles(guard, found) else reach.kind(found)
        # The class of a class is a metaclass, which makes classes from data.
        return kind_of(found)

    def kind_of(real: type) -> _Kind:
        if real not in kinds:
            kinds[real] = made_kind(real)
        return kinds[real]

    def real_of(kind: Any) -> Any:
        return next((real for real, known in kinds.items() if known is kind), kind)

    def made_kind(real: type) -> _Kind:
        class Kind(_Kind):
            __slots__ = ()

            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                if len(args) == 1 and not kwargs and real is type:
                    return of(args[0])
                keywords = kwargs if real is type else {**kwargs, "metaclass": real}
                return made_class(guard, reach.attribute, *args, **keywords)

            def __instancecheck__(self, instance: Any) -> bool:
                return isinstance(instance, real | _Kind)

            def __subclasscheck__(self, subclass: Any) -> bool:
                return isinstance(subclass, _Kind) or issubclass(subclass, real)

            def __eq__(self, other: object) -> bool:
                return other is self or other is real

            def __hash__(self) -> int:
                return hash(real)

            def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
                guard.require("dynamic-code", "defines a metaclass")
                return (real,)

            def __getitem__(self, item: Any) -> Any:
                return self  # What it is of tells nobody the class itself.

            def __or__(self, other: Any) -> Any:
                return Any

            def __ror__(self, other: Any) -> Any:
                return Any

            def __getattr__(self, name: str) -> Any:
                if name.startswith("__") and name not in ("__name__", "__qualname__", "__module__", "__doc__"):
                    guard.require("dynamic-code", f"reads {name} of {real.__name__}")
                return getattr(real, name)

            def __repr__(self) -> str:
                return repr(real)

        return Kind()

    return kind_of, real_of


def _build_class(reach: Reach, real_of: Callable[[Any], Any]) -> Callable[..., Any]:
    build = builtins.__build_class__

    def guarded(function: Any, name: str, /, *bases: Any, metaclass: Any = None, **keywords: Any) -> Any:
        given = real_of(metaclass) if isinstance(metaclass, _Kind) else metaclass
        maker = Maker(reach.guard, reach.attribute, given)
        return build(function, name, *bases, metaclass=maker, **keywords)

    return guarded


def _exit(guard: Guard) -> type[SystemExit]:
    class Exit(SystemExit):
        """Ends the process of whoever calls the model: making one asks."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            guard.require("process", "ends this process")
            return super().__new__(cls, *args, **kwargs)

    Exit.__name__ = Exit.__qualname__ = "SystemExit"
    Exit.__module__ = "builtins"
    return Exit
