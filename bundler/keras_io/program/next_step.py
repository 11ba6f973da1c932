"""One step of training as evidence: what it changes, in few numbers, so that two processes can compare it.

The step is made eagerly and with fixed seeds, so that it depends on the program alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from bundler.keras_io.process_state import fixed_seeds
from bundler.keras_io.program.below import optimizers_below
from bundler.keras_io.program.directions import measured
from bundler.keras_io.selftest import samples
from bundler.keras_io.selftest.arrays import Keywords
from bundler.keras_io.selftest.tensors import as_tensors
from bundler.keras_io.selftest.training import NotTaken, likely_batches, take_step
from bundler.keras_io.selftest.untouched import untouched

#: How far the same step is apart in two processes of one machine; what is drawn apart by more is another program.
_NORM, _DIRECTION, _LOSS = 2e-3, 1e-2, 1e-4
_COARSE = {"float16": 30.0, "bfloat16": 100.0}
#: Below this a change is rounding.
_NOTHING = 1e-12
#: The rounding of a gradient, relative to the largest one of the step.
_GRADIENT = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """How one variable changed: the norm of the change, and its product with fixed directions.

    A change of at most `rounding` says nothing.
    """

    path: str
    norm: float
    products: tuple[float, ...]
    rounding: float = _NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """One step of training of one program.

    `guess` is the number of the batch that the model took, `logs` are its loss and metrics by name, `changes` are
    those of its weights in order, and `kept` those of what its optimizers keep. `noise` is how far a second run was
    apart, relative to the change; 0 where the step is deterministic. `coarse` widens the tolerances of a model in half
    precision.
    """

    guess: int
    logs: Mapping[str, float]
    changes: tuple[Change, ...]
    kept: tuple[Change, ...] = ()
    noise: float = 0.0
    coarse: float = 1.0


def predicted_step(model: Any, inputs: Any, outputs: Any, modules: Iterable[ModuleType] = ()) -> NextStep:
    """Return what the next step of training of `model` will change; the model is as before afterwards.

    Args:
        model: a live, compiled model.
        inputs: nested arrays that it is called with.
        outputs: what it answered, or arrays of the same shapes and dtypes; targets are made to these.
        modules: the modules of its code, of which the globals are put back, too.

    Raises:
        NotTaken: it takes none of the targets that can be made; the cause says why.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if getattr(strategy, "num_replicas_in_sync", 1) > 1:
        raise NotTaken("it is trained on several devices at once")
    modules = tuple(modules)
    refusal: Exception | None = None
    for guess in range(len(likely_batches(outputs))):
        try:
            first, second = (step_of(model, inputs, outputs, guess, modules) for _ in range(2))
        except NotTaken:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a loss or a train_step raises refuses this guess
            refusal = refusal or error
            continue
        return NextStep(
            guess=guess,
            logs=first.logs,
            changes=first.changes,
            kept=first.kept,
            noise=_distance(first, second),
            coarse=max((_COARSE.get(name, 1.0) for name in _dtypes(model)), default=1.0),
        )
    raise NotTaken from refusal


def step_of(model: Any, inputs: Any, outputs: Any, guess: int, modules: Iterable[ModuleType] = ()) -> NextStep:
    """Make one step with the targets of that number and put everything back; raises whatever the model raises."""
    if isinstance(inputs, Keywords):
        raise NotTaken("its call takes several arguments, and training gives it one")
    batch = likely_batches(outputs)[guess]
    with untouched(model, modules), fixed_seeds(samples.SEED), importlib.import_module("tensorflow").device("CPU:0"):
        before = [
            [(variable, variable.numpy()) for variable in variables]
            for variables in (model.weights, _optimizer_variables(model))
        ]
        model.run_eagerly, model.jit_compile = True, False
        model.train_function = None
        # As every epoch of `fit` begins: the author's may have counted, and what was loaded has not.
        model.reset_metrics()
        logs = take_step(model, as_tensors(inputs), batch)
        changes, kept = (tuple(_change(variable, old) for variable, old in variables) for variables in before)
    numbers = {str(name): _number(value) for name, value in logs.items()}
    return NextStep(guess=guess, logs=numbers, changes=changes, kept=_above_rounding(kept))


def step_problems(expected: NextStep, found: NextStep) -> list[str]:
    """Return one line for what `found` changes otherwise than `expected`, the loss first; none where they agree."""
    slack = expected.coarse
    problems = []
    for name, value, other in _reported(expected.logs, found.logs):
        if other is None:
            problems.append(f"{name!r} is missing from what the step reports")
        elif not _near(value, other, (_LOSS + expected.noise) * slack * max(abs(value), 1e-3)):
            problems.append(f"{name} is {value:.7g} for the author and {other:.7g} here")
    if len(expected.changes) != len(found.changes):
        return [*problems, f"it has {len(expected.changes)} variables for the author and {len(found.changes)} here"]
    pairs = [*_pairs(expected.changes, found.changes)]
    # An optimizer that has never made a step keeps nothing yet, and is built where it is loaded.
    pairs += _pairs(expected.kept, found.kept) if len(expected.kept) == len(found.kept) else ()
    for old, new in pairs:
        scale = max(old.norm, new.norm)
        if scale <= max(old.rounding, new.rounding):
            continue
        if not _near(old.norm, new.norm, (_NORM + 5 * expected.noise) * slack * scale):
            problems.append(f"{old.path} changes by {old.norm:.4g} for the author and by {new.norm:.4g} here")
        elif not all(
            _near(one, other, (_DIRECTION + 5 * expected.noise) * slack * scale)
            for one, other in zip(old.products, new.products, strict=True)
        ):
            problems.append(f"{old.path} changes in another direction")
    return problems


def _reported(expected: Mapping[str, float], found: Mapping[str, float]) -> Iterator[tuple[str, float, float | None]]:
    """Pair what two steps report by name, and the rest in its order: a lambda that is a metric has another name."""
    renamed = iter([value for name, value in found.items() if name not in expected])
    for name, value in expected.items():
        yield name, value, found[name] if name in found else next(renamed, None)


def _optimizer_variables(model: Any) -> list[Any]:
    """Return what the optimizers below `model` keep: they see gradients of which a weight shows the sign alone."""
    found = {id(variable): variable for item in optimizers_below(model).values() for variable in item.variables}
    return [variable for variable in found.values() if "int" not in str(variable.dtype)]


def _above_rounding(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return `changes` with what is rounding in them: where a gradient is zero but for that, no two sums agree."""
    most = max((change.norm for change in changes), default=0.0)
    return tuple(replace(change, rounding=max(_NOTHING, _GRADIENT * most)) for change in changes)


def _pairs(expected: Sequence[Change], found: Sequence[Change]) -> Iterator[tuple[Change, Change]]:
    """Pair the changes by path where both have the same paths, else by order: names are numbered by process."""
    by_path = {item.path: item for item in found}
    if len(by_path) == len(found) and by_path.keys() == {item.path for item in expected}:
        found = [by_path[item.path] for item in expected]
    return zip(expected, found, strict=True)


def _change(variable: Any, before: Any) -> Change:
    path = str(getattr(variable, "path", variable.name))
    after = variable.numpy()
    if after.dtype.kind in "OSU" or after.size == 0:
        return Change(path=path, norm=0.0, products=())
    norm, products = measured(after.astype("float64") - before.astype("float64"))
    return Change(path=path, norm=norm, products=products)


def _distance(one: NextStep, other: NextStep) -> float:
    """Return how far two runs of one step are apart, relative to what they change."""
    far = 0.0
    for old, new in zip((*one.changes, *one.kept), (*other.changes, *other.kept), strict=True):
        scale = max(old.norm, new.norm)
        if scale > max(old.rounding, new.rounding):
            gaps = [abs(a - b) for a, b in zip((old.norm, *old.products), (new.norm, *new.products), strict=True)]
            far = max(far, max(gaps) / scale)
    return far


def _dtypes(model: Any) -> Sequence[str]:
    from bundler.keras_io.selftest.model_call import compute_dtypes

    return sorted(compute_dtypes(model, []))


def _number(value: Any) -> float:
    import numpy as np

    return float(np.mean(np.asarray(value, dtype="float64")))


def _near(one: float, other: float, most: float) -> bool:
    return one == other or (one != one and other != other) or abs(one - other) <= most
