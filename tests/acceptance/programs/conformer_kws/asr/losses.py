import keras
import tensorflow as tf

from .registry import LOSSES


@LOSSES.register("ctc")
class CTCLoss(keras.losses.Loss):
    def __init__(self, blank=0, smooth=0.0):
        super().__init__(name="ctc")
        self.blank = blank
        self.smooth = smooth

    def call(self, labels, logits):
        labels = tf.cast(labels, tf.int32)
        label_len = tf.reduce_sum(tf.cast(labels != self.blank, tf.int32), axis=1)
        t = tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1])
        nll = tf.nn.ctc_loss(labels, logits, label_len, t, logits_time_major=False, blank_index=self.blank)
        loss = nll / tf.cast(tf.maximum(label_len, 1), logits.dtype)
        if self.smooth:
            logp = tf.nn.log_softmax(logits)
            loss = (1 - self.smooth) * loss - self.smooth * tf.reduce_mean(logp, axis=[1, 2])
        return loss


def blank_rate(labels, logits):
    return tf.reduce_mean(tf.cast(tf.argmax(logits, -1) == 0, tf.float32), axis=-1)
