"""The kinds of things that an expression may denote. `Values` are all that one expression may denote.

1. What must be followed is `Foreign` or `OwnModule`; every other kind only says which attributes it may have.
2. What is not followed is a `Stranger`. That is sound as long as `uses` keeps what must be followed from getting there.
"""

from __future__ import annotations

from dataclasses import dataclass

from bundler.audit.source.lookup import Denoted, Kind, look


@dataclass(frozen=True, slots=True)
class Value:
    """One thing that an expression may denote."""

    @property
    def kind(self) -> Kind | None:
        """What the tables say about a foreign thing; `None` for every other."""
        return None

    @property
    def is_module(self) -> bool:
        """Whether this is a module, of the bundle or foreign."""
        return self.kind is Kind.MODULE or isinstance(self, OwnModule)

    @property
    def is_kept(self) -> bool:
        """Whether it must be followed wherever it goes: a module, or a function that is looked at where it is called."""
        return self.is_module or self.kind is Kind.CALL


@dataclass(frozen=True, slots=True)
class Foreign(Value):
    """What the dotted name `name` of foreign code denotes, in the spelling that the tables have.

    It is `real` where it was found on an object of Keras: then it is the module itself, and no view of it.
    """

    name: str
    real: bool = False

    @property
    def denoted(self) -> Denoted:
        """What the tables say about it."""
        return look(self.name)

    @property
    def kind(self) -> Kind:
        return self.denoted.kind


@dataclass(frozen=True, slots=True)
class OwnModule(Value):
    """A module of the bundle."""

    name: str


@dataclass(frozen=True, slots=True)
class OwnFunction(Value):
    """A function that the bundle defines, by ``module:path``."""

    place: str


@dataclass(frozen=True, slots=True)
class OfClass(Value):
    """What comes of a class that the bundle defines; `place` is the class's ``module:path``."""

    place: str


class OwnClass(OfClass):
    """The class itself."""


class Own(OfClass):
    """An object of the class, so that its methods are the bundle's."""


class Instance(Own):
    """An instance of the class, or the first parameter of its methods."""


class ThisClass(Own):
    """The class as its own class methods have it; it may be a class that derives from it."""


class Super(Own):
    """What ``super()`` gives: the same object, with the methods of the class's bases."""


@dataclass(frozen=True, slots=True)
class ThisText(Value):
    """This very string."""

    text: str


@dataclass(frozen=True, slots=True)
class TextPrefix(Value):
    """A string that begins so."""

    text: str


@dataclass(frozen=True, slots=True)
class TextItems(Value):
    """A container of just these strings."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame(Value):
    """A frame as the guard shows it, or its code."""

    is_code: bool = False


class Nothing(Value):
    """The object `None`."""


class Stranger(Value):
    """An object that is not followed: it is not a module, nor a sink, nor a call that is looked at."""


class UnknownObject(Stranger):
    """Anything that may be denoted without being followed: what must be followed never gets there unseen."""


class MadeObject(Stranger):
    """What code of the tables returned."""


class GivenObject(Stranger):
    """What the code of a requirement returned."""


Values = frozenset[Value]

UNKNOWN, NONE, MADE, GIVEN, FRAME = UnknownObject(), Nothing(), MadeObject(), GivenObject(), Frame()
NOTHING: Values = frozenset()
ANYTHING: Values = frozenset({UNKNOWN})


def foreign(path: str) -> Foreign:
    """Return the foreign thing that the dotted name `path` denotes."""
    return Foreign(look(path).path)
