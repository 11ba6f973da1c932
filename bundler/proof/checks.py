"""What a bundle is put through in the proving interpreter."""

from __future__ import annotations

import contextlib
import functools
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bundler.archive.reader import BundleReader, open_bundle
from bundler.errors import BundleError, RebuildFailed, SelfTestFailed
from bundler.keras_io import failures, selftest
from bundler.keras_io.state import ModelState, state_of, state_problems
from bundler.namespace import loaded_namespaces
from bundler.proof.again import load_again, save_again
from bundler.proof.request import LOAD, OUTPUTS, SAVE_AND_LOAD, WEIGHTS, Failure, Request
from bundler.unpack import unbundle_pinned


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
    stage = functools.partial(_stage, digest=request.digest, step=step, done=done)
    with open_bundle(request.path) as reader:
        with stage(LOAD):
            # The author's own consent, word for word as the bundle records it: if the code wants more while it runs,
            # the author learns of it here.
            allow = () if reader.manifest.proof is None else reader.manifest.proof.allow
            model = unbundle_pinned(request.path, request.digest, allow=allow)
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
                model = load_again(saved, reader.manifest)
            finally:
                shutil.rmtree(folder)
            _require_state(SAVE_AND_LOAD, request.state, model)
            if reader.manifest.self_test is not None:
                _require_outputs(SAVE_AND_LOAD, model, reader)
    return tuple(done)


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
def _stage(name: str, *, digest: str, step: Callable[[str], None], done: list[str]) -> Iterator[None]:
    """Turn whatever the block raises into the failure of one check."""
    step(name)
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(_failure(name, error, digest)) from error
    done.append(name)


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
