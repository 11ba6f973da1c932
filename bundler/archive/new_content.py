"""The content of a new member: bytes, a file, or several of these one after the other."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from bundler.archive.positioned import PIECE
from bundler.archive.window import Window, read_at
from bundler.errors import PackError


@dataclass(frozen=True, slots=True)
class Joined:
    """Pieces of memory and files as one content: a ZIP that becomes a member without being written first."""

    parts: tuple[bytes | Path, ...]


Content = bytes | Path | Joined


def size_of(content: Content) -> int:
    """Return how many bytes `content` has.

    Raises:
        PackError: a path leads to something else than a regular file.
        OSError: a file cannot be looked at.
    """
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, Joined):
        return sum(map(size_of, content.parts))
    status = os.stat(content)
    if not stat.S_ISREG(status.st_mode):
        raise PackError("only a regular file can become a member", place=str(content))
    return status.st_size


def pieces_of(content: Content) -> Iterator[bytes]:
    """Yield `content` from its first byte to its last; raises `OSError`."""
    if isinstance(content, bytes):
        for start in range(0, len(content), PIECE):
            yield content[start : start + PIECE]
    elif isinstance(content, Joined):
        for part in content.parts:
            yield from pieces_of(part)
    else:
        with open(content, "rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece


def opened(content: Content) -> BinaryIO:
    """Return `content` as a file that can seek; close it. Raises `OSError`."""
    if isinstance(content, bytes):
        return io.BytesIO(content)
    if isinstance(content, Path):
        return content.open("rb")
    return cast("BinaryIO", io.BufferedReader(_JoinedFile(content)))


class _JoinedFile(Window):
    """A `Joined` content as one file; its parts stay open until it is closed."""

    def __init__(self, content: Joined) -> None:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self._parts = [stack.enter_context(opened(part)) for part in content.parts]
            self._stack = stack.pop_all()
        self._starts = [0]
        for part in content.parts:
            self._starts.append(self._starts[-1] + size_of(part))
        super().__init__(self._at, 0, self._starts[-1])

    def _at(self, offset: int, count: int) -> bytes:
        # One part at a time: a reader asks again for what is missing.
        index = bisect_right(self._starts, offset) - 1
        return read_at(self._parts[index], offset - self._starts[index], min(count, self._starts[index + 1] - offset))

    def close(self) -> None:
        """Close the file and its parts."""
        self._stack.close()
        super().close()
