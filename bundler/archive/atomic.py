"""A file that is whole or absent (I7)."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bundler.errors import PackError, TargetExists

# What link() says on file systems that have no hard links (FAT, some network and FUSE mounts).
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EACCES, errno.EXDEV}


def temporary_name() -> str:
    """Return a hidden name that nothing else uses; short, because the target's own name may be 255 bytes."""
    return f".kbundle-{secrets.token_hex(8)}.tmp"


def require_writable_target(target: Path, *, overwrite: bool) -> None:
    """Check before any work that `target` can be made.

    Raises:
        TargetExists: it is there already, and `overwrite` is false.
        PackError: its folder is missing, or it is a folder itself.
    """
    if not target.parent.is_dir():
        raise PackError(
            "the folder to write into does not exist", place=str(target.parent), hint=f"mkdir -p '{target.parent}'"
        )
    if target.is_dir():
        raise PackError("the target is a folder", place=str(target), hint="name a file in it")
    if not overwrite and os.path.lexists(target):
        raise _exists(target)


@contextlib.contextmanager
def whole_file(target: Path, *, overwrite: bool, check: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """Yield a file to write; it gets its name only when the block ends without an exception.

    `check` is called with the path of the finished file before it gets its name; what it raises keeps it from it.

    The bytes go to a hidden file in the same folder, are flushed to the disk, and are then linked or renamed into
    place. Whatever ends the block, Ctrl-C included, removes the hidden file; a killed process leaves only that.

    Raises:
        TargetExists: `target` is there already, and `overwrite` is false.
        PackError: the file cannot be written; the hint says where and how much space is left.
    """
    require_writable_target(target, overwrite=overwrite)
    temporary = target.with_name(temporary_name())
    try:
        try:
            # Unbuffered: closing after an error must not try to write again and raise anew.
            with open(temporary, "xb", buffering=0) as file:
                yield cast("BinaryIO", file)
                os.fsync(file.fileno())
            if check is not None:
                check(temporary)
            _publish(temporary, target, overwrite=overwrite)
            _sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(target, error) from error


def write_all(target: BinaryIO, piece: bytes) -> None:
    """Write all of `piece`; an unbuffered file may take less than it is given.

    Raises:
        OSError: `target` cannot be written.
    """
    taken = target.write(piece)
    while taken is not None and taken < len(piece):
        if taken <= 0:
            raise OSError(errno.EIO, "the file takes no more bytes")
        piece = piece[taken:]
        taken = target.write(piece)
    if taken is None and isinstance(target, io.RawIOBase):
        raise BlockingIOError(errno.EAGAIN, "the file is in non-blocking mode")


def cannot_write(target: Path | None, error: OSError) -> PackError:
    """Return the error for an operating-system error while `target` was written; `None` is a file object."""
    reason = error.strerror or str(error)
    if target is None:
        return PackError(f"the file object cannot be written: {reason}", hint="what it holds now is not a bundle")
    hint = "check who may write there, or write to another folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = "unknown"
        with contextlib.suppress(OSError):
            free = f"{shutil.disk_usage(target if target.is_dir() else target.parent).free} bytes"
        hint = f"free space there: {free}; make room, or write to another folder"
    return PackError(f"the file cannot be written: {reason}", place=str(target), hint=hint)


def _publish(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        # A rename would overwrite a file that appeared since the first check; a link cannot.
        os.link(temporary, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise _exists(target) from error
        os.rename(temporary, target)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut. Windows cannot open folders, and some mounts cannot sync them."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(target: Path) -> TargetExists:
    return TargetExists(
        "the target exists already", place=str(target), hint="pass overwrite=True (--overwrite), or another name"
    )
