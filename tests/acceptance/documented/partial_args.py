"""Vision tower in the style of ported code: partial objects and classes as constructor arguments."""

from functools import partial

import keras
import numpy as np
from keras import layers

DefaultConv2D = partial(layers.Conv2D, kernel_size=3, padding="same", activation="relu", kernel_initializer="he_normal")


class Block(layers.Layer):
    def __init__(
        self,
        dim,
        norm_layer=partial(layers.LayerNormalization, epsilon=1e-6),
        act=keras.activations.gelu,
        mlp_ratio=2.0,
    ):
        super().__init__()
        self.norm1 = norm_layer()
        self.attn = layers.MultiHeadAttention(2, dim // 2)
        self.norm2 = norm_layer()
        self.mlp = keras.Sequential([layers.Dense(int(dim * mlp_ratio), activation=act), layers.Dense(dim)])

    def call(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y)
        return x + self.mlp(self.norm2(x))


class VisionTower(keras.Model):
    def __init__(self, patch_embed, depth=2, embed_dim=8, num_classes=3, norm_layer=None, block=Block):
        super().__init__()
        norm_layer = norm_layer or partial(layers.LayerNormalization, epsilon=1e-5)
        self.patch_embed = patch_embed
        self.blocks = keras.Sequential([block(embed_dim, norm_layer=norm_layer) for _ in range(depth)])
        self.norm = norm_layer()
        self.head = layers.Dense(num_classes) if num_classes > 0 else layers.Identity()

    def call(self, x):
        x = self.patch_embed(x)
        x = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        return self.head(keras.ops.mean(self.norm(self.blocks(x)), axis=1))


def tower(depth, embed_dim=8):
    patch_embed = keras.Sequential([DefaultConv2D(filters=4), layers.Conv2D(embed_dim, 4, strides=4)])
    model = VisionTower(
        patch_embed, depth=depth, embed_dim=embed_dim, norm_layer=partial(layers.LayerNormalization, epsilon=1e-3)
    )
    model.compile(optimizer="adam", loss=partial(keras.losses.sparse_categorical_crossentropy, from_logits=True))
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2])


def make():
    model = tower(2)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("tower", {"depth": 2})
