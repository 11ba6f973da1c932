"""Denoising diffusion: schedule object with numpy arrays and two copies of a network in the constructor."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Schedule:
    def __init__(self, beta_start=1e-4, beta_end=0.02, timesteps=20):
        self.timesteps = timesteps
        self.betas = np.linspace(beta_start, beta_end, timesteps, dtype=np.float64)
        kept = np.cumprod(1.0 - self.betas, axis=0)
        self.signal_part = tf.constant(np.sqrt(kept), dtype=tf.float32)
        self.noise_part = tf.constant(np.sqrt(1.0 - kept), dtype=tf.float32)

    def noised(self, x, t, noise):
        shape = [-1, 1, 1, 1]
        a = tf.reshape(tf.gather(self.signal_part, t), shape)
        return a * x + tf.reshape(tf.gather(self.noise_part, t), shape) * noise


class TimeEmbedding(layers.Layer):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.half_dim = dim // 2
        self.emb = tf.exp(tf.range(self.half_dim, dtype=tf.float32) * -(np.log(10000) / (self.half_dim - 1)))

    def call(self, inputs):
        emb = tf.cast(inputs, tf.float32)[:, None] * self.emb[None, :]
        return tf.concat([tf.sin(emb), tf.cos(emb)], axis=-1)


class DiffusionModel(keras.Model):
    def __init__(self, network, ema_network, timesteps, schedule, ema=0.999):
        super().__init__()
        self.network = network
        self.ema_network = ema_network
        self.timesteps = timesteps
        self.schedule = schedule
        self.ema = ema

    def call(self, inputs):
        images, t = inputs
        noise_level = tf.reshape(tf.gather(self.schedule.noise_part, t), [-1, 1, 1, 1])
        return images - noise_level * self.ema_network([images, t])

    def train_step(self, images):
        t = tf.random.uniform((tf.shape(images)[0],), minval=0, maxval=self.timesteps, dtype=tf.int32)
        with tf.GradientTape() as tape:
            noise = tf.random.normal(tf.shape(images))
            pred = self.network([self.schedule.noised(images, t, noise), t], training=True)
            loss = tf.reduce_mean(tf.square(noise - pred))
        grads = tape.gradient(loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.network.trainable_weights))
        for weight, ema_weight in zip(self.network.weights, self.ema_network.weights):
            ema_weight.assign(self.ema * ema_weight + (1 - self.ema) * weight)
        return {"loss": loss}


def build_network():
    image, t = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    temb = layers.Dense(4, activation="swish")(TimeEmbedding(dim=8)(t))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.Add()([x, layers.Reshape((1, 1, 4))(temb)])
    return keras.Model([image, t], layers.Conv2D(1, 3, padding="same")(layers.Activation("swish")(x)))


def build(timesteps=20, beta_end=0.02):
    network, ema_network = build_network(), build_network()
    ema_network.set_weights(network.get_weights())
    model = DiffusionModel(
        network=network,
        ema_network=ema_network,
        schedule=Schedule(beta_end=beta_end, timesteps=timesteps),
        timesteps=timesteps,
    )
    model.compile(optimizer=keras.optimizers.Adam(2e-4))
    return model


def inputs():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, 8, 8, 1)).astype("float32"), np.array([1, 5, 19], dtype="int32")]


def training_data():
    return (inputs()[0],)


def make():
    model = build(beta_end=0.5)
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("build", {"beta_end": 0.5})
