"""The self-test of a bundle: recorded from the author's model, replayed on what is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.archive.writer import NewMember
from bundler.errors import LimitExceeded, PackError, SelfTestFailed
from bundler.keras_io import arrays, calls, samples
from bundler.keras_io.difference import Tolerances, compare
from bundler.manifest import SelfTest, TensorSpec

INPUTS_MEMBER = "examples/inputs.npz"
OUTPUTS_MEMBER = "examples/outputs.npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A self-test and its two members, or the reason why there is none."""

    self_test: SelfTest | None
    members: tuple[NewMember, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What a replay gave: the largest absolute difference, what was allowed, and the first problem, if any."""

    largest_difference: float
    tolerances: Tolerances
    deterministic: bool
    problem: str | None


def record(model: Any, example_inputs: Any = None, declared: Iterable[TensorSpec] = ()) -> Recorded:
    """Return the self-test of the live `model`, from the author's inputs or from made ones.

    Of the author's inputs the first `samples.ROWS` rows are kept, or all where one of the inputs that the bundle has
    `declared` has a fixed number of them.

    For a model that is not deterministic the outputs are kept as zeros: only their shapes and dtypes are compared,
    and one model still gives one bundle (invariant I3).

    Raises:
        PackError: the model fails on the inputs that the author gave, or they cannot be kept.
    """
    weights = len(model.weights)
    fixed = any(spec.shape and spec.shape[0] >= 0 for spec in declared)
    if example_inputs is not None:
        found = samples.given(model, example_inputs, rows=None if fixed else samples.ROWS)
    else:
        try:
            found = samples.made(model)
        except samples.NoSamples as error:
            return Recorded(self_test=None, reason=str(error))
    if len(model.weights) != weights:
        raise PackError(
            f"calling the model gave it {len(model.weights) - weights} more weights, which have not been saved",
            place=model.name,
            hint="call it once on a batch of data, and pack it again",
        )
    try:
        inputs = calls.storable(found.inputs)
    except calls.Unstorable as error:
        return Recorded(self_test=None, reason=f"the inputs cannot be kept: {error}")
    try:
        outputs = calls.storable(found.outputs)
        if not found.deterministic:
            outputs = calls.zeros_like(outputs)
        members = (
            NewMember(name=INPUTS_MEMBER, content=arrays.dump(inputs)),
            NewMember(name=OUTPUTS_MEMBER, content=arrays.dump(outputs)),
        )
    except (PackError, calls.Unstorable) as error:
        if found.origin == "made":
            return Recorded(self_test=None, reason=str(error).partition("\n")[0])
        if isinstance(error, PackError):
            raise
        raise PackError(f"the outputs cannot be kept: {error}", place="example_inputs", hint=samples.SKIP) from error
    tolerances = calls.tolerances_of(model, outputs)
    return Recorded(
        self_test=SelfTest(
            inputs=INPUTS_MEMBER,
            outputs=OUTPUTS_MEMBER,
            origin=found.origin,
            deterministic=found.deterministic,
            absolute_tolerance=tolerances.absolute,
            relative_tolerance=tolerances.relative,
            seed=samples.SEED if found.origin == "made" else None,
        ),
        members=members,
    )


def replay(model: Any, reader: BundleReader) -> Replay:
    """Run the self-test of an open bundle on `model`, which was loaded from it.

    Raises:
        SelfTestFailed: the bundle has no self-test, or the model raises on its inputs.
        InvalidBundle: the self-test's members are not what kbundle writes.
    """
    test = reader.manifest.self_test
    if test is None:
        raise SelfTestFailed(
            "this bundle has no self-test",
            place=str(reader.path or "the file object"),
            hint="pack the model with example_inputs=, which records one",
        )
    inputs, expected = (_arrays(reader, name) for name in (test.inputs, test.outputs))
    try:
        found = calls.answer(model, inputs)
    except Exception as error:
        raise SelfTestFailed(
            f"the model fails on the inputs of its self-test: {calls.told(error)}",
            hint="compare the installed versions with those that kbundle inspect shows",
        ) from error
    tolerances = Tolerances(absolute=test.absolute_tolerance, relative=test.relative_tolerance)
    comparison = compare(expected, found, tolerances, values=test.deterministic)
    return Replay(
        largest_difference=comparison.largest,
        tolerances=tolerances,
        deterministic=test.deterministic,
        problem=comparison.problem,
    )


def require_same(result: Replay) -> None:
    """Refuse a model that does not pass its self-test.

    Raises:
        SelfTestFailed: it gives other outputs here than where it was packed.
    """
    if result.problem is not None:
        raise SelfTestFailed(
            f"the model does not give the outputs that it gave when it was packed: {result.problem}",
            expected=f"at most {result.tolerances} apart",
            found=f"a largest difference of {result.largest_difference:.3g}",
            hint="compare the installed versions with those that kbundle inspect shows",
        )


def _arrays(reader: BundleReader, name: str) -> Any:
    member = next(item for item in reader.manifest.members if item.name == name)
    size = member.size if member.decoded_size is None else member.decoded_size
    if size > arrays.LARGEST_FILE:
        raise LimitExceeded("the self-test is too large", place=name, expected=arrays.LARGEST_FILE, found=size)
    return arrays.parse(reader.read(name), name)
