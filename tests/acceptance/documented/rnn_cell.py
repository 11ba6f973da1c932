"""Recurrent cells of one's own: layer-normalised cell with an activation object, without get_config, wrapped both ways."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="cells")
class NormalisedCell(layers.Layer):
    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.state_size = units
        self.output_size = units
        self.inner = layers.SimpleRNNCell(units, activation=None)
        self.layer_norm = layers.LayerNormalization()
        self.activation = keras.activations.get(activation)

    def call(self, inputs, states):
        outputs, new_states = self.inner(inputs, states)
        h = self.activation(self.layer_norm(outputs))
        return h, [h]


class MinimalGatedCell(layers.Layer):
    def __init__(self, hidden, leak=0.1):
        super().__init__()
        self.state_size = hidden
        self._leak = leak

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.state_size), name="w")
        self.u = self.add_weight(shape=(self.state_size, self.state_size), initializer="orthogonal", name="u")
        self.built = True

    def call(self, x, states):
        h = (1 - self._leak) * states[0] + self._leak * ops.tanh(ops.matmul(x, self.w) + ops.matmul(states[0], self.u))
        return h, [h]


def recurrent(units=5):
    x = keras.Input((None, 3))
    h = layers.RNN(NormalisedCell(units, activation="relu"), return_sequences=True)(x)
    h = layers.Bidirectional(layers.RNN(NormalisedCell(units), return_sequences=True))(h)
    h = layers.RNN([MinimalGatedCell(4, leak=0.3), MinimalGatedCell(3)])(h)
    model = keras.Model(x, layers.Dense(1)(h))
    model.compile(loss="mse", optimizer="nadam")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(3, 7, 3)).astype("float32")


def training_data():
    return inputs(), np.ones((3, 1), "float32")


def make():
    model = recurrent()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("recurrent", {"units": 5})
