import keras
import numpy as np
import tensorflow as tf

# later steps of the horizon count a little less for the desk
HORIZON_DECAY = np.exp(-0.05 * np.arange(64)).astype("float32")


class QuantileLoss(keras.losses.Loss):
    def __init__(self, quantiles, name="quantile_loss"):
        super().__init__(name=name)
        self.quantiles = quantiles

    def call(self, y_true, y_pred):
        q = tf.constant(self.quantiles, dtype=y_pred.dtype)
        err = tf.expand_dims(y_true, -1) - y_pred
        pin = tf.maximum(q * err, (q - 1.0) * err)
        w = HORIZON_DECAY[: y_pred.shape[1]]
        return tf.reduce_mean(tf.reduce_sum(pin, -1) * w, axis=-1)


class Coverage(keras.metrics.Metric):
    """Share of targets that lie between the outer quantiles."""

    def __init__(self, lo=0, hi=-1, name="coverage", **kwargs):
        super().__init__(name=name, **kwargs)
        self.lo, self.hi = lo, hi
        self.inside = self.add_weight(name="inside", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        ok = tf.logical_and(y_true >= y_pred[..., self.lo], y_true <= y_pred[..., self.hi])
        self.inside.assign_add(tf.reduce_sum(tf.cast(ok, tf.float32)))
        self.total.assign_add(tf.cast(tf.size(y_true), tf.float32))

    def result(self):
        return tf.math.divide_no_nan(self.inside, self.total)


def median_mae(quantiles):
    mid = list(quantiles).index(0.5)

    def p50_mae(y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred[..., mid]), axis=-1)

    return p50_mae
