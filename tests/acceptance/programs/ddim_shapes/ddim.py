"""
Title: Denoising Diffusion Implicit Models on toy shapes
Date created: 2023/03/02
Description: Generating small images of shapes with DDIMs.
Accelerator: None
"""

"""
## Introduction

Follows the keras.io DDIM example by András Béres, shrunk so that it runs on a
laptop CPU: 16x16 grey images, a U-Net with two levels, and a *tiny* feature
network in place of InceptionV3 for the Kernel Inception Distance.
"""

"""
## Setup
"""

import math
import sys

import numpy as np
import tensorflow as tf

import keras
from keras import layers, ops

from bundler import bundle

"""
## Hyperparameters
"""

# data
num_images = 96
image_size = 16

# KID = Kernel Inception Distance
kid_feature_size = 12
kid_diffusion_steps = 3

# sampling
min_signal_rate = 0.1
max_signal_rate = 0.95
plot_diffusion_steps = 6

# architecture
embedding_dims = 16
embedding_max_frequency = 1000.0
widths = [8, 16]
block_depth = 1

# optimization
batch_size = 16
ema = 0.9
learning_rate = 5e-3
weight_decay = 1e-4
num_epochs = 30

keras.utils.set_random_seed(42)

"""
## Data pipeline
"""


def draw(rng):
    yy, xx = np.mgrid[:image_size, :image_size]
    image = np.zeros((image_size, image_size, 1), "float32")
    cy, cx = rng.uniform(5, image_size - 5, 2)
    r = rng.uniform(2, 5)
    if rng.random() < 0.5:
        inside = (yy - cy) ** 2 + (xx - cx) ** 2 < r**2
    else:
        inside = (abs(yy - cy) < r) & (abs(xx - cx) < r)
    image[inside] = rng.uniform(0.6, 1.0)
    return image


def prepare_dataset(seed, n):
    rng = np.random.default_rng(seed)
    images = np.stack([draw(rng) for _ in range(n)])
    return (
        tf.data.Dataset.from_tensor_slices(images)
        .shuffle(n, seed=seed)
        .batch(batch_size, drop_remainder=True)
        .prefetch(buffer_size=tf.data.AUTOTUNE)
    )


train_dataset = prepare_dataset(0, num_images)
val_dataset = prepare_dataset(1, num_images // 3)

"""
## Kernel inception distance
"""


class KID(keras.metrics.Metric):
    def __init__(self, name, **kwargs):
        super().__init__(name=name, **kwargs)

        # KID is estimated per batch and is averaged across batches
        self.kid_tracker = keras.metrics.Mean(name="kid_tracker")

        # small random conv net instead of InceptionV3, good enough to compare runs
        self.encoder = keras.Sequential(
            [
                keras.Input(shape=(image_size, image_size, 1)),
                layers.Rescaling(2.0, offset=-1.0),
                layers.Conv2D(8, 3, strides=2, activation="relu"),
                layers.Conv2D(kid_feature_size, 3, strides=2, activation="relu"),
                layers.GlobalAveragePooling2D(),
            ],
            name="feature_encoder",
        )

    def polynomial_kernel(self, features_1, features_2):
        feature_dimensions = ops.cast(ops.shape(features_1)[1], dtype="float32")
        return (
            features_1 @ ops.transpose(features_2) / feature_dimensions + 1.0
        ) ** 3.0

    def update_state(self, real_images, generated_images, sample_weight=None):
        real_features = self.encoder(real_images, training=False)
        generated_features = self.encoder(generated_images, training=False)

        kernel_real = self.polynomial_kernel(real_features, real_features)
        kernel_generated = self.polynomial_kernel(
            generated_features, generated_features
        )
        kernel_cross = self.polynomial_kernel(real_features, generated_features)

        # estimate the squared maximum mean discrepancy
        n = ops.cast(ops.shape(real_features)[0], "float32")
        off_diagonal = 1.0 - ops.eye(ops.shape(real_features)[0])
        mean_kernel_real = ops.sum(kernel_real * off_diagonal) / (n * (n - 1.0))
        mean_kernel_generated = ops.sum(kernel_generated * off_diagonal) / (
            n * (n - 1.0)
        )
        mean_kernel_cross = ops.mean(kernel_cross)
        self.kid_tracker.update_state(
            mean_kernel_real + mean_kernel_generated - 2.0 * mean_kernel_cross
        )

    def result(self):
        return self.kid_tracker.result()

    def reset_state(self):
        self.kid_tracker.reset_state()


"""
## Network architecture
"""


@keras.saving.register_keras_serializable()
def sinusoidal_embedding(x):
    frequencies = ops.exp(
        ops.linspace(
            ops.log(1.0), ops.log(embedding_max_frequency), embedding_dims // 2
        )
    )
    angular_speeds = ops.cast(2.0 * math.pi * frequencies, "float32")
    return ops.concatenate(
        [ops.sin(angular_speeds * x), ops.cos(angular_speeds * x)], axis=3
    )


def ResidualBlock(width):
    def apply(x):
        if x.shape[3] == width:
            residual = x
        else:
            residual = layers.Conv2D(width, kernel_size=1)(x)
        x = layers.BatchNormalization(center=False, scale=False)(x)
        x = layers.Conv2D(width, kernel_size=3, padding="same", activation="swish")(x)
        x = layers.Conv2D(width, kernel_size=3, padding="same")(x)
        return layers.Add()([x, residual])

    return apply


def DownBlock(width, block_depth):
    def apply(x):
        x, skips = x
        for _ in range(block_depth):
            x = ResidualBlock(width)(x)
            skips.append(x)
        return layers.AveragePooling2D(pool_size=2)(x)

    return apply


def UpBlock(width, block_depth):
    def apply(x):
        x, skips = x
        x = layers.UpSampling2D(size=2, interpolation="bilinear")(x)
        for _ in range(block_depth):
            x = layers.Concatenate()([x, skips.pop()])
            x = ResidualBlock(width)(x)
        return x

    return apply


def get_network(image_size, widths, block_depth):
    noisy_images = keras.Input(shape=(image_size, image_size, 1))
    noise_variances = keras.Input(shape=(1, 1, 1))

    e = layers.Lambda(sinusoidal_embedding, output_shape=(1, 1, embedding_dims))(
        noise_variances
    )
    e = layers.UpSampling2D(size=image_size, interpolation="nearest")(e)

    x = layers.Conv2D(widths[0], kernel_size=1)(noisy_images)
    x = layers.Concatenate()([x, e])

    skips = []
    for width in widths[:-1]:
        x = DownBlock(width, block_depth)([x, skips])
    for _ in range(block_depth):
        x = ResidualBlock(widths[-1])(x)
    for width in reversed(widths[:-1]):
        x = UpBlock(width, block_depth)([x, skips])

    x = layers.Conv2D(1, kernel_size=1, kernel_initializer="zeros")(x)
    return keras.Model([noisy_images, noise_variances], x, name="residual_unet")


"""
## Diffusion model
"""


class DiffusionModel(keras.Model):
    def __init__(self, image_size, widths, block_depth):
        super().__init__()
        self.normalizer = layers.Normalization()
        self.network = get_network(image_size, widths, block_depth)
        self.ema_network = keras.models.clone_model(self.network)
        self.seed_generator = keras.random.SeedGenerator(7)

    def compile(self, **kwargs):
        super().compile(**kwargs)
        self.noise_loss_tracker = keras.metrics.Mean(name="n_loss")
        self.image_loss_tracker = keras.metrics.Mean(name="i_loss")
        self.kid = KID(name="kid")

    @property
    def metrics(self):
        return [self.noise_loss_tracker, self.image_loss_tracker, self.kid]

    def denormalize(self, images):
        # convert the pixel values back to 0-1 range
        images = self.normalizer.mean + images * self.normalizer.variance**0.5
        return ops.clip(images, 0.0, 1.0)

    def diffusion_schedule(self, diffusion_times):
        start_angle = ops.cast(ops.arccos(max_signal_rate), "float32")
        end_angle = ops.cast(ops.arccos(min_signal_rate), "float32")
        diffusion_angles = start_angle + diffusion_times * (end_angle - start_angle)
        return ops.sin(diffusion_angles), ops.cos(diffusion_angles)

    def denoise(self, noisy_images, noise_rates, signal_rates, training):
        # the exponential moving average weights are used at evaluation
        network = self.network if training else self.ema_network
        pred_noises = network([noisy_images, noise_rates**2], training=training)
        pred_images = (noisy_images - noise_rates * pred_noises) / signal_rates
        return pred_noises, pred_images

    def reverse_diffusion(self, initial_noise, diffusion_steps):
        n = ops.shape(initial_noise)[0]
        step_size = 1.0 / diffusion_steps
        next_noisy_images = initial_noise
        for step in range(diffusion_steps):
            noisy_images = next_noisy_images
            diffusion_times = ops.ones((n, 1, 1, 1)) - step * step_size
            noise_rates, signal_rates = self.diffusion_schedule(diffusion_times)
            pred_noises, pred_images = self.denoise(
                noisy_images, noise_rates, signal_rates, training=False
            )
            next_noise_rates, next_signal_rates = self.diffusion_schedule(
                diffusion_times - step_size
            )
            next_noisy_images = (
                next_signal_rates * pred_images + next_noise_rates * pred_noises
            )
        return pred_images

    def generate(self, initial_noise, diffusion_steps=plot_diffusion_steps):
        # noise -> images -> denormalized images
        initial_noise = ops.convert_to_tensor(initial_noise)
        return self.denormalize(self.reverse_diffusion(initial_noise, diffusion_steps))

    def _noise_like(self, images):
        return keras.random.normal(ops.shape(images), seed=self.seed_generator)

    def train_step(self, images):
        images = self.normalizer(images, training=True)
        noises = self._noise_like(images)
        diffusion_times = keras.random.uniform(
            (batch_size, 1, 1, 1), seed=self.seed_generator
        )
        noise_rates, signal_rates = self.diffusion_schedule(diffusion_times)
        noisy_images = signal_rates * images + noise_rates * noises

        with tf.GradientTape() as tape:
            pred_noises, pred_images = self.denoise(
                noisy_images, noise_rates, signal_rates, training=True
            )
            noise_loss = self.loss(noises, pred_noises)  # used for training
            image_loss = self.loss(images, pred_images)  # only used as metric

        gradients = tape.gradient(noise_loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_weights))

        self.noise_loss_tracker.update_state(noise_loss)
        self.image_loss_tracker.update_state(image_loss)

        # track the exponential moving averages of weights
        for weight, ema_weight in zip(self.network.weights, self.ema_network.weights):
            ema_weight.assign(ema * ema_weight + (1 - ema) * weight)

        # KID is not measured during the training phase
        return {m.name: m.result() for m in self.metrics[:-1]}

    def test_step(self, images):
        generated = self.generate(self._noise_like(images), kid_diffusion_steps)
        self.kid.update_state(images, generated)
        return {"kid": self.kid.result()}


"""
## Training
"""

model = DiffusionModel(image_size, widths, block_depth)
model.compile(
    optimizer=keras.optimizers.AdamW(
        learning_rate=learning_rate, weight_decay=weight_decay
    ),
    loss=keras.losses.MeanAbsoluteError(),
)
# calculate mean and variance of training dataset for normalization
model.normalizer.adapt(train_dataset)
model.fit(train_dataset, epochs=num_epochs, validation_data=val_dataset, verbose=2)

"""
## Inference
"""

model_path, numbers_path = sys.argv[1:3]
bundle(model, model_path)

noise = np.random.default_rng(3).normal(size=(4, image_size, image_size, 1))
noise = noise.astype("float32")
images = model.generate(noise)
np.savez(numbers_path, x=noise, y=images)
print("generated", images.shape, float(ops.mean(images)))
