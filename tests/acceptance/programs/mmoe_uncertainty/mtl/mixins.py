import tensorflow as tf
from tensorflow import keras


class UncertaintyWeightingMixin:
    """Kendall, Gal & Cipolla (2018): sum_i exp(-s_i) L_i + s_i, s_i = log sigma_i^2."""

    def init_uncertainty(self, tasks, init=0.0):
        self.tasks = tasks
        self.log_vars = self.add_weight(
            name="log_vars", shape=(len(tasks),), initializer=keras.initializers.Constant(init), trainable=True)

    @property
    def sigmas(self):
        return {t.name: float(s) for t, s in zip(self.tasks, tf.exp(self.log_vars / 2))}

    def task_losses(self, y, y_pred):
        for i, task in enumerate(self.tasks):
            t, p = y[:, i], y_pred[:, i]
            present = tf.logical_not(tf.math.is_nan(t))
            each = task.loss(tf.where(present, t, tf.zeros_like(t)), p)
            present = tf.cast(present, each.dtype)
            yield tf.math.divide_no_nan(tf.reduce_sum(each * present), tf.reduce_sum(present))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        total = 0.0
        for s, loss, task in zip(tf.unstack(self.log_vars), self.task_losses(y, y_pred), self.tasks):
            scale = 0.5 if task.kind == "regression" else 1.0
            total += scale * tf.exp(-s) * loss + 0.5 * s
        for extra in self.losses:
            total += extra
        return total


class GateEntropyMixin:
    entropy_weight = 1e-2

    def penalize_gate(self, gate):
        h = -tf.reduce_sum(gate * tf.math.log(gate + 1e-9), axis=-1)
        self.add_loss(-self.entropy_weight * tf.reduce_mean(h))
        return gate
