import numpy as np
import tensorflow as tf
from tensorflow import keras


class NoamSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup_steps=4000, factor=1.0):
        super().__init__()
        self.d_model = tf.cast(d_model, tf.float32)
        self.warmup_steps = warmup_steps
        self.factor = factor

    def __call__(self, step):
        step = tf.cast(step, tf.float32) + 1.0
        return self.factor * tf.math.rsqrt(self.d_model) * tf.math.minimum(
            tf.math.rsqrt(step), step * (self.warmup_steps ** -1.5))


def horizon_weighted_mse(horizon, decay=0.95):
    w = np.power(decay, np.arange(horizon)).astype(np.float32)
    w = (w / w.mean())[None, :, None]

    def loss(y_true, y_pred):
        return tf.reduce_mean(w * tf.square(y_true - y_pred), axis=(1, 2))

    return loss


def mae_at(h):
    def metric(y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true[:, h - 1] - y_pred[:, h - 1]), axis=-1)

    metric.__name__ = f"mae_h{h}"
    return metric
