"""Domain-adversarial network: a gradient reversal layer by custom_gradient, a strength that a callback would move."""

import keras
import numpy as np
import tensorflow as tf


@tf.custom_gradient
def grad_reverse(x, strength):
    def backward(dy):
        return -dy * strength, None

    return tf.identity(x), backward


class GradReverse(keras.layers.Layer):
    def __init__(self, strength=1.0):
        super().__init__()
        self.strength = tf.Variable(strength, trainable=False, dtype=tf.float32)

    def call(self, x):
        return grad_reverse(x, self.strength)


class DANN(keras.Model):
    def __init__(self, feature_extractor, label_predictor, domain_predictor, strength):
        super().__init__()
        self.feature_extractor = feature_extractor
        self.label_predictor = label_predictor
        self.domain_predictor = domain_predictor
        self.grl = GradReverse(strength)

    def call(self, x):
        z = self.feature_extractor(x)
        return {"label": self.label_predictor(z), "domain": self.domain_predictor(self.grl(z))}


def dann(strength):
    dense = keras.layers.Dense
    parts = [
        keras.Sequential([dense(8, activation="relu")]),
        keras.Sequential([dense(3, activation="softmax")]),
        dense(1, activation="sigmoid"),
    ]
    model = DANN(*parts, strength)
    model.compile(optimizer="adam", loss={"label": "sparse_categorical_crossentropy", "domain": "binary_crossentropy"})
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def training_data():
    return inputs(), {"label": np.array([0, 1, 2, 0, 1, 2]), "domain": np.array([[0.0], [1]] * 3, "float32")}


def make():
    model = dann(0.3)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("dann", {"strength": 0.3})
