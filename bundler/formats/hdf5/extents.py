"""The bytes of an HDF5 file, each of which may belong to one structure only."""

from __future__ import annotations

from array import array
from typing import BinaryIO

from bundler.archive.window import read_at
from bundler.formats.stored_arrays import LIMIT, OVERLAP, STRUCTURE, Refused
from bundler.limits import LIMITS

#: An address that leads nowhere (I, "undefined address").
UNDEFINED = (1 << 64) - 1


class Extents:
    """Reads structures and remembers where they lie.

    What belongs to one structure cannot belong to another, so all of them together are no longer than the file. That
    is checked with every claim: a small file can then never ask for much work, however its addresses cross. Which
    two overlap is found at the end, by `check_overlaps`.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self.claimed = 0
        self._file = file
        self._starts = array("Q")
        self._lengths = array("Q")

    def claim(self, start: int, length: int, what: str) -> None:
        """Note that `what` has the `length` bytes from `start`.

        Raises:
            Refused: they lie outside the file, or more is claimed than the file has.
        """
        if start + length > self.size:
            raise Refused(STRUCTURE, f"{what} ends outside the file: {length} bytes at {start} of {self.size}")
        if not length:
            return
        self.claimed += length
        if self.claimed > self.size:
            raise Refused(OVERLAP, f"{what} at {start}: the structures together are longer than the file")
        if len(self._starts) >= LIMITS.hdf5_extents:
            raise Refused(LIMIT, f"more than {LIMITS.hdf5_extents} structures")
        self._starts.append(start)
        self._lengths.append(length)

    def take(self, start: int, length: int, what: str) -> bytes:
        """Claim the bytes and return them; a structure is never longer than `LIMITS.hdf5_block`.

        Raises:
            Refused: as for `claim`, or it is too long.
        """
        if length > LIMITS.hdf5_block:
            raise Refused(LIMIT, f"{what} is too long: {length} bytes")
        self.claim(start, length, what)
        return self.peek(start, length, what)

    def peek(self, start: int, length: int, what: str) -> bytes:
        """Return bytes without a claim, where their length only follows from what they say."""
        found = read_at(self._file, start, length) if start + length <= self.size else b""
        if len(found) != length:
            raise Refused(STRUCTURE, f"{what} ends outside the file: {length} bytes at {start} of {self.size}")
        return found

    def check_overlaps(self) -> None:
        """Check that no byte was claimed twice.

        Raises:
            Refused: one was.
        """
        # Indexes and not pairs: a file with many structures would take a hundred bytes for each.
        end = 0
        for index in sorted(range(len(self._starts)), key=self._starts.__getitem__):
            start = self._starts[index]
            if start < end:
                raise Refused(OVERLAP, f"the bytes at {start} belong to two structures")
            end = start + self._lengths[index]
