"""From a file of inputs to a file of outputs, through a loaded model."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bundler.errors import BundleError, PackError, RebuildFailed
from bundler.keras_io.files.inference_model import is_inference_model
from bundler.keras_io.selftest.arrays import Keywords, dtype_name, has_parts, leaves, mapped, read_file
from bundler.keras_io.selftest.model_call import answer_of, call_model, told
from bundler.keras_io.selftest.tensors import as_arrays, as_tensors
from bundler.manifest import Manifest, TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """What a model answered: the bytes of an ``.npz`` file, and name, shape and dtype of each array in it."""

    content: bytes
    arrays: tuple[tuple[str, tuple[int, ...], str], ...]


def read_inputs(path: str | os.PathLike[str]) -> Any:
    """Return the arrays of an ``.npz`` file as `read_file` does, or the one of an ``.npy`` file.

    Raises:
        BundleError: it is neither.
    """
    import numpy as np

    place = os.fspath(path)
    try:
        if place.endswith(".npy"):
            with open(place, "rb") as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        return read_file(path)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise BundleError(
            f"this is no .npy file of a plain array: {error}", place=place, hint="numpy.save(path, array)"
        ) from error
    except PackError as error:
        # Of this caller nothing is being packed.
        raise BundleError(
            error.message, place=error.place, expected=error.expected, found=error.found, hint=error.hint
        ) from error


def predict(model: Any, inputs: Any, manifest: Manifest, *, batch_size: int) -> Outputs:
    """Return what the model gives for nested arrays, `batch_size` rows at a time.

    Arguments by name, ragged and sparse tensors go into one call: `keras.Model.predict` does not take them.

    Raises:
        RebuildFailed: the model refuses the inputs, or answers what no file of arrays can hold.
    """
    payload = manifest.inference if is_inference_model(model) and manifest.inference is not None else manifest.payload
    try:
        if isinstance(inputs, Keywords) or has_parts(inputs):
            answer = answer_of(partial(call_model, model), inputs)
        else:
            answer = as_arrays(model.predict(as_tensors(inputs), batch_size=batch_size, verbose=0))
        named = _named(answer, payload.outputs or ())
        return Outputs(
            content=_npz(named),
            arrays=tuple((name, tuple(array.shape), dtype_name(array)) for name, array in named.items()),
        )
    except Exception as error:
        declared = "; ".join(f"{spec.name} {spec.datatype} {list(spec.shape)}" for spec in payload.inputs or ())
        raise RebuildFailed(
            f"the model cannot be called with these inputs: {told(error)}",
            expected=declared or None,
            found="; ".join(f"{name} {dtype_name(array)} {list(array.shape)}" for name, array in leaves(inputs)),
            hint="kbundle inspect shows the model's inputs; store them by name: numpy.savez(path, name=array, ...)",
        ) from error


def _named(answer: Any, declared: Sequence[TensorSpec]) -> dict[str, Any]:
    """Return the arrays by name: ``output`` for one alone, else keys, the model's own names, or numbers."""
    found = leaves(mapped(_plain, answer))
    if len(found) == 1:
        return {"output": found[0][1]}
    names = [spec.name for spec in declared]
    if isinstance(answer, list | tuple) and len(answer) == len(found) == len(set(names)) == len(names):
        return {name: array for name, (_, array) in zip(names, found, strict=True)}
    numbered = isinstance(answer, list | tuple)
    return {f"output_{path}" if numbered else path: array for path, array in found}


def _plain(array: Any) -> Any:
    """Return an array of a dtype that any NumPy knows: the small floats of ml_dtypes become float32."""
    if array.dtype.kind == "V" or str(array.dtype).startswith(("bfloat", "float8")):
        return array.astype("float32")
    return array


def _npz(named: dict[str, Any]) -> bytes:
    import numpy as np

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in named.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return target.getvalue()
