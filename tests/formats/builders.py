"""Files of weights, made by h5py as Keras makes them, and the attacks on them by name."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from bundler.audit.finding import Finding
from bundler.audit.weights import weights_findings
from bundler.formats.hdf5 import read_hdf5
from bundler.formats.stored_arrays import Tensor

UNDEFINED = b"\xff" * 8


def hdf5(fill: Callable[[h5py.File], Any], **options: Any) -> bytes:
    """Return the file that `fill` writes through h5py."""
    target = io.BytesIO()
    with h5py.File(target, "w", **options) as file:
        fill(file)
    return target.getvalue()


def put(file: h5py.File, path: str, value: Any) -> None:
    """Store an array as `keras.src.saving.saving_lib.H5IOStore` does."""
    array = np.asarray(value)
    if array.dtype == ml_dtypes.bfloat16:
        file.create_dataset(path, data=array).attrs["dtype"] = "bfloat16"
    else:
        file[path] = array


def model_like(file: h5py.File) -> None:
    """Fill a file as Keras does for a small model with an optimizer."""
    for layer in ("dense", "dense_1", "bf"):
        file.create_group(f"layers/{layer}").create_group("vars").attrs["name"] = layer
    put(file, "layers/dense/vars/0", np.arange(6, dtype="float32").reshape(2, 3))
    put(file, "layers/dense/vars/1", np.zeros(3, "float16"))
    put(file, "layers/dense_1/vars/0", np.ones((3, 1), "float64"))
    put(file, "layers/bf/vars/0", np.ones(2, ml_dtypes.bfloat16))
    for index in range(12):
        put(file, f"optimizer/vars/{index}", np.full((2, 2), index, "float32"))


def one_array(file: h5py.File) -> None:
    """Fill a file with two groups and one array."""
    file.create_group("layers").create_group("vars").attrs["name"] = "dense"
    file["layers/vars/0"] = np.arange(6, dtype="float32").reshape(2, 3)


ONE = hdf5(one_array)


def findings(content: bytes) -> list[Finding]:
    """Return what is wrong with a file of weights."""
    read = read_hdf5(io.BytesIO(content), len(content))
    return weights_findings(read, member="model/model.keras", inside="model.weights.h5")


def tensors(content: bytes) -> list[Tensor]:
    """Return the arrays of a file of weights."""
    return list(read_hdf5(io.BytesIO(content), len(content)).tensors)


def patched(content: bytes, old: bytes, new: bytes, *, nth: int = 0) -> bytes:
    """Return `content` with the `nth` occurrence of `old` overwritten by `new`; the two have one length."""
    assert len(old) == len(new)
    position = -1
    for _ in range(nth + 1):
        position = content.index(old, position + 1)
    return written(content, position, new)


def written(content: bytes, position: int, new: bytes) -> bytes:
    """Return `content` with `new` at `position`."""
    assert 0 <= position <= len(content) - len(new)
    return content[:position] + new + content[position + len(new) :]


def array_header(content: bytes = ONE) -> int:
    """Return where the header of the array in `ONE` begins: what the entry of its name says."""
    node = content.rindex(b"SNOD")
    (address,) = struct.unpack_from("<Q", content, node + 8 + 8)
    return int(address)


def layout_at(content: bytes = ONE) -> int:
    """Return where the layout message of the array in `ONE` begins."""
    return content.index(b"\x03\x01", array_header(content) + 16)


def shape_at(content: bytes = ONE) -> int:
    """Return where the dimensions of the array in `ONE` begin."""
    return content.index(struct.pack("<QQ", 2, 3), array_header(content))


def walked_by_h5py(content: bytes) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """Return shape and bytes of every array that h5py finds."""
    found: dict[str, tuple[tuple[int, ...], bytes]] = {}
    with h5py.File(io.BytesIO(content), "r") as file:

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = (item.shape, np.asarray(item).tobytes())

        file.visititems(visit)
    return found


def walked_by_us(content: bytes) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """Return shape and bytes of every array that the audit finds."""
    return {
        item.path: (item.shape, content[item.offset or 0 :][: item.stored] if item.stored else b"")
        for item in tensors(content)
    }
