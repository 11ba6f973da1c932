"""What an author gives `bundle` by names: a target, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bundler.errors import PackError, TargetExists


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that is a folder, that exists and stays, or that has no folder to be in."""
    if target.is_dir():
        raise PackError("the target is a folder", place=str(target), hint="name a file, for example model.kbundle")
    if target.exists() and not overwrite:
        raise TargetExists(
            "there is a file already", place=str(target), hint="pass overwrite=True (--overwrite), or another name"
        )
    if not target.parent.is_dir():
        raise PackError("there is no such folder", place=str(target.parent), hint="make the folder, then pack again")


def strings(values: Sequence[str]) -> tuple[str, ...]:
    """Return several strings, of which one alone may be given as it is."""
    # One string is a sequence of letters; nobody means that.
    return (values,) if isinstance(values, str) else tuple(values)


def folders(sources: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Return the folders of the author's source.

    Raises:
        PackError: there is no such folder.
    """
    if isinstance(sources, str | os.PathLike):
        sources = (sources,)
    folders = tuple(Path(source).resolve() for source in sources)
    for folder in folders:
        if not folder.is_dir():
            raise PackError(
                "there is no such source folder",
                place=str(folder),
                hint="give the folder that holds your packages, the one that would be on sys.path",
            )
    return folders
