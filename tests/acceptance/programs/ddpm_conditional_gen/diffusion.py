import math
import sys

import numpy as np
import tensorflow as tf
import keras
from keras import layers

from bundler import bundle

"""
## Hyperparameters
"""
img_size = 8
num_classes = 3
total_timesteps = 20
sample_stride = 4
embedding_dims = 16
embedding_max_frequency = 200.0
widths = [8, 12]
ema = 0.95
batch_size = 16
num_epochs = 3

betas = np.linspace(1e-3, 0.25, total_timesteps, dtype="float32")
alphas = 1.0 - betas
alpha_bars = np.cumprod(alphas)
snr = alpha_bars / (1.0 - alpha_bars)
loss_weight = np.clip(snr, 0.1, 5.0).astype("float32")   # min-SNR weighting

keras.utils.set_random_seed(0)

"""
## Data: filled squares, crosses and rings
"""


def draw(kind, rng):
    yy, xx = np.mgrid[0:img_size, 0:img_size]
    cy, cx = rng.uniform(3, 5, 2)
    r = rng.uniform(1.5, 2.8)
    dist = np.hypot(yy - cy, xx - cx)
    if kind == 0:
        img = (abs(yy - cy) < r) & (abs(xx - cx) < r)
    elif kind == 1:
        img = (abs(yy - cy) < 0.8) | (abs(xx - cx) < 0.8)
    else:
        img = abs(dist - r) < 0.8
    return img * 200.0 + rng.normal(0, 8, img.shape)


rng = np.random.default_rng(1)
labels = rng.integers(0, num_classes, 128)
images = np.stack([draw(k, rng) for k in labels])[..., None].astype("float32")

"""
## Network
"""


def sinusoidal_embedding(t):
    frequencies = tf.exp(
        tf.linspace(0.0, tf.math.log(embedding_max_frequency), embedding_dims // 2)
    )
    angles = 2.0 * math.pi * frequencies * tf.cast(t, tf.float32)[:, None] / total_timesteps
    return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)


def residual_block(width):
    def apply(inputs):
        x, emb = inputs
        residual = x if x.shape[-1] == width else layers.Conv2D(width, 1)(x)
        x = layers.GroupNormalization(groups=4)(x) if x.shape[-1] % 4 == 0 else x
        x = layers.Conv2D(width, 3, padding="same", activation="swish")(x)
        x = x + layers.Dense(width)(emb)[:, None, None, :]
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(x)
        return layers.Add()([x, residual])

    return apply


def get_network(name):
    noisy = keras.Input((img_size, img_size, 1))
    t = keras.Input((), dtype="int32")
    label = keras.Input((), dtype="int32")

    emb = layers.Lambda(sinusoidal_embedding, output_shape=(embedding_dims,))(t)
    emb = layers.Dense(embedding_dims, activation="swish")(emb)
    emb = emb + layers.Embedding(num_classes, embedding_dims)(label)

    x = layers.Conv2D(widths[0], 3, padding="same")(noisy)
    x = skip = residual_block(widths[0])([x, emb])
    x = layers.AveragePooling2D(2)(x)
    x = residual_block(widths[1])([x, emb])
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    x = residual_block(widths[0])([layers.Concatenate()([x, skip]), emb])
    eps = layers.Conv2D(1, 1, kernel_initializer="zeros")(x)
    return keras.Model([noisy, t, label], eps, name=name)


class DiffusionModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.normalizer = layers.Normalization(axis=None)
        self.network = get_network("online")
        self.ema_network = get_network("ema")
        self.ema_network.set_weights(self.network.get_weights())
        self.seed_generator = keras.random.SeedGenerator(1337)

    def compile(self, **kwargs):
        super().compile(**kwargs)
        self.noise_loss_tracker = keras.metrics.Mean(name="n_loss")

    @property
    def metrics(self):
        return [self.noise_loss_tracker]

    def call(self, inputs, training=False):
        network = self.network if training else self.ema_network
        return network(inputs, training=training)

    def denormalize(self, x):
        x = self.normalizer.mean + x * self.normalizer.variance**0.5
        return tf.clip_by_value(x, 0.0, 255.0)

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        x = self.normalizer(x)
        n = tf.shape(x)[0]
        noise = keras.random.normal(tf.shape(x), seed=self.seed_generator)
        t = keras.random.randint((n,), 0, total_timesteps, seed=self.seed_generator)
        ab = tf.gather(alpha_bars, t)[:, None, None, None]
        noisy = tf.sqrt(ab) * x + tf.sqrt(1.0 - ab) * noise

        with tf.GradientTape() as tape:
            pred = self.network([noisy, t, y], training=True)
            per_image = tf.reduce_mean(self.compiled_mse(noise, pred), axis=[1, 2])
            loss = tf.reduce_mean(per_image * tf.gather(loss_weight, t))
        weights = self.network.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.noise_loss_tracker.update_state(loss)

        for weight, ema_weight in zip(self.network.weights, self.ema_network.weights):
            ema_weight.assign(ema * ema_weight + (1 - ema) * weight)
        return {m.name: m.result() for m in self.metrics}

    compiled_mse = staticmethod(keras.losses.mean_squared_error)

    def generate(self, noise):
        """DDIM (eta = 0) from the given noise; the classes go round."""
        x = tf.convert_to_tensor(noise, tf.float32)
        n = x.shape[0]
        y = tf.range(n) % num_classes
        steps = list(range(total_timesteps - 1, -1, -sample_stride))
        for now, nxt in zip(steps, steps[1:] + [-1]):
            eps = self([x, tf.fill([n], now), y], training=False)
            ab = alpha_bars[now]
            x0 = (x - np.sqrt(1 - ab) * eps) / np.sqrt(ab)
            ab_next = alpha_bars[nxt] if nxt >= 0 else np.float32(1.0)
            x = np.sqrt(ab_next) * x0 + np.sqrt(1 - ab_next) * eps
        return self.denormalize(x).numpy()

    def plot_images(self, epoch=None, logs=None, rows=1, cols=3):
        import matplotlib.pyplot as plt

        generated = self.generate(np.random.normal(size=(rows * cols, img_size, img_size, 1)))
        plt.figure(figsize=(cols * 2.0, rows * 2.0))
        for i, img in enumerate(generated):
            plt.subplot(rows, cols, i + 1)
            plt.imshow(img[..., 0])
            plt.axis("off")
        plt.show()


model = DiffusionModel()
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=3e-3, weight_decay=1e-4), jit_compile=False
)
model.normalizer.adapt(images)
model.fit(images, labels, epochs=num_epochs, batch_size=batch_size, verbose=2)

x = rng.normal(size=(4, img_size, img_size, 1)).astype("float32")
y = model.generate(x)
print("pixel range of samples:", y.min(), y.max())
bundle(model, sys.argv[1])

fx, fy = images[:batch_size], labels[:batch_size]
model.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=model.generate(x))
