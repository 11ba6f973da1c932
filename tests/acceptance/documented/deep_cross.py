"""Deep and cross network: features by name, vocabularies collected from the data in the constructor's caller."""

import keras
import numpy as np
import tensorflow as tf


class Cross(keras.layers.Layer):
    def __init__(self, projection_dim=None, diag_scale=0.0, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self._projection_dim = projection_dim
        self._diag_scale = diag_scale
        self._use_bias = use_bias

    def build(self, input_shape):
        dim = input_shape[-1]
        if self._projection_dim is None:
            self._dense = keras.layers.Dense(dim, use_bias=self._use_bias)
        else:
            self._dense_u = keras.layers.Dense(self._projection_dim, use_bias=False)
            self._dense_v = keras.layers.Dense(dim, use_bias=self._use_bias)
        self.built = True

    def call(self, x0, x=None):
        x = x0 if x is None else x
        out = self._dense(x) if self._projection_dim is None else self._dense_v(self._dense_u(x))
        return x0 * (out + self._diag_scale * x) + x


class DCN(keras.Model):
    def __init__(self, vocabularies, deep_layer_sizes, use_cross=True, projection_dim=None):
        super().__init__()
        self._names = list(vocabularies)
        self._embeddings = {}
        for feature, vocabulary in vocabularies.items():
            lookup = keras.layers.IntegerLookup if isinstance(vocabulary[0], int) else keras.layers.StringLookup
            self._embeddings[feature] = keras.Sequential(
                [lookup(vocabulary=vocabulary, mask_token=None), keras.layers.Embedding(len(vocabulary) + 1, 4)]
            )
        self._cross = Cross(projection_dim=projection_dim) if use_cross else None
        self._deep = [keras.layers.Dense(size, activation="relu") for size in deep_layer_sizes]
        self._score = keras.layers.Dense(1)

    def call(self, features):
        x = tf.concat([self._embeddings[name](features[name]) for name in self._names], axis=1)
        if self._cross is not None:
            x = self._cross(x)
        for layer in self._deep:
            x = layer(x)
        return self._score(x)


VOCABULARIES = {"movie": ["alien", "brazil", "casablanca"], "zip": [10115, 20095], "job": ["artist", "lawyer"]}


def make_untrained(vocabularies, sizes):
    model = DCN(vocabularies, sizes, projection_dim=3)
    model.compile(
        optimizer=keras.optimizers.Adagrad(0.05), loss="mse", metrics=[keras.metrics.RootMeanSquaredError("RMSE")]
    )
    return model


def inputs():
    return {
        "movie": np.array(["alien", "dune", "brazil"]),
        "zip": np.array([10115, 1, 20095]),
        "job": np.array(["artist", "lawyer", "nurse"]),
    }


def make():
    model = make_untrained(VOCABULARIES, [8, 4])
    x = {name: tf.constant(value) for name, value in inputs().items()}
    model.fit(tf.data.Dataset.from_tensor_slices((x, [[4.0], [3.0], [5.0]])).batch(3), verbose=0)
    return model


BUILDER = ("make_untrained", {"vocabularies": VOCABULARIES, "sizes": [8, 4]})
