import sys

import numpy as np
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from bundler import bundle
from quantizer import VectorQuantizerEMA

LATENT_DIM = 8
NUM_CODES = 24
keras.utils.set_random_seed(1234)


def blobs(n, size=16):
    """Digits would need a download; bars and crosses do as well."""
    rng = np.random.default_rng(0)
    out = np.zeros((n, size, size, 1), "float32")
    for i in range(n):
        r, c = rng.integers(2, size - 2, 2)
        kind = rng.integers(3)
        if kind != 1:
            out[i, r - 1:r + 1] = 1.0
        if kind != 0:
            out[i, :, c - 1:c + 1] = 1.0
    return out * 0.9 + rng.uniform(0, 0.1, out.shape).astype("float32")


class ResidualStack(layers.Layer):
    def __init__(self, hidden, res_hidden, n=2, **kw):
        super().__init__(**kw)
        self.blocks = [
            keras.Sequential([
                layers.ReLU(),
                layers.Conv2D(res_hidden, 3, padding="same", use_bias=False),
                layers.LeakyReLU(negative_slope=0.1),
                layers.Conv2D(hidden, 1, use_bias=False),
            ])
            for _ in range(n)
        ]

    def call(self, h):
        for block in self.blocks:
            h = h + block(h)
        return tf.nn.relu(h)


def get_encoder(latent_dim=16):
    inp = keras.Input(shape=(16, 16, 1))
    x = layers.Conv2D(12, 3, activation="relu", strides=2, padding="same")(inp)
    x = layers.Conv2D(16, 3, activation="relu", strides=2, padding="same")(x)
    x = ResidualStack(16, 8)(x)
    return keras.Model(inp, layers.Conv2D(latent_dim, 1, padding="same")(x), name="encoder")


def get_decoder(latent_dim=16):
    latent_inputs = keras.Input(shape=get_encoder(latent_dim).output.shape[1:])
    x = ResidualStack(latent_dim, 8, n=1)(latent_inputs)
    x = layers.Conv2DTranspose(16, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(12, 3, activation="relu", strides=2, padding="same")(x)
    return keras.Model(latent_inputs, layers.Conv2DTranspose(1, 3, padding="same")(x), name="decoder")


def get_vqvae(latent_dim=16, num_embeddings=64):
    vq_layer = VectorQuantizerEMA(num_embeddings, latent_dim, decay=0.9, name="vector_quantizer")
    encoder = get_encoder(latent_dim)
    decoder = get_decoder(latent_dim)
    inputs = keras.Input(shape=(16, 16, 1))
    return keras.Model(inputs, decoder(vq_layer(encoder(inputs))), name="vq_vae")


class VQVAETrainer(keras.models.Model):
    def __init__(self, train_variance, latent_dim=32, num_embeddings=128, **kwargs):
        super().__init__(**kwargs)
        self.train_variance = train_variance
        self.latent_dim = latent_dim
        self.num_embeddings = num_embeddings
        self.vqvae = get_vqvae(self.latent_dim, self.num_embeddings)
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.vq_loss_tracker = keras.metrics.Mean(name="vq_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.vq_loss_tracker,
                self.vqvae.get_layer("vector_quantizer").perplexity]

    def call(self, x, training=False):
        return self.vqvae(x, training=training)

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            reconstructions = self.vqvae(x, training=True)
            reconstruction_loss = tf.reduce_mean((x - reconstructions) ** 2) / self.train_variance
            total_loss = reconstruction_loss + sum(self.vqvae.losses)

        grads = tape.gradient(total_loss, self.vqvae.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.vqvae.trainable_variables))

        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.vq_loss_tracker.update_state(sum(self.vqvae.losses))
        return {m.name: m.result() for m in self.metrics}


x_train = blobs(160)
x_test = blobs(200)[160:176]
data_variance = np.var(x_train)

vqvae_trainer = VQVAETrainer(data_variance, latent_dim=LATENT_DIM, num_embeddings=NUM_CODES)
vqvae_trainer.compile(optimizer=keras.optimizers.Adam(3e-3), jit_compile=False)
history = vqvae_trainer.fit(x_train, epochs=6, batch_size=32, verbose=2)


def show_subplot(original, reconstructed):
    plt.subplot(1, 2, 1)
    plt.imshow(original.squeeze())
    plt.title("Original")
    plt.axis("off")
    plt.subplot(1, 2, 2)
    plt.imshow(reconstructed.squeeze())
    plt.title("Reconstructed")
    plt.axis("off")
    plt.close()


y = vqvae_trainer.predict(x_test, verbose=0)
for a, b in zip(x_test[:2], y[:2]):
    show_subplot(a, b)

quantizer = vqvae_trainer.vqvae.get_layer("vector_quantizer")
codes = vqvae_trainer.vqvae.get_layer("encoder").predict(x_test, verbose=0).reshape(-1, LATENT_DIM)
print("codes used:", len(np.unique(quantizer.get_code_indices(codes).numpy())), "of", NUM_CODES)

bundle(vqvae_trainer, sys.argv[1])

fx = x_train[:32]
vqvae_trainer.train_on_batch(fx, fx)
after = vqvae_trainer.predict(x_test, verbose=0)
np.savez(sys.argv[2], x=x_test, y=y, fx=fx, fy=fx, after=after)
