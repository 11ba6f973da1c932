"""WaveNet stack: a subclassed model with a tuple of dilations, residual blocks kept in a plain list of tuples."""

import keras
import numpy as np
from keras import layers


class GatedActivationUnit(layers.Layer):
    def __init__(self, activation=keras.activations.tanh, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def call(self, inputs):
        n_filters = inputs.shape[-1] // 2
        return self.activation(inputs[..., :n_filters]) * keras.activations.sigmoid(inputs[..., n_filters:])


class WaveNet(keras.Model):
    def __init__(self, filters: int, dilations: tuple, *, n_outputs: int = 3):
        super().__init__()
        assert isinstance(dilations, tuple), "dilations: a tuple, please"
        self.entry = layers.Conv1D(filters, 2, padding="causal")
        self.blocks = []
        for d in dilations:
            conv = layers.Conv1D(2 * filters, 2, padding="causal", dilation_rate=d)
            self.blocks.append((conv, GatedActivationUnit(), layers.Conv1D(filters, 1)))
        self.head = keras.Sequential([layers.ReLU(), layers.Conv1D(n_outputs, 1, activation="softmax")])

    def call(self, x):
        x = self.entry(x)
        skip = 0
        for conv, gate, out in self.blocks:
            z = out(gate(conv(x)))
            x, skip = x + z, skip + z
        return self.head(skip)


def wave(filters, dilations):
    model = WaveNet(filters, tuple(dilations))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="rmsprop")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(2, 16, 1)).astype("float32")


def training_data():
    return inputs(), np.random.default_rng(1).integers(0, 3, size=(2, 16))


def make():
    model = wave(4, (1, 2, 4))
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("wave", {"filters": 4, "dilations": [1, 2, 4]})
