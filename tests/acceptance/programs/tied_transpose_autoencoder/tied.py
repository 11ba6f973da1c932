# # Tying weights
# It is common to tie the weights of the encoder and the decoder, simply by using the
# transpose of the encoder's weights as the decoder weights.

import sys
from pathlib import Path

import matplotlib
import numpy as np
import tensorflow as tf

from bundler import bundle

matplotlib.use("Agg")
import matplotlib.pyplot as plt

plt.rc("font", size=14)
plt.rc("axes", labelsize=14, titlesize=14)

tf.random.set_seed(42)
tf.keras.utils.set_random_seed(42)

IMAGES_PATH = Path() / "images" / "autoencoders"


def save_fig(fig_id, tight_layout=True, fig_extension="png", resolution=72):
    IMAGES_PATH.mkdir(parents=True, exist_ok=True)
    if tight_layout:
        plt.tight_layout()
    plt.savefig(IMAGES_PATH / f"{fig_id}.{fig_extension}", format=fig_extension, dpi=resolution)


# ## The data: "garments" out of rectangles

def make_garments(n, rng):
    X = np.zeros((n, 14, 14), dtype=np.float32)
    for img in X:
        kind = rng.integers(3)
        left, width = rng.integers(3, 5), rng.integers(5, 8)
        if kind == 0:  # shirt
            img[2:12, left:left + width] = 0.8
            img[2:5, 1:13] = 0.6
        elif kind == 1:  # trousers
            img[1:13, left:left + 2] = 0.7
            img[1:13, left + width - 2:left + width] = 0.7
            img[1:4, left:left + width] = 0.7
        else:  # shoe
            img[8:12, 1:12] = 0.9
            img[4:8, 1:left + 1] = 0.9
    return np.clip(X + rng.normal(0, 0.03, X.shape), 0, 1).astype(np.float32)


rng = np.random.default_rng(42)
X_train, X_valid, X_test = make_garments(320, rng), make_garments(64, rng), make_garments(6, rng)


# ## The layer

class DenseTranspose(tf.keras.layers.Layer):
    def __init__(self, dense, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense
        self.activation = tf.keras.activations.get(activation)

    def build(self, batch_input_shape):
        self.biases = self.add_weight(
            name="bias",
            shape=self.dense.kernel.shape[:1],
            initializer="zeros",
        )
        super().build(batch_input_shape)

    def call(self, inputs):
        Z = tf.matmul(inputs, self.dense.weights[0], transpose_b=True)
        return self.activation(Z + self.biases)


def soft_unit_norm(w):
    """Kernel columns may not get longer than 3."""
    norms = tf.sqrt(tf.reduce_sum(tf.square(w), axis=0, keepdims=True))
    return w * tf.clip_by_value(norms, 0.0, 3.0) / (1e-7 + norms)


def rounded_accuracy(y_true, y_pred):
    return tf.keras.metrics.binary_accuracy(tf.round(y_true), tf.round(y_pred))


# ## The model

dense_1 = tf.keras.layers.Dense(40, activation="selu", kernel_constraint=soft_unit_norm)
dense_2 = tf.keras.layers.Dense(12, activation="selu")

tied_encoder = tf.keras.Sequential([
    tf.keras.layers.Input(shape=(14, 14)),
    tf.keras.layers.Flatten(),
    dense_1,
    dense_2,
])

tied_decoder = tf.keras.Sequential([
    DenseTranspose(dense_2, activation="selu"),
    DenseTranspose(dense_1, activation="sigmoid"),
    tf.keras.layers.Reshape([14, 14]),
])

tied_ae = tf.keras.Sequential([tied_encoder, tied_decoder])

tied_ae.compile(
    loss="binary_crossentropy",
    optimizer=tf.keras.optimizers.SGD(learning_rate=0.5, momentum=0.9, nesterov=True),
    metrics=[rounded_accuracy],
)
history = tied_ae.fit(X_train, X_train, epochs=8, validation_data=(X_valid, X_valid), verbose=2)


# ## Look at some reconstructions

def plot_image(image):
    plt.imshow(image, cmap="binary")
    plt.axis("off")


def plot_reconstructions(model, images=X_valid, n_images=5):
    reconstructions = np.clip(model.predict(images[:n_images], verbose=0), 0, 1)
    plt.figure(figsize=(n_images * 1.5, 3))
    for image_index in range(n_images):
        plt.subplot(2, n_images, 1 + image_index)
        plot_image(images[image_index])
        plt.subplot(2, n_images, 1 + n_images + image_index)
        plot_image(reconstructions[image_index])


plot_reconstructions(tied_ae)
save_fig("reconstruction_plot")

print(len(tied_ae.trainable_variables), "trainable variables,", tied_ae.count_params(), "parameters")

# ## Save

Y_test = tied_ae.predict(X_test, verbose=0)
bundle(tied_ae, sys.argv[1])

X_batch = X_train[:32]
tied_ae.train_on_batch(X_batch, X_batch)
np.savez(sys.argv[2], x=X_test, y=Y_test, fx=X_batch, fy=X_batch, after=tied_ae.predict(X_test, verbose=0))
