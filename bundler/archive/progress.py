"""How long work is reported: one callback, no printing here."""

from __future__ import annotations

from collections.abc import Callable

#: Called as ``progress(what, done, total)``: what is being done, bytes done so far, bytes in total. What it raises
#: passes through unchanged, after the clean-up of the call that it interrupts.
Progress = Callable[[str, int, int], None]


def tell(progress: Progress | None, what: str) -> None:
    """Tell `progress`, if there is one, about work of which the length is not known."""
    if progress is not None:
        progress(what, 0, 0)


class Meter:
    """Counts bytes of one piece of work and tells a `Progress`, if there is one."""

    def __init__(self, progress: Progress | None, what: str, total: int) -> None:
        self._progress = progress
        self._what = what
        self._total = total
        self._done = 0
        self.add(0)

    def add(self, count: int) -> None:
        """Report `count` more bytes."""
        self._done += count
        if self._progress is not None:
            self._progress(self._what, self._done, self._total)
