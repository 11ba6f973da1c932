"""TabTransformer: dict of raw inputs, string lookups with vocabularies, column embeddings in a custom layer."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

NUMERIC = ["age", "hours"]
CATEGORICAL = {"work": ["private", "state", "self"], "sex": ["f", "m"]}


class ColumnEmbedding(layers.Layer):
    def __init__(self, vocabularies, dims):
        super().__init__(name="columns")
        self.lookups = {k: layers.StringLookup(vocabulary=v, mask_token=None) for k, v in vocabularies.items()}
        self.embeddings = {k: layers.Embedding(len(v) + 1, dims) for k, v in vocabularies.items()}
        self.column = layers.Embedding(len(vocabularies), dims)

    def call(self, features):
        stack = tf.stack([self.embeddings[k](self.lookups[k](features[k])) for k in sorted(self.lookups)], axis=1)
        return stack + self.column(tf.range(len(self.lookups)))


def mlp(units, dropout_rate, activation, normalization_layer, name=None):
    parts = []
    for unit in units:
        parts += [normalization_layer(), layers.Dense(unit, activation=activation), layers.Dropout(dropout_rate)]
    return keras.Sequential(parts, name=name)


def tab_transformer(dims=4, blocks=2):
    feats = {name: keras.Input((), name=name, dtype="float32") for name in NUMERIC}
    feats |= {name: keras.Input((), name=name, dtype="string") for name in CATEGORICAL}
    x = ColumnEmbedding(CATEGORICAL, dims)({k: feats[k] for k in CATEGORICAL})
    for i in range(blocks):
        attended = layers.MultiHeadAttention(2, dims, name=f"attention_{i}")(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([attended, x]))
    numeric = layers.LayerNormalization()(layers.Concatenate()([layers.Reshape((1,))(feats[n]) for n in NUMERIC]))
    x = layers.concatenate([layers.Flatten()(x), numeric])
    x = mlp([8], 0.2, keras.activations.selu, layers.BatchNormalization, name="MLP")(x)
    model = keras.Model(feats, layers.Dense(1, activation="sigmoid")(x))
    model.compile(
        optimizer="adam",
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy")],
    )
    return model


def inputs():
    return {
        "age": np.array([20.0, 30.0, 40.0], "float32"),
        "hours": np.array([8.0, 40.0, 35.0], "float32"),
        "work": np.array(["private", "unknown", "self"]),
        "sex": np.array(["f", "m", "f"]),
    }


def make():
    model = tab_transformer()
    x = {k: tf.constant(v) for k, v in inputs().items()}
    model.fit(tf.data.Dataset.from_tensor_slices((x, tf.constant([[0.0], [1.0], [1.0]]))).batch(3), verbose=0)
    return model


BUILDER = ("tab_transformer", {"blocks": 2})
