"""Squeeze and excitation: an enum argument and a ratio, a get_config that returns the enum itself."""

from enum import Enum

import keras
import numpy as np
from keras import layers, ops


class Pooling(Enum):
    AVERAGE = "average"
    MAX = "max"


class SqueezeExcite(layers.Layer):
    def __init__(self, ratio=4, pooling=Pooling.AVERAGE, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio
        self.pooling = pooling

    def build(self, input_shape):
        channels = input_shape[-1]
        self.squeeze = layers.Dense(max(1, channels // self.ratio), activation="relu")
        self.excite = layers.Dense(channels, activation="sigmoid")
        super().build(input_shape)

    def call(self, x):
        reduce = ops.mean if self.pooling is Pooling.AVERAGE else ops.max
        return x * self.excite(self.squeeze(reduce(x, axis=(1, 2), keepdims=True)))

    def get_config(self):
        config = super().get_config()
        config.update(ratio=self.ratio, pooling=self.pooling)
        return config


def se_net(filters=8):
    image = keras.Input((8, 8, 3))
    x = SqueezeExcite(2, Pooling.MAX)(layers.Conv2D(filters, 3, activation="relu")(image))
    x = SqueezeExcite()(layers.Conv2D(filters, 3, activation="relu")(x))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    model.compile("sgd", "mse")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def training_data():
    return inputs(), np.zeros((3, 2), "float32")


def make():
    model = se_net()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("se_net", {"filters": 8})
