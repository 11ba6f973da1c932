"""Functional subclass that builds its graph in the constructor and trains with sharpness-aware steps."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class SAMClassifier(keras.Model):
    def __init__(self, n_features, n_classes, rho=0.05):
        inputs = keras.Input((n_features,))
        x = layers.Dense(8, activation="relu")(inputs)
        x = layers.Dropout(0.1)(x)
        super().__init__(inputs=inputs, outputs=layers.Dense(n_classes, activation="softmax")(x))
        self.rho = rho

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        norm = tf.linalg.global_norm(grads)
        steps = [g * self.rho / (norm + 1e-12) for g in grads]
        for v, e in zip(self.trainable_variables, steps):
            v.assign_add(e)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        grads = tape.gradient(loss, self.trainable_variables)
        for v, e in zip(self.trainable_variables, steps):
            v.assign_sub(e)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        for metric in self.metrics:
            metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def classifier(n_features, n_classes, rho):
    model = SAMClassifier(n_features, n_classes, rho=rho)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 0, 1, 2])


def make():
    model = classifier(5, 3, 0.1)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("classifier", {"n_features": 5, "n_classes": 3, "rho": 0.1})
