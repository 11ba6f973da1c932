"""Monte Carlo dropout and additive noise: random at inference on purpose."""

import keras
import numpy as np
from keras import ops


class MCDropout(keras.layers.Dropout):
    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


class AlwaysNoise(keras.layers.Layer):
    def __init__(self, stddev):
        super().__init__()
        self.stddev = stddev

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), stddev=self.stddev)


def regressor(rate=0.3):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            AlwaysNoise(0.05),
            keras.layers.Dense(16, activation="relu"),
            MCDropout(rate),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def training_data():
    return inputs(), np.ones((6, 1), "float32")


def make():
    model = regressor()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("regressor", {"rate": 0.3})
