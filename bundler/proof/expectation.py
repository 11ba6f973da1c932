"""What a fresh interpreter must find in a bundle, told by the author's process."""

from __future__ import annotations

from dataclasses import dataclass

from bundler.keras_io.program.account import Account
from bundler.keras_io.program.next_step import NextStep
from bundler.keras_io.program.outputs import Output, StepOutputs
from bundler.keras_io.selftest.weights_digest import ModelState
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Seed
from bundler.proof.request import Surroundings


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What must come back: the state of the author's model, and what the proving interpreter does without.

    `state` is `None` where the weights of the author's model have no counterpart in what is loaded (a graph).
    `account`, `step` and `steps` (of predicting and evaluating, where the author wrote these) are of a live program;
    `unstepped` says why there is no `step`, `uncompared` what else has no counterpart. `drawn` are the outputs of a
    program that is random, `seeds` the states of its generators.
    """

    state: ModelState | None
    account: Account | None = None
    step: NextStep | None = None
    steps: tuple[StepOutputs, ...] = ()
    drawn: tuple[Output, ...] | None = None
    unstepped: str | None = None
    uncompared: tuple[str, ...] = ()
    seeds: tuple[Seed, ...] = ()
    surroundings: Surroundings


def could_train(manifest: Manifest) -> bool:
    """Say whether there are a compiled model and inputs to take a step of training with."""
    return manifest.payload.kind == "keras" and manifest.payload.compiled and manifest.self_test is not None


def is_large(manifest: Manifest) -> bool:
    """Say whether a step of training, which takes several times the memory of the weights, may be too much."""
    parameters = manifest.payload.parameters
    return parameters.trainable + parameters.non_trainable > LIMITS.proof_step_parameters
