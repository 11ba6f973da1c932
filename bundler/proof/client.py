"""The author's side of the proof: one more interpreter, started early, asked once a bundle."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bundler.archive.reader import open_bundle
from bundler.errors import InvalidBundle, PackError, ProofFailed
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Proof, RecordedUse, RecordedUses
from bundler.proof import advice
from bundler.proof.expectation import Expectation, could_train, is_large
from bundler.proof.interpreter import Interpreter
from bundler.proof.request import (
    LOAD,
    LONGEST_REQUEST,
    NEXT_STEP,
    OUTPUTS,
    SAVE_AND_LOAD,
    STATE,
    TRAIN,
    WEIGHTS,
    Failure,
    Passed,
    Request,
    python_version,
)

_WAY_OUT = "mend it and pack again, or pack with prove=False (--no-proof): the bundle then says that it is not proved"
_SENTENCES = {
    LOAD: "a fresh interpreter cannot load this bundle",
    WEIGHTS: "a fresh interpreter gets another model out of this bundle",
    STATE: "a fresh interpreter gets another program out of this bundle",
    OUTPUTS: "a fresh interpreter gets other outputs out of this bundle",
    NEXT_STEP: "the model that comes out of this bundle trains on otherwise",
    SAVE_AND_LOAD: "the model that comes out of this bundle cannot be saved and loaded again",
    TRAIN: "the model that comes out of this bundle cannot be trained",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a proof found out.

    `proof` is what the bundle's manifest has to say; where it says something else, the bundle is not proved yet.
    `notes` are lines for the author: what the code was stopped at, and what would avoid that.
    """

    proof: Proof
    notes: tuple[str, ...]


def planned_proof(
    manifest: Manifest,
    keras_version: str,
    tensorflow_version: str,
    expectation: Expectation,
    *,
    allow: Iterable[str] = (),
) -> Proof:
    """Return the proof that a bundle with `manifest` will most likely have passed when it has its name.

    It is written before the bundle is proved, since it is part of the bytes that are. `expectation` says what can be
    compared, and `allow` what is accepted from the start. `Prover.check` refuses other versions and
    fewer checks, and says what the code used and needs besides.
    """
    trains = could_train(manifest) and not is_large(manifest)
    checks = [
        LOAD,
        *([STATE] if expectation.account is not None else []),
        *([WEIGHTS] if expectation.state is not None else []),
        *([OUTPUTS] if manifest.self_test else []),
        *([NEXT_STEP] if expectation.step is not None else []),
        SAVE_AND_LOAD,
    ]
    return Proof(
        python=python_version(),
        keras_version=keras_version,
        tensorflow_version=tensorflow_version,
        checks=(*checks, TRAIN) if trains else tuple(checks),
        allow=tuple(sorted(set(allow))),
        uses=RecordedUses(),
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
        #: The bundles that the running interpreter has loaded: it is fresh for no second load of one of them.
        self._loaded: set[str] = set()

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

    def check(self, path: Path, expectation: Expectation) -> Seen:
        """Put the bundle at `path` through the checks that its manifest says it has passed.

        Where the code is stopped and fails, it is tried again with that accepted, in an interpreter that has never run
        it.

        Raises:
            ProofFailed: it did not pass one of them, or the interpreter ended or took too long.
            PackError: the bundle has no proof in its manifest, so there is nothing to hold it to.
        """
        with open_bundle(path) as reader:
            digest, manifest = reader.digest, reader.manifest
        proof = manifest.proof
        if proof is None:
            raise PackError("the bundle does not say what it is to be proved by", place=str(path))
        request = Request(
            path=os.path.abspath(path),
            digest=digest,
            allow=proof.allow,
            state=expectation.state,
            account=expectation.account,
            step=expectation.step,
            steps=expectation.steps,
            drawn=expectation.drawn,
            seeds=expectation.seeds,
            surroundings=expectation.surroundings,
        )
        notes: dict[str, None] = {}
        while isinstance(result := self._ask(request), Failure):
            more = set(result.words).difference(request.allow)
            if not more:
                raise _error(result, manifest, path)
            uses = [use for use in result.refused if use.capability in more]
            for line in advice.needed(uses, result.stage, _texts(path, uses)):
                self._note(notes, line)
            request = dataclasses.replace(request, allow=tuple(sorted(more.union(request.allow))))
            self._end()
        for line in advice.done_without(result.refused, _texts(path, result.refused)):
            self._note(notes, line)
        untrained = result.untrained
        if could_train(manifest) and is_large(manifest):
            untrained = f"the model has more than {LIMITS.proof_step_parameters} parameters"
        if untrained is not None:
            self._note(notes, f"the proof made no step of training: {untrained}")
        elif expectation.unstepped is not None:
            self._note(notes, f"the next step of training was not compared: {expectation.unstepped}")
        for line in expectation.uncompared:
            self._note(notes, line)
        found = Proof(
            python=result.python,
            keras_version=result.keras_version,
            tensorflow_version=result.tensorflow_version,
            checks=result.checks,
            allow=request.allow,
            uses=_merged(proof.uses or RecordedUses(), result.uses),
        )
        checks = tuple(name for name in proof.checks if name != TRAIN or result.untrained is None)
        if found != dataclasses.replace(proof, checks=checks, allow=found.allow, uses=found.uses):
            raise ProofFailed(
                "the fresh interpreter is not the one that the bundle was written for",
                stage=LOAD,
                expected=_facts(proof),
                found=_facts(found),
                hint="another Keras, TensorFlow or Python is found first without the author's sys.path; "
                "use one environment",
            )
        return Seen(proof=found, notes=tuple(notes))

    def _note(self, notes: dict[str, None], line: str) -> None:
        if self._step is not None and line not in notes:
            self._step(line)
        notes[line] = None

    def _ask(self, request: Request) -> Passed | Failure:
        if request.digest in self._loaded:
            self._end()
        try:
            result = self._result(request.line())
        except BaseException:
            # An interpreter that may still be busy with this bundle is none for the next one.
            self._end()
            raise
        self._loaded.add(request.digest)
        return result

    def _end(self) -> None:
        interpreter, self._interpreter = self._interpreter, None
        self._loaded.clear()
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
            except (ValueError, KeyError, TypeError, AttributeError, InvalidBundle) as error:
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
        hint = (
            "a module that a model needs must not end the process (os._exit); put that below "
            f'if __name__ == "__main__":, or in the function that needs it; {_WAY_OUT}'
        )
    told = "".join(f"\n    {line}" for line in said)
    return ProofFailed(f"the fresh interpreter {why}{told}", stage=stage, hint=hint)


def _parsed(word: str, value: dict[str, Any]) -> Passed | Failure:
    if word == "failed":
        return Failure.parse(value)
    if word == "passed":
        return Passed.parse(value)
    raise ValueError(f"unknown answer {word!r}")


def _texts(path: Path, uses: Sequence[RecordedUse] | None = None) -> advice.Texts:
    """Return the member and the text of each module of the bundle at `path`: of those that `uses` name, or of all."""
    named = None if uses is None else {use.module for use in uses}
    if named is not None and not named:
        return {}
    with open_bundle(path) as reader:
        modules = [module for module in reader.manifest.modules if named is None or module.name in named]
        return {module.name: (module.member, reader.read(module.member)) for module in modules}


def _merged(written: RecordedUses, found: RecordedUses) -> RecordedUses:
    """Return `written`, and what was `found` besides.

    A line that did something else this time (it may have taken a random name) is one that was seen before.
    """
    stages = {name: list(uses) for name, uses in written.stages()}
    known = {_place(use) for uses in stages.values() for use in uses}
    for name, uses in found.stages():
        stages[name] = [*stages.get(name, []), *(use for use in uses if _place(use) not in known)]
    return RecordedUses.of(stages)


def _place(use: RecordedUse) -> tuple[str, str, int | None]:
    return use.capability, use.module, use.line


def _error(failure: Failure, manifest: Manifest, path: Path) -> ProofFailed:
    message = f"{_SENTENCES.get(failure.stage, failure.stage)}: {failure.message}"
    place, line = advice.author_place(failure.place, manifest)
    # What a consumer is told to ask of the author is nothing for the author.
    hint = None if "the author" in (failure.hint or "") else failure.hint
    if line is not None and hint is None:
        hint = advice.change_for(place, line, _texts(path), failure.message)
    if failure.missing_module:
        hint = (
            f"no file of the module {failure.missing_module!r} was found that could be packed: make it one that can "
            "be imported, or name what provides it: requirements=[...]"
        )
    if failure.unread:
        message += "\n  files that were asked for and did not travel:"
        message += "".join(f"\n    {path}" for path in failure.unread)
        hint = advice.PACK_FILE
    failed = ProofFailed(
        message,
        stage=failure.stage,
        module=failure.module,
        qualname=failure.qualname,
        place=failure.place if line is None else f"{place}:{line}",
        hint=hint or _WAY_OUT,
    )
    failed.missing_module, failed.differences = failure.missing_module, failure.differences
    return failed


def _facts(proof: Proof) -> str:
    versions = f"Python {proof.python}, Keras {proof.keras_version}, TensorFlow {proof.tensorflow_version}"
    return f"{versions}; {', '.join(proof.checks)}"
