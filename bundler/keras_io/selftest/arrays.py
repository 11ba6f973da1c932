"""Nested arrays in one file that any NumPy opens, and that never holds a pickle.

The file is an ``.npz``: a stored ZIP with one ``.npy`` a leaf, written by our own ZIP writer so that the same arrays
give the same bytes. Beside the arrays lies ``structure.json``, which says how they hang together::

    {"dict": {"image": {"array": "image", "dtype": "float32"}, "tags": {"array": "tags", "dtype": "string"}}}

A node is an array, ``null`` (for `None`), or one of ``dict``, ``list``, ``tuple``, ``keywords`` (the arguments of a
call by name), ``ragged`` and ``sparse`` (the parts of such a tensor by name). The name of an array is its path in the
structure: ``value`` alone, ``image`` in a dict, ``1`` in a list, ``image/1`` where they are nested; whatever is no
letter, digit, ``.``, ``_`` or ``-`` becomes ``_``.

Dtypes that NumPy itself does not have (``bfloat16``, ``float8_e4m3fn``, ``int4``, ...) are stored as unsigned
integers of the same size, and ``structure.json`` has their name. Strings are UTF-8 in fixed-width byte arrays, of
dtype ``string``.
"""

from __future__ import annotations

import io
import json
import lzma
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bundler.archive.writer import NewMember, write_stored_zip
from bundler.errors import InvalidBundle, PackError
from bundler.formats.strict_zip import STORED, Unreadable, pieces, read_inner_zip
from bundler.limits import LIMITS

#: The headers of the arrays and of the ZIP come on top of what `dump` counts.
LARGEST_FILE = 2 * LIMITS.self_test

_STRUCTURE = "structure.json"
#: Dtypes of the package ml_dtypes, which Keras and TensorFlow use where NumPy has none.
_ML_DTYPES = frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2", "int2", "uint2", "int4", "uint4"})
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_DEPTH = 16
#: What `zipfile`, `json` and NumPy raise about a file that is not ours.
_FOREIGN = (
    Unreadable, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError, KeyError, EOFError,
    OverflowError, RuntimeError, TypeError, AttributeError,
)  # fmt: skip
#: Version 1.0 of the .npy header, for the arrays that are written here: little-endian, in C order.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>[<|][biufcS][0-9]{1,9})', 'fortran_order': False, "
    rb"'shape': \((?P<shape>[0-9, ]{0,400})\), \} *\n",
    re.DOTALL,
)


class Keywords(dict[str, Any]):
    """Inputs that the model takes as keyword arguments, one a key, and not as one dict."""


class Ragged(dict[str, Any]):
    """A ragged tensor: its flat ``values``, and ``row_splits``, a list with one array a ragged dimension."""


class Sparse(dict[str, Any]):
    """A sparse tensor: its ``indices``, ``values`` and ``dense_shape``."""


#: What a dict stands for, by its word in the file.
_DICTS: dict[str, Any] = {"dict": dict, "keywords": Keywords, "ragged": Ragged, "sparse": Sparse}


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested dicts (by sorted key), lists and tuples with their paths; `None` is not a leaf."""
    if value is None:
        return []
    items: list[tuple[str, Any]]
    if isinstance(value, Mapping):
        items = sorted(((str(key), item) for key, item in value.items()), key=lambda item: item[0])
    elif isinstance(value, list | tuple):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return [(path or "value", value)]
    return [leaf for name, item in items for leaf in leaves(item, f"{path}/{name}" if path else name)]


def mapped(function: Any, value: Any) -> Any:
    """Return `value` with `function` called on every leaf; lists stay lists, tuples tuples, dicts dicts."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return _DICTS[_word(value)]({key: mapped(function, item) for key, item in value.items()})
    if isinstance(value, tuple):
        return tuple(mapped(function, item) for item in value)
    if isinstance(value, list):
        return [mapped(function, item) for item in value]
    return function(value)


def has_parts(value: Any) -> bool:
    """Say whether there is a ragged or sparse tensor in nested arrays, whose parts are not rows."""
    if isinstance(value, Ragged | Sparse):
        return True
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(map(has_parts, items))


def _word(value: Any) -> str:
    return next((word for word, kind in _DICTS.items() if type(value) is kind), "dict")


def dtype_name(array: Any) -> str:
    """Return the name of an array's dtype, ``string`` for text."""
    return "string" if array.dtype.kind in "SUO" else str(array.dtype)


def dump(value: Any, limit: int | None = LIMITS.self_test) -> bytes:
    """Return the file with `value`: NumPy arrays in dicts with string keys, lists and tuples.

    Raises:
        PackError: a leaf holds other things than numbers, booleans or strings, or all are larger than `limit`.
    """
    total = sum(array.nbytes for _, array in leaves(value))
    if limit is not None and total > limit:
        raise PackError(
            "the self-test's arrays are too large",
            expected=f"at most {limit} bytes",
            found=total,
            hint="give fewer rows: example_inputs=x[:2]",
        )
    members: dict[str, bytes] = {}
    structure = _structure(value, "", members, 0)
    text = json.dumps(structure, ensure_ascii=False, separators=(",", ":")).encode()
    target = io.BytesIO()
    write_stored_zip(
        target,
        [
            NewMember(name=_STRUCTURE, content=text),
            *(NewMember(name=f"{name}.npy", content=content) for name, content in members.items()),
        ],
    )
    return target.getvalue()


def parse(content: bytes, place: str) -> Any:
    """Return what `dump` was given. Reads plain arrays only: an object array or a compressed member is refused.

    So the result takes no more memory than `content`, which the caller holds to `LARGEST_FILE`.

    Raises:
        InvalidBundle: the file is not one that `dump` makes.
    """
    try:
        file = io.BytesIO(content)
        members = {item.name: item for item in read_inner_zip(file, len(content), unpacked=False)}
        if any(item.method != STORED for item in members.values()):
            raise ValueError("a member is compressed")

        def read(name: str) -> bytes:
            return b"".join(pieces(file, members[name]))

        return _value(json.loads(read(_STRUCTURE)), read, 0)
    except _FOREIGN as error:
        raise InvalidBundle(
            f"this is not a file of arrays that kbundle wrote: {type(error).__name__}: {error}", place=place
        ) from error


def read_file(path: str | os.PathLike[str]) -> Any:
    """Return the arrays of an ``.npz`` file that somebody made: one alone as it is, several as a dict by name.

    A file that `dump` made comes back as what it was given.

    Raises:
        PackError: the file cannot be read, or holds Python objects.
    """
    import numpy as np

    place = os.fspath(path)
    try:
        if zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as archive:
                if _STRUCTURE in archive.namelist():
                    return parse(Path(place).read_bytes(), place)
        with np.load(place, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            if any(not isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("it holds other files")
    except (OSError, *_FOREIGN) as error:
        raise PackError(
            f"this is no .npz file of plain arrays: {error}", place=place, hint="numpy.savez(path, name=array, ...)"
        ) from error
    if not arrays:
        raise PackError("the file holds no array", place=place, hint="numpy.savez(path, name=array, ...)")
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _structure(value: Any, path: str, members: dict[str, bytes], depth: int) -> Any:
    if depth > _DEPTH:
        raise PackError("the arrays are nested too deeply", place=path, expected=_DEPTH)
    if value is None:
        return None
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise PackError("only strings can be keys of inputs and outputs", place=path or None, found=repr(key))
        nodes = {key: _structure(item, _below(path, key), members, depth + 1) for key, item in value.items()}
        return {_word(value): nodes}
    if isinstance(value, list | tuple):
        word = "tuple" if isinstance(value, tuple) else "list"
        parts = [_structure(item, _below(path, str(index)), members, depth + 1) for index, item in enumerate(value)]
        return {word: parts}
    name = path or "value"
    while name in members:
        name += "_"
    members[name] = _npy(value, path)
    return {"array": name, "dtype": dtype_name(value)}


def _below(path: str, key: str) -> str:
    name = _NOT_A_NAME.sub("_", key) or "_"
    # No ".." in a ZIP, and no hidden file for who unpacks it.
    name = f"_{name}" if name.startswith(".") else name
    return f"{path}/{name}" if path else name


def _npy(array: Any, path: str) -> bytes:
    import numpy as np

    if str(array.dtype) in _ML_DTYPES:
        array = array.view(f"u{array.dtype.itemsize}")
    elif array.dtype.kind not in "biufcS":
        raise PackError(
            "this kind of array cannot be stored",
            place=path or None,
            expected="numbers, booleans or strings without a NUL at their end",
            found=str(array.dtype),
        )
    target = io.BytesIO()
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
    np.lib.format.write_array(target, plain, allow_pickle=False)
    return target.getvalue()


def _value(node: Any, read: Callable[[str], bytes], depth: int) -> Any:
    if depth > _DEPTH:
        raise ValueError("the structure is nested too deeply")
    if node is None:
        return None
    if not isinstance(node, dict):
        raise TypeError("a node of the structure is not an object")
    if "array" in node:
        return _array(read(f"{node['array']}.npy"), str(node["dtype"]))
    ((word, items),) = node.items()
    if word in _DICTS:
        return _DICTS[word]({str(key): _value(item, read, depth + 1) for key, item in items.items()})
    if word not in ("list", "tuple"):
        raise ValueError(f"the structure has an unknown word {word!r}")
    sequence = [_value(item, read, depth + 1) for item in items]
    return tuple(sequence) if word == "tuple" else sequence


def _array(content: bytes, name: str) -> Any:
    """Return one array. Its header is held against the size of the member before memory is taken.

    The header is read by our own pattern, which is all that `dump` writes: NumPy's reader evaluates it as Python.
    """
    import ml_dtypes
    import numpy as np

    header = _HEADER.match(content)
    if header is None:
        raise ValueError("an array has a header that kbundle does not write")
    shape = tuple(int(size) for size in header["shape"].decode().replace(" ", "").split(",") if size)
    dtype = np.dtype(header["dtype"].decode())
    if math.prod(shape) * dtype.itemsize != len(content) - header.end():
        raise ValueError("an array is longer or shorter than its header says")
    array = np.frombuffer(content, dtype, offset=header.end()).reshape(shape).copy()
    if name in _ML_DTYPES:
        array = array.view(np.dtype(getattr(ml_dtypes, name)))
    elif dtype_name(array) != name:
        raise ValueError(f"an array of {array.dtype} is said to be of {name}")
    return array
