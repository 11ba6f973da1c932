"""The file beside a generated module, for what is too long to be read as text: an ``.npz`` of plain arrays."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any

from bundler.archive.writer import NewMember, write_stored_zip

_LARGEST_TEXT = 1 << 22
_KINDS: dict[type, str] = {bool: "b", int: "i", float: "f", str: "U"}


def file_name(module: str) -> str:
    """Return the name of the file beside `module`."""
    return f"{module}_values.npz"


def file_of(arrays: Mapping[str, Any]) -> bytes:
    """Return the file; the same arrays give the same bytes."""
    numpy: Any = sys.modules["numpy"]
    members = []
    for name, array in sorted(arrays.items()):
        target = io.BytesIO()
        numpy.lib.format.write_array(target, numpy.array(array, order="C"), allow_pickle=False)
        members.append(NewMember(name=f"{name}.npy", content=target.getvalue()))
    target = io.BytesIO()
    write_stored_zip(target, members)
    return target.getvalue()


def as_array(values: list[Any]) -> Any:
    """Return an array that gives `values` back by ``tolist()``, or `None` where none does."""
    numpy: Any = sys.modules.get("numpy")
    kinds = {type(item) for item in values}
    if kinds == {list}:
        kinds = {type(item) for inner in values for item in inner}
    if numpy is None or len(kinds) != 1 or not kinds <= _KINDS.keys():
        return None
    (kind,) = kinds
    if kind is str and max((len(str(item)) for item in values), default=0) * len(values) * 4 > _LARGEST_TEXT:
        return None
    try:
        array = numpy.array(values)
    except (ValueError, OverflowError):
        return None
    return array if array.dtype.kind == _KINDS[kind] and _same(array.tolist(), values) else None


def _same(one: list[Any], other: list[Any]) -> bool:
    """Say whether two lists are equal, to the sign of a zero and with a NaN for a NaN."""
    return len(one) == len(other) and all(
        _same(left, right) if isinstance(left, list) and isinstance(right, list) else repr(left) == repr(right)
        for left, right in zip(one, other, strict=True)
    )
