"""What takes the place of single names of the standard library in a bundle, because no event tells of their use.

The environment is a dictionary, ``os.path.exists`` asks the system without an event, and some calls change settings of
the whole process for reasons that do not matter to whoever only wants the model. Where silence is harmless it is
silent: an unset variable is unset, an absent file is absent, ``basicConfig`` does nothing. A stand-in keeps what it
needs in closures, never in attributes: the guard must not be reached from it.
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import functools
import inspect
import logging
import os
import sys
import traceback
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from bundler.namespace.argument_parser import parser_of
from bundler.namespace.command_flags import does_nothing, flags_of
from bundler.namespace.fields import dataclass_of, field_readers
from bundler.namespace.folders import is_free, plain_path
from bundler.namespace.guard import Guard, is_own
from bundler.namespace.paths import path_class
from bundler.namespace.shield import ABSENT, shielded
from bundler.namespace.source_texts import exact

if TYPE_CHECKING:
    from bundler.namespace.reach import Reach

#: Variables that choose how the framework runs; their values are nobody's secret.
_OPEN_VARIABLES = frozenset(
    (
        "KERAS_BACKEND TF_CPP_MIN_LOG_LEVEL TF_ENABLE_ONEDNN_OPTS TF_USE_LEGACY_KERAS"
        " TF_FORCE_GPU_ALLOW_GROWTH CUDA_VISIBLE_DEVICES XLA_FLAGS TF_XLA_FLAGS TF_DETERMINISTIC_OPS"
        " OMP_NUM_THREADS MKL_NUM_THREADS PYTHONHASHSEED"
    ).split()
)
#: Of `os.path`, and of `os`, what looks at the file that its first argument names, and raises no event.
_LOOKS = (
    *(f"os.path.{name}" for name in (
        "exists lexists isfile isdir islink ismount getsize getmtime getatime getctime realpath"
        " samefile sameopenfile isjunction"
    ).split()),
    *(f"os.{name}" for name in ["stat", "lstat", "access", "readlink", "statvfs", "pathconf"]),
)  # fmt: skip
#: Settings of the process that only matter to whoever runs it. They do nothing, and the model is the same.
_SILENT = (
    "logging.basicConfig logging.captureWarnings logging.disable warnings.resetwarnings"
    " random.seed numpy.random.seed tensorflow.random.set_seed keras.utils.set_random_seed"
    " sys.setrecursionlimit faulthandler.enable tensorflow.autograph.set_verbosity"
    " tensorflow.python.compat.v2_compat.enable_v2_behavior tensorflow.enable_v2_behavior"
    " tensorflow.config.set_soft_device_placement"
    " tensorflow.config.experimental.set_memory_growth tensorflow.config.optimizer.set_jit"
    " tensorflow.config.threading.set_inter_op_parallelism_threads"
    " tensorflow.config.threading.set_intra_op_parallelism_threads"
    " tensorflow.debugging.disable_traceback_filtering"
    " tensorflow.debugging.enable_traceback_filtering keras.config.disable_traceback_filtering"
    " keras.config.enable_traceback_filtering keras.config.disable_interactive_logging"
    " keras.utils.disable_interactive_logging keras.config.enable_interactive_logging"
    " keras.utils.enable_interactive_logging numpy.set_printoptions absl.logging.set_verbosity"
    " absl.logging.use_absl_handler tensorflow.compat.v1.logging.set_verbosity"
).split()


def looked_at(guard: Guard, path: object) -> None:
    """Ask whether the code may look at the file `path`: below free folders it may, and at what is not there too.

    Raises:
        ConsentRequired: it may not.
    """
    text = plain_path(path)
    if text is not None and (is_free(text, reads=True, own=guard.folder) or not os.path.lexists(text)):
        return
    guard.require("filesystem", f"looks at {path!r}")


def followed(guard: Guard, path: object, found: object) -> None:
    """Ask whether the code may know where a path leads: the working folder and links are in the answer.

    Raises:
        ConsentRequired: it may not.
    """
    given, answer = plain_path(path), plain_path(found)
    if given is None or not os.path.isabs(given):
        guard.require("environment", "reads the working folder")
    elif answer != os.path.normpath(given) and not is_free(answer or "", reads=True, own=guard.folder):
        guard.require("filesystem", f"follows the links of {path!r}")


def stand_ins_of(reach: Reach, modules: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stand-ins of one bundle by canonical path; `modules` is what it sees as ``sys.modules``."""
    guard = reach.guard
    environment = _environment(guard)
    path_kind = reach.path_kind = path_class(reach, looked_at, followed)
    found: dict[str, Any] = {
        "pathlib.Path": path_kind,
        "pathlib.PosixPath": path_kind,
        "pathlib.WindowsPath": path_kind,
        "dataclasses.dataclass": dataclass_of(guard),
        **field_readers(guard),
        "os.environ": environment,
        "os.getenv": environment.get,
        "os.putenv": environment.__setitem__,
        "os.unsetenv": lambda name: environment.pop(name, None),
        "os.getcwd": _asks(guard, os.getcwd, "environment", "reads the working folder"),
        "os.path.abspath": _absolute(guard),
        "os.path.expanduser": _as_it_is,
        "os.path.expandvars": _as_it_is,
        "sys.modules": modules,
        "sys.path": [],
        # The arguments of the host's program are none of a bundle's.
        "sys.argv": ["program"],
        "tensorflow.get_logger": lambda: logging.getLogger("tensorflow"),
        "argparse.ArgumentParser": parser_of(guard),
        **flags_of(guard),
        "operator.attrgetter": _attribute_getter(guard),
        "operator.methodcaller": _method_caller(reach),
        "contextlib.redirect_stdout": _redirect("stdout"),
        "contextlib.redirect_stderr": _redirect("stderr"),
        "functools.update_wrapper": _update_wrapper(guard),
        "functools.wraps": lambda wrapped, *_, **__: functools.partial(_update_wrapper(guard), wrapped=wrapped),
        "inspect.signature": _signature(reach),
        "argparse.Namespace": shielded(guard, type("Namespace", (argparse.Namespace,), {})),
        # An enumeration of its own kind makes classes from data, past the metaclass of `enum_stand_ins`.
        "enum.ReprEnum": reach.stub("enum.ReprEnum", "native-code", getattr(enum, "ReprEnum", enum.Enum)),
        "typing.get_origin": _typing(reach, typing.get_origin),
        "typing.get_args": _typing(reach, typing.get_args),
        **{f"traceback.{name}": _traceback(guard, getattr(traceback, name)) for name in _TRACEBACKS},
        "warnings.simplefilter": _filtering(guard, warnings.simplefilter),
        "warnings.filterwarnings": _filtering(guard, warnings.filterwarnings),
        "keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER": reach.stub(
            "keras.src.backend.common.global_state.GLOBAL_STATE_TRACKER", "side-effects", None
        ),
        "types.SimpleNamespace": shielded(guard, type("SimpleNamespace", (types.SimpleNamespace,), {})),
    }
    for path in _LOOKS:
        module = os.path if path.startswith("os.path.") else os
        function = getattr(module, path.rpartition(".")[2], None)
        if function is not None:
            found[path] = _looking(guard, function)
    for path in _SILENT:
        found[path] = does_nothing
    return found


def _as_it_is(path: Any) -> Any:
    """Return a path with its ``~`` and ``$`` as they are: what they stand for is the user's."""
    return os.fspath(path)


def _asks(guard: Guard, function: Callable[..., Any], word: str, what: str) -> Callable[..., Any]:
    def asking(*args: Any, **kwargs: Any) -> Any:
        guard.require(word, what)
        return function(*args, **kwargs)

    return asking


def _looking(guard: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    def looking(path: Any, *args: Any, **kwargs: Any) -> Any:
        looked_at(guard, path)
        for other in (*args, *kwargs.values()):
            if isinstance(other, str | bytes | os.PathLike):
                looked_at(guard, other)
        if kwargs.get("dir_fd") is not None:
            guard.require("filesystem", f"looks at {path!r} below an open folder")
        found = function(path, *args, **kwargs)
        if function is os.path.realpath:
            followed(guard, path, found)
        return found

    looking.__name__ = looking.__qualname__ = function.__name__
    return looking


def _absolute(guard: Guard) -> Callable[[Any], Any]:
    def abspath(path: Any) -> Any:
        path = exact(path) if isinstance(path, str) else path
        if not os.path.isabs(path):
            guard.require("environment", "reads the working folder")
        return os.path.abspath(path)

    return abspath


def _environment(guard: Guard) -> MutableMapping[str, str]:
    """Return the environment of one bundle: what it sets stays with it; what is set outside asks."""
    own: dict[str, str | None] = {}

    class Environment(MutableMapping[str, str]):
        def __getitem__(self, name: str) -> str:
            name = exact(name)
            if name in own:
                kept = own[name]
                if kept is None:
                    raise KeyError(name)
                return kept
            found = os.environ[name]
            if name not in _OPEN_VARIABLES:
                guard.require("environment", f"reads the variable {name}")
            return found

        def __setitem__(self, name: str, value: str) -> None:
            own[exact(name)] = exact(value)

        def __delitem__(self, name: str) -> None:
            self[name]
            own[exact(name)] = None

        def __iter__(self) -> Iterator[str]:
            guard.require("environment", "lists the variables of the environment")
            return iter({**os.environ, **own})

        def __len__(self) -> int:
            return sum(1 for _ in self)

        def __contains__(self, name: object) -> bool:
            name = exact(name)
            return own.get(name, "") is not None and (name in own or name in os.environ)

        def __repr__(self) -> str:
            return "<the environment as a bundle sees it>"

        def copy(self) -> dict[str, str]:
            return dict(self)

    return Environment()


def _attribute_getter(guard: Guard) -> Callable[..., Any]:
    def attrgetter(*names: str) -> Callable[[Any], Any]:
        get = guard.builtins["getattr"]

        def one(thing: Any, name: str) -> Any:
            return functools.reduce(get, name.split("."), thing)

        if len(names) == 1:
            return lambda thing: one(thing, names[0])
        return lambda thing: tuple(one(thing, name) for name in names)

    return attrgetter


def _method_caller(reach: Reach) -> Callable[..., Any]:
    def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        def call(thing: Any) -> Any:
            return reach.guard.builtins["getattr"](thing, name)(*args, **kwargs)

        return reach.tagged(call)  # type: ignore[no-any-return]

    return methodcaller


def _redirect(name: str) -> Callable[[Any], Any]:
    # Python's own is a class, whose `_stream` names what it replaces.
    @contextlib.contextmanager
    def redirected(target: Any) -> Iterator[Any]:
        before = getattr(sys, name)
        setattr(sys, name, target)
        try:
            yield target
        finally:
            setattr(sys, name, before)

    return redirected


def _signature(reach: Reach) -> Callable[..., inspect.Signature]:
    """Return `inspect.signature` for a bundle: a default of somebody else's function can be a power."""

    def signature(function: Any, *, follow_wrapped: bool = True) -> inspect.Signature:
        found = inspect.signature(function, follow_wrapped=follow_wrapped)
        shown = [
            item if item.default is item.empty else item.replace(default=reach.attribute(item.name, item.default))
            for item in found.parameters.values()
        ]
        return found.replace(parameters=shown)

    return signature


def _update_wrapper(guard: Guard) -> Callable[..., Any]:
    """Return what copies as `functools.update_wrapper` does by default; a choice would copy any attribute."""

    def update_wrapper(wrapper: Any, wrapped: Any, *_: Any, **__: Any) -> Any:
        function = getattr(wrapper, "__func__", wrapper)
        own = isinstance(function, functools.partial) or getattr(function, "__builtins__", None) is guard.builtins
        if not own and not is_own(guard, wrapper):
            guard.require("side-effects", f"copies attributes to a {type(wrapper).__name__}")
        if ABSENT & set(getattr(wrapped, "__dict__", {})):
            guard.require("native-code", "copies an address of memory")
        return functools.update_wrapper(wrapper, wrapped)

    return update_wrapper


def _typing(reach: Reach, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a look at a generic alias that gives the classes in it as the bundle has them."""

    def look(alias: Any) -> Any:
        found = function(alias)
        if isinstance(found, tuple):
            return tuple(reach.kind(item) if isinstance(item, type) else item for item in found)
        return reach.kind(found) if isinstance(found, type) else found

    return look


def _filtering(guard: Guard, function: Callable[..., None]) -> Callable[..., None]:
    def filtering(action: Any, *args: Any, **kwargs: Any) -> None:
        if exact(action) == "error":
            guard.require("side-effects", "makes warnings of other code into errors")
        function(exact(action), *args, **kwargs)

    return filtering


#: What shows the source lines of a traceback.
_TRACEBACKS = ("format_exception", "print_exception", "format_tb", "print_tb", "extract_tb")


def _traceback(guard: Guard, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` for the tracebacks that Python made: one that code made up names any file."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        for item in (*args, *kwargs.values()):
            made_up = hasattr(item, "tb_frame") and not isinstance(item, types.TracebackType)
            like = any(hasattr(item, name) for name in ("__traceback__", "__cause__", "__context__"))
            if made_up or (like and not isinstance(item, BaseException | type)):
                guard.require("filesystem", "shows the lines of a traceback that it made up")
        return function(*args, **kwargs)

    checked.__name__ = checked.__qualname__ = function.__name__
    return checked


def modules_of(find: Callable[[str], Any]) -> Mapping[str, Any]:
    """Return ``sys.modules`` as a bundle sees it; `find` raises `KeyError` for a module that it cannot see."""

    class Modules(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            return find(name)

        def __iter__(self) -> Iterator[str]:
            own = __name__.partition(".")[0]
            return (name for name in tuple(sys.modules) if name.partition(".")[0] != own and name in self)

        def __len__(self) -> int:
            return sum(1 for _ in self)

    return Modules()
