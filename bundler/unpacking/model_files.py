"""Read the model of a bundle: its member once, into memory, where it is parsed, audited and taken from."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from bundler.archive.private_memory import private_memory
from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader
from bundler.archive.window import Window, read_at
from bundler.errors import InvalidBundle
from bundler.formats.keras_archive import KerasArchive, open_keras_file
from bundler.formats.strict_zip import Unreadable


def read_model(reader: BundleReader, name: str, progress: Progress | None) -> KerasArchive:
    """Return the ``.keras`` file that is the member `name`, in memory.

    The bytes that were hashed are those that are parsed and used (invariant I8), whatever becomes of the bundle.

    Raises:
        IntegrityError: the member is not what the manifest says.
        RebuildFailed: the machine has too little memory.
    """
    size = next(item.content_size for item in reader.manifest.members if item.name == name)
    memory = private_memory(size)
    as_file = cast("BinaryIO", memory)
    reader.copy_to(name, as_file, progress)
    file = cast("BinaryIO", Window(functools.partial(read_at, as_file), 0, size))
    return replace(open_keras_file(file, size), memory=memory)


def write_assets(archive: KerasArchive, directory: Path) -> None:
    """Write what Keras reads from files below the new folder `directory`: all but the weights.

    Raises:
        InvalidBundle: a file is not what the directory of the archive says.
        RebuildFailed: the files cannot be written.
    """
    try:
        archive.unpacked(directory, weights=False)
    except Unreadable as problem:
        raise InvalidBundle(problem.what, place=problem.name) from problem
