import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import sys

import numpy as np
import tensorflow as tf
import keras
from keras import ops
from keras import layers

from bundler import bundle

keras.utils.set_random_seed(11)

latent_dim = 2
beta = 0.1


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the vector encoding a picture."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


def build_encoder():
    encoder_inputs = keras.Input(shape=(12, 12, 1))
    x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(encoder_inputs)
    x = layers.Conv2D(16, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    z_mean = layers.Dense(latent_dim, name="z_mean")(x)
    z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)
    z = Sampling()([z_mean, z_log_var])
    return keras.Model(encoder_inputs, [z_mean, z_log_var, z], name="encoder")


def build_decoder():
    latent_inputs = keras.Input(shape=(latent_dim,))
    x = layers.Dense(3 * 3 * 16, activation="relu")(latent_inputs)
    x = layers.Reshape((3, 3, 16))(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    decoder_outputs = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    return keras.Model(latent_inputs, decoder_outputs, name="decoder")


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [
            self.total_loss_tracker,
            self.reconstruction_loss_tracker,
            self.kl_loss_tracker,
        ]

    def _elbo(self, data, training):
        z_mean, z_log_var, z = self.encoder(data, training=training)
        reconstruction = self.decoder(z, training=training)
        reconstruction_loss = ops.mean(
            ops.sum(keras.losses.binary_crossentropy(data, reconstruction), axis=(1, 2))
        )
        kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
        return reconstruction_loss + beta * kl_loss, reconstruction_loss, kl_loss

    def _track(self, total, rec, kl):
        self.total_loss_tracker.update_state(total)
        self.reconstruction_loss_tracker.update_state(rec)
        self.kl_loss_tracker.update_state(kl)
        return {
            "loss": self.total_loss_tracker.result(),
            "reconstruction_loss": self.reconstruction_loss_tracker.result(),
            "kl_loss": self.kl_loss_tracker.result(),
        }

    def train_step(self, data):
        with tf.GradientTape() as tape:
            total, rec, kl = self._elbo(data, training=True)
        grads = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        return self._track(total, rec, kl)

    def test_step(self, data):
        return self._track(*self._elbo(data, training=False))

    def reconstruct(self, images):
        """Decode the mean of the posterior: no noise."""
        z_mean, _, _ = self.encoder(ops.convert_to_tensor(images))
        return self.decoder(z_mean)


def make_bars(n, rng):
    """A horizontal or a vertical bar, somewhere."""
    pics = np.zeros((n, 12, 12, 1), "float32")
    for i in range(n):
        at, lo, hi = rng.integers(1, 10), rng.integers(0, 4), rng.integers(8, 12)
        if rng.random() < 0.5:
            pics[i, at : at + 2, lo:hi] = 1.0
        else:
            pics[i, lo:hi, at : at + 2] = 1.0
    return pics


def plot_latent_space(vae, n=8, figsize=6, path=None):
    import matplotlib.pyplot as plt

    grid = np.linspace(-1.5, 1.5, n)
    rows = [np.hstack([np.asarray(vae.decoder(np.array([[xi, yi]])))[0, ..., 0] for xi in grid]) for yi in grid[::-1]]
    plt.figure(figsize=(figsize, figsize))
    plt.imshow(np.vstack(rows), cmap="Greys_r")
    plt.xlabel("z[0]")
    plt.ylabel("z[1]")
    plt.savefig(path) if path else plt.show()


if __name__ == "__main__":
    out, numbers = sys.argv[1:3]
    rng = np.random.default_rng(3)
    bars = make_bars(256, rng)

    encoder, decoder = build_encoder(), build_decoder()
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(3e-3))
    vae.fit(bars, epochs=25, batch_size=32, verbose=2)
    print(vae.evaluate(bars[:64], verbose=0, return_dict=True))

    test = make_bars(5, rng)
    y = vae.reconstruct(test).numpy()

    bundle(vae, out)
    # The next training step draws noise, so there is no batch to compare afterwards.
    np.savez(numbers, x=test, y=y)
