"""Groups of the old format: B-tree, symbol table nodes and local heap (III.A.1, III.B to III.E)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from bundler.formats.hdf5.extents import UNDEFINED, Extents
from bundler.formats.hdf5.headers import StoredText, name_of
from bundler.formats.stored_arrays import LIMIT, SOFT_LINK, STRUCTURE, Refused
from bundler.limits import LIMITS

#: The sizes that the superblock of every file of Keras's sets: 2 * 16 children, 2 * 4 entries.
_CHILDREN = 32
_ENTRIES = 8
_TREE = 24 + 8 * (_CHILDREN + 1) + 8 * _CHILDREN
_NODE = 8 + 40 * _ENTRIES
#: Thirty-two to the eighth power is more than any file has.
_LEVELS = 8
_NO_FREE_BLOCK = 1
_NO_CACHE, _CACHED_GROUP, _CACHED_LINK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class SymbolEntry:
    """One name of a group; `group` has the addresses of B-tree and heap where the entry repeats them."""

    name: str
    header: int
    group: tuple[int, int] | None


@dataclass(slots=True)
class _Level:
    """The node of a level that was read last, and the one that it says comes next."""

    address: int = UNDEFINED
    right: int = UNDEFINED


@dataclass(slots=True)
class GroupReader:
    """Reads groups, and counts their names over the whole file."""

    extents: Extents
    names: int = 0
    objects: int = 0
    _levels: dict[int, _Level] = field(default_factory=dict)

    def entries(self, tree: int, heap: int) -> list[SymbolEntry]:
        """Return the entries of the group with its B-tree at `tree` and its names in the heap at `heap`.

        Raises:
            Refused: a structure is not as the format says, or an entry is a soft link.
        """
        names = self._heap(heap)
        self._levels = {}
        found: list[SymbolEntry] = []
        previous = b""
        for stored, entry in self._nodes(tree, None, names):
            # HDF5 looks a name up by bisection: one that is out of order is listed and never found.
            if stored <= previous:
                raise Refused(STRUCTURE, "the names of a group are not in order, or one occurs twice")
            previous = stored
            self.objects += 1
            if self.objects > LIMITS.hdf5_objects:
                raise Refused(LIMIT, f"more than {LIMITS.hdf5_objects} objects")
            found.append(entry)
        for level in self._levels.values():
            if level.right != UNDEFINED:
                raise Refused(STRUCTURE, "a B-tree node names a neighbour that is not in the tree")
        return found

    def _heap(self, address: int) -> bytes:
        head = self.extents.take(address, 32, "a local heap")
        signature, version, size, free, start = struct.unpack("<4sB3xQQQ", head)
        if signature != b"HEAP" or version:
            raise Refused(STRUCTURE, f"no local heap at {address}")
        self.names += size
        if self.names > LIMITS.hdf5_names:
            raise Refused(LIMIT, f"more than {LIMITS.hdf5_names} bytes of names")
        names = self.extents.take(start, size, "a local heap")
        # libhdf5 follows the list of free blocks when it opens the heap.
        before = -1
        while free != _NO_FREE_BLOCK:
            if free % 8 or free <= before or free + 16 > size:
                raise Refused(STRUCTURE, f"a free block at {free} in a heap of {size} bytes")
            before = free
            following, length = struct.unpack_from("<QQ", names, free)
            if length < 16 or free + length > size:
                raise Refused(STRUCTURE, f"a free block of {length} bytes in a heap of {size}")
            free = following
        return names

    def _nodes(self, address: int, level: int | None, names: bytes) -> Iterator[tuple[bytes, SymbolEntry]]:
        """Yield the entries below the B-tree node at `address`, which is the root where no `level` is known."""
        node = self.extents.take(address, _TREE, "a B-tree node")
        signature, kind, own, used, left, right = struct.unpack_from("<4sBBHQQ", node)
        if signature != b"TREE" or kind or own >= _LEVELS or used > _CHILDREN or (level is not None and own != level):
            raise Refused(STRUCTURE, f"no B-tree node of a group at {address}")
        if level is not None and not used:
            raise Refused(STRUCTURE, f"an empty B-tree node at {address}")
        before = self._levels.setdefault(own, _Level())
        if left != before.address or (before.address != UNDEFINED and before.right != address):
            raise Refused(STRUCTURE, f"the B-tree node at {address} has other neighbours than its tree says")
        self._levels[own] = _Level(address, right)
        numbers = struct.unpack_from(f"<{2 * used + 1}Q", node, 24) if used else ()
        keys = [_stored_name(names, key) for key in numbers[::2]]
        for child, low, high in zip(numbers[1::2], keys, keys[1:], strict=False):
            for stored, entry in self._nodes(child, own - 1, names) if own else self._symbols(child, names):
                if not low < stored <= high:
                    raise Refused(STRUCTURE, f"the keys of the B-tree node at {address} lead past {entry.name!r}")
                yield stored, entry

    def _symbols(self, address: int, names: bytes) -> Iterator[tuple[bytes, SymbolEntry]]:
        node = self.extents.take(address, _NODE, "a symbol table node")
        signature, version, zero, count = struct.unpack_from("<4sBBH", node)
        if signature != b"SNOD" or version != 1 or zero or not 0 < count <= _ENTRIES:
            raise Refused(STRUCTURE, f"no symbol table node at {address}")
        for index in range(count):
            yield symbol(node[8 + 40 * index : 48 + 40 * index], names)


def symbol(stored: bytes, names: bytes) -> tuple[bytes, SymbolEntry]:
    """Return the name of a symbol table entry (III.C) as it is stored, and the entry.

    Raises:
        Refused: it is a soft link, or no entry.
    """
    offset, header, cache, zero, tree, heap = struct.unpack("<QQIIQQ", stored)
    raw = _stored_name(names, offset)
    name = name_of(raw, "an object")
    if cache == _CACHED_LINK:
        target, _, _ = names[tree & 0xFFFFFFFF :].partition(b"\0")
        raise Refused(SOFT_LINK, f"a soft link {name!r} to {target.decode('utf-8', 'replace')[:80]!r}")
    if cache not in (_NO_CACHE, _CACHED_GROUP) or zero:
        raise Refused(STRUCTURE, f"an entry {name!r} of the unknown kind {cache}")
    return raw, SymbolEntry(name, header, (tree, heap) if cache == _CACHED_GROUP else None)


def _stored_name(names: bytes, offset: int) -> bytes:
    end = names.find(b"\0", offset) if offset < len(names) else -1
    if end < 0:
        raise Refused(STRUCTURE, f"a name at {offset} does not end in its heap of {len(names)} bytes")
    return names[offset:end]


def check_texts(extents: Extents, texts: list[StoredText]) -> None:
    """Check that the texts of attributes lie in the global heap where they say (III.E).

    Raises:
        Refused: a heap is not as the format says, or has no such text.
    """
    sizes: dict[int, int] = {}
    current = UNDEFINED
    for text in sorted(texts, key=lambda text: text.heap):
        if not text.heap and not text.size:
            continue
        if text.heap != current:
            current = text.heap
            sizes = _collection(extents, current)
        if sizes.get(text.index, -1) != text.size:
            raise Refused(STRUCTURE, f"no text of {text.size} bytes is object {text.index} of the heap at {text.heap}")


def _collection(extents: Extents, address: int) -> dict[int, int]:
    signature, version, size = struct.unpack("<4sB3xQ", extents.peek(address, 16, "a global heap"))
    if signature != b"GCOL" or version != 1 or size < 16:
        raise Refused(STRUCTURE, f"no global heap at {address}")
    block = extents.take(address, size, "a global heap")
    sizes: dict[int, int] = {}
    position = 16
    while size - position >= 16:
        index, _, zero, length = struct.unpack_from("<HHIQ", block, position)
        if index == 0:
            # The free space is the last object, and its size counts its own header.
            if length != size - position:
                raise Refused(STRUCTURE, f"the free space of the global heap at {address} is not its rest")
            break
        if zero or length > size - position - 16 or index in sizes:
            raise Refused(STRUCTURE, f"object {index} of the global heap at {address} does not fit, or occurs twice")
        sizes[index] = length
        position += 16 + length + -length % 8
    return sizes
