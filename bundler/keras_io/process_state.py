"""What the framework keeps for a whole process, put back as it was: packing and loading are nobody's random draw.

Drawing a default seed, numbering a layer, calling a model that draws noise: each moves a state that the caller's own
next numbers come from.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import random
import sys
import warnings
from collections.abc import Iterator

from bundler.keras_io import private
from bundler.keras_io.framework import keras

#: Of what Keras keeps by thread: the numbers of names, and the generator of draws without a seed.
_NAMES, _GENERATOR, _SEED = "object_name_uids", "global_seed_generator", "global_random_seed"


@contextlib.contextmanager
def kept_process_state() -> Iterator[None]:
    """Put back after the block: the random states of Python, NumPy, TensorFlow and Keras, and Keras's name counters."""
    numpy = importlib.import_module("numpy")
    python_state, numpy_state = random.getstate(), numpy.random.get_state()
    with contextlib.ExitStack() as stack:
        stack.callback(numpy.random.set_state, numpy_state)
        stack.callback(random.setstate, python_state)
        if "keras" in sys.modules:
            stack.enter_context(_kept_keras())
            stack.enter_context(_kept_tensorflow())
        yield


@contextlib.contextmanager
def fixed_seeds(seed: int) -> Iterator[None]:
    """Let every draw in the block follow from `seed`; the states of before are put back after it."""
    with kept_process_state():
        store = private.keras_globals()
        if store is not None:
            # A new one is made of the seed; the process's own is put back.
            store.__dict__.pop(_GENERATOR, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras().utils.set_random_seed(seed)
        yield


@contextlib.contextmanager
def _kept_keras() -> Iterator[None]:
    keras()
    store = private.keras_globals()
    if store is None:
        yield
        return
    before = {name: getattr(store, name) for name in (_NAMES, _GENERATOR, _SEED) if hasattr(store, name)}
    names = copy.copy(before.get(_NAMES))
    generator = before.get(_GENERATOR)
    state = None if generator is None else generator.state.numpy()
    try:
        yield
    finally:
        for name in (_NAMES, _GENERATOR, _SEED):
            store.__dict__.pop(name, None)
        store.__dict__.update(before)
        if names is not None:
            # The same object: Keras may be in the middle of numbering in a frame above.
            before[_NAMES].clear()
            before[_NAMES].update(names)
        if generator is not None:
            generator.state.assign(state)


@contextlib.contextmanager
def _kept_tensorflow() -> Iterator[None]:
    tf = importlib.import_module("tensorflow")
    draws = private.eager_draws()
    state = None if draws is None or draws[1] is None else draws[1].getstate()
    generator = private.tensorflow_generator()
    numbers = None if generator is None else tf.convert_to_tensor(generator.state)
    try:
        yield
    finally:
        if draws is not None:
            private.set_eager_draws(*draws)
            if state is not None:
                draws[1].setstate(state)
        private.set_tensorflow_generator(generator)
        if generator is not None:
            generator.state.assign(numbers)
