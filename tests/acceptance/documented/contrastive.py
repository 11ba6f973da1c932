"""SimCLR-like contrastive pretraining: parts made in the constructor, a linear probe, two optimizers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class ContrastiveModel(keras.Model):
    def __init__(self, temperature, width):
        super().__init__()
        self.temperature = temperature
        self.probe_metric = keras.metrics.SparseCategoricalAccuracy(name="probe_acc")
        self.loss_tracker = keras.metrics.Mean(name="c_loss")
        self.encoder = keras.Sequential(
            [keras.Input((10,)), layers.Dense(width, activation="relu"), layers.Dense(width)]
        )
        self.projection_head = keras.Sequential(
            [keras.Input((width,)), layers.Dense(width, activation="relu"), layers.Dense(4)]
        )
        self.linear_probe = keras.Sequential([layers.Input(shape=(width,)), layers.Dense(3)])

    def compile(self, contrastive_optimizer, probe_optimizer, **kwargs):
        super().compile(**kwargs)
        self.contrastive_optimizer = contrastive_optimizer
        self.probe_optimizer = probe_optimizer
        self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def call(self, x):
        return self.linear_probe(self.encoder(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            views = [self.projection_head(self.encoder(x + 0.1 * tf.random.normal(tf.shape(x)))) for _ in range(2)]
            views = [tf.math.l2_normalize(v, axis=1) for v in views]
            similar = ops.matmul(views[0], ops.transpose(views[1])) / self.temperature
            labels = ops.arange(ops.shape(x)[0])
            loss = keras.losses.sparse_categorical_crossentropy(labels, similar, from_logits=True)
        weights = self.encoder.trainable_weights + self.projection_head.trainable_weights
        self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        with tf.GradientTape() as tape:
            logits = self.linear_probe(self.encoder(x, training=False))
            probe_loss = self.probe_loss(y, logits)
        weights = self.linear_probe.trainable_weights
        self.probe_optimizer.apply_gradients(zip(tape.gradient(probe_loss, weights), weights))
        self.loss_tracker.update_state(loss)
        self.probe_metric.update_state(y, logits)
        return {"c_loss": self.loss_tracker.result(), "probe_acc": self.probe_metric.result()}


def create(temperature=0.1, width=8):
    model = ContrastiveModel(temperature, width)
    model.compile(contrastive_optimizer=keras.optimizers.Adam(), probe_optimizer=keras.optimizers.Adam())
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 10)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 0, 1, 2])


def make():
    model = create(0.2)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("create", {"temperature": 0.2})
