"""The self-test of a bundle: recorded from the author's model, replayed on what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.archive.writer import NewMember
from bundler.errors import LimitExceeded, PackError, SelfTestFailed
from bundler.keras_io.selftest import arrays, model_call, samples
from bundler.keras_io.selftest import output_difference as comparing
from bundler.keras_io.selftest.input_specs import Unknown
from bundler.keras_io.selftest.output_difference import SELF_TEST, Tolerances, compare, tolerances_for
from bundler.keras_io.selftest.tensors import Unstorable
from bundler.manifest import Agreement, SelfTest, TensorSpec

INPUTS_MEMBER = "examples/inputs.npz"
OUTPUTS_MEMBER = "examples/outputs.npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOutputs:
    """A self-test, its two members and the arrays in these, or the reason why there is none."""

    self_test: SelfTest | None
    members: tuple[NewMember, ...] = ()
    reason: str | None = None
    inputs: Any = None
    answers: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """Inputs and what the model answers. `origin` is ``given`` or ``made``; `deterministic` as in the manifest."""

    inputs: Any
    outputs: Any
    origin: str
    deterministic: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What a replay gave: the largest absolute difference, what was allowed, and the first problem, if any.

    `near` says that all numbers are those that were recorded but for rounding, within what was allowed or not.
    """

    largest_difference: float
    absolute_tolerance: float
    relative_tolerance: float
    deterministic: bool
    problem: str | None
    near: bool


def record(model: Any, example_inputs: Any = None, declared: Sequence[TensorSpec] = ()) -> RecordedOutputs:
    """Return the self-test of the live `model`, from the author's inputs or from made ones.

    For a model that is not deterministic the outputs are kept as zeros: only their shapes and dtypes are compared,
    and one model still gives one bundle (invariant I3).

    Args:
        model: a live model.
        example_inputs: what to call it with. The first few rows are used if all parts have the same first dimension.
        declared: the inputs of all payloads of the bundle. Where one has a fixed batch size, all rows are used.

    Raises:
        PackError: the model fails on the inputs that the author gave, or they cannot be kept.
    """
    weights = len(model.weights)
    try:
        found = _given(model, example_inputs, declared) if example_inputs is not None else _made(model)
    except Unknown as error:
        return RecordedOutputs(self_test=None, reason=str(error))
    if len(model.weights) != weights:
        raise PackError(
            f"calling the model gave it {len(model.weights) - weights} more weights, which have not been saved",
            place=model.name,
            hint="call it once on a batch of data, and pack it again",
        )
    outputs = found.outputs if found.deterministic else model_call.zeros_like(found.outputs)
    try:
        members = (
            NewMember(name=INPUTS_MEMBER, content=arrays.dump(found.inputs)),
            NewMember(name=OUTPUTS_MEMBER, content=arrays.dump(outputs)),
        )
    except PackError as error:
        if found.origin == "given":
            raise
        return RecordedOutputs(self_test=None, reason=str(error).partition("\n")[0])
    tolerances = tolerances_for(model_call.compute_dtypes(model, outputs), SELF_TEST)
    return RecordedOutputs(
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
        inputs=found.inputs,
        answers=outputs,
    )


def replay(
    model: Any, reader: BundleReader, *, same_machine: bool = False, agreement: Agreement | None = None
) -> Replay:
    """Run the self-test of an open bundle on `model`, which was loaded from it; more strictly on the author's machine.

    The outputs are the model's; a graph of it came as near to them as its `agreement` says.

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
    inputs, expected = recorded_arrays(reader, test)
    try:
        found = model_call.answer(model, inputs)
    except Exception as error:
        raise SelfTestFailed(
            f"the model fails on the inputs of its self-test: {model_call.told(error)}",
            hint="compare the installed versions with those that kbundle inspect shows",
        ) from error
    allowed = agreement or test
    tolerances = Tolerances(absolute=allowed.absolute_tolerance, relative=allowed.relative_tolerance)
    tolerances = comparing.same_machine(tolerances) if same_machine else tolerances
    comparison = compare(expected, found, tolerances, values=test.deterministic)
    wide = comparing.other_rounding(tolerances)
    near = comparison.problem is None or compare(expected, found, wide, values=test.deterministic).problem is None
    return Replay(
        largest_difference=comparison.largest,
        absolute_tolerance=tolerances.absolute,
        relative_tolerance=tolerances.relative,
        deterministic=test.deterministic,
        problem=comparison.problem,
        near=near,
    )


def recorded_arrays(reader: BundleReader, test: SelfTest) -> tuple[Any, Any]:
    """Return the inputs and the outputs of the self-test of an open bundle, as nested arrays.

    Raises:
        InvalidBundle: the members are not what kbundle writes.
    """
    return _arrays(reader, test.inputs), _arrays(reader, test.outputs)


def require_same(result: Replay) -> None:
    """Refuse a model that does not pass its self-test.

    Raises:
        SelfTestFailed: it gives other outputs here than where it was packed.
    """
    if result.problem is not None:
        raise SelfTestFailed(
            f"the model does not give the outputs that it gave when it was packed: {result.problem}",
            expected=str(Tolerances(absolute=result.absolute_tolerance, relative=result.relative_tolerance)),
            found=f"a largest difference of {result.largest_difference:.3g}",
            hint="compare the installed versions with those that kbundle inspect shows",
        )


def _given(model: Any, example_inputs: Any, declared: Sequence[TensorSpec]) -> _Found:
    """Return the author's inputs, cut to a few rows if the batch is free, with the model's outputs for them.

    Raises:
        PackError: they are not arrays, or the model fails on them.
    """
    inputs = samples.given(model, example_inputs).inputs
    if all(spec.shape[0] < 0 for spec in declared if spec.shape):
        inputs = samples.first_rows(inputs)
    try:
        outputs, deterministic = model_call.answer_twice(model, inputs)
    except Unstorable as error:
        raise PackError(
            f"the outputs cannot be kept: {error}",
            place="example_inputs",
            hint="leave example_inputs out, or return arrays, dicts, lists and tuples of arrays from call()",
        ) from error
    except Exception as error:
        raise PackError(
            f"the model fails on the example inputs: {model_call.told(error)}",
            place="example_inputs",
            hint="give inputs that model(inputs, training=False) takes; several arguments of call() as a dict by name",
        ) from error
    return _Found(inputs=inputs, outputs=outputs, origin="given", deterministic=deterministic)


def _made(model: Any) -> _Found:
    """Return inputs made to the model's signature, with the model's outputs for them.

    Raises:
        Unknown: there are none that the model takes.
    """
    refusal: BaseException | None = None
    accepted: _Found | None = None
    for sample in samples.made(model):
        try:
            outputs, deterministic = model_call.answer_twice(model, sample.inputs)
        except Unstorable as error:
            raise Unknown(f"its outputs cannot be kept: {error}") from error
        except Exception as error:  # noqa: BLE001 - whatever a model raises means that it refuses this guess
            refusal = refusal or error
            continue
        found = _Found(inputs=sample.inputs, outputs=outputs, origin="made", deterministic=deterministic)
        if model_call.all_finite(outputs):
            return found
        # Still a test, but a weak one: NaN hides a difference. Other numbers may do better.
        accepted = accepted or found
    if accepted is None:
        why = model_call.told(refusal) if refusal else "they would be too large"
        raise Unknown(f"the model refuses every input that was made for it: {why}")
    return accepted


def _arrays(reader: BundleReader, name: str) -> Any:
    size = next(item.content_size for item in reader.manifest.members if item.name == name)
    if size > arrays.LARGEST_FILE:
        raise LimitExceeded("the self-test is too large", place=name, expected=arrays.LARGEST_FILE, found=size)
    return arrays.parse(reader.read(name), name)
