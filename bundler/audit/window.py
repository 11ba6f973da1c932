"""A part of a file as a file of its own, so that what lies inside a member is read where it lies."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast


class Window(io.RawIOBase):
    """The `size` bytes of `file` from `start`, read-only, with a position of its own. Closing it leaves `file` open.

    One thread at a time: the position of `file` moves with every read.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file = file
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
        piece = read_at(self._file, self._start + self._position, count)
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return the `count` bytes of `file` from `offset`, fewer only where the file ends before."""
    file.seek(offset)
    pieces: list[bytes] = []
    while count:
        piece = file.read(count)
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
