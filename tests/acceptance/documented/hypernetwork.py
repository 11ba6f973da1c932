"""Hypernetwork: a model that takes the network to fill and the network that fills it, and slices the weights by hand."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class HyperDense(layers.Layer):
    def __init__(self, units, activation=None):
        super().__init__()
        self.units = units
        self.act = keras.activations.get(activation)

    def call(self, x, kernel, bias):
        return self.act(ops.einsum("bi,bio->bo", x, kernel) + bias)


class HyperNetwork(keras.Model):
    def __init__(self, weight_generator, sizes, final_activation=tf.nn.softplus):
        super().__init__()
        self.generator = weight_generator
        self.plan = list(zip(sizes[:-1], sizes[1:]))
        self.dense_layers = [HyperDense(b, "relu") for _, b in self.plan[:-1]]
        self.dense_layers.append(HyperDense(sizes[-1], final_activation))

    def call(self, inputs):
        x, task = inputs
        flat = self.generator(task)
        offset = 0
        for (a, b), layer in zip(self.plan, self.dense_layers):
            kernel = ops.reshape(flat[:, offset : offset + a * b], (-1, a, b))
            bias = flat[:, offset + a * b : offset + a * b + b]
            offset += a * b + b
            x = layer(x, kernel, bias)
        return x


def make_untrained(sizes):
    total = sum(a * b + b for a, b in zip(sizes[:-1], sizes[1:]))
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(8, activation="relu"), layers.Dense(total)])
    model = HyperNetwork(generator, sizes)
    model.compile("adam", "mse")
    return model


def inputs():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(4, 2)).astype("float32"), rng.normal(size=(4, 3)).astype("float32")]


def training_data():
    return inputs(), np.ones((4, 1), "float32")


def make():
    model = make_untrained((2, 5, 1))
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("make_untrained", {"sizes": [2, 5, 1]})
