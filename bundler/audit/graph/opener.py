"""A file of a bundle that an audit may open."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, NamedTuple


class Opener(NamedTuple):
    """A file that is not opened yet.

    Attributes:
        member: its name in the bundle.
        open: opens it for reading, at its first byte; what it returns can seek.
        size: in bytes.
    """

    member: str
    open: Callable[[], BinaryIO]
    size: int

    def content(self, begin: int = 0, size: int | None = None) -> bytes:
        """Return `size` bytes from `begin`, or all."""
        with self.open() as stream:
            stream.seek(begin)
            return stream.read(self.size if size is None else size)
