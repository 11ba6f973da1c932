"""What the interpreter's audit events mean: the capability that an effect takes, and one line that says what happens.

The events are those of the table in Python's documentation ("Audit events table", PEP 578), 3.11 to 3.14, that stand
for an effect outside the process or for a way past what is checked here. An event that is not listed is harmless, or
follows from one that is. `kbundle.native` is ours: `bundler.keras_io.native` raises it where the framework's native
code is about to act, since no event of the interpreter tells.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

FILESYSTEM, NETWORK, PROCESS, NATIVE_CODE = "filesystem", "network", "process", "native-code"
DYNAMIC_CODE, DESERIALIZATION, ENVIRONMENT = "dynamic-code", "unsafe-deserialization", "environment"
REFLECTION, SIDE_EFFECTS = "reflection", "side-effects"

#: The event that `bundler.keras_io.native.watching` raises: capability, what, path or `None`, "r" or "w" or `None`.
NATIVE_EVENT = "kbundle.native"

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


#: Events that count only where the bundle's own line raises them: libraries do the same all the time.
DIRECT = frozenset({"object.__getattr__", "object.__setattr__", "code.__new__", "function.__new__"})


@dataclass(frozen=True, slots=True)
class Effect:
    """What is about to happen.

    Attributes:
        capability: the word that accepts it.
        what: one line about it.
        path: the file or folder that is meant, where one is: reading some of them is free.
        reads: whether it only reads `path`.
        direct: whether it counts only where the bundle's own line raises the event, not a library that it calls.
        runs_code: whether it runs code that was made from text: some libraries do so for harmless reasons.
    """

    capability: str
    what: str
    path: object = None
    reads: bool = False
    direct: bool = False
    runs_code: bool = False


Reader = Callable[[tuple[Any, ...]], Effect | None]


def _open(args: tuple[Any, ...]) -> Effect:
    path, mode, flags = args[0], args[1], args[2] if len(args) > 2 else 0
    # open() passes both, os.open() only the flags, and shelve or dbm other things in their place.
    writing = isinstance(mode, str) and any(letter in mode for letter in "wax+")
    writing = writing or (isinstance(flags, int) and bool(flags & _WRITING))
    return Effect(FILESYSTEM, f"opens {path!r} for {'writing' if writing else 'reading'}", path, reads=not writing)


def _file(verb: str, *, reads: bool = False) -> Reader:
    def read(args: tuple[Any, ...]) -> Effect:
        path = args[0] if args else None
        return Effect(FILESYSTEM, f"{verb} {path!r}", path, reads=reads)

    return read


def _two_files(verb: str) -> Reader:
    # Both ends count, and no folder makes both free.
    return lambda args: Effect(FILESYSTEM, f"{verb} {args[0]!r} to {args[1]!r}")


def _plain(capability: str, what: str, *, direct: bool = False) -> Reader:
    return lambda _: Effect(capability, what, direct=direct)


def _first(capability: str, verb: str) -> Reader:
    return lambda args: Effect(capability, f"{verb} {args[0]!r}" if args else verb)


def _address(verb: str) -> Reader:
    return lambda args: Effect(NETWORK, f"{verb} {args[1]!r}" if len(args) > 1 else verb)


def _mmap(args: tuple[Any, ...]) -> Effect | None:
    return None if args and args[0] == -1 else Effect(FILESYSTEM, "maps a file into memory")


def _inner(args: tuple[Any, ...]) -> Effect | None:
    name = str(args[1]) if len(args) > 1 else ""
    if name in ("__defaults__", "__kwdefaults__"):
        return None
    return Effect(REFLECTION, f"reads {name} of a {type(args[0]).__name__}", direct=True)


def _code_changed(args: tuple[Any, ...]) -> Effect | None:
    # The event also comes for names that a class may well get anew: __name__, __doc__, __class__.
    return Effect(REFLECTION, "changes the code of a function", direct=True) if args[1] == "__code__" else None


def _native(args: tuple[Any, ...]) -> Effect:
    capability, what, path, mode = (*args, None, None)[:4]
    return Effect(str(capability), str(what), path, reads=mode == "r")


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "open": _open,
        "os.listdir": _file("lists", reads=True),
        "os.scandir": _file("lists", reads=True),
        "os.walk": _file("walks through", reads=True),
        "os.fwalk": _file("walks through", reads=True),
        "glob.glob": _file("looks for", reads=True),
        "pathlib.Path.glob": _file("looks in", reads=True),
        "pathlib.Path.rglob": _file("looks in", reads=True),
        "os.getxattr": _file("reads attributes of", reads=True),
        "os.listxattr": _file("reads attributes of", reads=True),
        "tempfile.mkstemp": _file("makes the file"),
        "tempfile.mkdtemp": _file("makes the folder"),
        "os.mkdir": _file("makes the folder"),
        "os.rmdir": _file("removes the folder"),
        "os.remove": _file("removes"),
        "os.truncate": _file("cuts"),
        "os.utime": _file("changes the times of"),
        "os.chmod": _file("changes the rights of"),
        "os.chown": _file("changes the owner of"),
        "os.chflags": _file("changes the flags of"),
        "os.setxattr": _file("changes attributes of"),
        "os.removexattr": _file("changes attributes of"),
        "os.rename": _two_files("renames"),
        "os.link": _two_files("links"),
        "os.symlink": _two_files("links"),
        "os.chdir": _first(FILESYSTEM, "changes the working folder to"),
        "os.fchdir": _plain(FILESYSTEM, "changes the working folder"),
        "os.lockf": _plain(FILESYSTEM, "locks a file"),
        "mmap.__new__": _mmap,
        # One in memory too: a statement attaches any file to it, and no event tells.
        "sqlite3.connect": _first(FILESYSTEM, "opens the database"),
        "sqlite3.load_extension": _plain(NATIVE_CODE, "loads an extension into a database"),
        **{f"fcntl.{name}": _plain(FILESYSTEM, f"calls fcntl.{name}") for name in ("fcntl", "ioctl", "flock", "lockf")},
        # socket.__new__ comes first for every other event of the module but the look-ups.
        "socket.__new__": _plain(NETWORK, "makes a socket"),
        "socket.connect": _address("connects to"),
        "socket.bind": _address("listens at"),
        "socket.sendto": _address("sends to"),
        "socket.sendmsg": _address("sends to"),
        **{
            f"socket.{name}": _first(NETWORK, "looks up the host")
            for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo")
        },
        "socket.gethostname": _plain(ENVIRONMENT, "reads the name of this machine"),
        "socket.sethostname": _plain(SIDE_EFFECTS, "changes the name of this machine"),
        "urllib.Request": _first(NETWORK, "opens"),
        "webbrowser.open": _first(PROCESS, "opens a browser at"),
        "subprocess.Popen": _first(PROCESS, "starts"),
        "os.system": _first(PROCESS, "starts"),
        "os.exec": _first(PROCESS, "replaces this process by"),
        "os.posix_spawn": _first(PROCESS, "starts"),
        "os.spawn": _plain(PROCESS, "starts a process"),
        "os.startfile": _first(PROCESS, "starts"),
        "os.fork": _plain(PROCESS, "forks this process"),
        "os.forkpty": _plain(PROCESS, "forks this process"),
        "pty.spawn": _plain(PROCESS, "starts a process"),
        "os.kill": _plain(PROCESS, "signals a process"),
        "os.killpg": _plain(PROCESS, "signals processes"),
        "signal.pthread_kill": _plain(PROCESS, "signals a thread"),
        "resource.setrlimit": _plain(PROCESS, "changes a limit of this process"),
        "resource.prlimit": _plain(PROCESS, "changes a limit of a process"),
        "os.putenv": _first(ENVIRONMENT, "sets the variable"),
        "os.unsetenv": _first(ENVIRONMENT, "removes the variable"),
        "builtins.input": _plain(ENVIRONMENT, "reads what somebody types"),
        **{
            f"ctypes.{name}": _plain(NATIVE_CODE, f"uses ctypes ({name})")
            for name in (
                "dlopen dlsym dlsym/handle call_function addressof cdata cdata/buffer create_string_buffer"
                " create_unicode_buffer get_errno set_errno get_last_error set_last_error string_at"
                " wstring_at PyObj_FromPtr seh_exception memoryview_at"
            ).split()
        },
        "exec": lambda _: Effect(DYNAMIC_CODE, "runs code that is made from text or data", runs_code=True),
        "code.__new__": _plain(DYNAMIC_CODE, "makes a code object", direct=True),
        "function.__new__": _plain(DYNAMIC_CODE, "makes a function of a code object", direct=True),
        "builtins.breakpoint": _plain(DYNAMIC_CODE, "starts a debugger"),
        "sys.addaudithook": _plain(REFLECTION, "adds an audit hook"),
        "marshal.loads": _plain(DESERIALIZATION, "unmarshals data"),
        "marshal.load": _plain(DESERIALIZATION, "unmarshals data"),
        "pickle.find_class": lambda args: Effect(
            DESERIALIZATION, "unpickles " + ".".join(str(part) for part in args[:2])
        ),
        "gc.get_objects": _plain(REFLECTION, "lists all objects of the process"),
        "gc.get_referrers": _plain(REFLECTION, "looks for what holds an object"),
        "gc.get_referents": _plain(REFLECTION, "looks for what an object holds"),
        "sys._current_frames": _plain(REFLECTION, "reads the frames of all threads"),
        "sys._current_exceptions": _plain(REFLECTION, "reads the exceptions of all threads"),
        "sys.settrace": _plain(REFLECTION, "traces the interpreter"),
        "sys.setprofile": _plain(REFLECTION, "traces the interpreter"),
        "sys.monitoring.register_callback": _plain(REFLECTION, "traces the interpreter"),
        "sys.remote_exec": _plain(PROCESS, "runs code in another process"),
        "sys.set_asyncgen_hooks_firstiter": _plain(SIDE_EFFECTS, "hooks into generators of others"),
        "sys.set_asyncgen_hooks_finalizer": _plain(SIDE_EFFECTS, "hooks into generators of others"),
        "object.__getattr__": _inner,
        "object.__setattr__": _code_changed,
        "syslog.syslog": _plain(SIDE_EFFECTS, "writes to the system's log"),
        "syslog.openlog": _plain(SIDE_EFFECTS, "writes to the system's log"),
        NATIVE_EVENT: _native,
    }
)
