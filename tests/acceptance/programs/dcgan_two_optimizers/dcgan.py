"""DCGAN on little 16x16 blobs, with train_step overridden.

    python dcgan.py --bundle gan.kbundle --numbers check.npz
"""
import argparse
import os
import tempfile

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from bundler import bundle

parser = argparse.ArgumentParser()
parser.add_argument("--bundle", required=True)
parser.add_argument("--numbers", required=True)
parser.add_argument("--latent_dim", type=int, default=24)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--seed", type=int, default=1234)
args = parser.parse_args()

keras.utils.set_random_seed(args.seed)
latent_dim = args.latent_dim

# ---------------------------------------------------------------------------------------
# "Faces": soft discs of random centre and radius, scaled to [-1, 1] like tanh wants it.


def make_discs(n, size=16):
    rng = np.random.default_rng(args.seed)
    yy, xx = np.mgrid[:size, :size]
    cy, cx = rng.uniform(5, 11, (2, n, 1, 1))
    r = rng.uniform(2.5, 5, (n, 1, 1))
    d = np.sqrt((yy[None] - cy) ** 2 + (xx[None] - cx) ** 2)
    return (np.tanh(r - d)[..., None]).astype("float32")


images = make_discs(128)
# the usual (image, label) pairs; a GAN has no use for the labels
labels = np.zeros((len(images),), "int32")
dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(args.batch_size, drop_remainder=True)

# ---------------------------------------------------------------------------------------

weight_init = keras.initializers.RandomNormal(mean=0.0, stddev=0.02, seed=args.seed)

discriminator = keras.Sequential(
    [
        keras.Input(shape=(16, 16, 1)),
        layers.Conv2D(16, kernel_size=4, strides=2, padding="same", kernel_initializer=weight_init),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Conv2D(32, kernel_size=4, strides=2, padding="same", kernel_initializer=weight_init),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Flatten(),
        layers.Dense(1),
    ],
    name="discriminator",
)

generator = keras.Sequential(
    [
        keras.Input(shape=(latent_dim,)),
        layers.Dense(4 * 4 * 32),
        layers.Reshape((4, 4, 32)),
        layers.Conv2DTranspose(32, kernel_size=4, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Conv2DTranspose(16, kernel_size=4, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Conv2D(1, kernel_size=5, padding="same", activation="tanh"),
    ],
    name="generator",
)


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def call(self, latent):
        return self.generator(latent, training=False)

    def _noise(self, batch_size, stream):
        step = tf.cast(self.d_optimizer.iterations, tf.int32)
        return tf.random.stateless_normal((batch_size, self.latent_dim), seed=tf.stack([args.seed + stream, step]))

    def train_step(self, data):
        real_images = data[0] if isinstance(data, (tuple, list)) else data
        batch_size = tf.shape(real_images)[0]

        # one-sided label smoothing for the real ones
        real_labels = tf.fill([batch_size, 1], 0.9)
        fake_labels = tf.zeros([batch_size, 1])

        with tf.GradientTape() as tape:
            fakes = self.generator(self._noise(batch_size, 0), training=True)
            real_logits = self.discriminator(real_images, training=True)
            fake_logits = self.discriminator(fakes, training=True)
            d_loss = 0.5 * (self.loss_fn(real_labels, real_logits) + self.loss_fn(fake_labels, fake_logits))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))

        # Train the generator (the discriminator's weights are not in the list, so they stay)
        with tf.GradientTape() as tape:
            fake_logits = self.discriminator(self.generator(self._noise(batch_size, 1), training=True))
            g_loss = self.loss_fn(tf.ones([batch_size, 1]), fake_logits)
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))

        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


class GANMonitor(keras.callbacks.Callback):
    def __init__(self, folder, num_img=3, latent_dim=128):
        self.folder = folder
        self.num_img = num_img
        self.latent = tf.random.stateless_normal((num_img, latent_dim), seed=(0, 1))

    def on_epoch_end(self, epoch, logs=None):
        generated = self.model.generator(self.latent).numpy()
        for i in range(self.num_img):
            plt.imsave(os.path.join(self.folder, f"img_{epoch:03d}_{i}.png"), generated[i, ..., 0], cmap="gray")


gan = GAN(discriminator=discriminator, generator=generator, latent_dim=latent_dim)
gan.compile(
    d_optimizer=keras.optimizers.Adam(learning_rate=2e-4, beta_1=0.5),
    g_optimizer=keras.optimizers.Adam(learning_rate=4e-4, beta_1=0.5),
    loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
)
with tempfile.TemporaryDirectory() as folder:
    gan.fit(dataset, epochs=args.epochs, callbacks=[GANMonitor(folder, num_img=2, latent_dim=latent_dim)], verbose=2)

z = np.random.default_rng(5).normal(size=(6, latent_dim)).astype("float32")
before = gan.predict(z, verbose=0)

bundle(gan, args.bundle)

batch_x, batch_y = images[:32], labels[:32]
gan.train_on_batch(batch_x, batch_y)
np.savez(args.numbers, x=z, y=before, fx=batch_x, fy=batch_y, after=gan.predict(z, verbose=0))
