"""What the nets ask the audit's closed lists; `bundler.audit.source` answers, and this room stands below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What kind of thing a dotted name of foreign code denotes."""

    MODULE = "module"
    #: It only computes, whatever is done with it.
    PLAIN = "plain"
    #: It does more than compute.
    SINK = "sink"
    #: A sink with some arguments only.
    CALL = "call"
    #: Something of a requirement, whose code nobody has listed.
    OPEN = "open"
    #: A name that no list has.
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a dotted name denotes: its canonical spelling, its kind, and the capability of a sink."""

    path: str
    kind: Meaning
    capability: str = "reflection"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The closed lists, as functions.

    Attributes:
        look: what a dotted name of foreign code denotes.
        power: the capability of a method or function by its bare name (``unlink``, ``tofile``), else `None`.
        interpreter_name: whether an attribute of this name leads past what can be read in the source
            (``__globals__``, ``f_back``).
        targets: attributes that say where an object writes, on objects that may be the host's.
        unseen: names of methods and functions whose use no event tells of, on whatever object they are found.
        installed: whether the standard library, the framework or the bundle's lock has a top-level name.
    """

    look: Callable[[str], Named]
    power: Callable[[str], str | None]
    interpreter_name: Callable[[str], bool]
    targets: frozenset[str]
    unseen: frozenset[str]
    installed: Callable[[str], bool]
