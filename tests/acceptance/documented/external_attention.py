"""External attention transformer: patch layers with tuples for sizes, attention by a function."""

import keras
import numpy as np
from keras import layers, ops


class Tiles(layers.Layer):
    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        assert isinstance(patch_size, tuple)
        self.patch_size = patch_size

    def call(self, x):
        B, C = ops.shape(x)[0], ops.shape(x)[-1]
        x = ops.image.extract_patches(x, self.patch_size)
        return ops.reshape(x, (B, -1, self.patch_size[0] * self.patch_size[1] * C))

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


class TileEmbedding(layers.Layer):
    def __init__(self, count, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.proj = layers.Dense(embed_dim)
        self.place = layers.Embedding(input_dim=count, output_dim=embed_dim)

    def call(self, patch):
        return self.proj(patch) + self.place(ops.arange(self.count))


def external_attention(x, dim, num_heads):
    _, count, channel = x.shape
    x = layers.Reshape((count, num_heads, dim * 2 // num_heads))(layers.Dense(dim * 2)(x))
    x = ops.transpose(x, axes=[0, 2, 1, 3])
    attn = layers.Softmax(axis=2)(layers.Dense(4)(x))
    attn = layers.Lambda(lambda a: a / (1e-9 + ops.sum(a, axis=-1, keepdims=True)))(attn)
    x = ops.transpose(layers.Dense(dim * 2 // num_heads)(attn), axes=[0, 2, 1, 3])
    return layers.Dense(dim)(ops.reshape(x, [-1, count, dim * 2]))


def get_model(image_size=8, dim=8, classes=3):
    image = keras.Input((image_size, image_size, 3))
    x = TileEmbedding((image_size // 2) ** 2, dim)(Tiles((2, 2))(image))
    x = layers.Add()([x, external_attention(layers.LayerNormalization()(x), dim, 2)])
    model = keras.Model(image, layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile(loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1), optimizer=keras.optimizers.AdamW())
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def training_data():
    return inputs(), np.eye(3, dtype="float32")


def make():
    model = get_model()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("get_model", {"dim": 8})
