"""Transformer block text classifier: layers with constructor arguments, no get_config, no **kwargs."""

import keras
import numpy as np
from keras import layers, ops


class EncoderBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropattended = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        attended = self.norm1(inputs + self.dropattended(self.attention(inputs, inputs)))
        return self.norm2(attended + self.dropout2(self.ffn(attended)))


class PositionalEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.words = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.places = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = self.places(ops.arange(0, ops.shape(x)[-1], 1))
        return self.words(x) + positions


def get_model(maxlen=12, vocab_size=50):
    inp = layers.Input(shape=(maxlen,))
    x = PositionalEmbedding(maxlen, vocab_size, 8)(inp)
    x = EncoderBlock(8, 2, 16)(x)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inp, layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def inputs():
    return np.random.default_rng(0).integers(0, 50, size=(4, 12)).astype("int32")


def training_data():
    return inputs(), np.array([0, 1, 1, 0])


def make():
    model = get_model()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("get_model", {"maxlen": 12})
