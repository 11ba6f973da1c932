"""The kinds of library values that can be made again by one call, and that call for each."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bundler.values import libraries, settings, standard


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A value by the call that makes it: a maker of `MAKERS`, and what that is called with.

    `attributes` are set afterwards, by dotted name, where no call gives the whole state of the object.
    """

    maker: str
    items: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


#: By the maker, which is its public name: how it is called with what a stranger's file says, and raises `ValueError`,
#: `TypeError` or `ArithmeticError` for what it does not take.
MAKERS: dict[str, Callable[..., Any]] = {**standard.MAKERS, **libraries.MAKERS, **settings.MAKERS}
#: Of these the code of a bundle has classes of its own, which it asks whether a value is of them.
_SEEN = frozenset({"argparse.Namespace", "types.SimpleNamespace", "pathlib.Path"})
#: By maker and name what is set on a value after it was made.
_ATTRIBUTES = {**standard.ATTRIBUTES, **libraries.ATTRIBUTES}
#: The names among them that are methods, called with what is set.
SETTERS = frozenset({"set_state", "setstate"})


def module_of(maker: str) -> str:
    """Return the module that has to be imported for `maker`."""
    return next(name for name in ("scipy.sparse", maker.partition(".")[0]) if maker.startswith(f"{name}."))


def taken_apart(value: Any) -> Made | None:
    """Return how `value` is made again, or `None` where it is of none of the kinds.

    The parts may hold values of any kind; whether these can be carried is for the caller to find out.
    """
    # What the code of a loaded bundle gets in the place of a class of Python's is a class of ours, derived from that.
    cls = next(base for base in type(value).__mro__ if base.__module__.partition(".")[0] != "bundler")
    place = f"{cls.__module__}.{cls.__qualname__}"
    parts = standard.parts_of(place, value)
    if parts is None:
        parts = libraries.parts_of(value) or settings.parts_of(value)
    if parts is None:
        return None
    maker, items, keywords, *more = parts
    return Made(maker=maker, items=tuple(items), keywords=keywords, attributes=more[0] if more else {})


def made(
    maker: str,
    items: tuple[Any, ...],
    keywords: Mapping[str, Any],
    attributes: Mapping[str, Any],
    view: Callable[[str], Any] | None = None,
) -> Any:
    """Return the value that `taken_apart` took apart.

    Args:
        maker: of `MAKERS`.
        items: what it is called with.
        keywords: the same by name.
        attributes: what is set afterwards.
        view: gives a module as the code sees it that will have the value; it has classes of its own for a few.

    Raises:
        ValueError: the list does not have the maker, or it is called otherwise.
        ModuleNotFoundError: its library is not installed here.
    """
    if maker not in MAKERS:
        raise ValueError(f"{maker[:80]!r} does not make values")
    name = module_of(maker)
    found: Any = view(name) if view is not None and maker in _SEEN else importlib.import_module(name)
    found = operator.attrgetter(maker.removeprefix(f"{name}."))(found)
    value = MAKERS[maker](found, *items, **keywords)
    for name, item in attributes.items():
        if (maker, name) not in _ATTRIBUTES:
            raise ValueError(f"{name[:80]!r} of {maker} is not set")
        _ATTRIBUTES[maker, name](value, item)
    return value
