"""The weights of a model as they lie in memory: the bytes of an HDF5 file of which every array is known."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.archive.scratch import written_below
from bundler.formats.stored_arrays import Tensor

#: What NumPy reads from the bytes as they are. Texts, and what HDF5 has no type for, are Keras's to read.
_PLAIN = frozenset(
    {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
    | {"float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool"}
)
#: The group in which Keras puts the arrays of one layer, below the group of the layer.
_VARIABLES = "vars"


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """The bytes of an HDF5 file, and what lies where in them.

    Attributes:
        memory: where the file lies; writable, and nobody else's.
        start: of the file in the memory.
        tensors: its arrays, from the walk that audited these bytes.
    """

    memory: mmap.mmap
    start: int
    tensors: tuple[Tensor, ...]

    @property
    def are_plain(self) -> bool:
        """Say whether every array is numbers of this machine's byte order, in the place where Keras puts them."""
        return all(
            item.dtype in _PLAIN and not item.big and "/" not in (found := _place(item.path))[1] and found[1]
            for item in self.tensors
        )

    def write(self, path: Path) -> None:
        """Write the file to `path`; raises `RebuildFailed`."""
        with written_below(path.parent), path.open("wb") as file:
            # What follows the file is the rest of an archive; HDF5 says in its first bytes where it ends.
            file.write(memoryview(self.memory)[self.start :])

    def groups(self) -> dict[str, dict[str, Any]]:
        """Return the arrays, which are views of the bytes, by the path of their layer and their name in it."""
        found: dict[str, dict[str, Any]] = {}
        for item in self.tensors:
            group, name = _place(item.path)
            found.setdefault(group, {})[name] = self._array(item)
        return found

    def _array(self, item: Tensor) -> Any:
        import numpy as np

        if item.offset is None:
            return np.empty(item.shape, _numpy(item.dtype))
        # A crafted bool may be any byte.
        as_stored = "uint8" if item.dtype == "bool" else item.dtype
        flat = np.frombuffer(self.memory, _numpy(as_stored), item.count, self.start + item.offset)
        return (flat != 0 if item.dtype == "bool" else flat).reshape(item.shape)


def parents(groups: Mapping[str, Any]) -> frozenset[str]:
    """Return the paths of `groups`, and of every group that they lie in."""
    return frozenset(
        "/".join(parts[:count]) for path in groups for parts in [path.split("/")] for count in range(len(parts) + 1)
    )


def _place(path: str) -> tuple[str, str]:
    """Return the path of the layer that an array belongs to, and its name; no name where Keras would not look."""
    group, found, name = f"/{path}".rpartition(f"/{_VARIABLES}/")
    return (group.lstrip("/"), name) if found else (path, "")


def _numpy(word: str) -> Any:
    import numpy as np

    if word != "bfloat16":
        return np.dtype(word)
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)
