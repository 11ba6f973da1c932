"""Part 1 of the tutorial: the two towers.

Both towers share a contract: they take a batch of *something* and give back one
unit-length vector per example.  We write the contract down as an abstract base class.
"""
import abc
import functools
import math

import keras
import tensorflow as tf
from keras import layers, ops


def trace_shapes(fn):
    """Decorator for teaching: remember the static shape which every call gave back."""

    @functools.wraps(fn)
    def wrapper(self, *args, **kwargs):
        out = fn(self, *args, **kwargs)
        self.seen_shapes.append(tuple(out.shape))
        return out

    return wrapper


class Tower(keras.Model, abc.ABC):
    #: size of the shared space, a class attribute so that students can change it in one place
    embed_dim = 16

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen_shapes = []
        self.project = layers.Dense(self.embed_dim, use_bias=False, name=f"{self.name}_proj")

    @abc.abstractmethod
    def features(self, x, training=None):
        """Unprojected features, (batch, channels)."""

    @trace_shapes
    def call(self, x, training=None):
        z = self.project(self.features(x, training=training))
        return tf.math.l2_normalize(z, axis=-1)


class ImageTower(Tower):
    widths = (8, 16)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stages = []
        for i, w in enumerate(self.widths):
            stage = [
                layers.Conv2D(w, 3, padding="same", name=f"conv{i}"),
                layers.GroupNormalization(4, name=f"gn{i}"),
                layers.Activation("gelu"),
                layers.MaxPooling2D(),
            ]
            self.stages.append(stage)
        self.pool = layers.GlobalAveragePooling2D()

    def features(self, x, training=None):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return self.pool(x)


class SinusoidalPosition(layers.Layer):
    def call(self, x):
        t, d = x.shape[1], x.shape[2]
        pos = ops.arange(t, dtype="float32")[:, None]
        div = ops.exp(ops.arange(0, d, 2, dtype="float32") * (-math.log(100.0) / d))
        table = ops.concatenate([ops.sin(pos * div), ops.cos(pos * div)], axis=-1)
        return x + table


class TextTower(Tower):
    def __init__(self, vocab_size, width=16, heads=2, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.embed = layers.Embedding(vocab_size, width)
        self.position = SinusoidalPosition()
        self.norm1 = layers.LayerNormalization()
        self.attn = layers.MultiHeadAttention(heads, width // heads)
        self.norm2 = layers.LayerNormalization()
        self.mlp = keras.Sequential([layers.Dense(2 * width, activation="gelu"), layers.Dense(width)])

    def features(self, ids, training=None):
        mask = ops.not_equal(ids, 0)
        h = self.position(self.embed(ids))
        n = self.norm1(h)
        h = h + self.attn(n, n, attention_mask=mask[:, None, :])
        h = h + self.mlp(self.norm2(h))
        m = ops.cast(mask, h.dtype)[..., None]
        return ops.sum(h * m, axis=1) / ops.maximum(ops.sum(m, axis=1), 1.0)
