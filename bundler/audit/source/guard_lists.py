"""What the running guard asks of the closed lists: names, powers and what the interpreter calls its own."""

from __future__ import annotations

from bundler.audit.finding import FILESYSTEM, REFLECTION
from bundler.audit.source.attribute_names import (
    DANGEROUS,
    ORDINARY,
    TARGETS,
    UNSEEN_POWERS,
    VALUES,
    is_interpreter_name,
)
from bundler.audit.source.exported_names import power_names
from bundler.audit.source.lookup import Denoted, Kind, look

__all__ = ["TARGETS", "UNSEEN", "Denoted", "Kind", "is_interpreter_name", "look", "power_of"]

#: Names of methods and functions whose use no event tells of.
UNSEEN = frozenset(UNSEEN_POWERS)


def power_of(name: str) -> str | None:
    """Return the capability of a method or function by its bare name, on an object that nobody knows; else `None`."""
    if (capability := UNSEEN_POWERS.get(name)) is not None:
        return capability
    if (capability := DANGEROUS.get(name)) is not None:
        return capability
    if name in ("set_vocabulary", "cache"):
        return FILESYSTEM  # With some arguments, and by a computed name nobody looks at those.
    return REFLECTION if name in power_names() and name not in ORDINARY | VALUES else None
