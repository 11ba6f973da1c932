"""Center loss: a layer with two inputs that moves its own centers and adds a loss; endpoint-layer style."""

import keras
import numpy as np
import tensorflow as tf


class CenterLossLayer(keras.layers.Layer):
    def __init__(self, num_classes, feature_dim, alpha=0.5, lambda_=0.1, **kwargs):
        super().__init__(**kwargs)
        self.nc = num_classes
        self.fd = feature_dim
        self.alpha = alpha
        self.lambda_ = lambda_

    def build(self, input_shape):
        self.centers = self.add_weight(name="centers", shape=(self.nc, self.fd), initializer="uniform", trainable=False)

    def call(self, inputs, training=None):
        features, onehot = inputs
        mine = tf.matmul(onehot, self.centers)
        distance = tf.reduce_sum(tf.square(features - mine), axis=1, keepdims=True)
        self.add_loss(self.lambda_ * tf.reduce_mean(distance))
        if training:
            counts = tf.reduce_sum(onehot, axis=0)[:, None] + 1
            self.centers.assign_sub(self.alpha * tf.matmul(onehot, mine - features, transpose_a=True) / counts)
        return distance


def network(classes=3, dim=2):
    x, y = keras.Input((6,), name="x"), keras.Input((classes,), name="y")
    features = keras.layers.Dense(dim, name="features")(keras.layers.Dense(8, activation="relu")(x))
    distance = CenterLossLayer(classes, dim, alpha=0.3, name="centers")([features, y])
    model = keras.Model([x, y], [keras.layers.Dense(classes, activation="softmax", name="probs")(features), distance])
    model.compile(optimizer="adam", loss=["categorical_crossentropy", None])
    return model


def inputs():
    return [
        np.random.default_rng(0).normal(size=(6, 6)).astype("float32"),
        np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]],
    ]


def make():
    model = network()
    model.fit(inputs(), [inputs()[1], np.zeros((6, 1), "float32")], epochs=1, verbose=0)
    return model


BUILDER = ("network", {"classes": 3})
