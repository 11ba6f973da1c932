"""A script full of lambdas: globals and modules inside, several on a line, default arguments in a loop, as loss and metric."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L
from keras import ops

MEAN, STD = 0.5, 2.0
x = inp = L.Input((6,))
x = L.Lambda(lambda t: (t - MEAN) / STD, name="scale")(x)
left, right = L.Lambda(lambda t: t[:, :3])(x), L.Lambda(lambda t: t[:, 3:])(x)
x = L.Lambda(lambda ts: ops.concatenate([ts[0] * ts[1], ops.abs(ts[0])], axis=-1))([left, right])
powers = [L.Lambda(lambda t, p=p: tf.pow(t, p))(x) for p in (1, 2)]
x = L.Dense(
    8,
    activation=lambda v: ops.maximum(v, 0.1 * v),
    kernel_initializer=lambda shape, dtype=None: ops.ones(shape, dtype) / shape[0],
)(L.Concatenate()(powers))
out = L.Lambda(
    lambda t: tf.math.l2_normalize(
        t,
        axis=-1,  # unit length
    )
)(L.Dense(3)(x))
model = keras.Model(inp, out)
rmse = lambda y, p: ops.sqrt(ops.mean(ops.square(y - p)))  # noqa: E731
model.compile("adam", loss=lambda y, p: ops.mean(ops.abs(y - p), axis=-1), metrics=[rmse])


def inputs():
    return np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def training_data():
    return inputs(), np.zeros((4, 3), "float32")


def make():
    model.fit(*training_data(), epochs=1, verbose=0)
    return model
