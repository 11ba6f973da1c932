"""What a pickle would import and call, read opcode by opcode; nothing is unpickled.

A pickle is a program for a small stack machine (PEP 307, PEP 3154, PEP 574). This reader runs it on stand-ins: texts
and tuples are kept, because names are made of them; an import stays the name that it asks for; all else is unknown.
The stack, the marks and the memo are the machine's own, so a name that was put together through the memo is the name
that `pickle` would import.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bundler.limits import LIMITS

#: Opcodes of one member that are looked at; each takes about two microseconds. What is left is said to be unread.
MOST_OPCODES = 400_000
#: Pickles of one member that are told apart.
_MOST_PICKLES = 8
_MOST_PROBLEMS = 50
_MOST_NAMES = 10_000

#: What the C pickler writes under protocol 5, which is cloudpickle's: nothing else is in a pickle that kbundle made.
_WRITTEN = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "MEMOIZE", "BINGET", "LONG_BINGET"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"),
        *("EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS", "FROZENSET"),
        *("STACK_GLOBAL", "REDUCE", "BUILD", "NEWOBJ", "NEWOBJ_EX", "BINPERSID"),
    }
)
_TEXTS = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_OLD_TEXTS = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})
_FOREIGN = (ValueError, OverflowError, struct.error, EOFError, IndexError, TypeError, MemoryError)

#: Where the names and the constants are among the arguments of a code object, from Python 3.11 on.
_CONSTANTS, _NAMES, _CODE_ARGUMENTS = 7, 8, 18


class Fault(StrEnum):
    """What cloudpickle never writes."""

    MALFORMED = "malformed"
    TRAILING = "trailing"
    PERSISTENT_ID = "persistent id"
    EXTENSION = "extension"
    OPCODE = "opcode"
    UNRESOLVED = "unresolved"
    CHANGES = "changes"


@dataclass(frozen=True, kw_only=True, slots=True)
class PickledImport:
    """A name that the pickle imports, at an offset in bytes; `name` is empty for a module itself."""

    module: str
    name: str
    offset: int

    @property
    def dotted(self) -> str:
        """Module and name, joined."""
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass(frozen=True, kw_only=True, slots=True)
class PickleProblem:
    """One thing that no pickle of cloudpickle's has; `offset` is in bytes."""

    fault: Fault
    what: str
    offset: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pickled:
    """What one pickle of a member says.

    Attributes:
        start: its offset in the member.
        imports: in the order of the opcodes, each name once.
        bundled: what it names of the bundle by persistent ids.
        code_names: names and short texts of its code objects, as far as they could be read.
        unread_code: how many code objects could not be read.
        problems: what cloudpickle never writes.
        complete: whether every opcode was looked at.
    """

    start: int
    imports: tuple[PickledImport, ...] = ()
    bundled: tuple[PickledImport, ...] = ()
    code_names: frozenset[str] = frozenset()
    unread_code: int = 0
    problems: tuple[PickleProblem, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Global:
    module: str
    name: str


class _Unknown:
    """A value that nobody needs to know."""


_UNKNOWN = _Unknown()
_MARK = object()


def read_pickles(data: bytes, persistent: Callable[[Any], tuple[str, str] | None]) -> tuple[Pickled, ...]:
    """Return what each pickle in `data` says; there is at least one, however broken `data` is.

    Args:
        data: the whole member.
        persistent: gives the module of the bundle and the qualified name (or "") that a persistent id names; `None`
            where the id means nothing.
    """
    found: list[Pickled] = []
    start, budget = 0, MOST_OPCODES
    if len(data) > LIMITS.data_file:
        return (Pickled(start=0, complete=False),)
    while not found or (start < len(data) and len(found) < _MOST_PICKLES):
        machine = _Machine(data, start, budget, persistent)
        end = machine.run()
        trailing = end is not None and end < len(data) and not found
        if trailing:
            machine.report(Fault.TRAILING, f"{len(data) - (end or 0)} bytes after the end of the first pickle", end)
        found.append(machine.pickled())
        budget -= machine.opcodes
        if end is None or budget <= 0:
            break
        start = end
    return tuple(found)


class _Machine:
    """The stack machine of one pickle."""

    def __init__(
        self, data: bytes, start: int, budget: int, persistent: Callable[[Any], tuple[str, str] | None]
    ) -> None:
        self.opcodes = 0
        self._data = data
        self._start = start
        self._budget = budget
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._imports: dict[tuple[str, str], PickledImport] = {}
        self._bundled: dict[tuple[str, str], PickledImport] = {}
        self._names: set[str] = set()
        self._unread_code = 0
        self._problems: dict[tuple[Fault, str], PickleProblem] = {}
        self._complete = True
        self._at = start

    def run(self) -> int | None:
        """Run to the STOP; returns the offset after it, or `None` where the pickle breaks off or is too long."""
        try:
            with warnings.catch_warnings():
                # Old text opcodes warn about their escapes.
                warnings.simplefilter("ignore")
                return self._run()
        except _FOREIGN as error:
            said = " ".join(str(error).split())[:120] or type(error).__name__
            self.report(Fault.MALFORMED, f"this is not a pickle from end to end: {said}")
            return None

    def pickled(self) -> Pickled:
        """Return what was found."""
        return Pickled(
            start=self._start,
            imports=tuple(self._imports.values()),
            bundled=tuple(self._bundled.values()),
            code_names=frozenset(self._names),
            unread_code=self._unread_code,
            problems=tuple(self._problems.values()),
            complete=self._complete,
        )

    def report(self, fault: Fault, what: str, at: int | None = None) -> None:
        """Note a problem, each once."""
        if len(self._problems) < _MOST_PROBLEMS:
            problem = PickleProblem(fault=fault, what=what, offset=self._at if at is None else at)
            self._problems.setdefault((fault, what), problem)

    def _run(self) -> int:
        end = len(self._data)
        for opcode, argument, position in _opcodes(self._data, self._start):
            if self.opcodes >= self._budget:
                self._complete = False
                return end
            self.opcodes += 1
            self._at = position
            if opcode not in _WRITTEN:
                fault = Fault.EXTENSION if opcode.startswith("EXT") else Fault.OPCODE
                self.report(Fault.PERSISTENT_ID if opcode == "PERSID" else fault, f"the opcode {opcode}")
            if opcode == "STOP":
                self._pop()
                return position + 1
            self._step(opcode, argument)
        raise ValueError("it has no end")

    def _step(self, opcode: str, argument: Any) -> None:
        match opcode:
            case "PROTO":
                if argument not in (4, 5):
                    self.report(Fault.OPCODE, f"protocol {argument}")
            case "FRAME":
                pass
            case "MARK":
                self._stack.append(_MARK)
            case "POP":
                self._pop(mark=True)
            case "POP_MARK":
                self._to_mark()
            case "DUP":
                self._stack.append(self._top())
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._top()
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._top()
            case "GET" | "BINGET" | "LONG_BINGET":
                if argument not in self._memo:
                    raise ValueError(f"the memo has no entry {argument}")
                self._stack.append(self._memo[argument])
            case "EMPTY_TUPLE":
                self._stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._stack.append(self._take(int(opcode[-1])))
            case "TUPLE":
                self._stack.append(tuple(self._to_mark()))
            case "LIST" | "DICT" | "FROZENSET":
                self._to_mark()
                self._stack.append(_UNKNOWN)
            case "APPEND" | "SETITEM":
                self._take(1 if opcode == "APPEND" else 2)
                self._changed(opcode)
            case "APPENDS" | "SETITEMS" | "ADDITEMS":
                self._to_mark()
                self._changed(opcode)
            case "BUILD":
                self._take(1)
                self._changed(opcode)
            case "GLOBAL" | "INST":
                module, _, name = str(argument).partition(" ")
                arguments = tuple(self._to_mark()) if opcode == "INST" else None
                self._stack.append(self._imported(module, name))
                if arguments is not None:
                    self._stack.append(self._called(self._pop(), arguments))
            case "STACK_GLOBAL":
                module, name = self._take(2)
                self._stack.append(self._imported(module, name))
            case "OBJ":
                function, *rest = self._to_mark()
                self._stack.append(self._called(function, tuple(rest)))
            case "REDUCE" | "NEWOBJ":
                function, arguments = self._take(2)
                self._stack.append(self._called(function, arguments))
            case "NEWOBJ_EX":
                function, arguments, _ = self._take(3)
                self._stack.append(self._called(function, arguments))
            case "PERSID" | "BINPERSID":
                self._stack.append(self._referred(argument if opcode == "PERSID" else self._pop()))
            case "READONLY_BUFFER":
                self._top()
            case _:
                # Constants, empty containers, EXT1 to EXT4 and NEXT_BUFFER push one value.
                self._stack.append(_constant(opcode, argument))

    def _imported(self, module: Any, name: Any) -> Any:
        if not isinstance(module, str) or not isinstance(name, str):
            self.report(Fault.UNRESOLVED, "an import by a name that is computed")
            return _UNKNOWN
        if len(self._imports) < _MOST_NAMES:
            imported = PickledImport(module=module, name=name, offset=self._at)
            self._imports.setdefault((module, name), imported)
        else:
            self._complete = False
        return _Global(module, name)

    def _called(self, function: Any, arguments: Any) -> Any:
        """Return what a call gives, where that is a name again, or code."""
        if not isinstance(function, _Global):
            return _UNKNOWN
        known = arguments if isinstance(arguments, tuple) else None
        if (function.module, function.name) in (("types", "CodeType"), ("builtins", "code")):
            self._look_at_code(known)
            return _UNKNOWN
        match (function.module.partition(".")[0], function.name, known):
            case ("cloudpickle", "_builtin_type", (str() as name,)):
                return self._imported("types", name)
            case ("cloudpickle", "subimport", (str() as name,)):
                return self._imported(name, "")
            case ("importlib", "import_module", (str() as name, *_)) | ("builtins", "__import__", (str() as name, *_)):
                return self._imported(name, "")
            case ("builtins", "getattr", (_Global() as value, str() as attribute, *_)):
                return self._imported(value.module, f"{value.name}.{attribute}" if value.name else attribute)
            case ("cloudpickle", "subimport" | "_builtin_type", _):
                self.report(Fault.UNRESOLVED, "an import by a name that is computed")
        return _UNKNOWN

    def _look_at_code(self, arguments: tuple[Any, ...] | None) -> None:
        if arguments is None or len(arguments) != _CODE_ARGUMENTS:
            self._unread_code += 1
            return
        constants, names = arguments[_CONSTANTS], arguments[_NAMES]
        are_texts = isinstance(names, tuple) and all(isinstance(item, str) for item in names)
        if not isinstance(constants, tuple) or not are_texts:
            self._unread_code += 1
            return
        texts = [item for value in constants for item in (value if isinstance(value, tuple) else (value,))]
        for item in (*names, *texts):
            if isinstance(item, str) and 0 < len(item) <= 100 and len(self._names) < _MOST_NAMES:
                self._names.add(item)

    def _referred(self, pid: Any) -> Any:
        place = self._persistent(pid)
        if place is None:
            self.report(Fault.PERSISTENT_ID, f"the persistent id {_shown(pid)}")
        elif len(self._bundled) < _MOST_NAMES:
            self._bundled.setdefault(place, PickledImport(module=place[0], name=place[1], offset=self._at))
        else:
            self._complete = False
        return _UNKNOWN

    def _changed(self, opcode: str) -> None:
        value = self._top()
        if isinstance(value, _Global):
            self.report(Fault.CHANGES, f"{opcode} changes {value.module}.{value.name}")

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise ValueError("it takes a value from an empty stack")
        return self._stack[-1]

    def _pop(self, *, mark: bool = False) -> Any:
        if mark and self._stack and self._stack[-1] is _MARK:
            return self._stack.pop()
        value = self._top()
        self._stack.pop()
        return value

    def _take(self, count: int) -> tuple[Any, ...]:
        return tuple(reversed([self._pop() for _ in range(count)]))

    def _to_mark(self) -> list[Any]:
        taken: list[Any] = []
        while self._stack:
            value = self._stack.pop()
            if value is _MARK:
                taken.reverse()
                return taken
            taken.append(value)
        raise ValueError("it goes back to a mark that is not there")


def _opcodes(data: bytes, start: int) -> Iterator[tuple[str, Any, int]]:
    """Yield (name, argument, offset) from `start` on; raises what `_FOREIGN` lists where the bytes are not a pickle."""
    # genops counts from the beginning of what it is given; a view would be copied all the same.
    for opcode, argument, position in pickletools.genops(data[start:] if start else data):
        yield opcode.name, argument, start + (position or 0)


def _constant(opcode: str, argument: Any) -> Any:
    if opcode in _TEXTS:
        return str(argument)
    if opcode in _OLD_TEXTS:
        return argument if isinstance(argument, str) else _UNKNOWN
    return _UNKNOWN


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, Sequence):
        return f"({', '.join(_shown(item) if isinstance(item, str) else '...' for item in value[:4])})"
    return "of no text"
