"""One file of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A file: `name` tells its defect, `build` makes its bytes. `accepted` is what our reader should say."""

    name: str
    build: Callable[[], bytes]
    accepted: bool = False
