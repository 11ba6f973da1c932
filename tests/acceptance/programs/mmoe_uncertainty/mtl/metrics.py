import tensorflow as tf
from tensorflow import keras


def masked(base, column, name, **base_kwargs):
    """Metric `base` on one column of y, skipping NaN targets."""

    class Masked(base):
        def update_state(self, y_true, y_pred, sample_weight=None):
            t, p = y_true[:, column], y_pred[:, column]
            keep = tf.logical_not(tf.math.is_nan(t))
            return super().update_state(tf.boolean_mask(t, keep)[:, None], tf.boolean_mask(p, keep)[:, None])

    Masked.__name__ = "Masked" + base.__name__
    return Masked(name=name, **base_kwargs)


auc = lambda column, name: masked(keras.metrics.AUC, column, name + "_auc", num_thresholds=20)
mae = lambda column, name: masked(keras.metrics.MeanAbsoluteError, column, name + "_mae")
