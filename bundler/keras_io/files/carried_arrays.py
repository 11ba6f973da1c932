"""The arrays of a config: one ``.npz`` beside it, below ``assets/``, of which Keras reads what a layer asks for.

A config names an array by the first letters of its digest, so that equal ones are stored once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bundler.errors import InvalidBundle
from bundler.keras_io.selftest import arrays

#: Below the folder of a ``.keras`` file.
PLACE = "assets/kbundle/arrays.npz"
_LETTERS = 32


def name_of(array: Any) -> str:
    """Return the name of an array in the file."""
    plain = array.astype(array.dtype.newbyteorder("<"), order="C")
    said = f"{plain.dtype.str} {list(plain.shape)}".encode()
    return hashlib.sha256(said + plain.tobytes()).hexdigest()[:_LETTERS]


def write(directory: Path, kept: Mapping[str, Any]) -> None:
    """Write the arrays `kept` by name into the folder of a ``.keras`` file, if there are any."""
    if kept:
        place = directory / PLACE
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(arrays.dump({name: kept[name] for name in sorted(kept)}, limit=None))


class CarriedArrays(Mapping[str, Any]):
    """The arrays in the folder of a ``.keras`` file.

    They are read at once: code of the bundle may be running when the first is asked for, and must not open files.
    """

    def __init__(self, directory: Path) -> None:
        """Read the file, which is a stranger's; raises `InvalidBundle`."""
        place = directory / PLACE
        found = arrays.parse(place.read_bytes(), PLACE) if place.is_file() else {}
        if type(found) is not dict:
            raise InvalidBundle("the arrays of the config are not stored by name", place=PLACE)
        self._arrays: Mapping[str, Any] = found

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
