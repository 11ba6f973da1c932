"""The files that loading writes for itself, below the folder for temporary files."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bundler.errors import RebuildFailed

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def written_below(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says about files that are written below `folder` into one error of ours (I12).

    Raises:
        RebuildFailed: the disk is full, or does not take them for another reason.
    """
    try:
        yield
    except BrokenPipeError:
        # No file says this: the reader of the caller's progress has left.
        raise
    except OSError as error:
        first = "make room there" if error.errno in _NO_ROOM else "see that you may write there"
        raise RebuildFailed(
            f"the files of the model cannot be written: {error.strerror or error}",
            place=os.fspath(folder),
            hint=f"{first}, or let TMPDIR name another folder",
        ) from error


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder that is gone afterwards; raises as `written_below`."""
    with written_below("the folder for temporary files"):
        made = tempfile.TemporaryDirectory(prefix="kbundle-")
    with made as name:
        yield Path(name)


def private_folder(prefix: str) -> Path:
    """Return a new folder that only this user can read, so that nobody swaps a file between check and load.

    Raises:
        RebuildFailed: as `written_below`.
    """
    with written_below("the folder for temporary files"):
        return Path(tempfile.mkdtemp(prefix=prefix))
