"""
Title: A small ViT on synthetic shapes
Description: Vision Transformer from scratch, small enough for a laptop.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import keras
from keras import layers
from keras import ops

from bundler import bundle

keras.utils.set_random_seed(1337)

"""
## Settings
"""

num_classes = 4
input_shape = (20, 20, 3)
image_size = 24  # what the images are resized to
patch_size = 6
num_patches = (image_size // patch_size) ** 2

batch_size = 32
num_epochs = 3
peak_lr = 2e-3
weight_decay = 1e-4

projection_dim = 16
num_heads = 2
depth = 1
head_units = [32]
dropout = 0.1

"""
## Data: bars, crosses, squares and discs on a noisy background
"""


def draw(label, rng):
    img = rng.normal(90, 18, size=input_shape)
    colour = rng.uniform(120, 255, size=3)
    cy, cx = rng.integers(7, 13, size=2)
    r = rng.integers(3, 6)
    yy, xx = np.mgrid[: input_shape[0], : input_shape[1]]
    dy, dx = np.abs(yy - cy), np.abs(xx - cx)
    shape = [
        (dy <= 1) & (dx <= r + 1),
        ((dy <= 1) & (dx <= r)) | ((dx <= 1) & (dy <= r)),
        (dy <= r) & (dx <= r),
        dy**2 + dx**2 <= r**2,
    ][label]
    img[shape] = colour
    return np.clip(img, 0, 255)


def load_data(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, num_classes, size=n)
    x = np.stack([draw(c, rng) for c in y]).astype("float32")
    return x, y[:, None]


x_train, y_train = load_data(224, 0)
x_test, y_test = load_data(48, 1)
print(f"x_train shape: {x_train.shape} - y_train shape: {y_train.shape}")

"""
## Augmentation as a part of the model
"""

data_augmentation = keras.Sequential(
    [
        layers.Normalization(),
        layers.Resizing(image_size, image_size),
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.03),
    ],
    name="data_augmentation",
)
data_augmentation.layers[0].adapt(x_train)

"""
## Building blocks
"""


def mlp(x, units, rate=dropout):
    *hidden, last = units
    for n in hidden:
        x = layers.Dense(n, activation=keras.activations.gelu)(x)
        x = layers.Dropout(rate)(x)
    return layers.Dense(last)(x)


class Patches(layers.Layer):
    """(batch, height, width, channels) -> (batch, patches, pixels of a patch)"""

    def __init__(self, patch_size):
        super().__init__()
        self.patch_size = patch_size

    def call(self, images):
        p = self.patch_size
        _, height, width, channels = images.shape
        rows, cols = height // p, width // p
        x = ops.reshape(images, (-1, rows, p, cols, p, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, rows * cols, p * p * channels))

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


class PatchEncoder(layers.Layer):
    """Projects the patches, says where they are and puts a class token in front."""

    def __init__(self, num_patches, width):
        super().__init__()
        self.num_patches = num_patches
        self.project = layers.Dense(width)
        self.position = layers.Embedding(num_patches + 1, width)
        self.token = self.add_weight(shape=(1, 1, width), initializer="zeros", name="class_token")

    def call(self, patches):
        x = self.project(patches)
        token = ops.repeat(self.token, ops.shape(x)[0], axis=0)
        x = ops.concatenate([token, x], axis=1)
        return x + self.position(ops.arange(self.num_patches + 1))


def transformer_block(x):
    h = layers.LayerNormalization(epsilon=1e-6)(x)
    h = layers.MultiHeadAttention(num_heads, key_dim=projection_dim, dropout=dropout)(h, h)
    x = layers.Add()([x, h])
    h = layers.LayerNormalization(epsilon=1e-6)(x)
    h = mlp(h, [2 * projection_dim, projection_dim])
    return layers.Add()([x, h])


def plot_patches(image, path):
    """One image, cut up the way the model sees it."""
    image = ops.image.resize(image[None], (image_size, image_size))
    tiles = ops.convert_to_numpy(Patches(patch_size)(image))[0]
    side = image_size // patch_size
    fig, axes = plt.subplots(side, side, figsize=(4, 4))
    for ax, tile in zip(axes.flat, tiles):
        ax.imshow(tile.reshape(patch_size, patch_size, 3).astype("uint8"))
        ax.set_axis_off()
    fig.savefig(path)
    plt.close(fig)


def make_vit():
    inputs = keras.Input(shape=input_shape)
    x = data_augmentation(inputs)
    x = PatchEncoder(num_patches, projection_dim)(Patches(patch_size)(x))
    for _ in range(depth):
        x = transformer_block(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    # class token and mean of the patches together
    x = layers.Concatenate()([x[:, 0], ops.mean(x[:, 1:], axis=1)])
    logits = mlp(x, head_units + [num_classes], rate=0.3)
    return keras.Model(inputs, logits, name="tiny_vit")


"""
## Training
"""


def train(model):
    steps = num_epochs * len(x_train) // batch_size
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=steps - 4, warmup_target=peak_lr, warmup_steps=4
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2"),
        ],
        jit_compile=False,
    )
    return model.fit(x_train, y_train, batch_size=batch_size, epochs=num_epochs, verbose=2)


if __name__ == "__main__":
    vit = make_vit()
    train(vit)

    x, fx, fy = x_test[:6], x_train[:16], y_train[:16]
    y = vit.predict(x, verbose=0)
    print("predicted", np.argmax(y, axis=-1), "true", y_test[:6, 0])
    bundle(vit, sys.argv[1])
    vit.train_on_batch(fx, fy)
    after = vit.predict(x, verbose=0)
    np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=after)
