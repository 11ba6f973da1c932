"""Gated residual networks and variable selection: lists of layers sized by constructor arguments."""

import keras
import numpy as np
from keras import layers, ops


class Gate(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.linear = layers.Dense(units)
        self.sigmoid = layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        return self.linear(inputs) * self.sigmoid(inputs)


class GatedResidual(layers.Layer):
    def __init__(self, units, dropout_rate):
        super().__init__()
        self.units = units
        self.first = layers.Dense(units, activation="elu")
        self.second = layers.Dense(units)
        self.dropout = layers.Dropout(dropout_rate)
        self.gate = Gate(units)
        self.layer_norm = layers.LayerNormalization()
        self.project = layers.Dense(units)

    def call(self, inputs):
        x = self.dropout(self.second(self.first(inputs)))
        if inputs.shape[-1] != self.units:
            inputs = self.project(inputs)
        return self.layer_norm(inputs + self.gate(x))


class VariableSelection(layers.Layer):
    def __init__(self, num_features, units, dropout_rate):
        super().__init__()
        self.units = units
        self.members = list()
        for idx in range(num_features):
            self.members.append(GatedResidual(units, dropout_rate))
        self.weigh = GatedResidual(units, dropout_rate)
        self.softmax = layers.Dense(units=num_features, activation="softmax")

    def call(self, inputs):
        v = self.softmax(self.weigh(layers.concatenate(inputs)))
        x = ops.stack([grn(value) for grn, value in zip(self.members, inputs)], axis=1)
        return ops.squeeze(ops.matmul(ops.expand_dims(v, 1), x), axis=1)


def create_model(units=6, dropout_rate=0.2):
    feats = {name: keras.Input((3,), name=name) for name in ("a", "b", "c")}
    features = VariableSelection(3, units, dropout_rate)(list(feats.values()))
    model = keras.Model(feats, layers.Dense(1, activation="sigmoid")(GatedResidual(units, dropout_rate)(features)))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["AUC"])
    return model


def inputs():
    return {name: np.random.default_rng(i).normal(size=(4, 3)).astype("float32") for i, name in enumerate("abc")}


def training_data():
    return inputs(), np.array([[0.0], [1.0], [1.0], [0.0]], "float32")


def make():
    model = create_model()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("create_model", {"units": 6})
