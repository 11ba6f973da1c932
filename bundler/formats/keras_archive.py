"""Read a ``.keras`` file: a ZIP of ``config.json``, ``metadata.json``, weights and ``assets/``.

The list is closed. Keras itself ignores what it does not know, takes the last of two members with one name, and reads
``model.weights.npz`` where there is no HDF5; none of that has a place here.
"""

from __future__ import annotations

import mmap
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bundler.archive.private_memory import private_memory
from bundler.archive.scratch import written_below
from bundler.archive.window import read_at
from bundler.errors import InvalidBundle, LimitExceeded
from bundler.formats import strict_zip
from bundler.formats.hdf5 import SIGNATURE
from bundler.formats.problem import Problem
from bundler.formats.strict_zip import STORED, Inner, Unreadable
from bundler.limits import LIMITS

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets"
#: The arrays that the config names, written by kbundle; they are read as the self-test's are.
ARRAYS = f"{ASSETS}/kbundle/arrays.npz"
_NPZ = "model.weights.npz"
_NEEDED = (CONFIG, METADATA, WEIGHTS)
_HEAD = 512

NOT_A_ZIP = "keras.not-a-zip"
LEGACY_H5 = "keras.legacy-h5"
TWO_READINGS = "keras.two-readings"
UNEXPECTED_FILE = "keras.unexpected-file"
BOMB = "keras.bomb"
DAMAGED = "keras.damaged"


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """A ``.keras`` file that was read in the only way that it can be.

    Attributes:
        problems: what is wrong with it. With one, `members` may be empty, and nothing should be read.
        members: the files in it, by name and in their order.
        memory: what the file was read into, from its first byte on, or `None`: then it is read where it lies.
    """

    problems: tuple[Problem, ...]
    members: dict[str, Inner]
    _file: BinaryIO
    memory: mmap.mmap | None = None

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a member, unpacked and checked.

        Raises:
            LimitExceeded: it is longer than `limit` bytes; nothing was read then.
            InvalidBundle: it is not there, or not what the directory says.
            OSError: the file cannot be read.
        """
        member = self._find(name)
        if member.size > limit:
            raise LimitExceeded(f"{name} of the model is too large", place=name, expected=limit, found=member.size)
        try:
            return b"".join(strict_zip.pieces(self._file, member))
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def open(self, name: str) -> BinaryIO:
        """Return a member as a file that can seek; close it.

        A stored one is a window on the file, and its checksum is not looked at: the manifest has a digest of the
        whole. A packed one is unpacked to a temporary file and checked. Raises as `read`.
        """
        member = self._find(name)
        try:
            return strict_zip.opened(self._file, member)
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def head(self, name: str, count: int) -> bytes:
        """Return the first `count` bytes of a member, fewer where it has fewer; raises as `read`."""
        try:
            return next(strict_zip.pieces(self._file, self._find(name)), b"")[:count]
        except Unreadable as problem:
            raise InvalidBundle(problem.what, place=name) from problem

    def weights_in_memory(self) -> tuple[mmap.mmap, int]:
        """Return memory that the weights lie in, and where they begin: that of the file, where they are stored there.

        Raises:
            InvalidBundle: they are not what the directory says.
            RebuildFailed: the machine has too little memory.
        """
        member = self._find(WEIGHTS)
        if self.memory is not None and member.method == STORED:
            return self.memory, member.start
        memory = private_memory(member.size)
        with self.open(WEIGHTS) as file:
            shutil.copyfileobj(file, memory)
        return memory, 0

    def unpacked(self, directory: Path, *, weights: bool = True) -> None:
        """Write every member, checked, below the new folder `directory`; the weights only if `weights`.

        Raises:
            Unreadable: a member is not what the directory says.
            RebuildFailed: the files cannot be written.
        """
        for member in self.members.values():
            if member.name == WEIGHTS and not weights:
                continue
            target = directory / member.name
            with written_below(directory):
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as stored:
                    for piece in strict_zip.pieces(self._file, member):
                        stored.write(piece)

    def damage(self) -> list[Problem]:
        """Unpack every file and say which is not what the directory says; keep nothing.

        Stored weights are left out: the bundle's digest of the whole file covers them, and they can be large.

        Raises:
            OSError: the file cannot be read.
        """
        found: list[Problem] = []
        for item in self.members.values():
            if item.name == WEIGHTS and item.method == STORED:
                continue
            try:
                for _ in strict_zip.pieces(self._file, item):
                    pass
            except Unreadable as problem:
                found.append(Problem(DAMAGED, problem.what, item.name))
        return found

    def _find(self, name: str) -> Inner:
        member = self.members.get(name)
        if member is None:
            raise InvalidBundle("the .keras file has no such file", place=name)
        return member


def open_keras_file(file: BinaryIO, size: int) -> KerasArchive:
    """Read the directory of a ``.keras`` file and say what is wrong with it; no file in it is read as a whole.

    Args:
        file: the ``.keras`` file, which can seek; it stays the caller's.
        size: of it, in bytes.

    Raises:
        OSError: `file` cannot be read.
    """
    head = read_at(file, 0, min(size, _HEAD))
    if head.startswith(SIGNATURE):
        return KerasArchive((Problem(LEGACY_H5, "an HDF5 file"),), {}, file)
    if not head.startswith(b"PK\3\4"):
        return KerasArchive((Problem(NOT_A_ZIP, f"it begins with {head[:8]!r}"),), {}, file)
    try:
        members = strict_zip.read_inner_zip(file, size, unpacked=True)
    except Unreadable as problem:
        return KerasArchive((Problem(TWO_READINGS, problem.what, problem.name or ""),), {}, file)
    return KerasArchive(
        (*_unexpected(members), *_too_large(members, size)), {item.name: item for item in members}, file
    )


def _unexpected(members: list[Inner]) -> list[Problem]:
    names = {item.name for item in members}
    found = [
        Problem(
            UNEXPECTED_FILE,
            "weights as .npz, which Keras cannot load" if name == _NPZ else "a file that Keras does not write",
            name,
        )
        for name in sorted(names)
        if name not in _NEEDED and not name.startswith(f"{ASSETS}/")
    ]
    found += [Problem(UNEXPECTED_FILE, "it is missing", name) for name in _NEEDED if name not in names]
    return found[:20]


def _too_large(members: list[Inner], size: int) -> list[Problem]:
    total = sum(item.size for item in members)
    most = max(LIMITS.keras_file_ratio * size, LIMITS.keras_config)
    found = [Problem(BOMB, f"{size} bytes unpack to {total}, more than {most}")] if total > most else []
    for item in members:
        # By file as well: real weights must not make room for a bomb beside them (4.4 GB of zeros in 4.4 MB).
        if item.size > max(LIMITS.keras_file_ratio * item.stored, LIMITS.keras_config):
            found.append(Problem(BOMB, f"{item.stored} bytes unpack to {item.size}", item.name))
        elif item.name in (CONFIG, METADATA) and item.size > LIMITS.keras_config:
            found.append(Problem(BOMB, f"{item.size} bytes of JSON", item.name))
    return found[:20]
