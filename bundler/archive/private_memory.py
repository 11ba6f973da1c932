"""Memory that belongs to nobody else: it begins on a page, and a forked process gets a copy of it."""

from __future__ import annotations

import contextlib
import mmap

from bundler.errors import RebuildFailed


def private_memory(size: int) -> mmap.mmap:
    """Return at least `size` bytes of zeros, which cost nothing before they are touched.

    Raises:
        RebuildFailed: the machine has too little memory.
    """
    # Python's default is MAP_SHARED: weights that a forked worker trains would change in its parent. Nothing forks on
    # Windows, which has no such word.
    flags = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        memory = mmap.mmap(-1, max(1, size), **flags)
    except (OSError, OverflowError) as error:
        raise RebuildFailed(
            f"the weights do not fit into memory: {error}",
            found=f"{size} bytes",
            hint="free memory, or load it on a machine with more",
        ) from error
    # Fewer page faults; a kernel without huge pages does not know the word.
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
