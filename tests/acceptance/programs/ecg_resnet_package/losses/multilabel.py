import tensorflow as tf


class AsymmetricLoss(tf.keras.losses.Loss):
    def __init__(self, pos_weight, gamma_neg=2.0, gamma_pos=0.5, margin=0.05):
        super(AsymmetricLoss, self).__init__(name="asl")
        self.pos_weight = pos_weight
        self.gamma_neg, self.gamma_pos, self.margin = gamma_neg, gamma_pos, margin

    def call(self, y_true, y_pred):
        p = tf.clip_by_value(y_pred, 1e-6, 1 - 1e-6)
        q = tf.maximum(p - self.margin, 1e-6)
        pos = y_true * self.pos_weight * (1 - p) ** self.gamma_pos * tf.math.log(p)
        neg = (1 - y_true) * q ** self.gamma_neg * tf.math.log(1 - q)
        return -tf.reduce_mean(pos + neg, axis=-1)


def weighted_bce(pos_weight):
    def bce(y_true, y_pred):
        p = tf.clip_by_value(y_pred, 1e-6, 1 - 1e-6)
        ll = y_true * pos_weight * tf.math.log(p) + (1 - y_true) * tf.math.log(1 - p)
        return -tf.reduce_mean(ll, axis=-1)
    return bce
