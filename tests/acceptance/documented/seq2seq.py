"""Sequence to sequence with additive attention: encoder, attention and decoder as layers in a subclassed model."""

import keras
import numpy as np
import tensorflow as tf


class Encoder(keras.layers.Layer):
    def __init__(self, vocab_size, embedding_dim, enc_units):
        super().__init__()
        self.embedding = keras.layers.Embedding(vocab_size, embedding_dim)
        self.gru = keras.layers.GRU(enc_units, return_sequences=True, return_state=True)

    def call(self, x):
        return self.gru(self.embedding(x))


class BahdanauAttention(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.W1 = keras.layers.Dense(units)
        self.W2 = keras.layers.Dense(units)
        self.V = keras.layers.Dense(1)

    def call(self, query, values):
        score = self.V(tf.nn.tanh(self.W1(query)[:, :, None] + self.W2(values)[:, None]))
        weights = tf.nn.softmax(score, axis=2)
        return tf.reduce_sum(weights * values[:, None], axis=2)


class Decoder(keras.layers.Layer):
    def __init__(self, vocab_size, embedding_dim, dec_units):
        super().__init__()
        self.embedding = keras.layers.Embedding(vocab_size, embedding_dim)
        self.gru = keras.layers.GRU(dec_units, return_sequences=True)
        self.fc = keras.layers.Dense(vocab_size)
        self.attention = BahdanauAttention(dec_units)

    def call(self, x, enc_output, enc_state):
        x = self.gru(self.embedding(x), initial_state=enc_state)
        return self.fc(tf.concat([x, self.attention(x, enc_output)], axis=-1))


class Translator(keras.Model):
    def __init__(self, units, source_vocab, target_vocab):
        super().__init__()
        self.encoder = Encoder(len(source_vocab), units, units)
        self.decoder = Decoder(len(target_vocab), units, units)

    def call(self, inputs):
        enc_output, enc_state = self.encoder(inputs["source"])
        return self.decoder(inputs["target"], enc_output, enc_state)


def masked_loss(y_true, y_pred):
    loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    mask = tf.cast(y_true != 0, loss.dtype)
    return tf.reduce_sum(loss * mask) / tf.reduce_sum(mask)


def build(source_vocab, target_vocab):
    model = Translator(6, source_vocab, target_vocab)
    model.compile(optimizer="adam", loss=masked_loss)
    return model


SOURCE = ["", "ich", "bin", "hier", "du", "bist"]
TARGET = ["", "i", "am", "here", "you", "are", "there"]


def inputs():
    rng = np.random.default_rng(0)
    return {"source": rng.integers(1, 6, size=(4, 5)), "target": rng.integers(1, 7, size=(4, 6))}


def training_data():
    return inputs(), np.random.default_rng(1).integers(1, 7, size=(4, 6))


def make():
    model = build(SOURCE, TARGET)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("build", {"source_vocab": SOURCE, "target_vocab": TARGET})
