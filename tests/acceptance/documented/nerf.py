"""NeRF-like radiance field: an MLP wrapped in a model that renders rays in its train_step and call."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

OCTAVES = 3
NUM_SAMPLES = 8


def fourier(x):
    positions = [x]
    for i in range(OCTAVES):
        for fn in [tf.sin, tf.cos]:
            positions.append(fn(2.0**i * x))
    return tf.concat(positions, axis=-1)


def mlp(num_layers, width):
    x = encoded = keras.Input(shape=(None, 2 * 3 * OCTAVES + 3))
    for i in range(num_layers):
        x = layers.Dense(width, activation="relu")(x)
        if i % 2 == 0 and i > 0:
            x = layers.concatenate([x, encoded], axis=-1)
    return keras.Model(encoded, layers.Dense(4)(x))


class RadianceField(keras.Model):
    def __init__(self, network, near=2.0, far=6.0):
        super().__init__()
        self.network = network
        self.t = tf.linspace(near, far, NUM_SAMPLES)

    def call(self, rays):
        origin, direction = rays[:, None, :3], rays[:, None, 3:]
        points = origin + direction * self.t[None, :, None]
        raw = self.network(fourier(points))
        color, sigma = tf.sigmoid(raw[..., :3]), tf.nn.relu(raw[..., 3])
        alpha = 1.0 - tf.exp(-sigma * 0.5)
        weights = alpha * tf.math.cumprod(1.0 - alpha + 1e-10, axis=1, exclusive=True)
        return tf.reduce_sum(weights[..., None] * color, axis=1)

    def compile(self, optimizer, loss_fn):
        super().compile()
        self.optimizer = optimizer
        self.loss_fn = loss_fn

    def train_step(self, data):
        rays, pixels = data
        with tf.GradientTape() as tape:
            loss = self.loss_fn(pixels, self(rays, training=True))
        grads = tape.gradient(loss, self.network.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.network.trainable_variables))
        return {"loss": loss}


def untrained(num_layers=3, width=8, near=2.0, far=6.0):
    model = RadianceField(mlp(num_layers, width), near, far)
    model.compile(optimizer=keras.optimizers.Adam(), loss_fn=keras.losses.MeanSquaredError())
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 6)).astype("float32")


def training_data():
    return inputs(), np.random.default_rng(1).random((6, 3)).astype("float32")


def make():
    model = untrained(near=1.5)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("untrained", {"near": 1.5})
