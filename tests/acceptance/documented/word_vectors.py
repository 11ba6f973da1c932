"""Text classifier over pretrained word vectors: a NumPy matrix as constructor argument, attention pooling with a mask."""

import keras
import numpy as np
from keras import layers, ops


class PretrainedEmbedding(layers.Layer):
    def __init__(self, embedding_matrix, trainable=False, **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.vocab, self.dim = embedding_matrix.shape
        self.embedding = layers.Embedding(
            self.vocab, self.dim, embeddings_initializer=keras.initializers.Constant(embedding_matrix), mask_zero=True
        )

    def call(self, tokens):
        return self.embedding(tokens)

    def compute_mask(self, tokens, mask=None):
        return ops.not_equal(tokens, 0)


class AttentionPooling(layers.Layer):
    def __init__(self, position_prior, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.prior = position_prior
        self.score = layers.Dense(1)

    def call(self, x, mask=None):
        s = self.score(x)[..., 0] + self.prior
        if mask is not None:
            s = ops.where(mask, s, -1e9)
        return ops.sum(x * ops.softmax(s)[..., None], axis=1)

    def compute_mask(self, x, mask=None):
        return None


def classifier(matrix, length):
    tokens = keras.Input((length,), dtype="int32")
    x = PretrainedEmbedding(matrix)(tokens)
    x = AttentionPooling(np.linspace(1.0, 0.0, length).astype("float32"))(x)
    model = keras.Model(tokens, layers.Dense(1, activation="sigmoid")(x))
    model.compile("rmsprop", "binary_crossentropy", metrics=["acc"])
    return model


def from_shape(vocab, dim, length):
    return classifier(np.zeros((vocab, dim), "float32"), length)


def inputs():
    return np.random.default_rng(0).integers(0, 20, size=(4, 7)).astype("int32")


def training_data():
    return inputs(), np.array([[0.0], [1], [1], [0]], "float32")


def make():
    model = classifier(np.random.default_rng(5).normal(size=(20, 6)).astype("float32"), 7)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("from_shape", {"vocab": 20, "dim": 6, "length": 7})
