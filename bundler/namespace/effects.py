"""The net by effect: one audit hook (PEP 578) that stops a bundle's code before an effect that nobody accepted.

The hook is inert unless code of a bundle is on the stack. A frame is a bundle's by the builtins that it runs with, not
by its file name, so code that is made at run time is the bundle's too; that code keeps its file name is the second
mark. How a power was found does not matter here.

Whose effect is it? The frames are read from the newest on. Frames of libraries (the standard library, what is
installed, kbundle) say nothing: they act for whoever called them. The first frame of a bundle or of the host decides,
so a host's callback that a bundle's ``fit`` calls acts for the host. A few functions of libraries do what some object
says, and act for whoever defined its class (`ActsFor`): Keras builds what the config of a bundle's layer names. Some
functions are known to call what the *host* has set up (`Crossing`): the handlers of a logger, callbacks of Keras, an
import, autograph's own file.

A hook cannot be removed. What it decides by lives in closures: no module attribute switches it off.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import linecache
import logging
import logging.handlers
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from bundler.frameworks import LISTED
from bundler.namespace.events import DIRECT, READERS, Effect
from bundler.namespace.folders import is_device, is_free, is_library, plain_path
from bundler.namespace.guard import Guard

#: Says, of the frame of a crossing and of the frame that it called, whether the host set up what runs there.
Crosses = Callable[[FrameType, FrameType | None], bool]
#: Returns the folder that the framework handed to the code which a frame calls, or `None`.
Lends = Callable[[FrameType], str | None]
#: Returns the class or object for which the function of a frame acts: what it does follows from that one's config.
ActsFor = Callable[[FrameType], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """A function of a library that calls what the host set up: above it the host acts, whoever called it.

    Attributes:
        code: of that function.
        crosses: whether a call of it is one.
        reads: whether the host reads files there too, not only writes.
    """

    code: CodeType
    crosses: Crosses
    reads: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Net:
    """The handles of the one hook of this process.

    Attributes:
        watch: hold the code that runs with a guard's builtins, or with its file names, to that guard.
        cross: take these functions of libraries as crossings.
        lend: take a function of a library as one that hands folders of its own to what it calls.
        deputize: take a function of a library as one that acts for whoever defined the class of some object.
    """

    watch: Callable[[Guard], None]
    cross: Callable[[Iterable[Crossing]], None]
    lend: Callable[[CodeType, Lends], None]
    deputize: Callable[[FunctionType, ActsFor], None]


@functools.cache
def net() -> Net:
    """Return the hook's handles; the first call installs it, after which it costs a look at each event's name."""
    host = vars(builtins)
    guards: dict[int, Guard] = {}
    files: dict[str, Guard] = {}
    roots: dict[str, Guard] = {}
    # By identity, and kept alive: two functions of the same text are two, and hashing code is slow.
    crossings: dict[int, Crossing] = {id(crossing.code): crossing for crossing in _python_crossings()}
    lenders: dict[int, tuple[CodeType, Lends]] = {}
    deputies: dict[int, tuple[CodeType, ActsFor]] = {}
    closely: dict[int, dict[str, Any]] = {}
    kinds: dict[int, tuple[dict[str, Any], bool]] = {}
    readers = dict(READERS)
    reads_lines, starts = _code(linecache.updatecache), _code(subprocess.Popen.__init__)
    frame_now = sys._getframe

    def hook(event: str, args: tuple[Any, ...]) -> None:
        reader = readers.get(event)
        if reader is None or not guards:
            return
        newest = frame_now(1)
        if event in DIRECT and newest.f_builtins is host:
            return
        # Most events are the host's own, a few frames up: no more of the stack is read for those.
        frame: FrameType | None = newest
        while frame is not None and frame.f_builtins is host:
            names = frame.f_globals
            # Reading `f_code` is an event itself, so it is read in a few modules only.
            if id(names) in closely and (frame.f_code.co_filename in files or id(frame.f_code) in deputies):
                break
            known = kinds.get(id(names))
            if hosts_module(frame) if known is None else known[1]:
                return
            frame = frame.f_back
        if frame is None:
            return
        effect = reader(args)
        if effect is not None:
            confine(effect, newest)

    def hosts_module(frame: FrameType) -> bool:
        """Say whether a frame is the host's own, and remember that of its module."""
        is_host = _is_module_code(frame) and not is_library(frame.f_code.co_filename)
        if len(kinds) < _MOST_MODULES and _is_module_code(frame):
            # Kept alive, so that no other dictionary gets its place.
            kinds[id(frame.f_globals)] = (frame.f_globals, is_host)
        return is_host

    def confine(effect: Effect, newest: FrameType) -> None:
        # The frame of the hook stands above while a frame's own code is asked for, which is an event too.
        guard = owner(effect, newest)
        if guard is None or (effect.path is not None and lent(effect, newest, guard)):
            return
        guard.require(effect.capability, effect.what)

    def of_frame(frame: FrameType) -> Guard | None:
        # The second and third mark are for code that got other builtins, and is the bundle's all the same.
        return (
            guards.get(id(frame.f_builtins))
            or files.get(frame.f_code.co_filename)
            or roots.get(str(frame.f_globals.get("__name__")).partition(".")[0])
        )

    def owner(effect: Effect, newest: FrameType) -> Guard | None:
        """Return the guard whose code acts, `None` where the host does or nobody need ask."""
        if effect.direct:
            return None if newest.f_builtins is host else of_frame(newest)
        frame: FrameType | None = newest
        inner: FrameType | None = None
        libraries = True  # only frames of libraries so far: code that one of them has just made is nobody's
        while frame is not None:
            if frame.f_builtins is not host or frame.f_code.co_filename in files:
                guard = of_frame(frame)
                if guard is not None:
                    return guard
                libraries = False
            else:
                code = frame.f_code
                deputy = deputies.get(id(code)) if libraries else None
                guard = None if deputy is None else of_kind(deputy[1](frame))
                if guard is not None:
                    return guard
                crossing = crossings.get(id(code)) if libraries else None
                if crossing is not None and (crossing.reads or not effect.reads) and crossing.crosses(frame, inner):
                    return None
                if code is reads_lines and effect.reads and _shows_a_line(frame, effect.path):
                    return None
                if code is starts and isinstance(effect.path, int):
                    return None  # The pipes of a process that is about to be started, which is an event of its own.
                if not is_library(code.co_filename):
                    if _is_module_code(frame):
                        return None
                    libraries = False
                elif effect.runs_code and inner is None and _makes_code(code.co_filename):
                    return None  # The frame that runs it says whether it may, not one that only calls that.
            inner, frame = frame, frame.f_back
        return None

    def of_kind(thing: object) -> Guard | None:
        kind = thing if isinstance(thing, type) else type(thing)
        return next((guard for guard in guards.values() if kind in guard.kinds), None)

    def lent(effect: Effect, newest: FrameType, guard: Guard) -> bool:
        """Say whether the path of `effect` is one that everybody may use so."""
        path = plain_path(effect.path)
        if path is None:
            return False
        if effect.reads and is_free(path, reads=True, own=guard.folder):
            return True
        if is_device(path):
            return True
        if not lenders:
            return False
        frame: FrameType | None = newest
        while frame is not None:
            lender = lenders.get(id(frame.f_code))
            if lender is not None:
                folder = lender[1](frame)
                if folder is not None and is_free(path, reads=False, own=folder):
                    return True
            frame = frame.f_back
        return False

    def watch(guard: Guard) -> None:
        guards[id(guard.builtins)] = guard
        roots[guard.root] = guard
        for name in guard.files:
            files[name] = guard

    def cross(more: Iterable[Crossing]) -> None:
        for crossing in more:
            crossings[id(crossing.code)] = crossing

    def lend(code: CodeType, lends: Lends) -> None:
        lenders[id(code)] = (code, lends)

    def deputize(function: FunctionType, acts_for: ActsFor) -> None:
        deputies[id(function.__code__)] = (function.__code__, acts_for)
        closely[id(function.__globals__)] = function.__globals__

    sys.addaudithook(hook)
    return Net(watch=watch, cross=cross, lend=lend, deputize=deputize)


def always(frame: FrameType, inner: FrameType | None) -> bool:  # noqa: ARG001 - a `Crosses`
    """Say that whatever a crossing calls was set up by the host."""
    return True


def _shows_a_line(frame: FrameType | None, path: object) -> bool:
    """Say whether a file is read for the line that a warning or a traceback is about."""
    if not str(path).endswith(".py"):
        return False
    while frame is not None and is_library(frame.f_code.co_filename):
        if frame.f_code.co_filename in _LINE_SHOWERS:
            return True
        frame = frame.f_back
    return False


def _emits(frame: FrameType, inner: FrameType | None) -> bool:
    """Say whether a handler of the host's log writes: one that a bundle cannot make, by its own method."""
    handler = frame.f_locals.get("self")
    kinds = (logging.FileHandler, logging.handlers.SocketHandler, logging.handlers.SysLogHandler)
    if inner is None or not isinstance(handler, kinds) or "emit" in vars(handler):
        return False
    return any(getattr(vars(kind).get("emit"), "__code__", None) is inner.f_code for kind in type(handler).__mro__)


def _python_crossings() -> tuple[Crossing, ...]:
    """Return the crossings of the standard library.

    A bundle cannot set up what they call: it gets no `FileHandler` and no `weakref.finalize`, and a handler or callback
    of its own has its own frame.
    """
    return (
        # A record can hold a traceback that somebody made up, of any file: the host's log shows no lines of that.
        Crossing(code=_code(logging.Handler.handle), crosses=_emits, reads=False),
        # The finalizer of a host's temporary folder may be run by a collection anywhere.
        Crossing(code=_code(weakref.finalize.__call__), crosses=always),
        # What a library imports on the way, and what that does while it is imported, is not the bundle's choice.
        Crossing(code=_code(importlib._bootstrap._find_and_load), crosses=always),  # type: ignore[attr-defined]
    )


def _code(function: Any) -> CodeType:
    assert isinstance(function, FunctionType)  # noqa: S101 - for mypy, and a change of Python
    return function.__code__


def _is_module_code(frame: FrameType) -> bool:
    """Say whether a frame belongs to a module that the host has: code that a library made on the way does not."""
    module = sys.modules.get(str(frame.f_globals.get("__name__", "")))
    if module is None or vars(module) is not frame.f_globals:
        return False
    # dataclasses makes functions in the module that a class names, which may be any: they are not that module's text.
    made = str(frame.f_globals.get("__file__") or "")
    return is_library(frame.f_code.co_filename) == is_library(made)


#: Modules that show lines of the files that something happened in.
_LINE_SHOWERS = frozenset(os.path.join(os.path.dirname(os.__file__), name) for name in ("warnings.py", "traceback.py"))
#: Modules of the standard library that make code from names which they have checked.
_MAKERS = frozenset(
    os.path.join(os.path.dirname(os.__file__), *name.split("/"))
    for name in ("dataclasses.py", "collections/__init__.py")
)
#: Modules whose kind is remembered; a process has some thousands.
_MOST_MODULES = 20_000
_STANDARD = os.path.dirname(os.__file__) + os.sep


def _makes_code(filename: str) -> bool:
    """Say whether the code in a file of a library may run code that it makes.

    Requirements may: their code is not audited. Of the standard library only what checks the names that it writes into
    code, and of the frameworks nothing: what autograph makes of a function is a crossing.
    """
    if filename.startswith("<frozen importlib"):
        return True
    if filename.startswith(_STANDARD) and "-packages" + os.sep not in filename:
        return filename in _MAKERS
    package = filename.rpartition("-packages" + os.sep)[2].partition(os.sep)[0]
    return package not in LISTED and not filename.startswith("<")
