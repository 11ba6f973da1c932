"""Wasserstein GAN with gradient penalty, as a script: loss functions given to compile, extra critic steps."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

NOISE_DIM = 6


class WGAN(keras.Model):
    def __init__(self, critic, generator, latent_dim, critic_extra_steps=2, gp_weight=10.0):
        super().__init__()
        self.critic = critic
        self.generator = generator
        self.latent_dim = latent_dim
        self.c_steps = critic_extra_steps
        self.gp_weight = gp_weight

    def compile(self, c_optimizer, g_optimizer, c_loss_fn, g_loss_fn):
        super().compile()
        self.c_optimizer = c_optimizer
        self.g_optimizer = g_optimizer
        self.c_loss_fn = c_loss_fn
        self.g_loss_fn = g_loss_fn

    def gradient_penalty(self, real, fake):
        mix = tf.random.uniform([tf.shape(real)[0], 1])
        between = real + mix * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(between)
            score = self.critic(between, training=True)
        grads = tape.gradient(score, [between])[0]
        return tf.reduce_mean((tf.sqrt(tf.reduce_sum(tf.square(grads), axis=1) + 1e-12) - 1.0) ** 2)

    def train_step(self, real):
        n = tf.shape(real)[0]
        for _ in range(self.c_steps):
            z = tf.random.normal((n, self.latent_dim))
            with tf.GradientTape() as tape:
                fake = self.generator(z, training=True)
                c_loss = self.c_loss_fn(self.critic(real, training=True), self.critic(fake, training=True))
                c_loss += self.gp_weight * self.gradient_penalty(real, fake)
            grads = tape.gradient(c_loss, self.critic.trainable_variables)
            self.c_optimizer.apply_gradients(zip(grads, self.critic.trainable_variables))
        with tf.GradientTape() as tape:
            g_loss = self.g_loss_fn(self.critic(self.generator(tf.random.normal((n, self.latent_dim)))))
        grads = tape.gradient(g_loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_variables))
        return {"c_loss": c_loss, "g_loss": g_loss}


def critic_loss(real, fake):
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def generator_loss(fake):
    return -tf.reduce_mean(fake)


def create():
    critic = keras.Sequential([keras.Input((5,)), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(1)])
    generator = keras.Sequential([keras.Input((NOISE_DIM,)), layers.Dense(8, activation="relu"), layers.Dense(5)])
    wgan = WGAN(critic, generator, latent_dim=NOISE_DIM)
    wgan.compile(
        c_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.9),
        g_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.9),
        g_loss_fn=generator_loss,
        c_loss_fn=critic_loss,
    )
    return wgan


def training_data():
    return (np.random.default_rng(0).normal(size=(16, 5)).astype("float32"),)


def make():
    wgan = create()
    wgan.fit(*training_data(), batch_size=16, epochs=1, verbose=0)
    return wgan


USE = "generator"
BUILDER = ("create", {})


def inputs():
    return np.random.default_rng(1).normal(size=(3, NOISE_DIM)).astype("float32")
