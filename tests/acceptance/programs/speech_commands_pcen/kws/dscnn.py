import tensorflow as tf
from tensorflow.keras import layers as L

from .frontend import *
from .frontend import _hz2mel  # noqa  (used in a notebook)


class Standardize(L.Normalization):
    """Per-mel statistics over time; adapts to features."""

    def __init__(self, n):
        super().__init__(axis=-1, name="standardize_%d" % n)


class DSConv(L.Layer):
    def __init__(self, ch, stride=1, *, act=tf.nn.relu6):
        super().__init__()
        self.act = act
        self.dw = L.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)
        self.bn1, self.bn2 = (L.BatchNormalization(momentum=0.8) for _ in "12")
        self.pw = L.Conv2D(ch, 1, use_bias=False)

    def call(self, x, training=False):
        x = self.act(self.bn1(self.dw(x), training=training))
        return self.act(self.bn2(self.pw(x), training=training))


def create(n_samples, n_labels, features):
    how = Compression.PCEN
    front = tf.keras.Sequential([L.Input((n_samples,)), MelEnergies(), Compress(how)], name="frontend")
    norm = Standardize(N_MELS)
    norm.adapt(features.map(front))
    return tf.keras.Sequential([
        front,
        norm,
        L.Reshape((-1, N_MELS, 1)),
        L.Conv2D(12, (5, 3), strides=2, padding="same", activation=tf.nn.relu6),
        DSConv(16),
        DSConv(24, 2, act=tf.keras.activations.silu),
        L.GlobalAveragePooling2D(),
        L.Dense(n_labels),
    ], name="ds_cnn_" + how.name.lower())


def per_class_recall(index, name):
    def recall(y_true, y_pred):
        y_true = tf.cast(tf.reshape(y_true, [-1]), tf.int64)
        hit = tf.logical_and(y_true == index, tf.argmax(y_pred, -1) == index)
        return tf.math.divide_no_nan(tf.reduce_sum(tf.cast(hit, tf.float32)),
                                     tf.reduce_sum(tf.cast(y_true == index, tf.float32)))
    recall.__name__ = "recall_" + name.strip("_")
    return recall
