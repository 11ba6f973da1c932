"""PointNet: transformation nets with an orthogonality regularizer whose class has no get_config."""

import keras
import numpy as np
from keras import layers, ops


class NearOrthogonal(keras.regularizers.Regularizer):
    def __init__(self, size, strength=0.001):
        self.size = size
        self.strength = strength
        self.eye = np.eye(size).astype("float32")

    def __call__(self, x):
        x = ops.reshape(x, (-1, self.size, self.size))
        gram = ops.reshape(ops.tensordot(x, x, axes=(2, 2)), (-1, self.size, self.size))
        return ops.sum(self.strength * ops.square(gram - self.eye))


def conv_bn(x, filters):
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.0)(layers.Conv1D(filters, 1)(x)))


def tnet(inputs, size):
    bias = keras.initializers.Constant(np.eye(size).flatten())
    x = layers.GlobalMaxPooling1D()(conv_bn(inputs, 8))
    x = layers.Dense(
        size * size,
        kernel_initializer="zeros",
        bias_initializer=bias,
        activity_regularizer=NearOrthogonal(size),
    )(x)
    return layers.Dot(axes=(2, 1))([inputs, layers.Reshape((size, size))(x)])


def build(points=16, classes=3):
    cloud = keras.Input((points, 3))
    x = tnet(conv_bn(tnet(cloud, 3), 4), 4)
    x = layers.Dropout(0.3)(layers.Dense(8, activation="relu")(layers.GlobalMaxPooling1D()(conv_bn(x, 8))))
    model = keras.Model(cloud, layers.Dense(classes, activation="softmax")(x), name="pointnet")
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["sparse_categorical_accuracy"])
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(4, 16, 3)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 0])


def make():
    model = build()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("build", {"points": 16, "classes": 3})
