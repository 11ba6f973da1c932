import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

__all__ = ["ChannelMixer", "TiedDecoder", "softsnake", "UnitColumns", "_FOURIER"]

# fixed analysis basis for windows of up to 32 samples
_FOURIER = np.stack(
    [np.cos(np.pi * k * (np.arange(32) + 0.5) / 32) for k in range(8)], axis=1
).astype(np.float32) / 4.0


@keras.saving.register_keras_serializable(package="sensorguard")
def softsnake(x):
    return x + 0.25 * ops.square(ops.sin(2.0 * x))


@keras.saving.register_keras_serializable(package="sensorguard")
class UnitColumns(keras.constraints.Constraint):
    def __call__(self, w):
        return w / ops.maximum(ops.norm(w, axis=0, keepdims=True), 1.0)


@keras.saving.register_keras_serializable(package="sensorguard")
class ChannelMixer(layers.Layer):
    """Projects (time, channels) on the fixed basis and mixes channels."""

    def __init__(self, units, activation=softsnake, n_basis=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.n_basis = n_basis

    def build(self, input_shape):
        self.t, self.c = input_shape[1], input_shape[2]
        self.basis = ops.convert_to_tensor(_FOURIER[: self.t, : self.n_basis])
        self.kernel = self.add_weight(
            shape=(self.n_basis * self.c, self.units),
            initializer="he_normal",
            constraint=UnitColumns(),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x):
        coef = tf.einsum("btc,tk->bkc", x, self.basis)
        flat = ops.reshape(coef, (-1, self.n_basis * self.c))
        return self.activation(ops.matmul(flat, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        return {"units": self.units, "activation": self.activation, "basis": self.n_basis}


@keras.saving.register_keras_serializable(package="sensorguard")
class TiedDecoder(layers.Layer):
    """Runs a ChannelMixer backwards, sharing its kernel."""

    def __init__(self, mixer, **kwargs):
        super().__init__(**kwargs)
        self.mixer = mixer

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(self.mixer.t, self.mixer.c), initializer="zeros", name="offset")

    def call(self, h):
        m = self.mixer
        coef = tf.reshape(tf.matmul(h, m.kernel, transpose_b=True), [-1, m.n_basis, m.c])
        return tf.einsum("bkc,tk->btc", coef, m.basis) + self.offset
