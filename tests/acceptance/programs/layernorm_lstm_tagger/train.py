"""Tag every step of a ragged sensor recording: rest / walk / turn."""
import sys

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers
from tensorflow.keras.utils import set_random_seed

from bundler import bundle
from cells import LayerNormLSTMCell, MinimalCell

PAD = -9.0
MAX_LEN = 20
N_TAGS = 3
set_random_seed(99)


def recordings(n, seed):
    rng = np.random.default_rng(seed)
    x = np.full((n, MAX_LEN, 3), PAD, "float32")
    y = np.zeros((n, MAX_LEN), "int32")  # 0 is padding, tags are 1..N_TAGS
    for i in range(n):
        length = rng.integers(8, MAX_LEN + 1)
        tags = np.repeat(rng.integers(0, N_TAGS, 10), rng.integers(2, 6, 10))[:length]
        length = len(tags)
        t = np.arange(length)
        clean = np.stack(
            [np.sin(1.3 * t) * (tags == 1), (tags == 2) * np.sign(np.cos(t)), 0.5 * (tags > 0)], -1
        )
        x[i, :length] = clean + 0.2 * rng.standard_normal((length, 3))
        y[i, :length] = tags + 1
    return x, y


def masked_crossentropy(y_true, y_pred):
    mask = tf.cast(y_true > 0, tf.float32)
    target = tf.maximum(tf.cast(y_true, tf.int32) - 1, 0)
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=y_pred)
    return tf.reduce_sum(ce * mask) / tf.reduce_sum(mask)


class MaskedAccuracy(tf.keras.metrics.Mean):
    def __init__(self, name="acc", **kw):
        super().__init__(name=name, **kw)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = tf.cast(y_true, tf.int64)
        hit = tf.cast(tf.argmax(y_pred, -1) + 1 == y_true, tf.float32)
        return super().update_state(hit, sample_weight=tf.cast(y_true > 0, tf.float32))


def build(units=10):
    inputs = layers.Input((MAX_LEN, 3))
    x = layers.Masking(mask_value=PAD)(inputs)
    x = layers.Bidirectional(
        layers.RNN(LayerNormLSTMCell(units, t_max=MAX_LEN), return_sequences=True),
        merge_mode="concat",
    )(x)
    x = layers.RNN(MinimalCell(units), return_sequences=True)(x)
    logits = layers.TimeDistributed(layers.Dense(N_TAGS))(x)
    return Model(inputs, logits, name="tagger")


def show(x, logits):
    names = "RWT"
    for row, out in zip(x, logits):
        n = int((row[:, 0] != PAD).sum())
        print("".join(names[k] for k in out.argmax(-1)[:n]))


if __name__ == "__main__":
    x_train, y_train = recordings(160, 0)
    x_val, _ = recordings(6, 1)
    model = build()
    model.compile("adam", loss=masked_crossentropy, metrics=[MaskedAccuracy()], jit_compile=False)
    model.optimizer.learning_rate = 0.01
    model.fit(x_train, y_train, batch_size=32, epochs=4, verbose=2)

    y = model.predict(x_val, verbose=0)
    show(x_val, y)
    bundle(model, sys.argv[1])
    fx, fy = x_train[:16], y_train[:16]
    model.train_on_batch(fx, fy)
    after = model.predict(x_val, verbose=0)
    np.savez(sys.argv[2], x=x_val, y=y, fx=fx, fy=fy, after=after)
