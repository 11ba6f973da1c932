"""Walks the HDF5 file with a model's weights from its first byte, without h5py.

Only structures are read, never the numbers of a large array: the time follows the count of arrays, not their size.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bundler.archive.window import read_at
from bundler.formats.hdf5 import headers
from bundler.formats.hdf5.datatypes import Datatype, check_fill, check_stored, check_time, dataspace, datatype, layout
from bundler.formats.hdf5.extents import UNDEFINED, Extents
from bundler.formats.hdf5.groups import GroupReader, check_texts, symbol
from bundler.formats.hdf5.headers import Attribute, Message, StoredText
from bundler.formats.problem import Problem
from bundler.formats.stored_arrays import (
    ALIAS,
    CHUNKED,
    EXTERNAL_STORAGE,
    HIDDEN,
    LEGACY_MODEL,
    LIMIT,
    MESSAGE,
    NOT_HDF5,
    OTHER_FORMAT,
    SIZE,
    STRUCTURE,
    Refused,
    Tensor,
)
from bundler.limits import LIMITS

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = 96
#: II.A, version 0: versions of its parts, sizes of addresses and lengths, nodes of 2 * 4 and 2 * 16, no flags. The
#: flags would say that somebody still writes.
_PARAMETERS = bytes((0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0))
_LEGACY = frozenset({"model_config", "training_config", "layer_names"})
#: Holes that nothing belongs to: HDF5 leaves some where groups grow.
_HOLES = 64 << 10
_MOST_FINDINGS = 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights as it was read.

    Attributes:
        tensors: its arrays in the order of their names; with problems, those that could be read before.
        problems: what is wrong with it; none for a file that Keras wrote.
    """

    tensors: tuple[Tensor, ...]
    problems: tuple[Problem, ...]


def read_hdf5(file: BinaryIO, size: int) -> WeightsFile:
    """Walk the structures of a file of weights.

    Args:
        file: the HDF5 file, which can seek.
        size: of it, in bytes.

    Raises:
        OSError: `file` cannot be read.
    """
    walk = _Walk(file, size)
    tensors = tuple(walk.tensors())
    return WeightsFile(tensors, tuple(walk.problems))


def tensor_digest(file: BinaryIO, tensor: Tensor) -> str:
    """Return ``sha256:`` and 64 hexadecimal digits over the stored bytes of `tensor`, which lies in `file`.

    Equal digests, types and shapes mean equal arrays. Raises as `read_hdf5`.
    """
    digest = hashlib.sha256()
    start = tensor.offset or 0
    for offset in range(start, start + tensor.stored, _PIECE):
        digest.update(read_at(file, offset, min(_PIECE, start + tensor.stored - offset)))
    return f"sha256:{digest.hexdigest()}"


class _Walk:
    def __init__(self, file: BinaryIO, size: int) -> None:
        #: Path of the object, which begins with a slash, and what is wrong there.
        self.problems: list[Problem] = []
        self._extents = Extents(file, size)
        self._groups = GroupReader(self._extents)
        self._headers: set[int] = set()
        self._texts: list[StoredText] = []
        self._data = 0
        self._path = "/"

    def tensors(self) -> Iterator[Tensor]:
        """Yield the arrays; `problems` is complete at the end."""
        try:
            root, group = self._superblock()
            yield from self._object(root, "/", group, 0)
            self._path = "/"
            check_texts(self._extents, self._texts)
            self._extents.check_overlaps()
            self._check_holes()
        except Refused as problem:
            self.problems.append(Problem(problem.rule, problem.what, self._path))

    def _superblock(self) -> tuple[int, tuple[int, int] | None]:
        size = self._extents.size
        if size < 8 or self._extents.peek(0, 8, "the signature") != SIGNATURE:
            raise Refused(NOT_HDF5, "the file does not begin with the signature of HDF5")
        if size < _SUPERBLOCK:
            raise Refused(STRUCTURE, "the superblock is cut short")
        block = self._extents.take(0, _SUPERBLOCK, "the superblock")
        if block[8]:
            raise Refused(OTHER_FORMAT, f"a superblock of version {block[8]}")
        if block[8:24] != _PARAMETERS:
            raise Refused(OTHER_FORMAT, f"a superblock with other parameters than Keras's: {block[8:24].hex()}")
        base, free, end, driver = struct.unpack_from("<4Q", block, 24)
        if end != size:
            raise Refused(SIZE, f"{end} bytes by the superblock, {size} by the file")
        if base or free != UNDEFINED or driver != UNDEFINED:
            raise Refused(OTHER_FORMAT, "a superblock with a base address, a free-space index or driver information")
        (name,) = struct.unpack_from("<Q", block, 56)
        if name:
            raise Refused(STRUCTURE, "the root has a name")
        _, entry = symbol(block[56:96], b"root\0")
        return entry.header, entry.group

    def _object(self, address: int, path: str, cached: tuple[int, int] | None, depth: int) -> Iterator[Tensor]:
        self._path = path
        if address in self._headers:
            raise Refused(ALIAS, f"the object at {address} has another name already")
        self._headers.add(address)
        if depth > LIMITS.hdf5_depth:
            raise Refused(LIMIT, f"more than {LIMITS.hdf5_depth} groups in one another")
        found = headers.messages(self._extents, address)
        attributes = self._attributes(found, path)
        tables = [message for message in found if message.kind == headers.SYMBOL_TABLE]
        headers.refuse_new_group(found)
        if not tables:
            tensor = self._dataset(found, path, attributes)
            if cached is not None:
                raise Refused(STRUCTURE, "an array that its group calls a group")
            if tensor is not None:
                yield tensor
            return
        if len(tables) > 1 or len(found) != 1 + len(attributes) or len(tables[0].body) != 16:
            raise Refused(MESSAGE, "a group with messages that only an array has, or two symbol tables")
        tree, heap = struct.unpack("<QQ", tables[0].body)
        # Readers take the one or the other.
        if cached is not None and cached != (tree, heap):
            raise Refused(STRUCTURE, "a group whose header and whose entry name different tables")
        for entry in self._groups.entries(tree, heap):
            below = f"{path.rstrip('/')}/{entry.name}"
            yield from self._object(entry.header, below, entry.group, depth + 1)

    def _attributes(self, found: list[Message], path: str) -> list[Attribute]:
        stored = [message for message in found if message.kind == headers.ATTRIBUTE]
        names = {headers.attribute_name(message) for message in stored}
        if len(names) != len(stored):
            raise Refused(STRUCTURE, "two attributes of one name")
        if path == "/" and names & _LEGACY:
            raise Refused(LEGACY_MODEL, f"attributes of a whole model: {', '.join(sorted(names & _LEGACY))}")
        attributes = [headers.attribute(message) for message in stored]
        self._texts += [item.text for item in attributes if item.text is not None]
        if len(self._texts) > LIMITS.hdf5_objects:
            raise Refused(LIMIT, f"more than {LIMITS.hdf5_objects} texts")
        return attributes

    def _dataset(self, found: list[Message], path: str, attributes: list[Attribute]) -> Tensor | None:
        """Return the array, or `None` after noting what is wrong with it alone: the walk can go on."""
        one = {message.kind: message for message in found if message.kind != headers.ATTRIBUTE}
        if len(one) + len(attributes) != len(found):
            raise Refused(STRUCTURE, "a message occurs twice")
        try:
            if headers.EXTERNAL in one:
                raise Refused(EXTERNAL_STORAGE, "a list of external data files")
            if headers.FILTERS in one:
                raise Refused(CHUNKED, "a filter pipeline")
            if not {headers.DATASPACE, headers.DATATYPE, headers.LAYOUT} <= one.keys():
                raise Refused(MESSAGE, "an object that is neither a group nor an array: a committed datatype")
            body = one[headers.LAYOUT]
            stored = layout(body.body, body.address)
            shape, element = dataspace(one[headers.DATASPACE].body), datatype(one[headers.DATATYPE].body)
            if headers.MODIFIED in one:
                check_time(one[headers.MODIFIED].body)
            if headers.FILL in one:
                check_fill(one[headers.FILL].body, element)
            check_stored(shape, element, stored)
        except Refused as problem:
            if len(self.problems) >= _MOST_FINDINGS:
                raise
            self.problems.append(Problem(problem.rule, problem.what, path))
            return None
        if stored.size and not stored.compact:
            self._extents.claim(stored.offset, stored.size, "an array")
        self._data += stored.size
        return Tensor(
            path=path.lstrip("/"),
            dtype=self._word(element, attributes),
            shape=shape,
            stored=stored.size,
            offset=stored.offset if stored.size else None,
            big=element.big,
        )

    def _word(self, element: Datatype, attributes: list[Attribute]) -> str:
        """Return the dtype: Keras stores bfloat16 as two opaque bytes, and its name as an attribute."""
        marks = [item.text for item in attributes if item.name == "dtype" and item.text is not None]
        if element.word == "opaque16" and marks and marks[0].size == len("bfloat16"):
            return "bfloat16"
        return element.word

    def _check_holes(self) -> None:
        claimed, size = self._extents.claimed, self._extents.size
        structures = claimed - self._data
        if size - claimed > _HOLES + structures:
            raise Refused(HIDDEN, f"{size - claimed} of {size} bytes belong to no structure and no array")
