"""Combinators that take layers by position: *branches, and a function to merge them."""

import keras
import numpy as np
from keras import layers, ops


class Parallel(layers.Layer):
    def __init__(self, *branches, merge=ops.add):
        super().__init__()
        self.branches = branches
        self.merge = merge

    def call(self, x):
        out = self.branches[0](x)
        for b in self.branches[1:]:
            out = self.merge(out, b(x))
        return out


class Residual(layers.Layer):
    def __init__(self, *stack, scale=1.0):
        super().__init__()
        self.fn = keras.Sequential(stack)
        self.scale = scale

    def call(self, x):
        return x + self.scale * self.fn(x)


def combined(width=6):
    model = keras.Sequential(
        [
            keras.Input((width,)),
            Parallel(layers.Dense(width), layers.Dense(width, activation="tanh"), merge=ops.maximum),
            Residual(layers.LayerNormalization(), layers.Dense(width, activation="relu"), scale=0.5),
            Parallel(layers.Dense(2), layers.Dense(2)),
        ]
    )
    model.compile("sgd", "mse")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(5, 6)).astype("float32")


def training_data():
    return inputs(), np.ones((5, 2), "float32")


def make():
    model = combined()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("combined", {"width": 6})
