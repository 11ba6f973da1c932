"""One member of an open bundle as a file object that can seek, without a copy of it."""

from __future__ import annotations

import io
import os

from bundler.archive.positioned import PositionedFile


class Window(io.RawIOBase):
    """The bytes `start` to `end` of a file; reads are not checked against any digest."""

    def __init__(self, file: PositionedFile, start: int, end: int) -> None:
        self._file = file
        self._start = start
        self._size = end - start
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can seek."""
        return True

    def tell(self) -> int:
        """Return the position, counted from the first byte of the member."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to `offset` and return the new position; raises `ValueError` where that lies before the first byte."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        """Fill `buffer` from the position on, as far as the member goes."""
        count = max(0, min(len(buffer), self._size - self._position))
        if count:
            buffer[:count] = self._file.read_at(self._start + self._position, count)
            self._position += count
        return count
