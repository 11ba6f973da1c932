"""Capsule network: dynamic routing, a squash function, capsule lengths by lambda, margin loss, masked decoder."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def squash(v, axis=-1):
    n = tf.reduce_sum(tf.square(v), axis=axis, keepdims=True)
    return n / (1 + n) * v / tf.sqrt(n + 1e-7)


class Mask(layers.Layer):
    def call(self, inputs):
        capsules, label = inputs
        return tf.reshape(capsules * label[..., None], (-1, capsules.shape[1] * capsules.shape[2]))


class CapsuleLayer(layers.Layer):
    def __init__(self, n_caps, width, routings=3, kernel_initializer="glorot_uniform", **kwargs):
        super(CapsuleLayer, self).__init__(**kwargs)
        self.n_caps = n_caps
        self.width = width
        self.routings = routings
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.W = self.add_weight(
            shape=[self.n_caps, input_shape[1], self.width, input_shape[2]],
            initializer=self.kernel_initializer,
            name="W",
        )

    def call(self, inputs):
        votes = tf.einsum("bid,nipd->bnip", inputs, self.W)
        logits = tf.zeros_like(votes[..., 0])
        for i in range(self.routings):
            outputs = squash(tf.einsum("bni,bnip->bnp", tf.nn.softmax(logits, axis=1), votes))
            if i < self.routings - 1:
                logits += tf.einsum("bnp,bnip->bni", outputs, votes)
        return outputs

    def get_config(self):
        config = {"n_caps": self.n_caps, "width": self.width}
        return {**super().get_config(), **config}


def margin_loss(y_true, y_pred):
    per_class = y_true * tf.square(tf.maximum(0.0, 0.9 - y_pred)) + 0.5 * (1 - y_true) * tf.square(
        tf.maximum(0.0, y_pred - 0.1)
    )
    return tf.reduce_mean(tf.reduce_sum(per_class, 1))


def capsule_net(n_class=3, routings=2):
    x = layers.Input(shape=(8, 8, 1))
    primary = layers.Conv2D(8, 3, strides=2)(layers.Conv2D(4, 3, activation="relu")(x))
    primary = layers.Lambda(squash, name="primarycap_squash")(layers.Reshape((-1, 4))(primary))
    digit = CapsuleLayer(n_class, 4, routings, keras.initializers.RandomNormal(stddev=5.0), name="digits")(primary)
    lengths = layers.Lambda(lambda z: tf.sqrt(tf.reduce_sum(tf.square(z), axis=-1) + 1e-7), name="lengths")(digit)
    y = layers.Input(shape=(n_class,))
    rebuilt = layers.Reshape((8, 8, 1), name="decoder")(layers.Dense(64, activation="sigmoid")(Mask()([digit, y])))
    model = keras.Model([x, y], [lengths, rebuilt])
    model.compile(optimizer="adam", loss=[margin_loss, "mse"], loss_weights=[1.0, 0.392])
    return model


def inputs():
    return [np.random.default_rng(0).random((3, 8, 8, 1)).astype("float32"), np.eye(3, dtype="float32")]


def training_data():
    return inputs(), [inputs()[1], inputs()[0]]


def make():
    model = capsule_net()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("capsule_net", {"n_class": 3, "routings": 2})
