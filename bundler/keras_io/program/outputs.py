"""Outputs that the self-test does not hold, in few numbers, so that two processes can compare them.

A model that draws random numbers answers differently every time, and `predict` and `evaluate` of a model may do
something else than call it. Both are measured with all draws of the process from one seed.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from bundler.keras_io.framework import keras
from bundler.keras_io.process_state import fixed_seeds
from bundler.keras_io.program.directions import measured
from bundler.keras_io.selftest import arrays, samples
from bundler.keras_io.selftest.arrays import Keywords
from bundler.keras_io.selftest.model_call import answer
from bundler.keras_io.selftest.tensors import as_arrays, as_tensors
from bundler.keras_io.selftest.training import likely_batches
from bundler.keras_io.selftest.untouched import untouched

_TOLERANCE = 1e-3
#: An `evaluate` that draws images would be waited for three times.
_LONGEST_S = 10.0
PREDICT_STEP, TEST_STEP = "predict_step", "test_step"


@dataclass(frozen=True, slots=True)
class Output:
    """One output: its name, its norm, and its products with fixed directions."""

    name: str
    norm: float
    products: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepOutputs:
    """What one step of the author's gives: the name of the step, the number of the batch that it took, the outputs."""

    step: str
    guess: int
    outputs: tuple[Output, ...]


class NotGiven(Exception):
    """A step of the author's could not be run, or says nothing; the message says why."""


def drawn_outputs(model: Any, inputs: Any) -> tuple[Output, ...]:
    """Return what `model` answers when every draw of its process follows from one seed; it is as before afterwards.

    The generators that belong to the model go on from their own states.
    """
    with fixed_seeds(samples.SEED):
        return _outputs(answer(model, inputs))


def own_steps(model: Any) -> tuple[str, ...]:
    """Return which of the steps of `predict` and `evaluate` are the author's and not Keras's."""
    base = keras().Model
    return tuple(
        name for name in (PREDICT_STEP, TEST_STEP) if getattr(type(model), name, None) is not getattr(base, name)
    )


def expected_outputs(model: Any, step: str, inputs: Any, outputs: Any, modules: Iterable[ModuleType]) -> StepOutputs:
    """Return what a step of the author's gives; the model is as before afterwards.

    Args:
        model: a live model.
        step: one of `own_steps`.
        inputs: nested arrays that the model is called with.
        outputs: what it answered, or arrays of the same shapes and dtypes; targets are made to these.
        modules: the modules of its code, of which the globals are put back, too.

    Raises:
        NotGiven: the step takes none of the targets that can be made, gives other numbers each time, or takes too long.
    """
    if isinstance(inputs, Keywords):
        raise NotGiven(f"{step} gives the model one argument, and its call takes several")
    modules = tuple(modules)
    refusal: Exception | None = None
    for guess in range(len(likely_batches(outputs)) if step == TEST_STEP else 1):
        started = time.perf_counter()
        try:
            first = step_outputs(model, step, inputs, outputs, guess, modules)
            if (taken := time.perf_counter() - started) > _LONGEST_S:
                raise NotGiven(f"{step} takes {taken:.0f} s for the inputs of the self-test")
            second = step_outputs(model, step, inputs, outputs, guess, modules)
        except NotGiven:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step raises refuses this guess
            refusal = refusal or error
            continue
        if output_problems(first, second):
            raise NotGiven(f"{step} gives other numbers each time")
        return StepOutputs(step=step, guess=guess, outputs=first)
    raise NotGiven(f"{step} fails on the inputs of the self-test") from refusal


def step_outputs(
    model: Any, step: str, inputs: Any, outputs: Any, guess: int, modules: Iterable[ModuleType] = ()
) -> tuple[Output, ...]:
    """Run the step once, eagerly, with the targets of that number, and put everything back; raises what it raises."""
    batch = likely_batches(outputs)[guess]
    with untouched(model, modules), fixed_seeds(samples.SEED), importlib.import_module("tensorflow").device("CPU:0"):
        model.run_eagerly, model.jit_compile = True, False
        model.predict_function = model.test_function = None
        given = as_tensors(inputs)
        if step == PREDICT_STEP:
            return _outputs(as_arrays(model.predict_on_batch(given)))
        # As every epoch begins: the author's may have counted, and what was loaded has not.
        model.reset_metrics()
        targets = None if batch.targets is None else as_tensors(batch.targets)
        if batch.packed:
            told = model.test_step(given if targets is None else (given, targets))
        else:
            told = model.test_on_batch(given, targets, return_dict=True)
        return _outputs(as_arrays(dict(told)))


def output_problems(expected: Sequence[Output], found: Sequence[Output]) -> list[str]:
    """Return the names of the outputs that two processes have otherwise; that of all where they have not the same."""
    if [item.name for item in expected] != [item.name for item in found]:
        return ["all outputs"]
    return [
        f"the output {old.name!r}" if old.name else "the output"
        for old, new in zip(expected, found, strict=True)
        if _far(old, new)
    ]


def _far(old: Output, new: Output) -> bool:
    most = _TOLERANCE * max(old.norm, new.norm, 1e-6)
    pairs = zip((old.norm, *old.products), (new.norm, *new.products), strict=True)
    return any(abs(one - other) > most for one, other in pairs)


def _outputs(value: Any) -> tuple[Output, ...]:
    numbers = ((name, array) for name, array in arrays.leaves(value) if array.dtype.kind not in "OSU")
    return tuple(Output(name, *measured(array)) for name, array in numbers)
