"""What a bundle's code sees of running code: the names of its modules, and its own frames.

A frame of the interpreter leads to the frames and the globals of everybody. What ``sys._getframe`` gives to a bundle
shows its own frames, and of those of others no more than their names.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import FrameType, SimpleNamespace
from typing import Any

from bundler.namespace.guard import Guard
from bundler.namespace.source_texts import exact

#: What a module's dictionary has besides the names of its code.
_INNER = frozenset({"__builtins__", "__loader__", "__spec__", "__path__", "__cached__", "__getattr__", "__dir__"})
#: What it may read and not change: Python looks modules up by these.
_FIXED = _INNER | {"__name__", "__package__"}


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


names_of = _names_of()


def own_frame(guard: Guard, frame: FrameType) -> FrameType:
    """Return the frame whose names are asked for: the bundle's, not that of a library which calls the builtin."""
    if frame.f_builtins is not guard.builtins or frame.f_globals.get("__builtins__") is not guard.builtins:
        guard.require("reflection", "reads the names of code that is not its own")
    return frame


def locals_of(frame: FrameType) -> Any:
    """Return the local names of a frame of the bundle's; those of a module are its own."""
    # In a class body or a function a copy: what is stored there is lost, as Python says of locals().
    if frame.f_locals is frame.f_globals:
        return names_of(frame.f_globals)
    return {name: value for name, value in frame.f_locals.items() if name not in _INNER}


def frame_stand_ins(guard: Guard) -> Mapping[str, Callable[..., Any]]:
    """Return what stands for the calls that give a frame."""
    kept: weakref.WeakKeyDictionary[Any, FrameType] = weakref.WeakKeyDictionary()

    class frame:  # noqa: N801 - the name that it stands for
        """One frame, newest first by `f_back`."""

        @property
        def f_back(self) -> Any:
            return shown(kept[self].f_back)

        @property
        def f_lineno(self) -> int | None:
            return kept[self].f_lineno

        @property
        def f_globals(self) -> Any:
            found = kept[self]
            return names_of(found.f_globals) if is_own(found) else {"__name__": found.f_globals.get("__name__")}

        @property
        def f_locals(self) -> Any:
            return locals_of(kept[self]) if is_own(kept[self]) else {}

        @property
        def f_code(self) -> Any:
            code = kept[self].f_code
            where = code.co_filename if is_own(kept[self]) else "<not the bundle's>"
            return SimpleNamespace(co_name=code.co_name, co_filename=where, co_firstlineno=code.co_firstlineno)

    def is_own(found: FrameType) -> bool:
        return found.f_builtins is guard.builtins and found.f_globals.get("__builtins__") is guard.builtins

    def shown(found: FrameType | None) -> Any:
        if found is None:
            return None
        made = frame()
        kept[made] = found
        return made

    def _getframe(depth: int = 0, /) -> Any:
        return shown(sys._getframe(depth + 1))

    def getframeinfo(found: Any, context: int = 1) -> inspect.Traceback:  # noqa: ARG001 - no lines are shown
        code = found.f_code
        return inspect.Traceback(code.co_filename, found.f_lineno, code.co_name, None, None)

    def getouterframes(found: Any, context: int = 1) -> list[inspect.FrameInfo]:
        around = []
        while found is not None:
            around.append(inspect.FrameInfo(found, *getframeinfo(found, context)))
            found = found.f_back
        return around

    return {
        "sys._getframe": _getframe,
        "inspect.currentframe": lambda: shown(sys._getframe(1)),
        "inspect.getframeinfo": getframeinfo,
        "inspect.getouterframes": getouterframes,
        "inspect.stack": lambda context=1: getouterframes(shown(sys._getframe(1)), context),
    }
