"""What goes to the interpreter that proves a bundle, and what comes back: one JSON value a line."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass

from bundler.keras_io.program.account import Account, ProgramDifference
from bundler.keras_io.program.next_step import NextStep
from bundler.keras_io.program.outputs import Output, StepOutputs
from bundler.keras_io.selftest.weights_digest import ModelState
from bundler.limits import LIMITS
from bundler.manifest import RecordedUse, RecordedUses, Seed
from bundler.manifest.codec import JSON, from_json, to_json

#: In the order in which they are run; a bundle without a self-test has no "outputs", "next_step" and "train".
LOAD, STATE, WEIGHTS, OUTPUTS, NEXT_STEP, SAVE_AND_LOAD, TRAIN = (
    *("load", "state", "weights", "outputs", "next_step"),
    *("save_and_load", "train"),
)

#: Bytes of one line. A state has about 300 bytes a weight, an answer one error.
LONGEST_REQUEST = 256 << 20
LONGEST_ANSWER = 16 << 20
#: After which the server of fresh interpreters ends.
IDLE_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the author has and the consumer has not.

    `folders` are not read, except below the interpreter's own folders; `names` are top-level names and modules that
    are not imported, except from the bundle.
    """

    folders: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One bundle to prove, with the capabilities of `allow` accepted.

    `state` is of the author's model, `None` where its weights have no counterpart; `account`, `step` and
    `steps` are of the author's program: absent where the model came from a file, or where it makes none. `drawn` are
    the outputs of a model that is random, `seeds` the states of its generators.
    """

    path: str
    digest: str
    allow: tuple[str, ...]
    state: ModelState | None
    account: Account | None
    step: NextStep | None
    steps: tuple[StepOutputs, ...]
    drawn: tuple[Output, ...] | None
    seeds: tuple[Seed, ...]
    surroundings: Surroundings

    def line(self) -> bytes:
        """Return the request as a line."""
        return json.dumps(to_json(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Request:
        """Return the request that `line` made."""
        return from_json(cls, json.loads(line))


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What was wrong, as `bundler.errors.ProofFailed` tells it.

    `missing_module` was not found, and `unread` are files of the author's that were asked for. `refused` is what the
    code was stopped at by then, and `words` are the capabilities without which it may have failed. `differences` are
    values of the author's program that came back otherwise.
    """

    stage: str
    message: str
    place: str | None = None
    hint: str | None = None
    module: str | None = None
    qualname: str | None = None
    missing_module: str | None = None
    unread: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    refused: tuple[RecordedUse, ...] = ()
    differences: tuple[ProgramDifference, ...] = ()

    def value(self) -> JSON:
        """Return the failure as a JSON value."""
        return to_json(self)

    @classmethod
    def parse(cls, value: JSON) -> Failure:
        """Return the failure that `value` says; what the other side sends is checked, not trusted."""
        found = from_json(cls, value)
        return dataclasses.replace(found, refused=found.refused[: LIMITS.uses])


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """The checks that a bundle passed, and the versions that it passed them with.

    `uses` is what the code used meanwhile, `refused` what it was stopped at and went on without. `untrained` says why
    no step of training was taken; `None` where one was, or was not asked for.
    """

    checks: tuple[str, ...]
    python: str
    keras_version: str
    tensorflow_version: str
    uses: RecordedUses
    refused: tuple[RecordedUse, ...] = ()
    untrained: str | None = None

    def value(self) -> JSON:
        """Return it as a JSON value."""
        return to_json(self)

    @classmethod
    def parse(cls, value: JSON) -> Passed:
        """Return what `value` says; what the other side sends is checked, not trusted."""
        found = from_json(cls, value)
        return dataclasses.replace(found, refused=found.refused[: LIMITS.uses])


def python_version() -> str:
    """Return the running Python's version as the manifest has it: major.minor."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
