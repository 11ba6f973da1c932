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

from bundler.archive.reader import BundleReader, open_bundle
from bundler.errors import BundleError, RebuildFailed, SelfTestFailed
from bundler.keras_io import calls, failures, selftest, training
from bundler.keras_io.state import ModelState, state_of, state_problems
from bundler.manifest import Use, Uses
from bundler.namespace import loaded_namespaces
from bundler.proof.again import load_again, save_again
from bundler.proof.observed import Observed
from bundler.proof.request import LOAD, OUTPUTS, SAVE_AND_LOAD, TRAIN, WEIGHTS, Failure, Request
from bundler.unpack import unbundle_pinned


class CheckFailed(Exception):
    """A check was not passed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the checks of one bundle gave; see `bundler.proof.request.Passed`."""

    checks: tuple[str, ...]
    uses: Uses
    refused: tuple[Use, ...]
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
        with stage(LOAD):
            # Word for word what is recorded: if the code wants more while it runs, the author learns of it here.
            model = unbundle_pinned(request.path, request.digest, allow=request.allow)
        if request.state is not None:
            with stage(WEIGHTS):
                _require_state(WEIGHTS, request.state, model)
        if reader.manifest.self_test is not None:
            with stage(OUTPUTS):
                _require_outputs(OUTPUTS, model, reader)
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
        training.train_once(model, *selftest.recorded_arrays(reader, test))
    except training.NotTaken as error:
        # Targets are guessed; that a loss or a train_step does not take them says nothing against the bundle.
        return calls.told(error.__cause__) if error.__cause__ else str(error)
    return None


def _require_state(stage: str, state: ModelState | None, model: Any) -> None:
    problems = [] if state is None else state_problems(state, state_of(model))
    if problems:
        raise CheckFailed(
            Failure(
                stage=stage,
                message="; ".join(problems),
                hint="see that every layer makes its weights in __init__ or build, by arguments that get_config "
                "returns, and compile the model again if layers were frozen or unfrozen after it was compiled",
            )
        )


def _require_outputs(stage: str, model: Any, reader: BundleReader) -> None:
    result = selftest.replay(model, reader)
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
    except Exception as error:
        observed.take(name)
        failure = _with_refusals(_failure(name, error, digest), observed.refused)
        raise CheckFailed(dataclasses.replace(failure, words=failures.asked_words(error) or failure.words)) from error
    observed.take(name)
    done.append(name)


def _with_refusals(failure: Failure, refused: Iterable[Use]) -> Failure:
    """Return `failure` with what was refused before it, any of which may be why."""
    uses = tuple(refused)
    return dataclasses.replace(failure, refused=uses, words=tuple(sorted({use.capability for use in uses})))


def _failure(stage: str, error: Exception, digest: str) -> Failure:
    namespace = next((tree for tree in loaded_namespaces() if tree.digest == digest), None)
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
    )
