"""What an expression may denote, as far as the audit follows it."""

from __future__ import annotations

from typing import NamedTuple

from bundler.audit.source.lookup import Denoted, Kind, look


class Value(NamedTuple):
    """One thing that an expression may denote.

    ``kind`` is ``foreign`` (`name` is its dotted path), ``module`` (of the bundle), ``class`` and ``function`` (defined
    in the bundle), ``self`` (an instance of such a class, or the class as its own methods have it), ``super``,
    ``made`` (what code of the tables returned), ``frame`` (a frame as the guard shows it), ``given`` (what a requirement's code returned), ``text`` (this very string), ``prefix`` (a string that begins so), ``texts``
    (a container of just these strings) ``none``, or ``unknown``: anything except a module, a door or a call that is looked at.
    """

    kind: str
    name: str = ""
    items: tuple[str, ...] = ()

    @property
    def denoted(self) -> Denoted:
        """What the tables say about a foreign thing."""
        return look(self.name)

    @property
    def is_module(self) -> bool:
        """Whether this is a module, of the bundle or foreign."""
        return self.kind == "module" or (self.kind == "foreign" and self.denoted.kind is Kind.MODULE)

    @property
    def is_kept(self) -> bool:
        """Whether it must be followed wherever it goes: a module, or a function that is looked at where it is called."""
        return self.is_module or (self.kind == "foreign" and self.denoted.kind is Kind.CALL)


Values = frozenset[Value]

UNKNOWN = Value("unknown")
NONE = Value("none")
MADE = Value("made")
#: Marks what is found on an object of Keras: the module itself, and no view of it.
REAL = ("real",)
FRAME = Value("frame")
FRAME_CODE = Value("frame", "f_code")
GIVEN = Value("given")
NOTHING: Values = frozenset()
ANYTHING: Values = frozenset({UNKNOWN})
"""An expression that the audit does not follow, and need not: what must be followed never gets there unseen."""


def foreign(path: str) -> Value:
    """Return the foreign thing that the dotted name `path` denotes."""
    return Value("foreign", look(path).path)
