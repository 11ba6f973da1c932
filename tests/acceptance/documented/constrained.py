"""Constraint, initializer and regularizer classes without get_config, a regularizer function beside them."""

import keras
import numpy as np
from keras import ops


class NonNegSumToOne(keras.constraints.Constraint):
    def __init__(self, axis):
        self.axis = axis

    def __call__(self, w):
        w = ops.maximum(w, 0)
        return w / (1e-7 + ops.sum(w, axis=self.axis, keepdims=True))


class Ramp(keras.initializers.Initializer):
    def __init__(self, low, high):
        self.range = (low, high)

    def __call__(self, shape, dtype=None, **kwargs):
        return ops.reshape(ops.linspace(self.range[0], self.range[1], int(np.prod(shape))), shape)


class EntropyRegularizer(keras.regularizers.Regularizer):
    def __init__(self, strength):
        self.strength = np.float32(strength)

    def __call__(self, w):
        return -self.strength * ops.sum(w * ops.log(w + 1e-6))


def my_l1(weights):
    return 0.01 * ops.sum(ops.abs(weights))


def build_mixture(high=2.0):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(
                4,
                kernel_initializer=Ramp(0.1, high),
                kernel_constraint=NonNegSumToOne(0),
                kernel_regularizer=EntropyRegularizer(0.05),
            ),
            keras.layers.Dense(1, kernel_regularizer=my_l1),
        ]
    )
    model.compile(loss="mse", optimizer="nadam")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(8, 5)).astype("float32")


def training_data():
    return inputs(), np.random.default_rng(1).normal(size=(8, 1)).astype("float32")


def make():
    model = build_mixture()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("build_mixture", {"high": 2.0})
