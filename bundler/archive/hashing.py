"""SHA-256 and CRC-32 of bytes as they pass, beside whatever else is done with them."""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import Future, ThreadPoolExecutor

#: Below this a thread takes longer to start than it saves.
_LARGE = 8 << 20


class PassingHash:
    """Hashes what it is given. What will be `size` bytes or more of it is hashed by a thread, one piece behind.

    Both functions let other threads run (`hashlib`, `zlib`), so that reading and copying cost nothing more.
    """

    def __init__(self, size: int) -> None:
        self._digest = hashlib.sha256()
        self._crc = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kbundle-hash") if size >= _LARGE else None
        self._last: Future[None] | None = None

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self._pool is None:
            self._hash(piece)
            return
        if self._last is not None:
            self._last.result()
        self._last = self._pool.submit(self._hash, piece)

    def finish(self) -> tuple[int, str]:
        """Return the CRC-32, and the SHA-256 in hexadecimal digits."""
        if self._pool is not None:
            self._pool.shutdown()
        return self._crc, self._digest.hexdigest()

    def _hash(self, piece: bytes) -> None:
        self._crc = zlib.crc32(piece, self._crc)
        self._digest.update(piece)
