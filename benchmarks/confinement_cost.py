"""What it costs to hold a bundle's code while it runs: ratios against the same code without a guard, in the same run.

::

    python benchmarks/confinement_cost.py [--rounds 9]

* A host that opens 10,000 files, before any bundle, and with one loaded whose code is not on the stack.
* Opening a namespace of a hundred modules and importing them all.
* One custom layer: an eager call, a trace, a call of the traced graph, and an epoch of `fit`.

Every figure is the median of paired rounds, A B A B, so that a machine whose speed drifts does not decide.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from bundler.namespace import Guard, ModuleText, Namespace, open_namespace
from bundler.unpacking.confinement import hold_framework, tables_for

LAYER = """
import keras
from keras import ops


class Own(keras.layers.Layer):
    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, inputs):
        scale = getattr(self, f"scale{1}", 1.0)
        return ops.relu(ops.matmul(inputs, self.kernel)) * scale
"""
_numbers = itertools.count()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"{'':44}{'without':>12}{'with':>12}{'ratio':>8}")
    files(rounds)
    many(rounds)
    layer(rounds)


def files(rounds: int) -> None:
    """A host that opens files at the bottom of a deep stack."""
    name = Path(__file__)

    def opens() -> None:
        for _ in range(10_000):
            with name.open("rb"):
                pass

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        else:
            opens()

    before = [timed(lambda: deep(30)) for _ in range(rounds)]
    opened({"m": "x = 1"}, held=True)
    after = [timed(lambda: deep(30)) for _ in range(rounds)]
    row("10,000 files opened by the host", before, after)


def many(rounds: int) -> None:
    """A hundred modules that import each other and the framework."""
    texts = {f"m{n}": (f"import m{n - 1}\n" if n else "") + LAYER for n in range(100)}
    opened(texts, held=False)
    pairs = [(timed(lambda: opened(texts, held=False)), timed(lambda: opened(texts, held=True))) for _ in range(rounds)]
    row("100 modules opened and imported", [a for a, _ in pairs], [b for _, b in pairs])


def layer(rounds: int) -> None:
    """One layer at work."""
    import keras
    import numpy as np
    import tensorflow as tf

    hold_framework()
    free, held = (opened({"m": LAYER}, held=which).load("m").Own for which in (False, True))
    x, y = np.ones((256, 16), "float32"), np.ones((256, 8), "float32")
    tensor = tf.constant(x)

    def fitted(made: type) -> Callable[[], Any]:
        model = keras.Sequential([keras.Input((16,)), made()])
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)
        return lambda: model.fit(x, y, epochs=3, verbose=0)

    def eager(made: type) -> Callable[[], Any]:
        one = made()
        one(tensor)
        return lambda: [one(tensor) for _ in range(200)]

    def traced(made: type) -> Callable[[], Any]:
        one = made()
        one(tensor)
        return lambda: [tf.function(lambda value: one(value)).get_concrete_function(tensor) for _ in range(5)]

    def graph(made: type) -> Callable[[], Any]:
        one = made()
        call = tf.function(lambda value: one(value))
        call(tensor)
        return lambda: [call(tensor) for _ in range(500)]

    for what, make in (
        ("eager call x 200", eager),
        ("trace x 5", traced),
        ("graph call x 500", graph),
        ("fit, 3 epochs", fitted),
    ):
        one, other = make(free), make(held)
        pairs = [(timed(one), timed(other)) for _ in range(rounds)]
        row(what, [a for a, _ in pairs], [b for _, b in pairs])


def opened(texts: dict[str, str], *, held: bool) -> Namespace:
    """Return a new namespace with `texts`, all imported; without a guard it is the author's own."""
    digest = hashlib.sha256(f"{next(_numbers)}{os.getpid()}".encode()).hexdigest()
    space = open_namespace(
        f"sha256:{digest}",
        [ModuleText(name=name, text=text.encode(), package=False) for name, text in texts.items()],
        {},
        versions={},
        isolation=lambda *_: contextlib.nullcontext(),
        guard=Guard(tables=tables_for(())) if held else None,
    )
    for name in texts:
        space.load(name)
    return space


def timed(function: Callable[[], Any]) -> float:
    """Return the seconds of CPU that a call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def row(what: str, without: list[float], held: list[float]) -> None:
    """Print two medians, and the median of the ratios pair by pair."""
    ratio = statistics.median(b / a for a, b in zip(without, held, strict=True))
    print(f"{what:44}{statistics.median(without):11.4f}s{statistics.median(held):11.4f}s{ratio:8.2f}")


if __name__ == "__main__":
    main()
