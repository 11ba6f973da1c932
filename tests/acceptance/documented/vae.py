"""Variational autoencoder: encoder and decoder handed to a model with its own train_step."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        mean, log_var = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    @property
    def metrics(self):
        return [self.loss_tracker, self.kl_tracker]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(data)
            rebuilt = self.decoder(z)
            error = ops.mean(ops.sum(ops.square(data - rebuilt), axis=(1, 2, 3)))
            kl = -0.5 * ops.mean(ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=1))
            loss = error + kl
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.loss_tracker.update_state(loss)
        self.kl_tracker.update_state(kl)
        return {m.name: m.result() for m in self.metrics}


def make_parts(latent_dim=2):
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Dense(8, activation="relu")(layers.Flatten()(x))
    mean, log_var = layers.Dense(latent_dim)(x), layers.Dense(latent_dim)(x)
    encoder = keras.Model(image, [mean, log_var, Sampling()([mean, log_var])], name="encoder")
    z = keras.Input((latent_dim,))
    y = layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(z))
    y = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(y)
    return encoder, keras.Model(z, y, name="decoder")


def training_data():
    return (np.random.default_rng(0).random((8, 8, 8, 1)).astype("float32"),)


def make():
    vae = VAE(*make_parts())
    vae.compile(optimizer=keras.optimizers.Adam())
    vae.fit(*training_data(), epochs=1, verbose=0)
    return vae


def make_untrained(latent_dim):
    vae = VAE(*make_parts(latent_dim))
    vae.compile(optimizer=keras.optimizers.Adam())
    return vae


USE = "decoder"
BUILDER = ("make_untrained", {"latent_dim": 2})


def inputs():
    return np.random.default_rng(1).normal(size=(3, 2)).astype("float32")
