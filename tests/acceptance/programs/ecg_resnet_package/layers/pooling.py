import tensorflow as tf
from tensorflow.keras import layers as L

__all__ = ["GeMPool1D"]


class GeMPool1D(L.Layer):
    """Generalized mean; p is learned."""

    def __init__(self, p=3.0, eps=1e-5):
        super(GeMPool1D, self).__init__()
        self.p0 = p
        self.eps = eps

    def build(self, input_shape):
        self.p = self.add_weight(name="p", shape=(), initializer=lambda s, dtype: tf.fill(s, self.p0))

    def call(self, x):
        x = tf.pow(tf.maximum(x, self.eps), self.p)
        return tf.pow(tf.reduce_mean(x, axis=1), 1.0 / self.p)
