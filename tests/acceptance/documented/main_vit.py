"""Vision transformer as a script: patch extraction and encoding, sizes in globals, augmentation with state."""

import keras
import numpy as np
from keras import layers, ops

image_size = 12
patch_size = 4
num_patches = (image_size // patch_size) ** 2
projection_dim = 8
num_heads = 2
transformer_units = [projection_dim * 2, projection_dim]

augment = keras.Sequential([layers.Normalization(), layers.RandomFlip("horizontal")], name="augment")


def mlp(x, hidden_units, dropout_rate):
    for units in hidden_units:
        x = layers.Dense(units, activation=keras.activations.gelu)(x)
        x = layers.Dropout(dropout_rate)(x)
    return x


class CutPatches(layers.Layer):
    def __init__(self, patch_size):
        super().__init__()
        self.patch_size = patch_size

    def call(self, images):
        batch, height, width, channels = ops.shape(images)
        rows, columns = height // self.patch_size, width // self.patch_size
        patches = ops.image.extract_patches(images, size=self.patch_size)
        return ops.reshape(patches, (batch, rows * columns, self.patch_size * self.patch_size * channels))

    def get_config(self):
        config = super().get_config()
        config.update({"patch_size": self.patch_size})
        return config


class EmbedPatches(layers.Layer):
    def __init__(self, num_patches, projection_dim):
        super().__init__()
        self.num_patches = num_patches
        self.projection = layers.Dense(units=projection_dim)
        self.position_embedding = layers.Embedding(input_dim=num_patches, output_dim=projection_dim)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(start=0, stop=self.num_patches, step=1), axis=0)
        return self.projection(patch) + self.position_embedding(positions)

    def get_config(self):
        config = super().get_config()
        config.update({"num_patches": self.num_patches})
        return config


def vision_transformer():
    image = keras.Input(shape=(image_size, image_size, 3))
    patches = CutPatches(patch_size)(augment(image))
    encoded = EmbedPatches(num_patches, projection_dim)(patches)
    for _ in range(2):
        a = layers.LayerNormalization(epsilon=1e-6)(encoded)
        b = layers.Add()([layers.MultiHeadAttention(num_heads, projection_dim, dropout=0.1)(a, a), encoded])
        c = mlp(layers.LayerNormalization(epsilon=1e-6)(b), transformer_units, 0.1)
        encoded = layers.Add()([c, b])
    features = layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(encoded))
    return keras.Model(image, layers.Dense(4)(mlp(features, [16], 0.5)))


def inputs():
    return np.random.default_rng(0).normal(size=(4, 12, 12, 3)).astype("float32")


def training_data():
    return inputs(), np.array([0, 1, 2, 3])


def make():
    augment.layers[0].adapt(inputs())
    model = vision_transformer()
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("vision_transformer", {})
