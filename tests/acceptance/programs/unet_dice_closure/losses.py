import tensorflow as tf
from tensorflow import keras


def dice_coef(y_true, y_pred, smooth=1.0):
    axes = (1, 2, 3)
    intersection = tf.reduce_sum(y_true * y_pred, axis=axes)
    total = tf.reduce_sum(y_true, axis=axes) + tf.reduce_sum(y_pred, axis=axes)
    return tf.reduce_mean((2.0 * intersection + smooth) / (total + smooth))


def dice_loss(smooth=1.0):
    def loss(y_true, y_pred):
        return 1.0 - dice_coef(y_true, y_pred, smooth)

    return loss


def bce_dice_loss(bce_weight=0.5, smooth=1.0):
    """Weighted sum of the two."""
    dice = dice_loss(smooth)
    bce = keras.losses.BinaryCrossentropy()

    def loss(y_true, y_pred):
        return bce_weight * bce(y_true, y_pred) + (1.0 - bce_weight) * dice(y_true, y_pred)

    return loss


class BinaryIoU(keras.metrics.Metric):
    def __init__(self, threshold=0.5, name="iou"):
        super().__init__(name=name)
        self.threshold = threshold
        self.intersection = self.add_weight(name="intersection", initializer="zeros")
        self.union = self.add_weight(name="union", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = tf.cast(y_true > 0.5, tf.float32)
        y_pred = tf.cast(y_pred > self.threshold, tf.float32)
        inter = tf.reduce_sum(y_true * y_pred)
        self.intersection.assign_add(inter)
        self.union.assign_add(tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) - inter)

    def result(self):
        return tf.math.divide_no_nan(self.intersection.value, self.union.value)

    def reset_state(self):
        self.intersection.assign(0.0)
        self.union.assign(0.0)
