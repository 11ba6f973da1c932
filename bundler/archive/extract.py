"""Unpacks a bundle into a folder, decoded, every byte checked, and only below that folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from bundler.archive.atomic import cannot_write, temporary_name
from bundler.archive.encodings import decoded_name
from bundler.archive.progress import Meter, Progress
from bundler.archive.reader import BundleReader
from bundler.errors import TargetExists

# Where the system can open a folder without following a link and work relative to it.
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.mkdir in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def extract(
    bundle: BundleReader,
    directory: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write every member below `directory` and return the files, in the order of the bundle.

    Encoded members are written decoded, without the suffix of the encoding. Everything is written to a hidden folder
    and checked before the first file gets its name, so a bad bundle leaves nothing. A symbolic link below
    `directory` is never followed; one that has the name of a file is replaced, not written through.

    Args:
        bundle: an open bundle.
        directory: made if it does not exist, its parent must.
        overwrite: write into a folder that is not empty, and replace the files that have the names of members.
            Other files there stay. Each file is then whole, old or new, even if the call is interrupted.
        progress: called with (what is done, bytes written, bytes in total).

    Returns:
        The path of each file.

    Raises:
        TargetExists: `directory` is not empty and `overwrite` is false; or something that is not a folder stands
            where a folder must be, or a folder where a file must be.
        PackError: the files cannot be written.
        IntegrityError: a member is not what the manifest says.
        UnsupportedVersion: a member has an encoding that this kbundle does not know.

    Example:
        >>> with bundler.open_bundle("model.kbundle") as reader:
        ...     files = bundler.extract(reader, "unpacked")
        >>> [file.name for file in files if file.suffix == ".py"]
        ['gain.py']
    """
    root = Path(directory)
    names = {name: name for name in bundle.names}
    names |= {member.name: decoded_name(member.name, member.encoding) for member in bundle.manifest.members}
    existed = _check_target(root, list(names.values()), overwrite=overwrite)
    staging = (root if existed else root.parent) / temporary_name()
    try:
        try:
            os.mkdir(staging)
            _stage(bundle, names, staging, progress)
            if existed:
                for name in names.values():
                    _move(staging / name, root, name)
            else:
                _rename_folder(staging, root)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise cannot_write(root, error) from error
    return [root / name for name in names.values()]


def _check_target(root: Path, names: list[str], *, overwrite: bool) -> bool:
    """Tell whether `root` is there; refuse whatever stands in the way before any byte is written."""
    if not os.path.lexists(root):
        return False
    if not root.is_dir():
        raise TargetExists("the target is not a folder", place=str(root))
    if not overwrite and os.listdir(root):
        raise TargetExists("the folder is not empty", place=str(root), hint="name a new folder, or pass overwrite=True")
    checked: set[Path] = set()
    for name in names:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            raise TargetExists("there is a folder where a file must go", place=str(path))
        for folder in reversed(path.relative_to(root).parents[:-1]):
            if folder not in checked:
                _check_folder(root / folder)
                checked.add(folder)
    return True


def _check_folder(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        found = "a symbolic link, which is not followed" if stat.S_ISLNK(mode) else "a file"
        raise TargetExists("something stands where a folder must be", place=str(path), found=found, expected="a folder")


def _stage(bundle: BundleReader, names: dict[str, str], staging: Path, progress: Progress | None) -> None:
    meter = Meter(progress, "extracting", bundle.size)
    for name, decoded in names.items():
        path = staging / decoded
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x": the folder is new and ours, so a file that is there already is somebody else's.
        with open(path, "xb") as file:
            bundle.copy_to(name, file)
        meter.add(path.stat().st_size)


def _rename_folder(staging: Path, root: Path) -> None:
    try:
        os.rename(staging, root)
    except OSError as error:
        if os.path.lexists(root):
            raise TargetExists("the folder appeared while the bundle was unpacked", place=str(root)) from error
        raise


def _move(staged: Path, root: Path, name: str) -> None:
    """Give a staged file its name below `root`.

    The check of the folders was a while ago, and whoever may write below `root` can swap one for a link since. So
    each folder is opened relative to the one above it and without following links.
    """
    if not _BY_DESCRIPTOR:
        _check_target(root, [name], overwrite=True)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, root / name)
        return
    *folders, last = name.split("/")
    with contextlib.ExitStack() as stack:
        descriptor = stack.enter_context(_opened(str(root), None))
        for folder in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, dir_fd=descriptor)
            descriptor = stack.enter_context(_opened(folder, descriptor))
        os.replace(staged, last, dst_dir_fd=descriptor)


@contextlib.contextmanager
def _opened(name: str, parent: int | None) -> Iterator[int]:
    # The root was named by the caller and may be a link; what is below it may not.
    flags = os.O_RDONLY | os.O_DIRECTORY | (0 if parent is None else os.O_NOFOLLOW)
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
