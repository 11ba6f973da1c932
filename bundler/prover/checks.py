"""What a bundle is put through in the proving interpreter."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundler.archive.reader import BundleReader, check_digest, open_bundle
from bundler.errors import BundleError, RebuildFailed, SelfTestFailed
from bundler.keras_io import failures
from bundler.keras_io.program.account import Account, differences, strangers
from bundler.keras_io.program.loaded import loaded_account, loaded_modules
from bundler.keras_io.program.next_step import step_of, step_problems
from bundler.keras_io.program.outputs import drawn_outputs, output_problems, step_outputs
from bundler.keras_io.program.seeds import seeds_of
from bundler.keras_io.selftest import model_call, recording, training
from bundler.keras_io.selftest.weights_digest import ModelState, state_of, state_problems
from bundler.manifest import RecordedUse, RecordedUses
from bundler.namespace import Namespace, loaded_namespaces
from bundler.proof.request import (
    LOAD,
    NEXT_STEP,
    OUTPUTS,
    SAVE_AND_LOAD,
    STATE,
    TRAIN,
    WEIGHTS,
    Failure,
    Request,
)
from bundler.prover.observed import Observed
from bundler.prover.resave import load_again, save_again
from bundler.unpacking.unbundling import LoadOptions, load

_MOST, _SHOWN = 1_000, 4


class CheckFailed(Exception):
    """A check was not passed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the checks of one bundle gave; see `bundler.proof.request.Passed`."""

    checks: tuple[str, ...]
    uses: RecordedUses
    refused: tuple[RecordedUse, ...]
    untrained: str | None


def run_checks(request: Request, scratch: Path, step: Callable[[str], None]) -> Outcome:
    """Run the checks of `request`, under the rules that a consumer's process has; `scratch` is a folder to write below.

    Raises:
        CheckFailed: the first check that was not passed.
    """
    done: list[str] = []
    observed = Observed(scratch)
    stage = functools.partial(_stage, digest=request.digest, step=step, done=done, observed=observed)
    untrained = None
    with open_bundle(request.path) as reader:
        with stage(LOAD), _told_with(request):
            check_digest(reader, request.digest)
            # Word for word what is recorded: if the code wants more while it runs, the author learns of it here.
            model = load(reader, LoadOptions(allow=request.allow))
        if request.account is not None:
            with stage(STATE):
                _require_values(request, model)
                _require_seeds(request, model)
        if request.state is not None:
            with stage(WEIGHTS):
                _require_state(WEIGHTS, request.state, model)
        if reader.manifest.self_test is not None:
            with stage(OUTPUTS):
                _require_outputs(OUTPUTS, model, reader)
                _require_drawn(request, model, reader)
                _require_steps(request, model, reader)
        if request.step is not None:
            with stage(NEXT_STEP):
                _require_step(request, model, reader)
        with stage(SAVE_AND_LOAD):
            folder = scratch / "again"
            folder.mkdir()
            try:
                saved = save_again(model, reader.manifest, folder)
                # Before the second one is made: one model at a time.
                del model
                gc.collect()
                model = load_again(saved, request.allow)
            finally:
                shutil.rmtree(folder)
            _require_state(SAVE_AND_LOAD, request.state, model)
            if reader.manifest.self_test is not None:
                _require_outputs(SAVE_AND_LOAD, model, reader)
        if reader.manifest.proof is not None and TRAIN in reader.manifest.proof.checks:
            # Last, and on a model that nobody needs any more.
            with contextlib.suppress(_Untaken), stage(TRAIN):
                untrained = _training_problem(model, reader)
                if untrained is not None:
                    raise _Untaken
    return Outcome(checks=tuple(done), uses=observed.uses(), refused=observed.refused, untrained=untrained)


def _training_problem(model: Any, reader: BundleReader) -> str | None:
    """Take one step of training; return why that could not be done, or `None`."""
    test = reader.manifest.self_test
    if test is None:
        return "there is no self-test to take the inputs from"
    try:
        training.train_once(model, *recording.recorded_arrays(reader, test))
    except training.NotTaken as error:
        # Targets are guessed; that a loss or a train_step does not take them says nothing against the bundle.
        return model_call.told(error.__cause__) if error.__cause__ else str(error)
    return None


def _account(request: Request, model: Any) -> Account | None:
    """Return what the author's account of the program has counterparts in; of no model, `None`, of its code alone."""
    namespace = _namespace(request.digest)
    if request.account is None or namespace is None:
        return None
    # Paths that travelled in the config are still those of the author's machine.
    folders = sorted(request.surroundings.folders, key=len, reverse=True)
    return loaded_account(model, namespace, request.account, folders)


@contextlib.contextmanager
def _told_with(request: Request) -> Iterator[None]:
    """Tell with the failure of the block which values the author's code had otherwise: they may be why."""
    try:
        yield
    except Exception as error:
        here = _account(request, None)
        found = differences(request.account, here) if request.account is not None and here is not None else []
        if found and not failures.asked_words(error):
            failure = dataclasses.replace(_failure(LOAD, error, request.digest), differences=tuple(found[:_MOST]))
            raise CheckFailed(failure) from error
        raise


def _require_values(request: Request, model: Any) -> None:
    here = _account(request, model)
    if request.account is None or here is None:
        return
    found = differences(request.account, here)
    if found:
        shown = "".join(f"\n    {item}" for item in found[:_SHOWN])
        more = f"\n    and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CheckFailed(
            Failure(
                stage=STATE,
                message=f"these values come back as others:{shown}{more}",
                hint="pass them to __init__ and return them from get_config(), or set them in the source",
                differences=tuple(found[:_MOST]),
            )
        )
    if others := strangers(request.account, here):
        raise CheckFailed(
            Failure(
                stage=STATE,
                message=f"these objects come back as others: {'; '.join(others[:_SHOWN])}",
                hint="pass them to __init__ and return them from get_config()",
            )
        )


def _require_seeds(request: Request, model: Any) -> None:
    """Compare the states of the generators; one that an object makes anew is told by what is drawn from it."""
    found = {seed.place: seed.state for seed in seeds_of(model)}
    others = [seed.place for seed in request.seeds if found.get(seed.place, seed.state) != seed.state]
    if others:
        raise CheckFailed(
            Failure(
                stage=STATE,
                message=f"these random generators come back in another state: {', '.join(others[:_SHOWN])}",
                hint="leave their states alone where objects are made, built and first called",
            )
        )


def _require_drawn(request: Request, model: Any, reader: BundleReader) -> None:
    """Compare what a random model draws, which its self-test cannot."""
    test = reader.manifest.self_test
    if request.drawn is None or test is None:
        return
    problems = output_problems(request.drawn, drawn_outputs(model, recording.recorded_arrays(reader, test)[0]))
    if problems:
        raise CheckFailed(
            Failure(
                stage=OUTPUTS,
                message=f"drawn otherwise than in the author's process: {', '.join(problems[:_SHOWN])}",
                hint="keep the random generators of a layer in attributes (keras.random.SeedGenerator); then their "
                "states travel",
            )
        )


def _require_steps(request: Request, model: Any, reader: BundleReader) -> None:
    """Compare what `predict` and `evaluate` give where the author wrote their steps: they need not call the model."""
    test, namespace = reader.manifest.self_test, _namespace(request.digest)
    if test is None or namespace is None:
        return
    modules = loaded_modules(namespace, namespace.modules).values()
    for item in request.steps:
        inputs, answers = recording.recorded_arrays(reader, test)
        try:
            found = step_outputs(model, item.step, inputs, answers, item.guess, modules)
        except Exception as error:
            raise SelfTestFailed(f"{item.step} fails: {model_call.told(error)}") from error
        if problems := output_problems(item.outputs, found):
            told = ", ".join(problems[:_SHOWN])
            raise CheckFailed(
                Failure(
                    stage=OUTPUTS,
                    message=f"{item.step} gives other results than in the author's process: {told}",
                    hint="something that this method uses is neither a weight nor an argument that get_config returns",
                )
            )


def _require_step(request: Request, model: Any, reader: BundleReader) -> None:
    test, namespace = reader.manifest.self_test, _namespace(request.digest)
    if test is None or request.step is None or namespace is None:
        raise CheckFailed(Failure(stage=NEXT_STEP, message="the bundle has no self-test to take the inputs from"))
    modules = loaded_modules(namespace, namespace.modules).values()
    found = step_of(model, *recording.recorded_arrays(reader, test), request.step.guess, modules)
    problems = step_problems(request.step, found)
    if problems:
        raise CheckFailed(
            Failure(
                stage=NEXT_STEP,
                message="; ".join(problems[:_SHOWN]),
                hint="something that training uses is neither a weight nor an argument that get_config returns: look "
                "at the loss, the optimizer, train_step and what is set outside of __init__",
            )
        )


def _namespace(digest: str) -> Namespace | None:
    # The last one: loaded with more words accepted, a bundle has another tree.
    return next((tree for tree in reversed(loaded_namespaces()) if tree.digest == digest), None)


def _require_state(stage: str, state: ModelState | None, model: Any) -> None:
    problems = [] if state is None else state_problems(state, state_of(model))
    if problems:
        raise CheckFailed(
            Failure(
                stage=stage,
                message="; ".join(problems),
                hint="see that every layer makes its weights in __init__ or build, by arguments that get_config "
                "returns",
            )
        )


def _require_outputs(stage: str, model: Any, reader: BundleReader) -> None:
    result = recording.replay(model, reader, same_machine=True)
    if result.problem is not None:
        raise CheckFailed(
            Failure(
                stage=stage,
                message=f"the outputs are not those of the author's model: {result.problem}",
                hint="something that call() uses is neither a weight nor an argument that get_config returns; make "
                "it one, or save it in save_own_variables",
            )
        )


class _Untaken(Exception):
    """A check could not be made, and nothing follows from that."""


@contextlib.contextmanager
def _stage(
    name: str, *, digest: str, step: Callable[[str], None], done: list[str], observed: Observed
) -> Iterator[None]:
    """Turn whatever the block raises into the failure of one check, and note what the code used in it."""
    step(name)
    try:
        yield
    except _Untaken as error:
        # It may be a refusal that kept it from being made, raised where no chain of causes leads back to it.
        if refused := observed.take(name):
            failure = Failure(stage=name, message="one step of training could not be taken")
            raise CheckFailed(_with_refusals(failure, refused)) from error
        raise
    except CheckFailed as error:
        observed.take(name)
        raise CheckFailed(_with_refusals(error.failure, observed.refused)) from error.__cause__
    except SystemExit as error:
        observed.take(name)
        raise CheckFailed(_ended(name, error, digest)) from error
    except Exception as error:
        observed.take(name)
        failure = _with_refusals(_failure(name, error, digest), observed.refused)
        raise CheckFailed(dataclasses.replace(failure, words=failures.asked_words(error) or failure.words)) from error
    observed.take(name)
    done.append(name)


def _with_refusals(failure: Failure, refused: Iterable[RecordedUse]) -> Failure:
    """Return `failure` with what was refused before it, any of which may be why."""
    uses = tuple(refused)
    return dataclasses.replace(failure, refused=uses, words=tuple(sorted({use.capability for use in uses})))


def _ended(stage: str, error: SystemExit, digest: str) -> Failure:
    said = "" if error.code is None or isinstance(error.code, int) else f": {error.code}"
    return Failure(
        stage=stage,
        message=f"the code ends the process (sys.exit){said}",
        place=failures.rebuild_error(error, _namespace(digest)).place,
        hint="a module that a model needs must not end the process: raise an error in the function that needs it, or "
        'put the line below if __name__ == "__main__":',
    )


def _failure(stage: str, error: Exception, digest: str) -> Failure:
    namespace = _namespace(digest)
    told = error if isinstance(error, BundleError) else failures.rebuild_error(error, namespace)
    # The line of the bundle's code: what ran the model only knows what it raised.
    inner = error.__cause__ if isinstance(error, SelfTestFailed) else None
    place = told.place if inner is None else failures.rebuild_error(inner, namespace).place
    message = str(told).partition("\n  next step:")[0]
    return Failure(
        stage=stage,
        message=message.removeprefix(f"{told.place}: ") if told.place else message,
        place=place,
        # The traceback is in the other process, and the versions are the author's own.
        hint=None if told.hint == failures.SEE_TRACEBACK or inner is not None else told.hint,
        module=told.module if isinstance(told, RebuildFailed) else None,
        qualname=told.qualname if isinstance(told, RebuildFailed) else None,
        missing_module=told.missing_module if isinstance(told, RebuildFailed) else None,
    )
