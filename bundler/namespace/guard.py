"""What the code of one bundle may use, and what it has used: the words that were accepted, and the record.

Two nets ask a guard before a power is used: the hook on effects (`bundler.namespace.effects`) and the stubs under the
names of powers (`bundler.namespace.stubs`). They are not a wall: whoever reaches an object of the interpreter gets past
them. The wall is a process of its own.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NoReturn

from bundler.errors import AuditRefused, ConsentRequired
from bundler.namespace.tables import Tables

#: Different uses that a record keeps; a loop over computed paths must not fill the memory.
MOST_USES = 1_000
#: Characters of one line about a use: it quotes paths and names that the bundle's code chose.
_LONGEST = 300

_log = logging.getLogger("bundler")


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One power that the code of a bundle reached for.

    Attributes:
        capability: the word that accepts it.
        what: what was done, in one line: ``opens '/data/words.txt' for reading``.
        module: the bundled module whose code did it, by its original name; empty where other code called what the
            bundle had handed on.
        line: of that module, counted from 1.

    Example:
        >>> stopped = []
        >>> model = bundler.unbundle("model.kbundle", on_refused=stopped.append)
        >>> [use.place for use in stopped]
        []
    """

    capability: str
    what: str
    module: str
    line: int | None

    @property
    def place(self) -> str:
        """Module and line, as an error shows them."""
        if not self.module:
            return "handed on by the bundle's code"
        return self.module if self.line is None else f"{self.module}:{self.line}"


class Record:
    """What the code of one bundle has used and what it was refused, each once, in order.

    Example:
        >>> record = bundler.record_of(bundler.unbundle("model.kbundle"))
        >>> record.used, record.refused
        ((), ())
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[Use, None] = {}
        self._refused: dict[Use, None] = {}

    @property
    def used(self) -> tuple[Use, ...]:
        """What was used, and somebody had accepted."""
        with self._lock:
            return tuple(self._used)

    @property
    def refused(self) -> tuple[Use, ...]:
        """What was stopped, also where the code caught the error and went on."""
        with self._lock:
            return tuple(self._refused)

    def add(self, use: Use, *, refused: bool) -> bool:
        """Keep `use`; return whether it is new."""
        uses = self._refused if refused else self._used
        with self._lock:
            if use in uses or len(uses) >= MOST_USES:
                return False
            uses[use] = None
            return True


@dataclass(eq=False, kw_only=True)
class Guard:
    """What the code of one bundle may use.

    Attributes:
        tables: what a name of foreign code denotes.
        allowed: the capabilities that were accepted; grows when the bundle is loaded again with more.
        denied: the capabilities that a policy closes for good.
        on_refused: called with every use that is refused, once each.
        stand_ins: makes more of what takes the place of single names (`bundler.namespace.stand_ins`).
        record: what was used and what was refused.
        files: the original name of each bundled module by the file name that its code carries.
        builtins: the builtins that the bundle's code runs with; set when its tree is opened.
        root: the name of its tree in `sys.modules`.
        kinds: the classes that its code has defined; what a class says of its module anybody can store.
        folder: where the bundle's files lie, which its code may read; `None` where none were written.
    """

    tables: Tables
    allowed: set[str] = field(default_factory=set)
    denied: frozenset[str] = frozenset()
    on_refused: Callable[[Use], None] | None = None
    stand_ins: Callable[[Any], Mapping[str, Any]] | None = None
    record: Record = field(default_factory=Record)
    files: dict[str, str] = field(default_factory=dict)
    builtins: dict[str, Any] = field(default_factory=dict)
    root: str = ""
    kinds: weakref.WeakSet[type] = field(default_factory=weakref.WeakSet)
    folder: str | None = None

    def accepts(self, word: str) -> bool:
        """Say whether `word` was accepted."""
        return word in self.allowed and word not in self.denied

    def require(self, word: str, what: str) -> None:
        """Record that the running code uses a power, and stop it where nobody accepted `word`.

        Raises:
            ConsentRequired: nobody accepted the capability.
            AuditRefused: a policy closes it for good.
        """
        module, line = self._place()
        use = Use(capability=word, what=what[:_LONGEST], module=module, line=line)
        if self.accepts(word):
            self.record.add(use, refused=False)
            return
        self._refuse(use)

    def join(self, other: Guard) -> None:
        """Take on what `other` accepts and denies; stubs ask at every use, so this reaches code that runs already."""
        self.allowed.update(other.allowed)
        self.denied |= other.denied
        self.on_refused = other.on_refused or self.on_refused

    def _refuse(self, use: Use) -> NoReturn:
        if self.record.add(use, refused=True):
            if self.on_refused is not None:
                self.on_refused(use)
            # A filter of the bundle's on this logger would end in an exception of its own.
            with contextlib.suppress(Exception):
                _log.info("stopped the code of a bundle: %s: %s: %s", use.capability, use.place, use.what)
        reason = f"{use.capability}: {use.place}: {use.what}"
        if use.capability in self.denied:
            raise AuditRefused(
                "the bundle's code was stopped, and the policy closes this for good",
                [reason],
                findings=(),
                hint="ask whoever keeps the policy, or ask the author for a bundle that does without it",
            )
        raise ConsentRequired([use.capability], [reason], allow=sorted(self.allowed), uses=[use])

    def _place(self) -> tuple[str, int | None]:
        """Return the module and line of the newest frame of this bundle's own text."""
        frame: FrameType | None = sys._getframe(1)
        made = ""
        while frame is not None:
            name = self.files.get(frame.f_code.co_filename)
            if name is not None:
                return name, frame.f_lineno
            if not made and frame.f_builtins is self.builtins:
                # Code that was made of the bundle's, by autograph for one: it runs in the same module.
                made = str(getattr(frame.f_globals.get("__name__"), "original", ""))
            frame = frame.f_back
        return made, None


def is_bundles(guard: Guard, kind: type) -> bool:
    """Say whether a class was defined by the code that `guard` holds."""
    return kind in guard.kinds


def is_own(guard: Guard, thing: object) -> bool:
    """Say whether an object is of a class that the code which `guard` holds defined."""
    return is_bundles(guard, type(thing))
