"""Quantile regression: a pinball loss closure for each output."""

import keras
import numpy as np
from keras import ops


def pinball(tau):
    def loss(y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(tau * error, (tau - 1) * error), axis=-1)

    return loss


QUANTILES = [0.1, 0.5, 0.9]


def build_model(width=8):
    x = keras.Input((4,))
    h = keras.layers.Dense(width, activation="relu")(x)
    outputs = [keras.layers.Dense(1, name=f"q{int(100 * q)}")(h) for q in QUANTILES]
    model = keras.Model(x, outputs)
    model.compile(optimizer="adam", loss=[pinball(q) for q in QUANTILES])
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def training_data():
    y = np.random.default_rng(1).normal(size=(6, 1)).astype("float32")
    return inputs(), [y, y, y]


def make():
    model = build_model()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("build_model", {"width": 8})
