"""Reads at a position, from a file or a file object, by several threads at once.

The file is opened once, so that what was checked and what is read later is one file even when its name comes to
mean another. No foreign exception leaves this module (I12).
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bundler.errors import BundleError, InvalidBundle

#: Files are read, hashed and written in pieces of this size.
PIECE = 1 << 20

_ONE_READ = 1 << 30  # Linux cuts one read() at 2 GiB less a page.


class PositionedFile:
    """A readable file of fixed `size`; `place` is how messages call it."""

    def __init__(self, file: BinaryIO, *, place: str, owned: bool) -> None:
        self.place = place
        self._file = file
        self._owned = owned
        self._lock = threading.Lock()
        # pread leaves the file position alone: no lock, and no mix-up with a child process after fork().
        self._descriptor = file.fileno() if owned and hasattr(os, "pread") else None
        try:
            self.size = file.seek(0, os.SEEK_END)
        except Exception as error:  # A caller's file object may raise anything (I12).
            raise InvalidBundle(
                f"the file object cannot seek: {error}",
                place=place,
                hint="read it into memory first: open_bundle(io.BytesIO(stream.read()))",
            ) from error
        if not isinstance(self.size, int):
            raise InvalidBundle("the file object does not tell its size", place=place, found=repr(self.size))

    def read_at(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`.

        Raises:
            InvalidBundle: the file ends before, or cannot be read.
            BundleError: the file was closed.
        """
        found: list[bytes] = []
        missing = count
        while missing:
            piece = self._read_once(offset + count - missing, min(missing, _ONE_READ))
            if not piece:
                raise InvalidBundle(
                    "the file ends too early; it became shorter while it was read",
                    place=self.place,
                    expected=f"{count} bytes at {offset}",
                    found=count - missing,
                )
            found.append(piece)
            missing -= len(piece)
        return found[0] if len(found) == 1 else b"".join(found)

    def pieces(self, offset: int, count: int) -> Iterator[bytes]:
        """Yield `count` bytes from `offset` in pieces."""
        for start in range(offset, offset + count, PIECE):
            yield self.read_at(start, min(PIECE, offset + count - start))

    def close(self) -> None:
        """Close the file if it was opened here."""
        self._descriptor = None
        if self._owned:
            self._file.close()

    def _read_once(self, offset: int, count: int) -> bytes:
        try:
            descriptor = self._descriptor
            if descriptor is not None:
                return os.pread(descriptor, count, offset)
            if getattr(self._file, "closed", False):
                raise BundleError("the bundle was closed", place=self.place, hint="read inside the with block")
            with self._lock:
                self._file.seek(offset)
                piece = self._file.read(count)
        except BundleError:
            raise
        except Exception as error:  # A caller's file object may raise anything (I12).
            raise InvalidBundle(f"the file cannot be read: {error}", place=self.place) from error
        if not isinstance(piece, bytes) or len(piece) > count:
            raise InvalidBundle("the file object does not return the bytes asked for", place=self.place)
        return piece


def open_positioned(source: str | os.PathLike[str] | BinaryIO) -> PositionedFile:
    """Open a path, or take a binary file object that can seek.

    Raises:
        InvalidBundle: there is no such file, it is not a regular file, or it cannot be read or sought.
        TypeError: `source` is neither.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if not isinstance(path, str):
            raise TypeError(f"expected a str path, not {type(path).__name__}")
        return PositionedFile(_open_regular(path), place=path, owned=True)
    if isinstance(source, io.TextIOBase) or not (hasattr(source, "read") and hasattr(source, "seek")):
        raise TypeError(f"expected a path or a binary file object, not {type(source).__name__}")
    name = getattr(source, "name", None)
    return PositionedFile(source, place=name if isinstance(name, str) else "the file object", owned=False)


def _open_regular(path: str) -> BinaryIO:
    # Without O_NONBLOCK the open of a named pipe would wait for a writer for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        hint = "check the path"
        if not os.path.isabs(path):
            # The working folder itself may be gone.
            with contextlib.suppress(OSError):
                hint += f"; the working folder is {Path.cwd()}"
        raise InvalidBundle("there is no such file", place=path, hint=hint) from error
    except (OSError, ValueError) as error:
        if os.path.isdir(path.replace("\0", "")):
            raise _not_regular(path, "a folder") from error
        raise InvalidBundle(
            f"the file cannot be opened: {error}",
            place=path.replace("\0", "\\0"),
            hint="check the path, and that you may read the file",
        ) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _not_regular(path, "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket")
        return open(descriptor, "rb", buffering=0, closefd=True)
    except BaseException:
        os.close(descriptor)
        raise


def _not_regular(path: str, found: str) -> InvalidBundle:
    hint = "name the .kbundle file itself" if found == "a folder" else "copy it to a file first"
    return InvalidBundle("this is not a file", place=path, expected="a .kbundle file", found=found, hint=hint)
