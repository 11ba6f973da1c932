import numpy as np
import tensorflow as tf
import keras

from .registry import register


class WarmupLinear(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, warmup, total):
        self.peak, self.warmup, self.total = peak, warmup, total

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        down = tf.maximum(0.05, (self.total - step) / (self.total - self.warmup))
        return self.peak * tf.minimum((step + 1.0) / self.warmup, down)


@register
class PolyLoss(keras.losses.Loss):
    """CE + eps * (1 - p_t), Leng et al. 2022."""

    def __init__(self, epsilon, smoothing, class_weights):
        super().__init__(name="poly1")
        self.epsilon, self.smoothing = epsilon, smoothing
        self.w = np.asarray(class_weights, "float32")

    def call(self, y_true, logits):
        y = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), len(self.w))
        soft = y * (1 - self.smoothing) + self.smoothing / len(self.w)
        ce = tf.nn.softmax_cross_entropy_with_logits(soft, logits)
        pt = tf.reduce_sum(y * tf.nn.softmax(logits), -1)
        return tf.reduce_sum(y * self.w, -1) * (ce + self.epsilon * (1 - pt))


@register
class ConfusionTrace(keras.metrics.Metric):
    def __init__(self, n):
        super().__init__(name="mean_recall")
        self.n = n
        self.cm = self.add_weight(shape=(n, n), initializer="zeros", name="cm")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.cm.assign_add(tf.math.confusion_matrix(
            tf.reshape(y_true, [-1]), tf.argmax(y_pred, -1), self.n, dtype=tf.float32))

    def result(self):
        return tf.reduce_mean(tf.math.divide_no_nan(tf.linalg.diag_part(self.cm), tf.reduce_sum(self.cm, 1)))
