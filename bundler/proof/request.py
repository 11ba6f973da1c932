"""What goes to the interpreter that proves a bundle, and what comes back: one JSON value a line."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bundler.keras_io.state import ModelState

#: In the order in which they are run; a bundle without a self-test has no "outputs".
LOAD, WEIGHTS, OUTPUTS, SAVE_AND_LOAD = "load", "weights", "outputs", "save_and_load"

#: Bytes of one line. A state has about 300 bytes a weight, an answer one error.
LONGEST_REQUEST = 256 << 20
LONGEST_ANSWER = 1 << 20


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
    """One bundle to prove: `state` is of the author's model, `None` where its weights have no counterpart."""

    path: str
    digest: str
    state: ModelState | None
    surroundings: Surroundings

    def line(self) -> bytes:
        """Return the request as a line."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Request:
        """Return the request that `line` made."""
        value = json.loads(line)
        return cls(
            path=value["path"],
            digest=value["digest"],
            state=None if value["state"] is None else ModelState.parse(value["state"]),
            surroundings=Surroundings(
                folders=tuple(value["surroundings"]["folders"]), names=tuple(value["surroundings"]["names"])
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What was wrong, as `bundler.errors.ProofFailed` tells it.

    `unread` are files of the author's that were asked for.
    """

    stage: str
    message: str
    place: str | None = None
    hint: str | None = None
    module: str | None = None
    qualname: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """The checks that a bundle passed, and the versions that it passed them with."""

    checks: tuple[str, ...]
    python: str
    keras_version: str
    tensorflow_version: str


def python_version() -> str:
    """Return the running Python's version as the manifest has it: major.minor."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def strings(values: Any) -> tuple[str, ...]:
    """Return `values` as strings; what the other side sends is checked, not trusted."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError("a list was expected")
    return tuple(str(value) for value in values)
