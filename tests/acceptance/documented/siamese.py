"""Siamese network with triplet loss: a distance layer inside, a model around it with a margin."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class DistanceLayer(layers.Layer):
    def call(self, anchor, positive, negative):
        near = ops.sum(ops.square(anchor - positive), -1)
        far = ops.sum(ops.square(anchor - negative), -1)
        return near, far


class SiameseModel(keras.Model):
    def __init__(self, siamese_network, margin=0.5):
        super().__init__()
        self.siamese_network = siamese_network
        self.margin = margin
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.siamese_network(inputs)

    def _loss(self, data):
        near, far = self.siamese_network(data)
        return ops.maximum(near - far + self.margin, 0.0)

    def train_step(self, data):
        (data,) = data if isinstance(data, tuple) and len(data) == 1 else (data,)
        with tf.GradientTape() as tape:
            loss = self._loss(data)
        grads = tape.gradient(loss, self.siamese_network.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.siamese_network.trainable_weights))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    @property
    def metrics(self):
        return [self.loss_tracker]


def make_untrained(margin):
    embedding = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(4)], name="embedding"
    )
    a, p, n = (keras.Input((6,), name=name) for name in ("anchor", "positive", "negative"))
    distances = DistanceLayer()(embedding(a), embedding(p), embedding(n))
    model = SiameseModel(keras.Model([a, p, n], distances), margin)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), weighted_metrics=[])
    return model


def inputs():
    return [np.random.default_rng(i).normal(size=(4, 6)).astype("float32") for i in range(3)]


def training_data():
    return (inputs(),)


def make():
    model = make_untrained(0.3)
    model.fit(inputs(), epochs=1, verbose=0)
    return model


BUILDER = ("make_untrained", {"margin": 0.3})
