"""Churn from event sequences: attention pooling over a GRU."""
from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tensorflow import keras

log = logging.getLogger(__name__)

EVENTS = ("<pad>", "login", "buy", "ticket", "refund", "browse", "mail")
PAD = EVENTS.index("<pad>")


@dataclass(frozen=True)
class Settings:
    max_events: int = 10
    dim: int = 12
    units: int = 16
    focal_gamma: float = 2.0
    lr: float = 1e-2
    steps: int = 100


def make_events(n: int, settings: Settings, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.full((n, settings.max_events), PAD, dtype="int32")
    y = np.zeros((n, 1), dtype="float32")
    for i in range(n):
        churner = rng.random() < 0.4
        p = np.array([0.1, 0.05, 0.3, 0.3, 0.15, 0.1] if churner else [0.3, 0.3, 0.05, 0.05, 0.2, 0.1])
        length = int(rng.integers(4, settings.max_events + 1))
        x[i, :length] = rng.choice(np.arange(1, len(EVENTS)), length, p=p)
        y[i] = churner
    return x, y


class AttentionPool(keras.layers.Layer):
    """Masked additive attention over time."""

    def __init__(self, units: int):
        super().__init__()
        self.supports_masking = True
        self.score = keras.Sequential([keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(1)])

    def call(self, h, mask=None):
        s = self.score(h)
        if mask is not None:
            s += (1.0 - tf.cast(mask, s.dtype))[..., None] * -1e9
        return tf.reduce_sum(tf.nn.softmax(s, axis=1) * h, axis=1)

    def compute_mask(self, h, mask=None):
        return None


class ChurnModel(keras.Model):
    def __init__(self, settings: Settings):
        super().__init__(name="churn")
        self.settings = settings
        self.emb = keras.layers.Embedding(len(EVENTS), settings.dim, mask_zero=True)
        self.rnn = keras.layers.GRU(settings.units, return_sequences=True, reset_after=False)
        self.pool = AttentionPool(settings.units)
        self.out = keras.layers.Dense(1, activation="sigmoid", kernel_regularizer=GroupL1(1e-4))

    def call(self, events):
        return self.out(self.pool(self.rnn(self.emb(events))))


class GroupL1(keras.regularizers.Regularizer):
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, w):
        return self.weight * tf.reduce_sum(tf.sqrt(tf.reduce_sum(w**2, axis=-1) + 1e-9))


class FocalLoss(keras.losses.Loss):
    def __init__(self, gamma):
        super().__init__(name="focal")
        self.gamma = gamma

    def call(self, y_true, y_pred):
        p = tf.clip_by_value(y_pred, 1e-6, 1 - 1e-6)
        pt = y_true * p + (1 - y_true) * (1 - p)
        return tf.reduce_mean(-((1 - pt) ** self.gamma) * tf.math.log(pt), axis=-1)


def compiled_model(settings: Settings) -> ChurnModel:
    model = ChurnModel(settings)
    lr = keras.optimizers.schedules.ExponentialDecay(settings.lr, settings.steps, 0.5, staircase=True)
    model.compile(
        optimizer=keras.optimizers.Nadam(lr),
        loss=FocalLoss(settings.focal_gamma),
        metrics=[keras.metrics.BinaryAccuracy(name="acc")],
        jit_compile=False,
    )
    log.info("compiled %s", model.name)
    return model
