"""Memory that belongs to nobody else: it begins on a page, and a forked process gets a copy of it."""

from __future__ import annotations

import contextlib
import mmap


def private_memory(size: int) -> mmap.mmap:
    """Return at least `size` bytes of zeros, which cost nothing before they are touched.

    Raises:
        OSError: there is not so much.
        OverflowError: nobody has so much.
    """
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows, where no process forks.
        return mmap.mmap(-1, max(1, size))
    # Python's default is MAP_SHARED: weights that a forked worker trains would change in its parent.
    memory = mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # Fewer page faults; a kernel without huge pages does not know the word.
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
