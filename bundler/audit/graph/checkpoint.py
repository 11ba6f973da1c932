"""The checkpoint of a SavedModel: its index against the files that the values are in.

``variables.index`` is a sorted table of LevelDB (https://github.com/google/leveldb/blob/main/doc/table_format.md) from
names to `BundleEntryProto`: type, shape, and where in which data file. The entry with the empty name is the header.
TensorFlow takes the memory that a shape asks for before it reads; here it must be the bytes that the file has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bundler.audit.graph import rules
from bundler.audit.graph.collected import Collected
from bundler.audit.graph.constants import EXACT, HANDLE, VARIANT, elements
from bundler.audit.graph.opener import Opener
from bundler.formats.saved_model import wire
from bundler.formats.saved_model.wire import Span, UnreadableMessage
from bundler.limits import LIMITS

INDEX = "variables/variables.index"
_DATA = re.compile(r"variables/variables\.data-\d{5}-of-\d{5}", re.ASCII)
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER = 48
_STRING = 7
#: The name of the tensor in which a checkpoint keeps its tree of objects.
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


def look_at(files: Mapping[str, Opener], collected: Collected) -> None:
    """Add what there is to say about the checkpoint of `files`, which has an index.

    Raises:
        BundleError: a file cannot be read from the bundle.
    """
    file = files[INDEX]
    if file.size > LIMITS.graph:
        collected.add(rules.TOO_LARGE, f"an index of {file.size} bytes (the cap is {LIMITS.graph})")
        return
    data = file.content()
    try:
        header: dict[str, int] | None = None
        used: dict[str, int] = {}
        for name, span in _entries(data):
            entry = data[span.start : span.end]
            if header is None:
                if name:
                    raise UnreadableMessage("malformed", "an index without a header", span.start)
                wire.check(entry, "BundleHeaderProto")
                header = wire.read(entry, Span(0, len(entry)), "BundleHeaderProto")
                if header.get("endianness", 0):
                    collected.add(rules.MALFORMED, "a checkpoint of a big-endian machine")
            else:
                _look_at_entry(name, entry, header.get("num_shards", 0), files, used, collected)
        for name in sorted(name for name in files if _DATA.fullmatch(name) and name not in used):
            # A file of no bytes has no tensor.
            if files[name].size:
                collected.add(rules.MALFORMED, f"{name} has bytes that the index does not name")
    except UnreadableMessage as error:
        collected.add({"unknown-field": rules.UNKNOWN_FIELD}.get(error.kind, rules.MALFORMED), str(error))


def _look_at_entry(
    name: str, data: bytes, shards: int, files: Mapping[str, Opener], used: dict[str, int], collected: Collected
) -> None:
    wire.check(data, "BundleEntryProto")
    entry = wire.read(data, Span(0, len(data)), "BundleEntryProto")
    if entry.get("slices"):
        return  # The whole of a tensor that is stored in parts; each part has an entry of its own.
    inside = name.encode("ascii", "backslashreplace").decode()
    kind, size = entry.get("dtype", 0), entry.get("size", 0)
    count = elements(data, entry.get("shape"))
    if kind in (HANDLE, VARIANT):
        collected.add(rules.OPAQUE_CONSTANT, "a value of type variant, or a handle, in the checkpoint", inside)
    exact = EXACT.get(kind)
    # A text takes one byte at least, and no element of another type less than four bits.
    if count is None or (count * exact != size if exact else count > 2 * size):
        collected.add(rules.MALFORMED, f"a tensor of {count} elements in {size} bytes", inside)
    shard = entry.get("shard_id", 0)
    file = f"variables/variables.data-{shard:05}-of-{shards:05}"
    begin = entry.get("offset", 0)
    if file not in files or not 0 <= begin <= begin + size <= files[file].size:
        collected.add(rules.MALFORMED, f"bytes {begin} to {begin + size} of {file}, which has none there", inside)
        return
    used[file] = used.get(file, 0) + size
    if used[file] > files[file].size:
        raise UnreadableMessage("malformed", f"tensors that share bytes of {file}", 0)
    if name == _OBJECTS and kind == _STRING and count == 1:
        _look_at_objects(files[file].content(begin, size) if size <= LIMITS.graph else b"", collected)


def _look_at_objects(stored: bytes, collected: Collected) -> None:
    """Look at the tree of objects: the stored text is its length, a checksum of four bytes, and the text."""
    length, start = wire.varint(stored, 0, len(stored))
    data = stored[start + 4 :]
    if len(data) != length:
        raise UnreadableMessage("malformed", "the tree of objects is not as long as it says", 0)
    found = wire.check(data, "TrackableObjectGraph", ("RegisteredSaver",))
    for span in found["RegisteredSaver"]:
        saver = wire.read(data, span, "RegisteredSaver").get("name", "")
        collected.add(rules.REGISTERED_OBJECT, f"the saver {saver!r}", _OBJECTS)


def _entries(data: bytes) -> Iterator[tuple[str, Span]]:
    """Yield every name of a table with where its value is, in order."""
    if data[-8:] != _MAGIC or len(data) < _FOOTER:
        raise UnreadableMessage("malformed", "no index of a checkpoint", 0)
    at = len(data) - _FOOTER
    for _ in range(2):
        _, at = wire.varint(data, at, len(data) - 8)  # The block of metadata, which TensorFlow leaves empty.
    before = b""
    first = True
    end = 0
    for _, handle in _block(data, at, len(data) - 8):
        # Blocks that share bytes would make a small table long.
        begin, _ = wire.varint(data, *handle)
        if begin < end:
            raise UnreadableMessage("malformed", "blocks that overlap", handle.start)
        end = begin
        for key, value in _block(data, *handle):
            end = value.end
            if not first and key <= before:
                raise UnreadableMessage("malformed", "names that are not in order", value.start)
            before, first = key, False
            yield key.decode("utf-8", "surrogateescape"), value


def _block(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Yield the entries of the block whose offset and size are written at `at`."""
    offset, at = wire.varint(data, at, end)
    size, _ = wire.varint(data, at, end)
    stop = offset + size
    if size < 4 or stop + 5 > len(data) or data[stop] != 0:
        raise UnreadableMessage("malformed", "a block outside of the index, or a compressed one", at)
    restarts = int.from_bytes(data[stop - 4 : stop], "little")
    stop -= 4 + 4 * restarts
    if stop < offset:
        raise UnreadableMessage("malformed", "a block without entries", offset)
    key = b""
    at = offset
    while at < stop:
        begin = at
        shared, at = wire.varint(data, at, stop)
        more, at = wire.varint(data, at, stop)
        length, at = wire.varint(data, at, stop)
        if shared > len(key) or more + length > stop - at or shared + more > LIMITS.name_bytes * 64:
            raise UnreadableMessage("malformed", "an entry of the index that is longer than its block", begin)
        key = key[:shared] + data[at : at + more]
        at += more
        yield key, Span(at, at + length)
        at += length
