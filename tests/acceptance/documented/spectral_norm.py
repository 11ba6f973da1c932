"""Weight-normalising wrapper with power iterations: swaps the wrapped kernel, keeps a vector as state."""

import keras
import numpy as np
from keras import ops


class SpectralNorm(keras.layers.Wrapper):
    def __init__(self, layer, iterations=1, eps=1e-6):
        super().__init__(layer)
        self.n_iter = iterations
        self.eps = eps

    def build(self, input_shape):
        super().build(input_shape)
        self.w = self.layer.kernel
        self.u = self.add_weight(shape=(1, self.w.shape[-1]), initializer="random_normal", trainable=False, name="sn_u")

    def call(self, inputs, training=None):
        if training:
            w = ops.reshape(self.w, (-1, self.w.shape[-1]))
            u = self.u
            for _ in range(self.n_iter):
                v = ops.matmul(u, ops.transpose(w))
                v = v / (ops.norm(v) + self.eps)
                u = ops.matmul(v, w)
                u = u / (ops.norm(u) + self.eps)
            sigma = ops.matmul(ops.matmul(v, w), ops.transpose(u))
            self.u.assign(ops.stop_gradient(u))
            self.w.assign(self.w / ops.squeeze(sigma))
        return self.layer(inputs)


def critic(filters=4, iterations=2):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            SpectralNorm(keras.layers.Conv2D(filters, 3, strides=2), iterations=iterations),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.Flatten(),
            SpectralNorm(keras.layers.Dense(1)),
        ]
    )
    model.compile("adam", "hinge")
    return model


def inputs():
    return np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")


def training_data():
    return inputs(), np.array([[1.0], [-1.0], [1.0], [-1.0]], "float32")


def make():
    model = critic()
    model.fit(*training_data(), epochs=2, verbose=0)
    return model


BUILDER = ("critic", {"filters": 4})
