"""MLP-mixer: a block with *args and **kwargs, whose sizes go straight to Sequential parts."""

import keras
import numpy as np
from keras import layers, ops


class MixerBlock(layers.Layer):
    def __init__(self, num_patches, hidden_units, dropout_rate, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.across_patches = keras.Sequential(
            [
                layers.Dense(units=num_patches, activation="gelu"),
                layers.Dense(units=num_patches),
                layers.Dropout(rate=dropout_rate),
            ]
        )
        self.across_channels = keras.Sequential(
            [
                layers.Dense(units=num_patches, activation="gelu"),
                layers.Dense(units=hidden_units),
                layers.Dropout(rate=dropout_rate),
            ]
        )
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def build(self, input_shape):
        return super().build(input_shape)

    def call(self, inputs):
        x = self.normalize(inputs)
        t = ops.transpose(x, axes=(0, 2, 1))
        x = ops.transpose(self.across_patches(t), axes=(0, 2, 1)) + inputs
        return x + self.across_channels(self.normalize(x))


def create(num_patches=9, hidden=8, blocks=2):
    patches = keras.Input((num_patches, 12))
    x = layers.Dense(hidden)(patches)
    x = keras.Sequential([MixerBlock(num_patches, hidden, 0.2) for _ in range(blocks)])(x)
    model = keras.Model(patches, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(4, 9, 12)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 0])


def make():
    model = create()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("create", {"blocks": 2})
