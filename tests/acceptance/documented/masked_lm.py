"""Masked language model: a functional model whose class has its own train_step and uses globals for loss and metric."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

loss_fn = keras.losses.SparseCategoricalCrossentropy(reduction=None)
loss_tracker = keras.metrics.Mean(name="loss")


class FillInModel(keras.Model):
    def train_step(self, inputs):
        features, labels, sample_weight = inputs
        with tf.GradientTape() as tape:
            loss = loss_fn(labels, self(features, training=True), sample_weight=sample_weight)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        loss_tracker.update_state(loss, sample_weight=sample_weight)
        return {"loss": loss_tracker.result()}

    @property
    def metrics(self):
        return [loss_tracker]


def sine_table(max_len, d_emb):
    table = np.array([[pos / 10000 ** (2 * (j // 2) / d_emb) for j in range(d_emb)] for pos in range(max_len)])
    table[:, 0::2], table[:, 1::2] = np.sin(table[:, 0::2]), np.cos(table[:, 1::2])
    return table


def fill_in_model(max_len=10, vocab=30, dim=8):
    tokens = layers.Input((max_len,), dtype="int64")
    words = layers.Embedding(vocab, dim, name="word_embedding")(tokens)
    positions = layers.Embedding(
        max_len, dim, embeddings_initializer=keras.initializers.Constant(sine_table(max_len, dim))
    )(tf.range(start=0, limit=max_len, delta=1))
    x = words + positions
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x, x))
    model = FillInModel(tokens, layers.Dense(vocab, activation="softmax", name="mlm_cls")(x), name="fill_in")
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3))
    return model


def inputs():
    return np.random.default_rng(0).integers(0, 10, size=(4, 10))


def make():
    model = fill_in_model()
    x = inputs()
    model.fit(x, x, sample_weight=np.ones(x.shape, "float32"), epochs=1, verbose=0)
    return model


BUILDER = ("fill_in_model", {"vocab": 30})
