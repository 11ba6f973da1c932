"""VQ-VAE: straight-through vector quantiser and a trainer that holds the functional model and a variance."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Codebook(layers.Layer):
    def __init__(self, num_embeddings, embedding_dim, beta=0.25, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dim = embedding_dim
        self.num_embeddings = num_embeddings
        self.beta = beta
        w_init = tf.random_uniform_initializer()
        self.embeddings = self.add_weight(
            shape=(embedding_dim, num_embeddings), initializer="uniform", trainable=True, name="codes"
        )
        self.embeddings.assign(w_init(shape=(embedding_dim, num_embeddings)))

    def call(self, x):
        flat = tf.reshape(x, [-1, self.embedding_dim])
        indices = self.nearest(flat)
        quantized = tf.matmul(tf.one_hot(indices, self.num_embeddings), self.embeddings, transpose_b=True)
        quantized = tf.reshape(quantized, tf.shape(x))
        commitment = tf.reduce_mean((tf.stop_gradient(quantized) - x) ** 2)
        codebook = tf.reduce_mean((quantized - tf.stop_gradient(x)) ** 2)
        self.add_loss(self.beta * commitment + codebook)
        return x + tf.stop_gradient(quantized - x)

    def nearest(self, flat):
        similarity = tf.matmul(flat, self.embeddings)
        distances = (
            tf.reduce_sum(flat**2, axis=1, keepdims=True) + tf.reduce_sum(self.embeddings**2, axis=0) - 2 * similarity
        )
        return tf.argmin(distances, axis=1)


def encoder_part(latent_dim):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, 2, padding="same", activation="relu"),
            layers.Conv2D(latent_dim, 1),
        ],
        name="encoder",
    )


def autoencoder(latent_dim=4, num_embeddings=8):
    decoder = keras.Sequential(
        [keras.Input((4, 4, latent_dim)), layers.Conv2DTranspose(1, 3, 2, padding="same")], name="decoder"
    )
    image = keras.Input((8, 8, 1))
    quantized = Codebook(num_embeddings, latent_dim, name="vector_quantizer")(encoder_part(latent_dim)(image))
    return keras.Model(image, decoder(quantized), name="vq_vae")


class QuantisedTrainer(keras.Model):
    def __init__(self, data_variance, latent_dim=4, num_embeddings=8, **kwargs):
        super().__init__(**kwargs)
        self.data_variance = data_variance
        self.latent_dim = latent_dim
        self.num_embeddings = num_embeddings
        self.net = autoencoder(self.latent_dim, self.num_embeddings)
        self.tracker = keras.metrics.Mean(name="total_loss")

    @property
    def metrics(self):
        return [self.tracker]

    def call(self, x):
        return self.net(x)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            rebuilt = self.net(x)
            total = tf.reduce_mean((x - rebuilt) ** 2) / self.data_variance + sum(self.net.losses)
        grads = tape.gradient(total, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.net.trainable_variables))
        self.tracker.update_state(total)
        return {"loss": self.tracker.result()}


def inputs():
    return np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")


def training_data():
    return (inputs(),)


def make():
    trainer = QuantisedTrainer(np.var(inputs()), latent_dim=4, num_embeddings=6)
    trainer.compile(optimizer=keras.optimizers.Adam())
    trainer.fit(*training_data(), epochs=1, verbose=0)
    return trainer


def rebuild(variance, num_embeddings):
    trainer = QuantisedTrainer(variance, num_embeddings=num_embeddings)
    trainer.compile(optimizer=keras.optimizers.Adam())
    return trainer


BUILDER = ("rebuild", {"variance": 0.083, "num_embeddings": 6})
