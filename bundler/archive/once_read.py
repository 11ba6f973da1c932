"""Read a stored member from its first byte to its last, each byte once, while all of them are hashed."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Callable

from bundler.archive.positioned import PIECE


class OnceRead(io.RawIOBase):
    """A stored member as a file that only goes forward.

    Bytes that are sought past are read and hashed too, and kept: `skipped` has what lies between the parts that were
    asked for, which is small where these are the members of a ZIP. `finish` reads the rest.
    """

    def __init__(self, read: Callable[[int], bytes], size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._position = self._wanted = 0
        self._skipped: list[tuple[int, bytes]] = []

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move forward to `offset`; raises `ValueError` for what has been read already, and for another `whence`."""
        if whence != os.SEEK_SET or offset < self._position:
            raise ValueError("this file only goes forward")
        self._wanted = offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes from where the file stands."""
        self._skip()
        piece = self._read(min(size, self._size - self._position) if size >= 0 else self._size - self._position)
        self._position += len(piece)
        self._wanted = self._position
        return piece

    def finish(self) -> Callable[[int, int], bytes]:
        """Read the rest, and return a function that gives what was skipped: (offset, count) -> bytes."""
        self._wanted = self._size
        self._skip()
        starts = [start for start, _ in self._skipped]

        def skipped_at(offset: int, count: int) -> bytes:
            index = bisect_right(starts, offset) - 1
            start, content = self._skipped[index] if index >= 0 else (0, b"")
            return content[offset - start : offset - start + count]

        return skipped_at

    def _skip(self) -> None:
        start, pieces = self._position, []
        while self._position < self._wanted and (piece := self._read(min(PIECE, self._wanted - self._position))):
            pieces.append(piece)
            self._position += len(piece)
        if pieces:
            self._skipped.append((start, b"".join(pieces)))
