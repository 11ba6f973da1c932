import tensorflow as tf


class MacroF1(tf.keras.metrics.Metric):
    def __init__(self, num_classes, threshold=0.5):
        super(MacroF1, self).__init__(name="macro_f1")
        self.threshold = threshold
        self.counts = {
            k: self.add_weight(shape=(num_classes,), initializer="zeros", name=k)
            for k in ("tp", "fp", "fn")
        }

    def update_state(self, y_true, y_pred, sample_weight=None):
        hit = tf.cast(y_pred > self.threshold, tf.float32)
        y_true = tf.cast(y_true, tf.float32)
        self.counts["tp"].assign_add(tf.reduce_sum(hit * y_true, 0))
        self.counts["fp"].assign_add(tf.reduce_sum(hit * (1 - y_true), 0))
        self.counts["fn"].assign_add(tf.reduce_sum((1 - hit) * y_true, 0))

    def result(self):
        tp, fp, fn = (tf.convert_to_tensor(self.counts[k]) for k in ("tp", "fp", "fn"))
        return tf.reduce_mean(tf.math.divide_no_nan(2 * tp, 2 * tp + fp + fn))
