import keras
import tensorflow as tf

from .registry import SCHEDULES


@SCHEDULES.register("noam")
class NoamSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, dim, warmup=50, factor=0.5):
        self.dim = tf.cast(dim, tf.float32)
        self.warmup = warmup
        self.factor = factor

    def __call__(self, step):
        step = tf.cast(step, tf.float32) + 1.0
        return self.factor * tf.math.rsqrt(self.dim) * tf.minimum(tf.math.rsqrt(step), step * self.warmup**-1.5)
