"""Compact transformer with stochastic depth: drop rates that are NumPy scalars, no get_config."""

import keras
import numpy as np
from keras import layers, ops


class DropPath(layers.Layer):
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.drop_prob = rate
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, x, training=None):
        if training:
            keep_prob = 1 - self.drop_prob
            shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
            gate = ops.floor(keep_prob + keras.random.uniform(shape, 0, 1, seed=self.seed_generator))
            return (x / keep_prob) * gate
        return x


class ConvTokens(layers.Layer):
    def __init__(self, kernel_size=3, stride=1, padding=1, num_output_channels=[4, 8], **kwargs):
        super().__init__(**kwargs)
        self.stem = keras.Sequential()
        for n in num_output_channels:
            self.stem.add(layers.Conv2D(n, kernel_size, stride, padding="valid", use_bias=False, activation="relu"))
            self.stem.add(layers.ZeroPadding2D(padding))
            self.stem.add(layers.MaxPooling2D(kernel_size, 2, "same"))

    def call(self, images):
        out = self.stem(images)
        return ops.reshape(out, (-1, ops.shape(out)[1] * ops.shape(out)[2], ops.shape(out)[-1]))


class AttentionPool(layers.Layer):
    def __init__(self):
        super().__init__()
        self.attention = layers.Dense(1)

    def call(self, x):
        weights = ops.transpose(ops.softmax(self.attention(x), axis=1), axes=(0, 2, 1))
        return ops.squeeze(ops.matmul(weights, x), -2)


def compact_transformer(image_size=12, num_layers=3):
    image = layers.Input((image_size, image_size, 3))
    x = ConvTokens()(image)
    dpr = [v for v in np.linspace(0, 0.2, num_layers)]
    for i in range(num_layers):
        attended = layers.MultiHeadAttention(2, 8, dropout=0.1)(x, x)
        x = layers.Add()([DropPath(dpr[i])(attended), x])
        x = layers.LayerNormalization(epsilon=1e-5)(x)
    model = keras.Model(image, layers.Dense(3)(AttentionPool()(x)))
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    )
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(3, 12, 12, 3)).astype("float32")


def training_data():
    return inputs(), np.eye(3, dtype="float32")


def make():
    model = compact_transformer()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("compact_transformer", {"num_layers": 3})
