"""Example inputs for a model: made to its signature, or given by the author.

Made inputs come from a fixed seed. What the signature leaves open is tried: a free dimension gets one size after
the other, integers get smaller until every `Embedding` takes them, text becomes digits where words are refused.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundler.errors import PackError
from bundler.keras_io import calls
from bundler.keras_io.arrays import Keywords, leaves, mapped

SEED = 20_261
#: Given inputs keep this many rows.
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
class _Slot:
    """One input to make: `shape` with `None` for what is free, and a dtype name as Keras spells it."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attempt:
    """One way to fill in what a signature leaves open."""

    size: int = _SIZES[0]
    batch: int = 2
    ids: int = _IDS[0]
    low: float = -1.0
    words: tuple[str, ...] = _WORDS


def given(model: Any, example_inputs: Any) -> Samples:
    """Return the author's inputs with the model's outputs for them.

    If all arrays have the same first dimension, and no input of the model is declared with a fixed batch size, only
    the first `ROWS` rows are used. A dict with a key for each argument of a subclassed model's ``call`` gives the
    arguments by name. Python numbers and strings in lists become one array; tuples, lists and dicts of
    arrays stay what they are.

    Raises:
        PackError: they are no arrays, or the model fails on them.
    """
    inputs = _arrays_of(example_inputs)
    if isinstance(inputs, dict) and not getattr(model, "inputs", None) and _are_arguments(model, inputs):
        inputs = Keywords(inputs)
    batches = {array.shape[0] if array.ndim else None for _, array in leaves(inputs)}
    if not batches:
        raise PackError(
            "example_inputs holds no array", place="example_inputs", hint="give what you call the model with"
        )
    fixed = any(tensor.shape[0] is not None for tensor in getattr(model, "inputs", None) or () if tensor.shape)
    if len(batches) == 1 and None not in batches and not fixed:
        inputs = mapped(lambda array: array[:ROWS], inputs)
    try:
        outputs, deterministic = calls.answer_twice(model, inputs)
    except calls.Unstorable as error:
        raise PackError(f"the outputs cannot be kept: {error}", place="example_inputs", hint=_SKIP) from error
    except Exception as error:
        raise PackError(
            f"the model fails on the example inputs: {calls.told(error)}",
            place="example_inputs",
            hint="give inputs that model(inputs, training=False) takes; several arguments of call() as a dict by name",
        ) from error
    return Samples(inputs=inputs, outputs=outputs, origin="given", deterministic=deterministic)


def made(model: Any) -> Samples:
    """Return inputs made to the model's signature, with the model's outputs for them.

    A subclassed model that declares no inputs gets those of the shapes that it was built with.

    Raises:
        NoSamples: the model does not say what it takes, takes what cannot be made, or fails on all that was tried.
    """
    signature, certain = _signature(model)
    refusal: BaseException | None = None
    accepted: tuple[Any, Any, bool] | None = None
    for guess in _guesses(signature, certain=certain):
        for attempt in _attempts(guess):
            inputs = _fill(guess, attempt)
            if sum(array.nbytes for _, array in leaves(inputs)) > _LARGEST:
                continue
            try:
                outputs, deterministic = calls.answer_twice(model, inputs)
            except calls.Unstorable as error:
                raise NoSamples(str(error)) from error
            except Exception as error:  # noqa: BLE001 - whatever a model raises means that it refuses this guess
                refusal = refusal or error
                continue
            if calls.all_finite(outputs):
                return Samples(inputs=inputs, outputs=outputs, origin="made", deterministic=deterministic)
            # Still a test, but a weak one: NaN hides a difference. Other numbers may do better.
            accepted = accepted or (inputs, outputs, deterministic)
    if accepted is None:
        why = calls.told(refusal) if refusal else "they would be too large"
        raise NoSamples(f"the model refuses every input that was made for it: {why}")
    return Samples(inputs=accepted[0], outputs=accepted[1], origin="made", deterministic=accepted[2])


def make_inputs(model: Any) -> Any:
    """Return inputs that `made` would try first, without calling the model; raises `NoSamples` as it does."""
    signature, certain = _signature(model)
    return _fill(next(_guesses(signature, certain=certain)), _Attempt())


_SKIP = "leave example_inputs out, or return arrays, dicts, lists and tuples of arrays from call()"


def _signature(model: Any) -> tuple[Any, bool]:
    """Return the nested slots of the model's inputs, and whether their dtypes are known."""
    declared = getattr(model, "inputs", None)
    if declared:
        structure = getattr(model, "input", None)
        tensors = [tensor for _, tensor in leaves(structure)]
        if {id(tensor) for tensor in tensors} != {id(tensor) for tensor in declared}:
            structure = declared[0] if len(declared) == 1 else list(declared)
        return mapped(_slot, structure), True
    config = model.get_build_config() or {}
    if "shapes_dict" in config:
        shapes = config["shapes_dict"]
    else:
        shapes = config.get("input_shape")
        # A model that was loaded holds the build config itself in the place of the shapes.
        if isinstance(shapes, dict) and set(shapes) in ({"input_shape"}, {"shapes_dict"}):
            (shapes,) = shapes.values()
    if not shapes:
        raise NoSamples("it is a subclassed model that does not tell what it takes; give example_inputs=")
    if isinstance(shapes, Mapping) and all(str(key).endswith("_shape") for key in shapes):
        shapes = Keywords({str(key).removesuffix("_shape"): shape for key, shape in shapes.items()})
    return _slots_of_shapes(shapes), False


def _slot(tensor: Any) -> _Slot:
    if getattr(tensor, "ragged", False):
        raise NoSamples("it takes ragged tensors, which are not made")
    return _Slot(shape=tuple(tensor.shape), dtype=str(tensor.dtype))


def _slots_of_shapes(shapes: Any) -> Any:
    if isinstance(shapes, Keywords):
        return Keywords({key: _slots_of_shapes(item) for key, item in shapes.items()})
    if isinstance(shapes, Mapping):
        return {str(key): _slots_of_shapes(item) for key, item in shapes.items()}
    if isinstance(shapes, list | tuple):
        if all(item is None or isinstance(item, int) for item in shapes):
            return _Slot(shape=tuple(shapes), dtype="float32")
        return [_slots_of_shapes(item) for item in shapes]
    raise NoSamples("the shapes that it was built with are of an unknown kind; give example_inputs=")


def _guesses(signature: Any, *, certain: bool) -> Iterator[Any]:
    yield signature
    if not certain:
        # Shapes alone do not tell a batch of numbers from one of ids.
        yield mapped(lambda slot: dataclasses.replace(slot, dtype="int32"), signature)


def _attempts(signature: Any) -> Iterator[_Attempt]:
    """Yield ways to fill in the signature: the values first, then the sizes, then a batch of one."""
    slots = [slot for _, slot in leaves(signature)]
    dtypes = {slot.dtype for slot in slots}
    values = [_Attempt()]
    if any(_is_integer(dtype) for dtype in dtypes):
        values += [dataclasses.replace(values[0], ids=ids) for ids in _IDS[1:]]
    if "string" in dtypes:
        values += [dataclasses.replace(attempt, words=_DIGITS) for attempt in values[:1]]
    if any(dtype.startswith(("float", "bfloat")) for dtype in dtypes):
        values += [dataclasses.replace(values[0], low=0.0)]
    yield from values
    if any(size is None for slot in slots for size in slot.shape[1:]):
        for size in _SIZES[1:]:
            yield from (dataclasses.replace(attempt, size=size) for attempt in values)
    yield dataclasses.replace(values[-1], batch=1)


def _fill(signature: Any, attempt: _Attempt) -> Any:
    import numpy as np

    random = np.random.RandomState(SEED)  # The only generator whose numbers NumPy promises never to change.

    def array(slot: _Slot) -> Any:
        sizes = [attempt.batch if index == 0 else attempt.size for index in range(len(slot.shape))]
        shape = tuple(free if size is None else size for free, size in zip(sizes, slot.shape, strict=True))
        if math.prod(shape) > _LARGEST:
            return np.broadcast_to(np.zeros((), "float64"), shape)  # Never called with: too large.
        return _values(random, shape, slot.dtype, attempt)

    return mapped(array, signature)


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


def _arrays_of(value: Any) -> Any:
    """Return the author's inputs as nested arrays."""
    if isinstance(value, Mapping):
        kind: Any = Keywords if isinstance(value, Keywords) else dict
        return kind({str(key): _arrays_of(item) for key, item in value.items()})
    if value is None:
        return None
    if isinstance(value, list | tuple) and not _is_plain(value):
        parts = [_arrays_of(item) for item in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    try:
        return calls.array_of(value)
    except calls.Unstorable as error:
        raise PackError(
            f"this is no array: {error}",
            place="example_inputs",
            hint="give what you call the model with: an array, or a dict, list or tuple of arrays",
        ) from error


def _are_arguments(model: Any, inputs: Mapping[str, Any]) -> bool:
    """Say whether `inputs` are several arguments of the model's ``call`` by name, and leave none out."""
    parameters = inspect.signature(model.call).parameters
    needed = {
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    } - {"training", "mask"}
    return len(inputs) > 1 and needed <= set(inputs) <= set(parameters)


def _is_plain(value: Any) -> bool:
    """Say whether `value` is nested lists of Python numbers and strings: an array that nobody has made one yet."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return isinstance(value, bool | int | float | complex | str | bytes)
