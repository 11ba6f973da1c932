import keras
import tensorflow as tf
from keras import ops

from ..registry import BLOCKS


@BLOCKS.register("relpos_attn")
class RelPosSelfAttention(keras.layers.Layer):
    """Self attention with a learned bias per clipped relative distance and head."""

    def __init__(self, dim, heads=4, max_dist=16, **kwargs):
        super().__init__(**kwargs)
        assert dim % heads == 0
        self.dim, self.heads, self.max_dist = dim, heads, max_dist
        self.scale = (dim // heads) ** -0.5

    def build(self, input_shape):
        self.qkv = keras.layers.Dense(3 * self.dim, use_bias=False)
        self.qkv.build(input_shape)
        self.out = keras.layers.Dense(self.dim)
        self.out.build(input_shape)
        self.rel = self.add_weight(
            shape=(2 * self.max_dist + 1, self.heads), initializer="random_normal", name="rel_bias"
        )

    def call(self, x):
        b, t = tf.shape(x)[0], tf.shape(x)[1]
        qkv = tf.reshape(self.qkv(x), [b, t, 3, self.heads, self.dim // self.heads])
        q, k, v = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]), num=3)
        pos = tf.range(t)
        dist = tf.clip_by_value(pos[None] - pos[:, None], -self.max_dist, self.max_dist) + self.max_dist
        bias = ops.transpose(ops.take(self.rel, dist, axis=0), (2, 0, 1))
        att = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * self.scale + bias[None])
        y = tf.transpose(tf.matmul(att, v), [0, 2, 1, 3])
        return self.out(tf.reshape(y, [b, t, self.dim]))
