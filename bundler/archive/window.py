"""A part of a file as a file of its own, so that what lies inside a member is read where it lies."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO, cast

ReadAt = Callable[[int, int], bytes]


class Window(io.RawIOBase):
    """The `size` bytes from `start`, read-only, with a position of its own. Closing it leaves the file open.

    `read` returns up to so many bytes from an offset: `read_at` of a file, or the reader's own.
    """

    def __init__(self, read: ReadAt, start: int, size: int) -> None:
        super().__init__()
        self._read = read
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; a place before the start raises `ValueError`, as for any file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with what comes next, and return the number of bytes."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        piece = self._read(self._start + self._position, count) if count else b""
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return the `count` bytes of `file` from `offset`, fewer only where the file ends before.

    The position of `file` moves with every read: one thread at a time.
    """
    file.seek(offset)
    pieces: list[bytes] = []
    while count:
        piece = file.read(count)
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
