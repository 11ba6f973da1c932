from functools import partial

import keras
import tensorflow as tf
from keras import layers as L

from ..registry import BLOCKS, build_from_cfg

Linear = partial(L.Dense, kernel_initializer="glorot_normal", bias_initializer="zeros")
Norm = partial(L.LayerNormalization, epsilon=1e-5)


def glu(x):
    a, g = tf.split(x, 2, axis=-1)
    return a * tf.sigmoid(g)


class FeedForward(L.Layer):
    def __init__(self, dim, mult=4, act=keras.activations.silu, **kw):
        super().__init__(**kw)
        self.seq = keras.Sequential([Norm(), Linear(dim * mult, activation=act), Linear(dim)])

    def call(self, x):
        return self.seq(x)


class ConvModule(L.Layer):
    def __init__(self, dim, kernel=7, **kw):
        super().__init__(**kw)
        self.norm = Norm()
        self.pw1 = L.Conv1D(2 * dim, 1)
        self.dw = L.DepthwiseConv1D(kernel, padding="same", use_bias=False)
        self.bn = L.BatchNormalization(momentum=0.9)
        self.pw2 = L.Conv1D(dim, 1)

    def call(self, x, training=None):
        y = glu(self.pw1(self.norm(x)))
        y = self.bn(self.dw(y), training=training)
        return self.pw2(tf.nn.silu(y))


@BLOCKS.register("conformer")
class ConformerBlock(L.Layer):
    def __init__(self, dim, attn, kernel=7, **kw):
        super().__init__(**kw)
        self.ff1, self.ff2 = FeedForward(dim), FeedForward(dim)
        self.attn_norm = Norm()
        self.attn = build_from_cfg(attn, BLOCKS, dim=dim)
        self.conv = ConvModule(dim, kernel)
        self.final = Norm()

    def call(self, x, training=None):
        x = x + 0.5 * self.ff1(x)
        x = x + self.attn(self.attn_norm(x))
        x = x + self.conv(x, training=training)
        x = x + 0.5 * self.ff2(x)
        return self.final(x)


@BLOCKS.register("subsample")
class Subsample(L.Layer):
    def __init__(self, dim, **kw):
        super().__init__(**kw)
        self.conv = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")
        self.proj = Linear(dim)

    def call(self, x):
        y = self.conv(x[..., None])
        return self.proj(tf.reshape(y, [tf.shape(y)[0], tf.shape(y)[1], y.shape[2] * y.shape[3]]))
