"""How much a comparison may read, compute and tell.

Comparing two texts line by line takes quadratic time in the worst case, and a stranger chooses the texts. So each step
costs, and where the budget is spent a coarser answer is given, which says so.
"""

from __future__ import annotations

import json
from typing import Any

#: Bytes of a module that is compared line by line.
MODULE = 1 << 20
#: Lines told of one module, and of all modules together.
MODULE_LINES = 2_000
ALL_LINES = 20_000
#: Characters of one line, and of one value.
LINE = 1_000
TEXT = 2_000
#: Edits between two texts beyond which they are no longer aligned: the time grows with the square of it.
EDITS = 1_500
#: Steps of comparing lines, over all modules together; three million are about a second.
STEPS = 6_000_000
#: Changes told of one section.
CHANGES = 10_000
#: Bytes and values of a config that is compared; each value costs tens of bytes of memory.
CONFIG = 32 << 20
CONFIG_VALUES = 2_000_000


class Budget:
    """What is left of a number of steps or lines."""

    def __init__(self, amount: int) -> None:
        self.left = amount

    def spend(self, amount: int) -> bool:
        """Take `amount`; return whether there was so much."""
        self.left -= amount
        return self.left >= 0


def cut(text: str, most: int = TEXT) -> str:
    """Return the first `most` characters of `text`, and how many there are beyond."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most} more characters)"


def json_text(value: Any) -> str:
    """Return the JSON text of a value in one line, cut where it is long."""
    return cut(json.dumps(value, ensure_ascii=False, sort_keys=True))
