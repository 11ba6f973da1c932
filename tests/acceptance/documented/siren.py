"""Sinusoidal representation network: sine layers in the manner of ported code, first layer with its own frequency."""

import keras
import numpy as np
from keras import ops


class SineLayer(keras.layers.Layer):
    def __init__(self, in_features, out_features, bias=True, is_first=False, omega=30):
        super().__init__()
        self.omega = omega
        limit = 1 / in_features if is_first else np.sqrt(6 / in_features) / omega
        self.linear = keras.layers.Dense(
            out_features, use_bias=bias, kernel_initializer=keras.initializers.RandomUniform(-limit, limit)
        )

    def call(self, x):
        return ops.sin(self.omega * self.linear(x))


class Siren(keras.Model):
    def __init__(
        self,
        in_features,
        hidden_features,
        hidden_layers,
        out_features,
        linear_head=False,
        first_frequency=30,
        frequency=30.0,
    ):
        super().__init__()
        net = [SineLayer(in_features, hidden_features, is_first=True, omega=first_frequency)]
        for i in range(hidden_layers):
            net.append(SineLayer(hidden_features, hidden_features, omega=frequency))
        if linear_head:
            net.append(keras.layers.Dense(out_features))
        else:
            net.append(SineLayer(hidden_features, out_features, omega=frequency))
        self.net = keras.Sequential(net)

    def call(self, coords):
        return self.net(coords)


def siren(linear_head, first_frequency):
    model = Siren(2, 8, 2, 1, linear_head=linear_head, first_frequency=first_frequency)
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss="mse")
    return model


def inputs():
    return np.random.default_rng(0).uniform(-1, 1, size=(8, 2)).astype("float32")


def training_data():
    return inputs(), np.ones((8, 1), "float32")


def make():
    model = siren(True, 12)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("siren", {"linear_head": True, "first_frequency": 12})
