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
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bundler.errors import RebuildFailed
from bundler.namespace.frames import frame_stand_ins, locals_of, names_of, own_frame
from bundler.namespace.guard import Guard, is_bundles
from bundler.namespace.metaclasses import Metaclasses, enum_stand_ins
from bundler.namespace.reach import Reach
from bundler.namespace.source_texts import exact

_MISSING = object()
#: Steps of making an object, which make another one anew: of any file, or over any memory.
_MAKING = frozenset("__init__ __new__ __setattr__ __delattr__ __setstate__ __getstate__".split())
#: What an exception or a file leads to: the object that lacked an attribute, the file below.
_INWARD = frozenset({"obj", "raw", "detach", "buffer"})


def guarded_builtins(reach: Reach) -> dict[str, Any]:
    """Return what takes the place of builtins in the code that `reach` hands out to."""
    guard = reach.guard
    kinds = Metaclasses(reach)
    reach.stand_in({f"{kind.__module__}.{kind.__name__}": kinds.of(kind) for kind in (abc.ABCMeta, enum.EnumMeta)})
    reach.stand_in({"enum.EnumMeta": kinds.of(enum.EnumMeta), **enum_stand_ins(kinds.guarded(enum.EnumMeta))})
    reach.stand_in({"functools.singledispatch": kinds.singledispatch()})
    reach.stand_in(frame_stand_ins(guard))
    found: dict[str, Any] = {
        "getattr": _getattr(reach),
        "hasattr": _hasattr,
        "setattr": _setattr(guard),
        "delattr": _delattr(guard),
        "vars": _vars(reach),
        "globals": lambda: names_of(own_frame(guard, sys._getframe(1)).f_globals),
        "locals": lambda: locals_of(own_frame(guard, sys._getframe(1))),
        "type": kinds.of(type),
        "__build_class__": kinds.build_class(),
        "SystemExit": _exit(guard),
        "open": reach.tagged(open),
        "__closed__": _closed(guard),
        "__store__": _store(guard),
    }
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
            parts = (field or "").replace("[", ".").replace("]", "").split(".")[1:]
            if any(part.startswith("_") for part in parts):
                guard.require("reflection", f"reads {field} in a format")
        return function(*args, **kwargs)

    return formatted


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


def _store(guard: Guard) -> Callable[[Any, str, Any], None]:
    """Return what stores a method to a class that must be the bundle's (`bundler.audit.source.asked_when_run`)."""

    def store(thing: Any, name: str, value: Any, /) -> None:
        name = _stored(guard, thing, name)
        if not (isinstance(thing, type) and is_bundles(guard, thing)):
            word = "unsafe-deserialization" if name in ("get_config", "from_config") else "side-effects"
            guard.require(word, f"stores {name} to a {type(thing).__name__}")
        setattr(thing, name, value)

    return store


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


def _vars(reach: Reach) -> Callable[..., Any]:
    guard = reach.guard

    def guarded(*things: Any) -> Any:
        if not things:
            return locals_of(own_frame(guard, sys._getframe(1)))
        (thing,) = things
        if isinstance(thing, ModuleType):
            if vars(thing).get("__builtins__") is guard.builtins:
                return names_of(vars(thing))
            seen = reach.view(thing)
            return {name: getattr(seen, name) for name in dir(seen) if not name.startswith("__")}
        found = vars(thing)
        if isinstance(thing, type) and not is_bundles(guard, thing):
            guard.require("reflection", f"reads all attributes of {thing.__module__}.{thing.__qualname__}")
        if is_bundles(guard, type(thing)):
            return found
        return {name: reach.attribute(name, value) for name, value in found.items()}

    return guarded


def _closed(guard: Guard) -> Callable[[str, str], Exception]:
    """Return what a closed function raises (`bundler.audit.source.closed_functions`)."""

    def closed(words: str, what: str) -> Exception:
        for word in exact(words).split():
            guard.require(word, exact(what))
        return RebuildFailed(
            f"the code of the bundle {exact(what)}; this model was loaded before you accepted that",
            hint=f"load the bundle again with allow={exact(words).split()!r}, and use the model that comes back",
        )

    return closed


def _exit(guard: Guard) -> type[SystemExit]:
    class Exit(SystemExit):
        """Ends the process of whoever calls the model: making one asks."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            guard.require("process", "ends this process")
            return super().__new__(cls, *args, **kwargs)

    Exit.__name__ = Exit.__qualname__ = "SystemExit"
    Exit.__module__ = "builtins"
    return Exit
