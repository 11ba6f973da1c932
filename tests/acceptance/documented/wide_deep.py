"""Wide and deep as a subclass: two inputs, two outputs, arguments that go to the layers and are not kept."""

import keras
import numpy as np


class WideDeep(keras.Model):
    def __init__(self, units=30, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.norm_wide = keras.layers.Normalization()
        self.norm_deep = keras.layers.Normalization()
        self.hidden1 = keras.layers.Dense(units, activation=activation)
        self.hidden2 = keras.layers.Dense(units, activation=activation)
        self.main_output = keras.layers.Dense(1)
        self.aux_output = keras.layers.Dense(1)

    def call(self, inputs):
        input_wide, input_deep = inputs
        norm_wide = self.norm_wide(input_wide)
        norm_deep = self.norm_deep(input_deep)
        hidden2 = self.hidden2(self.hidden1(norm_deep))
        return self.main_output(keras.ops.concatenate([norm_wide, hidden2], axis=-1)), self.aux_output(hidden2)


def inputs():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 5)).astype("float32"), rng.normal(size=(6, 6)).astype("float32") * 3 + 1


def training_data():
    y = np.random.default_rng(1).normal(size=(6, 1)).astype("float32")
    return inputs(), (y, y)


def compiled(units, activation):
    model = WideDeep(units, activation=activation, name="wide_deep")
    model.compile(loss=["mse", "mse"], loss_weights=[0.9, 0.1], optimizer=keras.optimizers.Adam(1e-3))
    return model


def make():
    model = compiled(12, "tanh")
    model.norm_wide.adapt(inputs()[0])
    model.norm_deep.adapt(inputs()[1])
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("compiled", {"units": 12, "activation": "tanh"})
