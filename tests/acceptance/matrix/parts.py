"""Custom code as its authors write it, which the bundles carry: nothing of kbundle is in here."""

import keras
from keras import ops


class Gain(keras.layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.start))

    def call(self, inputs):
        return inputs * self.gain

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class Attention(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.score = keras.layers.Dense(units, activation="tanh")
        self.weight = keras.layers.Dense(1)

    def build(self, input_shape):
        self.score.build(input_shape)
        self.weight.build((*input_shape[:-1], self.units))

    def call(self, sequence):
        share = ops.softmax(self.weight(self.score(sequence)), axis=1)
        return ops.sum(share * sequence, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Asymmetric(keras.losses.Loss):
    def __init__(self, below=2.0, name="asymmetric", **kwargs):
        super().__init__(name=name, **kwargs)
        self.below = below

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.where(error > 0, self.below * error, -error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "below": self.below}


class Within(keras.metrics.Metric):
    def __init__(self, limit=0.5, name="within", **kwargs):
        super().__init__(name=name, **kwargs)
        self.limit = limit
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.seen = self.add_weight(name="seen", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        near = ops.cast(ops.abs(y_true - y_pred) < self.limit, "float32")
        self.hits.assign_add(ops.sum(near))
        self.seen.assign_add(ops.cast(ops.size(near), "float32"))

    def result(self):
        return self.hits / ops.maximum(self.seen, 1.0)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


class TwoTowers(keras.Model):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.left = keras.layers.Dense(width, activation="relu")
        self.right = keras.layers.Dense(width, activation=swish_of_half)
        self.head = keras.layers.Dense(1)

    def call(self, inputs, training=None):
        return self.head(ops.concatenate([self.left(inputs), self.right(inputs)], axis=-1))

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def swish_of_half(x):
    return x * ops.sigmoid(x / 2)


def huber_like(y_true, y_pred):
    error = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(error < 1.0, error * error / 2, error - 0.5), axis=-1)
