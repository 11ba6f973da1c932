"""Say what is wrong with a foreign file, as a value: the readers of this room raise no finding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file.

    Attributes:
        rule: the id of the audit's rule, such as ``weights.alias``.
        what: what was met.
        place: the path of the object, or the name of the member, in the file; empty for the file itself.
    """

    rule: str
    what: str
    place: str = ""
