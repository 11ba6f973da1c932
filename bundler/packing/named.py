"""What an author gives `bundle` by names: a target, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bundler.errors import PackError, TargetExists


def checked_target(filepath: object, *, overwrite: bool) -> Path:
    """Return the path to write to.

    Raises:
        PackError: it is something else than a path, or a folder, or its folder does not exist.
        TargetExists: a file is there and stays.
    """
    if not isinstance(filepath, str | os.PathLike):
        raise PackError(
            "a bundle is written to a path: it gets its name once it is proved",
            place="filepath",
            expected="a path",
            found=f"{type(filepath).__module__}.{type(filepath).__qualname__}",
            hint='bundle(model, "model.kbundle"), and read the bytes of that file',
        )
    target = Path(filepath)
    if target.is_dir():
        raise PackError("the target is a folder", place=str(target), hint="name a file, for example model.kbundle")
    if target.exists() and not overwrite:
        raise TargetExists(
            "there is a file already", place=str(target), hint="pass overwrite=True (--overwrite), or another name"
        )
    if not target.parent.is_dir():
        raise PackError("this folder does not exist", place=str(target.parent), hint="make the folder, then pack again")
    return target


def strings(values: Sequence[str]) -> tuple[str, ...]:
    """Return several strings, of which one alone may be given as it is."""
    # One string is a sequence of letters; nobody means that.
    return (values,) if isinstance(values, str) else tuple(values)


def folders(sources: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Return the folders of the author's source.

    Raises:
        PackError: one of them does not exist.
    """
    if isinstance(sources, str | os.PathLike):
        sources = (sources,)
    folders = tuple(Path(source).resolve() for source in sources)
    for folder in folders:
        if not folder.is_dir():
            raise PackError(
                "this source folder does not exist",
                place=str(folder),
                hint="give the folder that holds your packages, the one that would be on sys.path",
            )
    return folders
