import tensorflow as tf

from .registry import get, register


@register("focal", kind="loss")
class FocalLoss(tf.keras.losses.Loss):
    def __init__(self, cfg):
        super().__init__(name="focal")
        self.cfg = cfg

    def call(self, y_true, y_pred):
        c = self.cfg
        n = tf.shape(y_pred)[-1]
        target = tf.one_hot(tf.reshape(tf.cast(y_true, tf.int32), [-1]), n)
        target = target * (1 - c.label_smoothing) + c.label_smoothing / tf.cast(n, tf.float32)
        logp = tf.nn.log_softmax(y_pred)
        return -tf.reduce_sum(target * (1 - tf.exp(logp)) ** c.gamma * logp, axis=-1)


def build_loss(cfg):
    return get("loss", cfg.loss.name)(cfg.loss)
