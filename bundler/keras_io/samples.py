"""Example inputs for a model: made to its signature, or given by the author.

Made inputs come from a fixed seed. What the signature leaves open is tried: a free dimension gets one size after
the other, integers get smaller until every `Embedding` takes them, text becomes digits where words are refused.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bundler.errors import PackError
from bundler.keras_io import calls
from bundler.keras_io.arrays import Keywords, leaves, mapped
from bundler.keras_io.inputs import Call, read, ways_to_call

SEED = 20_261
#: A self-test keeps this many rows of given inputs.
ROWS = 8

#: Sizes to try for free dimensions, the likely ones first.
_SIZES = (16, 32, 64, 128, 224, 8, 4, 1)
_IDS = (16, 2, 1)
_WORDS = ("the quick brown fox", "jumps over", "a lazy dog", "once", "more than twice")
_DIGITS = ("1", "0", "2", "1", "0")
#: No attempt may take more memory than this, in bytes.
_LARGEST = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Inputs and what the model answers. `origin` is ``given`` or ``made``; `deterministic` as in the manifest."""

    inputs: Any
    outputs: Any
    origin: str
    deterministic: bool


class NoSamples(Exception):
    """No inputs could be made for the model; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attempt:
    """One way to fill in what a signature leaves open."""

    size: int = _SIZES[0]
    batch: int = 2
    ids: int = _IDS[0]
    low: float = -1.0
    words: tuple[str, ...] = _WORDS


def given(model: Any, example_inputs: Any, *, rows: int | None = None) -> Samples:
    """Return the author's inputs, as `bundler.keras_io.inputs.read` reads them, with the model's outputs for them.

    With `rows`, no more than these are used, if all arrays have the same first dimension.

    Raises:
        PackError: they are no arrays, or the model fails on them.
    """
    inputs = read(model, example_inputs)
    if rows is not None and _is_batch(inputs):
        inputs = mapped(lambda array: array[:rows], inputs)
    try:
        outputs, deterministic = calls.answer_twice(model, inputs)
    except calls.Unstorable as error:
        raise PackError(f"the outputs cannot be kept: {error}", place="example_inputs", hint=SKIP) from error
    except Exception as error:
        raise PackError(
            f"the model fails on the example inputs: {calls.told(error)}",
            place="example_inputs",
            hint="give inputs that model(inputs, training=False) takes; several arguments of call() as a dict by name",
        ) from error
    return Samples(inputs=inputs, outputs=outputs, origin="given", deterministic=deterministic)


def made(model: Any) -> Samples:
    """Return inputs made to the model's signature, with the model's outputs for them.

    A subclassed model that declares no inputs gets those of the shapes that it was built with. What takes sparse
    tensors takes arrays too.

    Raises:
        NoSamples: the model does not say what it takes, takes what cannot be made, or fails on all that was tried.
    """
    refusal: NoSamples | None = None
    for call in ways_to_call(model):
        try:
            return made_for(model, dataclasses.replace(call, specs=mapped(_dense, call.specs)))
        except NoSamples as error:
            refusal = refusal or error
    raise refusal or NoSamples("it is a subclassed model that does not tell what it takes; give example_inputs=")


def made_for(model: Any, call: Call) -> Samples:
    """Return inputs made for one way to call `model`, with its outputs; raises `NoSamples` as `made` does."""
    refusal: BaseException | None = None
    accepted: Samples | None = None
    for attempt in _attempts(call.specs):
        inputs = _fill(call, attempt)
        if inputs is None:
            continue
        try:
            outputs, deterministic = calls.answer_twice(model, inputs)
        except calls.Unstorable as error:
            raise NoSamples(str(error)) from error
        except Exception as error:  # noqa: BLE001 - whatever a model raises means that it refuses this attempt
            refusal = refusal or error
            continue
        found = Samples(inputs=inputs, outputs=outputs, origin="made", deterministic=deterministic)
        if calls.all_finite(outputs):
            return found
        # Still a test, but a weak one: NaN hides a difference. Other numbers may do better.
        accepted = accepted or found
    if accepted is None:
        why = calls.told(refusal) if refusal else "they would be too large"
        raise NoSamples(f"the model refuses every input that was made for it: {why}") from refusal
    return accepted


SKIP = "leave example_inputs out, or return arrays, dicts, lists and tuples of arrays from call()"


def _is_batch(inputs: Any) -> bool:
    """Say whether all arrays have the same number of rows, and rows can be cut off them."""
    found = {array.shape[0] if getattr(array, "ndim", 0) else None for _, array in leaves(inputs)}
    return len(found) == 1 and None not in found


def _dense(spec: Any) -> Any:
    tf = importlib.import_module("tensorflow")
    if isinstance(spec, tf.RaggedTensorSpec):
        raise NoSamples("it takes ragged tensors, which are not kept")
    return tf.TensorSpec(spec.shape, spec.dtype) if isinstance(spec, tf.SparseTensorSpec) else spec


def _attempts(specs: Any) -> Iterator[_Attempt]:
    """Yield ways to fill in the specs: the values first, then the sizes, then a batch of one."""
    flat = [spec for _, spec in leaves(specs)]
    dtypes = {str(spec.dtype.name) for spec in flat}
    values = [_Attempt()]
    if any(_is_integer(dtype) for dtype in dtypes):
        values += [dataclasses.replace(values[0], ids=ids) for ids in _IDS[1:]]
    if "string" in dtypes:
        values += [dataclasses.replace(attempt, words=_DIGITS) for attempt in values[:1]]
    if any(dtype.startswith(("float", "bfloat")) for dtype in dtypes):
        values += [dataclasses.replace(values[0], low=0.0)]
    yield from values
    if any(size is None for spec in flat for size in spec.shape.as_list()[1:]):
        for size in _SIZES[1:]:
            yield from (dataclasses.replace(attempt, size=size) for attempt in values)
    yield dataclasses.replace(values[-1], batch=1)


def _fill(call: Call, attempt: _Attempt) -> Any:
    """Return inputs for `call`, the same every time, or `None` where they would be too large."""
    import numpy as np

    tf = importlib.import_module("tensorflow")
    random = np.random.RandomState(SEED)  # The only generator whose numbers NumPy promises never to change.

    def shape_of(spec: Any) -> tuple[int, ...]:
        free = [attempt.batch, *[attempt.size] * len(spec.shape)]
        return tuple(free[index] if size is None else size for index, size in enumerate(spec.shape.as_list()))

    def value(spec: Any) -> Any:
        array = _values(random, shape_of(spec), str(spec.dtype.name), attempt)
        if isinstance(spec, tf.SparseTensorSpec):
            return tf.sparse.from_dense(array)
        return tf.RaggedTensor.from_tensor(array) if isinstance(spec, tf.RaggedTensorSpec) else array

    if sum(math.prod(shape_of(spec)) * spec.dtype.size for _, spec in leaves(call.specs)) > _LARGEST:
        return None
    inputs = mapped(value, call.specs)
    return Keywords(inputs) if call.by_name else inputs


def _values(random: Any, shape: tuple[int, ...], dtype: str, attempt: _Attempt) -> Any:
    import ml_dtypes
    import numpy as np

    if dtype == "string":
        return np.array([word.encode() for word in random.choice(attempt.words, size=shape).ravel()]).reshape(shape)
    if dtype == "bool":
        return random.randint(0, 2, size=shape).astype(bool)
    if _is_integer(dtype):
        return random.randint(0, attempt.ids, size=shape).astype(dtype)
    try:
        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    except TypeError:
        raise NoSamples(f"it takes {dtype}, for which no values are made") from None
    return random.uniform(attempt.low, 1.0, size=shape).astype(kind)


def _is_integer(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))
