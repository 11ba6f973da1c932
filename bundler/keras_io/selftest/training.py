"""One step of training with made targets: does the model's code train, and what does it reach for meanwhile?

The numbers mean nothing. The step changes the model, so it is for one that nobody needs any more.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundler.keras_io.failures import asked_words
from bundler.keras_io.selftest import samples
from bundler.keras_io.selftest.arrays import Keywords, leaves, mapped
from bundler.keras_io.selftest.tensors import as_tensors


class NotTaken(Exception):
    """No step could be made; the cause says why, or the message where there is none."""


@dataclass(frozen=True)
class Batch:
    """Targets for the inputs of a model, `None` for none.

    Keras's `train_on_batch` gives a `train_step` inputs, targets and weights, `None` or not. Those that are written for
    `fit` unpack a pair, or take the inputs alone; for these it is `packed`, and only they are called directly.
    """

    targets: Any
    packed: bool


def train_once(model: Any, inputs: Any, outputs: Any) -> None:
    """Train `model`, which is compiled, for one step on nested arrays.

    Args:
        model: a live model; what it holds is other afterwards.
        inputs: what it is called with.
        outputs: what it answered, or arrays of the same shapes and dtypes. Targets are made to these: of the same
            shapes, then classes by number, then none.

    Raises:
        NotTaken: the model refuses all of them; the cause is its first refusal.
        Exception: what came of a refusal for want of consent (see `bundler.keras_io.failures.asked_words`).
    """
    if isinstance(inputs, Keywords):
        raise NotTaken("its call takes several arguments, and training gives it one")
    # The compiler of XLA takes long, and the code that it compiles is the same.
    model.jit_compile = False
    refusal: Exception | None = None
    with importlib.import_module("tensorflow").device("CPU:0"):
        given = as_tensors(inputs)
        for batch in likely_batches(outputs):
            try:
                take_step(model, given, batch)
            except Exception as error:  # Whatever a loss or a train_step raises refuses this guess.
                if asked_words(error):
                    raise
                refusal = refusal or error
                # Keras keeps the function whose first call failed, and TensorFlow runs no such function again.
                model.train_function = None
                continue
            return
    raise NotTaken from refusal


def likely_batches(outputs: Any) -> list[Batch]:
    """Return what a model that answers `outputs` may be trained with, the likeliest first, from a fixed seed."""
    targets = list(_targets(outputs))
    return [*(Batch(item, packed=False) for item in targets), *(Batch(item, packed=True) for item in targets)]


def take_step(model: Any, inputs: Any, batch: Batch) -> Mapping[str, Any]:
    """Train `model` for one step on `inputs`, which are tensors, and return what it reports; raises what it raises."""
    targets = None if batch.targets is None else as_tensors(batch.targets)
    if not batch.packed:
        return dict(model.train_on_batch(inputs, targets, return_dict=True))
    return dict(model.train_step(inputs if targets is None else (inputs, targets)))


def _targets(outputs: Any) -> Iterator[Any]:
    import numpy as np

    random = np.random.RandomState(samples.SEED)
    if leaves(outputs):
        yield mapped(lambda array: _like(random, array), outputs)
        if all(array.ndim > 1 for _, array in leaves(outputs)):
            yield mapped(
                lambda array: random.randint(0, max(array.shape[-1], 1), size=array.shape[:-1]).astype("int32"), outputs
            )
    yield None


def _like(random: Any, array: Any) -> Any:
    if array.dtype.kind in "biuSOU":
        return array
    return random.uniform(0.0, 1.0, size=array.shape).astype(array.dtype)
