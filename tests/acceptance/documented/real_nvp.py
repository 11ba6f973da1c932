"""Real NVP: coupling networks in a list, numpy masks, own log_loss, and a call that goes both ways."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, regularizers


def Coupling(input_shape, width=8, reg=0.01):
    x = layers.Input(shape=(input_shape,))
    t, s = x, x
    for _ in range(2):
        t = layers.Dense(width, activation="relu", kernel_regularizer=regularizers.l2(reg))(t)
        s = layers.Dense(width, activation="relu", kernel_regularizer=regularizers.l2(reg))(s)
    t = layers.Dense(input_shape, activation="linear")(t)
    return keras.Model(inputs=x, outputs=[layers.Dense(input_shape, activation="tanh")(s), t])


class CouplingFlow(keras.Model):
    def __init__(self, n_couplings):
        super().__init__()
        self.n_couplings = n_couplings
        self.masks = np.array([[0, 1], [1, 0]] * (n_couplings // 2), dtype="float32")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.couplings = [Coupling(2) for i in range(n_couplings)]

    @property
    def metrics(self):
        return [self.loss_tracker]

    def call(self, x, training=True):
        log_det = 0
        direction = -1 if training else 1
        for i in range(self.n_couplings)[::direction]:
            fixed = x * self.masks[i]
            other = 1 - self.masks[i]
            s, t = self.couplings[i](fixed)
            s, t = s * other, t * other
            gate = (direction - 1) / 2
            x = other * (x * tf.exp(direction * s) + direction * t * tf.exp(gate * s)) + fixed
            log_det += gate * tf.reduce_sum(s, [1])
        return x, log_det

    def log_loss(self, x):
        y, logdet = self(x)
        log_likelihood = -0.5 * tf.reduce_sum(y**2, axis=1) - np.log(2 * np.pi) + logdet
        return -tf.reduce_mean(log_likelihood)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.log_loss(data)
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


def make_untrained(n):
    model = CouplingFlow(n_couplings=n)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001))
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(5, 2)).astype("float32")


def training_data():
    return (inputs(),)


def make():
    model = make_untrained(4)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("make_untrained", {"n": 4})
