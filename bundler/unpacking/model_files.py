"""Unpack the model of a bundle: read its member once, and hash, check and write in that one pass."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

from bundler.archive.progress import Progress
from bundler.archive.reader import BundleReader
from bundler.archive.window import Window
from bundler.errors import IntegrityError
from bundler.formats.keras_archive import KerasArchive, open_keras_file
from bundler.formats.strict_zip import Unreadable, read_inner_zip


def unpack_model(reader: BundleReader, name: str, directory: Path, progress: Progress | None) -> KerasArchive:
    """Write the files of the ``.keras`` file that is the member `name` below the new folder `directory`.

    The weights stay in memory: variables take them from there, and what changes the bundle later changes no number.

    The bytes that are hashed are those that are written (invariant I8): the member is read from its first byte to its
    last, and the directory of its ZIP, which had to be read before, is compared with the one that came by.

    Returns:
        The archive: with `folder` where all is well, and as it lies in the bundle, verified, where it has problems or
        a damaged file, which the audit then tells. Close the reader after it.

    Raises:
        IntegrityError: the member is not what the manifest says.
        RebuildFailed: the files cannot be written.
    """
    member = next(item for item in reader.manifest.members if item.name == name)
    if member.encoding is not None:
        # Decoded to a temporary file, and checked on the way.
        decoded = reader.open_member(name)
        archive = open_keras_file(decoded, member.decoded_size or 0)
        try:
            return archive if archive.problems else archive.unpacked(directory, weights_in_memory=True)
        except Unreadable:
            return archive
    archive = open_keras_file(reader.open_member(name), member.size)
    if archive.problems:
        reader.check_stored([name])
        return archive
    with reader.once(name, progress) as file:
        try:
            unpacked = archive.unpacked(directory, cast("BinaryIO", file), weights_in_memory=True)
        except Unreadable:
            return archive
        file.finish()
    again = cast("BinaryIO", Window(file.skipped_at, 0, member.size))
    try:
        same = read_inner_zip(again, member.size, unpacked=True) == list(archive.members.values())
    except Unreadable:
        same = False
    if not same:
        raise IntegrityError(
            "the file changed while it was read", place=name, hint="load it again when nothing writes to it"
        )
    return unpacked
