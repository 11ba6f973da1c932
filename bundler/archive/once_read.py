"""Read a stored member from its first byte to its last, each byte once, while all of them are hashed."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable

from bundler.archive.positioned import PIECE


class OnceRead(io.RawIOBase):
    """A stored member as a file that only goes forward.

    Bytes that are sought past are read and hashed too, and kept, so that `skipped_at` gives what lies between the parts
    that were asked for. That is small where these are the members of a ZIP.
    """

    def __init__(self, read: Callable[[int], bytes], size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._position = 0
        self._skipped: list[tuple[int, bytes]] = []

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move forward to `offset`; raises `ValueError` for what has been read already, and for another `whence`."""
        if whence or offset < self._position:
            raise ValueError("this file only goes forward")
        start, pieces = self._position, []
        while self._position < offset and (piece := self.read(min(PIECE, offset - self._position))):
            pieces.append(piece)
        if pieces:
            self._skipped.append((start, b"".join(pieces)))
        return offset

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes from where the file stands."""
        left = self._size - self._position
        piece = self._read(left if size < 0 else min(size, left))
        self._position += len(piece)
        return piece

    def finish(self) -> None:
        """Read the rest."""
        self.seek(self._size)

    def skipped_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` of what was skipped; nothing where that was read instead."""
        index = bisect_right(self._skipped, offset, key=lambda item: item[0]) - 1
        start, content = self._skipped[index] if index >= 0 else (0, b"")
        return content[offset - start : offset - start + count]
