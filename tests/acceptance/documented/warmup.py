"""Warm-up cosine schedule and an own optimizer, both without get_config."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, base_lr, total_steps, warmup_learning_rate, warmup_steps):
        super().__init__()
        self.learning_rate_base = base_lr
        self.total_steps = total_steps
        self.warmup_learning_rate = warmup_learning_rate
        self.warmup_steps = warmup_steps
        self.pi = tf.constant(np.pi)

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        progress = (step - self.warmup_steps) / float(self.total_steps - self.warmup_steps)
        rate = 0.5 * self.learning_rate_base * (1 + tf.cos(self.pi * progress))
        slope = (self.learning_rate_base - self.warmup_learning_rate) / self.warmup_steps
        warmup = slope * step + self.warmup_learning_rate
        return tf.where(step > self.total_steps, 0.0, tf.where(step < self.warmup_steps, warmup, rate))


class SignMomentum(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=1e-3, momentum=0.9, shrink=0.0, name="sign_momentum"):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum = momentum
        self.shrink = shrink

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._m = [self.add_variable_from_reference(v, name="m") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        lr = ops.cast(learning_rate, variable.dtype)
        m = self._m[self._get_variable_index(variable)]
        self.assign(m, self.momentum * m + (1 - self.momentum) * gradient)
        self.assign_sub(variable, lr * (ops.sign(m) + self.shrink * variable))


def get_compiled(base_lr):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(1)])
    schedule = WarmUpCosine(base_lr=base_lr, total_steps=100, warmup_learning_rate=0.0, warmup_steps=5)
    model.compile(optimizer=SignMomentum(learning_rate=schedule, shrink=0.01), loss="mse")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def training_data():
    return inputs(), np.random.default_rng(1).normal(size=(8, 1)).astype("float32")


def make():
    model = get_compiled(0.02)
    model.fit(*training_data(), epochs=3, verbose=0)
    return model


BUILDER = ("get_compiled", {"base_lr": 0.02})
