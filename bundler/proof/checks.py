"""What a bundle is put through in the proving interpreter."""

from __future__ import annotations

import contextlib
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bundler.archive.reader import BundleReader, open_bundle
from bundler.consent import needed_words
from bundler.errors import BundleError, RebuildFailed
from bundler.keras_io import loading, selftest
from bundler.keras_io.state import ModelState, state_of, state_problems
from bundler.proof.again import load_again, save_again
from bundler.proof.request import LOAD, OUTPUTS, SAVE_AND_LOAD, WEIGHTS, Failure, Request
from bundler.unpack import unbundle


class CheckFailed(Exception):
    """A check was not passed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def run_checks(request: Request, scratch: Path, step: Callable[[str], None]) -> tuple[str, ...]:
    """Run the checks of `request` and return those that were run, in order; `scratch` is a folder to write below.

    Raises:
        CheckFailed: the first check that was not passed.
    """
    done: list[str] = []
    with open_bundle(request.path) as reader:
        with _stage(LOAD, step, done):
            # The author asks for this, and has the digest: there is nobody else to consent.
            model = unbundle(request.path, digest=request.digest, allow=needed_words(reader.manifest))
        _compare(model, request.state, reader, step, done)
        with _stage(SAVE_AND_LOAD, step, done):
            folder = scratch / "again"
            folder.mkdir()
            try:
                saved = save_again(model, reader.manifest, folder)
                # Before the second one is made: one model at a time.
                del model
                gc.collect()
                model = load_again(saved, reader.manifest)
            finally:
                shutil.rmtree(folder)
            _require_state(SAVE_AND_LOAD, request.state, model)
            if reader.manifest.self_test is not None:
                _require_outputs(SAVE_AND_LOAD, model, reader)
    return tuple(done)


def _compare(
    model: Any, state: ModelState | None, reader: BundleReader, step: Callable[[str], None], done: list[str]
) -> None:
    if state is not None:
        with _stage(WEIGHTS, step, done):
            _require_state(WEIGHTS, state, model)
    if reader.manifest.self_test is not None:
        with _stage(OUTPUTS, step, done):
            _require_outputs(OUTPUTS, model, reader)


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


@contextlib.contextmanager
def _stage(name: str, step: Callable[[str], None], done: list[str]) -> Iterator[None]:
    """Turn whatever the block raises into the failure of one check."""
    step(name)
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(_failure(name, error)) from error
    done.append(name)


def _failure(stage: str, error: Exception) -> Failure:
    told = error if isinstance(error, BundleError) else loading.rebuild_error(error)
    cause = told if isinstance(told, RebuildFailed) else None
    message = str(told).partition("\n  next step:")[0]
    return Failure(
        stage=stage,
        message=message.removeprefix(f"{told.place}: ") if told.place else message,
        place=told.place,
        hint=told.hint,
        module=cause.module if cause else None,
        qualname=cause.qualname if cause else None,
    )
