"""The author's side of the proof: one more interpreter, started early, asked once a bundle."""

from __future__ import annotations

import json
import os
import queue
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bundler.archive.reader import open_bundle
from bundler.errors import PackError, ProofFailed
from bundler.keras_io.state import ModelState
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Proof
from bundler.proof.interpreter import Interpreter
from bundler.proof.request import (
    LOAD,
    LONGEST_REQUEST,
    OUTPUTS,
    SAVE_AND_LOAD,
    WEIGHTS,
    Failure,
    Passed,
    Request,
    Surroundings,
    python_version,
    strings,
)

_WAY_OUT = "mend it and pack again, or pack with prove=False (--no-proof): the bundle then says that it is not proved"
_SENTENCES = {
    LOAD: "a fresh interpreter cannot load this bundle",
    WEIGHTS: "a fresh interpreter gets another model out of this bundle",
    OUTPUTS: "a fresh interpreter gets other outputs out of this bundle",
    SAVE_AND_LOAD: "the model that comes out of this bundle cannot be saved and loaded again",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What must come back: the state of the author's model, and what the proving interpreter does without.

    `state` is `None` where the weights of the author's model have no counterpart in what is loaded (a graph).
    """

    state: ModelState | None
    surroundings: Surroundings


def planned_proof(manifest: Manifest, keras_version: str, tensorflow_version: str, *, state: bool) -> Proof:
    """Return the proof that a bundle with `manifest` will have passed when it has its name.

    It is written before the bundle is proved, since it is part of the bytes that are. `state` says whether the
    weights can be compared. `Prover.check` refuses other versions and fewer checks.
    """
    checks = [LOAD, *([WEIGHTS] if state else []), *([OUTPUTS] if manifest.self_test else []), SAVE_AND_LOAD]
    return Proof(
        python=python_version(),
        keras_version=keras_version,
        tensorflow_version=tensorflow_version,
        checks=tuple(checks),
    )


class Prover:
    """A fresh interpreter that loads bundles; use as a context manager, and ask it as often as there are bundles.

    It starts at once, and imports the framework while the caller does something else. It runs on the CPU: the
    author's process has the GPU's memory, and the question is whether the code and the weights come back, not how a
    GPU rounds.

    Args:
        timeout_s: how long one check may take, the import of the framework included.
        step: told what is being checked.
    """

    def __init__(self, *, timeout_s: float = LIMITS.proof_seconds, step: Callable[[str], None] | None = None) -> None:
        self._timeout_s = timeout_s
        self._step = step
        self._interpreter: Interpreter | None = None

    def __enter__(self) -> Self:
        self._interpreter = Interpreter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int | None:
        """The process id of the interpreter, or `None` where none is running."""
        return self._interpreter.pid if self._interpreter else None

    def check(self, path: Path, expectation: Expectation) -> None:
        """Put the bundle at `path` through the checks that its manifest says it has passed.

        Raises:
            ProofFailed: it did not pass one of them, or the interpreter ended or took too long.
            PackError: the bundle has no proof in its manifest, so there is nothing to hold it to.
        """
        with open_bundle(path) as reader:
            digest, proof = reader.digest, reader.manifest.proof
        if proof is None:
            raise PackError("the bundle does not say what it is to be proved by", place=str(path))
        request = Request(
            path=os.path.abspath(path),
            digest=digest,
            state=expectation.state,
            surroundings=expectation.surroundings,
        )
        try:
            result = self._result(request.line())
        except BaseException:
            # An interpreter that may still be busy with this bundle is none for the next one.
            self._end()
            raise
        if isinstance(result, Failure):
            raise _error(result)
        found = Proof(
            python=result.python,
            keras_version=result.keras_version,
            tensorflow_version=result.tensorflow_version,
            checks=result.checks,
            allow=proof.allow,
        )
        if found != proof:
            raise ProofFailed(
                "the fresh interpreter is not the one that the bundle was written for",
                stage=LOAD,
                expected=_facts(proof),
                found=_facts(found),
                hint="another Keras, TensorFlow or Python is found first without the author's sys.path; "
                "use one environment",
            )

    def _end(self) -> None:
        interpreter, self._interpreter = self._interpreter, None
        if interpreter is not None:
            interpreter.end()

    def _result(self, line: bytes) -> Passed | Failure:
        if len(line) > LONGEST_REQUEST:
            raise PackError("the model has too many weights to prove", found=len(line), hint=_WAY_OUT)
        if self._interpreter is None or not self._interpreter.running:
            self._end()
            self._interpreter = Interpreter()
        interpreter = self._interpreter
        interpreter.send(line)
        deadline, stage = time.monotonic() + self._timeout_s, LOAD
        while True:
            try:
                answer = interpreter.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise ProofFailed(
                    f"the proof took longer than {self._timeout_s:g} s",
                    stage=stage,
                    hint="pack with prove=False (--no-proof), and load the bundle once in a fresh process yourself",
                ) from None
            if not answer:
                raise _ended(stage, *interpreter.last_words())
            try:
                ((word, value),) = json.loads(answer).items()
                if word != "stage":
                    return _parsed(word, value)
                stage = str(value)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ProofFailed(
                    "the fresh interpreter answers nonsense: the bundle's code writes to a descriptor that is not its",
                    stage=stage,
                    found=answer[:200],
                    hint=_WAY_OUT,
                ) from error
            if self._step is not None:
                self._step(f"proving: {stage.replace('_', ' ')}")


def _ended(stage: str, code: int, said: list[str]) -> ProofFailed:
    """Return the error for an interpreter that ended without an answer."""
    hint = _WAY_OUT
    if code == -signal.SIGKILL:
        why = "was killed (SIGKILL), most likely because memory ran out"
        hint = (
            "the proof holds the model once more: give the machine more memory, or pack with prove=False (--no-proof)"
        )
    elif code < 0:
        why = f"was ended by signal {signal.Signals(-code).name}"
    else:
        why = f"ended with exit code {code}"
    told = "".join(f"\n    {line}" for line in said)
    return ProofFailed(f"the fresh interpreter {why}{told}", stage=stage, hint=hint)


def _parsed(word: str, value: dict[str, Any]) -> Passed | Failure:
    optional = ("place", "hint", "module", "qualname")
    if word == "failed":
        return Failure(
            stage=str(value["stage"]),
            message=str(value["message"]),
            unread=strings(value["unread"]),
            **{name: None if value[name] is None else str(value[name]) for name in optional},
        )
    if word == "passed":
        return Passed(
            checks=strings(value["checks"]),
            python=str(value["python"]),
            keras_version=str(value["keras_version"]),
            tensorflow_version=str(value["tensorflow_version"]),
        )
    raise ValueError(f"unknown answer {word!r}")


def _error(failure: Failure) -> ProofFailed:
    message = f"{_SENTENCES.get(failure.stage, failure.stage)}: {failure.message}"
    hint = failure.hint
    if failure.unread:
        message += "\n  files that were asked for and did not travel:"
        message += "".join(f"\n    {path}" for path in failure.unread)
        hint = (
            "put the file into the package that reads it and open it beside __file__ or with importlib.resources; "
            "then it is packed too"
        )
    return ProofFailed(
        message,
        stage=failure.stage,
        module=failure.module,
        qualname=failure.qualname,
        place=failure.place,
        hint=hint or _WAY_OUT,
    )


def _facts(proof: Proof) -> str:
    versions = f"Python {proof.python}, Keras {proof.keras_version}, TensorFlow {proof.tensorflow_version}"
    return f"{versions}; {', '.join(proof.checks)}"
