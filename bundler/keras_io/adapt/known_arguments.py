"""What is known about how an object was made, on its way from the author's side to the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownArguments:
    """What the constructor of one object was given, as `bundler.sources.constructor` reads it."""

    values: Mapping[str, Any]
    positional: tuple[Any, ...]
    certain: frozenset[str]
    defaults: Mapping[str, Any]
    takes: tuple[str, ...]
    keywords_go_to: type | None
    handed_on: frozenset[str]
    unread: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordedArguments:
    """A value as Keras has written it already."""

    value: Any


#: Reads the arguments of an object back, without the parameters named; of its ``__init__``, or of another method.
Read = Callable[..., KnownArguments]
