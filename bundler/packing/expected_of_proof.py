"""Ask the author's model and program what a fresh interpreter must find in their bundle."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from bundler.keras_io.program import outputs
from bundler.keras_io.program.next_step import predicted_step
from bundler.keras_io.selftest import model_call, recording
from bundler.keras_io.selftest.training import NotTaken
from bundler.keras_io.selftest.weights_digest import state_of
from bundler.manifest import Manifest
from bundler.packing.compose import Found
from bundler.proof.expectation import Expectation, could_train, is_large
from bundler.proof.request import Surroundings
from bundler.proof.seclusion import authors_entries
from bundler.sources.closure import ClosedModule
from bundler.sources.installed import is_site


def expectation_of(
    found: Found, manifest: Manifest, recorded: recording.RecordedOutputs, roots: Iterable[Path]
) -> Expectation:
    """Return what a fresh interpreter must find in the bundle of `found`; the author's model is not changed by it.

    Args:
        found: what will travel.
        manifest: what the bundle will say.
        recorded: its self-test.
        roots: further folders of the author's source.
    """
    account = step = unstepped = drawn = None
    steps: list[outputs.StepOutputs | str] = []
    # A graph holds constants and copies; only its outputs can be compared.
    state = state_of(found.model) if found.facts.fidelity == "full" else None
    if found.program is not None and found.facts.fidelity == "full":
        account = found.program.account()
        if recorded.self_test is not None and not recorded.self_test.deterministic:
            first, second = (outputs.drawn_outputs(found.model, recorded.inputs) for _ in range(2))
            drawn = None if outputs.output_problems(first, second) else first
        modules = found.program.modules.values()
        if recorded.self_test is not None and manifest.payload.kind == "keras" and not is_large(manifest):
            steps += _own_steps(found.model, recorded, modules)
        if could_train(manifest) and not is_large(manifest):
            try:
                step = predicted_step(found.model, recorded.inputs, recorded.answers, modules)
            except NotTaken as error:
                unstepped = model_call.told(error.__cause__) if error.__cause__ else str(error)
    return Expectation(
        state=state,
        account=account,
        step=step,
        steps=tuple(item for item in steps if isinstance(item, outputs.StepOutputs)),
        unstepped=unstepped,
        uncompared=tuple(item for item in steps if isinstance(item, str)),
        drawn=drawn,
        seeds=() if found.program is None else manifest.seeds,
        surroundings=surroundings_of(found.closure.modules, roots),
    )


def _own_steps(
    model: Any, recorded: recording.RecordedOutputs, modules: Iterable[ModuleType]
) -> Iterator[outputs.StepOutputs | str]:
    """Yield what each step of the author's gives, or a line that says why it is not compared."""
    for name in outputs.own_steps(model):
        try:
            yield outputs.expected_outputs(model, name, recorded.inputs, recorded.answers, modules)
        except outputs.NotGiven as error:
            why = "" if error.__cause__ is None else f": {model_call.told(error.__cause__)}"
            yield f"not compared: {error}{why}"


def surroundings_of(modules: Iterable[ClosedModule], roots: Iterable[Path]) -> Surroundings:
    """Return the author's folders and the names of the author's modules.

    The folders are the current one, `roots`, those that the packed modules were imported from, and every entry of
    `sys.path` that is neither the interpreter's nor holds installed distributions. What is packed from an installed
    distribution may well be installed where the bundle is loaded, as a need of another one, and is left alone.
    """
    closed = list(modules)
    own = [module for module in closed if not is_site(Path(module.display))]
    tops = {module.name for module in closed if "." not in module.name}
    folders = [*_current(), *map(str, roots), *authors_entries(sys.path)]
    folders += [str(root) for module in own if (root := _root(module)) is not None]
    names = {top if (top := module.name.partition(".")[0]) in tops else module.name for module in own}
    return Surroundings(folders=tuple(sorted(set(folders))), names=tuple(sorted(names)))


def _current() -> list[str]:
    try:
        return [os.getcwd()]
    except FileNotFoundError:  # Removed under our feet; then nothing is read from it either.
        return []


def _root(module: ClosedModule) -> Path | None:
    """Return the folder that `module` was imported from, as an entry of `sys.path`; `None` if it was not a file."""
    file = Path(module.display)
    if not file.is_absolute() or not file.is_file():
        return None
    depth = module.name.count(".") + (1 if module.is_package else 0)
    return file.parents[depth] if depth < len(file.parents) else None
