"""Functional subclass with inputs, outputs and an argument of its own: accumulates gradients over steps."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class AccumulatingModel(keras.Model):
    def __init__(self, n_gradients, inputs, outputs):
        super().__init__(inputs=inputs, outputs=outputs)
        self.n_gradients = tf.constant(n_gradients, dtype=tf.int32)
        self.step_count = tf.Variable(0, dtype=tf.int32, trainable=False)
        self.grads_so_far = [
            tf.Variable(tf.zeros_like(v, dtype=tf.float32), trainable=False) for v in self.trainable_variables
        ]

    def train_step(self, data):
        self.step_count.assign_add(1)
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        for kept, new in zip(self.grads_so_far, tape.gradient(loss, self.trainable_variables)):
            kept.assign_add(new)
        tf.cond(self.step_count >= self.n_gradients, self.apply_kept, lambda: None)
        return {"loss": loss}

    def apply_kept(self):
        self.optimizer.apply_gradients(zip(self.grads_so_far, self.trainable_variables))
        self.step_count.assign(0)
        for kept in self.grads_so_far:
            kept.assign(tf.zeros_like(kept))


def network(n_gradients):
    x = keras.Input((5,))
    y = layers.Dense(1)(layers.Dense(6, activation="relu")(x))
    model = AccumulatingModel(n_gradients=n_gradients, inputs=x, outputs=y)
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def training_data():
    return inputs(), np.ones((6, 1), "float32")


def make():
    model = network(2)
    model.fit(*training_data(), epochs=2, verbose=0)
    return model


BUILDER = ("network", {"n_gradients": 2})
