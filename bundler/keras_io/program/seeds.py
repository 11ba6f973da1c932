"""The states of a model's random generators, which Keras does not save: so that its next mask is the author's next."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from bundler.errors import InvalidBundle
from bundler.keras_io.framework import keras
from bundler.keras_io.program.below import at_place, objects_below, steps
from bundler.manifest import Seed


def seeds_of(model: Any) -> tuple[Seed, ...]:
    """Return the state of each `keras.random.SeedGenerator` and `tf.random.Generator` below `model`."""
    kinds = _generators()
    found: dict[int, Seed] = {}
    for place, holder in objects_below(model).items():
        # A generator of TensorFlow's has no parts of the author's: it is found where one of them holds it.
        held = ((f"{place}/{step}" if place else step, item) for step, item in steps(holder))
        for at, value in ((place, holder), *held):
            if isinstance(value, kinds) and id(value) not in found:
                numbers = value.state.numpy().reshape(-1)
                found[id(value)] = Seed(place=at, state=tuple(int(number) for number in numbers))
    return tuple(found.values())


def set_seeds(model: Any, seeds: Iterable[Seed]) -> None:
    """Give each random generator of `model` the state that `seeds` has for its place.

    A place where there is none now is left out: what the host replaced, or an adaptation makes anew.

    Raises:
        InvalidBundle: a state is not one of that kind of generator.
    """
    numpy = importlib.import_module("numpy")
    kinds = _generators()
    for index, seed in enumerate(seeds):
        try:
            generator = at_place(model, seed.place)
        except LookupError:
            continue
        if not isinstance(generator, kinds):
            continue
        state = generator.state
        try:
            numbers = numpy.array(seed.state, dtype=state.numpy().dtype).reshape(tuple(state.shape))
        except (ValueError, OverflowError) as error:
            raise InvalidBundle(
                f"a {type(generator).__name__} cannot have this state: {error}",
                place=f"manifest.json: seeds[{index}].state",
                hint="ask the author for a new bundle",
            ) from error
        state.assign(numbers)


def _generators() -> tuple[Any, Any]:
    return keras().random.SeedGenerator, importlib.import_module("tensorflow").random.Generator
