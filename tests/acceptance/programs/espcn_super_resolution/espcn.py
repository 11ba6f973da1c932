"""ESPCN on synthetic texture patches."""
import math
import os
import sys
import tempfile

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import keras
from keras import layers

from bundler import bundle

crop_size = 24
upscale_factor = 3
input_size = crop_size // upscale_factor
batch_size = 8
epochs = 3
channels = 1
plot_dir = tempfile.mkdtemp()

keras.utils.set_random_seed(2024)


# ---------------------------------------------------------------- data
def synth_patch(rng):
    yy, xx = np.mgrid[0:crop_size, 0:crop_size] / crop_size
    img = np.zeros_like(yy)
    for _ in range(4):
        a, b, p = rng.uniform(-9, 9, 3)
        img += np.sin(a * xx + b * yy + p)
    img = (img - img.min()) / (np.ptp(img) + 1e-6)
    if rng.random() < 0.5:
        img[rng.integers(4, 20):, :] *= 0.5
    return img.astype("float32")[..., None]


_rng = np.random.default_rng(5)
hi_res = np.stack([synth_patch(_rng) for _ in range(104)])


def process_input(img, size, factor):
    return tf.image.resize(img, [size, size], method="area")


def process_target(img):
    return img


def to_ds(arr):
    ds = tf.data.Dataset.from_tensor_slices(arr).batch(batch_size)
    return ds.map(
        lambda x: (process_input(x, input_size, upscale_factor), process_target(x))
    ).prefetch(4)


train_ds, valid_ds = to_ds(hi_res[:80]), to_ds(hi_res[80:])
test_img = hi_res[-1]


# ---------------------------------------------------------------- helpers
def plot_results(img, prefix, title):
    fig, ax = plt.subplots(figsize=(3, 3))
    ax.imshow(img[..., 0], cmap="gray", origin="lower")
    ax.set_title(title)
    plt.xticks(visible=False)
    plt.yticks(visible=False)
    fig.savefig(os.path.join(plot_dir, f"{prefix}-{title}.png"), dpi=50)
    plt.close(fig)


def get_lowres_image(img, factor):
    return tf.image.resize(img, [img.shape[0] // factor, img.shape[1] // factor], method="area")


def upscale_image(model, img):
    out = model.predict(img[None], verbose=0)[0]
    return out.clip(0, 1)


def psnr(y_true, y_pred):
    return tf.reduce_mean(tf.image.psnr(y_true, tf.clip_by_value(y_pred, 0.0, 1.0), max_val=1.0))


def charbonnier(y_true, y_pred):
    return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred) + EPS**2))


EPS = 1e-3


# ---------------------------------------------------------------- model
def residual_dense_block(inputs, convs=3, growth=8):
    feats = [inputs]
    x = inputs
    for _ in range(convs):
        x = layers.Conv2D(growth, 3, padding="same", activation="relu", kernel_initializer="orthogonal")(x)
        feats.append(x)
        x = layers.Concatenate()(feats)
    x = layers.Conv2D(inputs.shape[-1], 1, padding="same", activation="relu")(x)
    return layers.Lambda(lambda ab: ab[0] + RES_SCALE * ab[1], name="residual")([inputs, x])


RES_SCALE = 0.2


def get_model(upscale_factor=3, channels=1):
    conv_args = {
        "activation": "relu",
        "kernel_initializer": keras.initializers.Orthogonal(seed=1),
        "padding": "same",
    }
    inputs = keras.Input(shape=(None, None, channels))
    x = layers.Conv2D(24, 5, **conv_args)(inputs)
    x = residual_dense_block(x)
    x = layers.Conv2D(16, 3, **conv_args)(x)
    x = layers.Conv2D(channels * upscale_factor**2, 3, padding="same")(x)
    shuffled = layers.Lambda(lambda t: tf.nn.depth_to_space(t, upscale_factor), name="pixel_shuffle")(x)
    # global skip from a plain resize
    base = layers.Lambda(
        lambda t: tf.image.resize(
            t, [tf.shape(t)[1] * upscale_factor, tf.shape(t)[2] * upscale_factor], method="bicubic"
        ),
        name="bicubic",
    )(inputs)
    outputs = layers.Add()([base, shuffled])
    return keras.Model(inputs, outputs, name="espcn")


class ESPCNCallback(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.test_img = get_lowres_image(test_img, upscale_factor)
        self.epoch_psnr = []

    def on_epoch_begin(self, epoch, logs=None):
        self.psnr = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch_psnr.append(np.mean(self.psnr))
        print("Mean PSNR for epoch: %.2f" % self.epoch_psnr[-1])
        if epoch % 2 == 0:
            plot_results(upscale_image(self.model, self.test_img), f"epoch{epoch}", "prediction")

    def on_test_batch_end(self, batch, logs=None):
        self.psnr.append(10 * math.log10(1 / max(logs["loss"], 1e-9)))


early_stopping_callback = keras.callbacks.EarlyStopping(monitor="loss", patience=10)
checkpoint_filepath = os.path.join(plot_dir, "checkpoint.weights.h5")
model_checkpoint_callback = keras.callbacks.ModelCheckpoint(
    filepath=checkpoint_filepath,
    save_weights_only=True,
    monitor="val_psnr",
    mode="max",
    save_best_only=True,
)

model = get_model(upscale_factor=upscale_factor, channels=channels)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    loss=charbonnier,
    metrics=[psnr, "mse"],
)
model.fit(
    train_ds,
    epochs=epochs,
    callbacks=[ESPCNCallback(), early_stopping_callback, model_checkpoint_callback],
    validation_data=valid_ds,
    verbose=2,
)
model.load_weights(checkpoint_filepath)

lowres = np.stack([get_lowres_image(i, upscale_factor) for i in hi_res[-6:]])
pred = model.predict(lowres, verbose=0)
bundle(model, sys.argv[1])

fx = np.stack([get_lowres_image(i, upscale_factor) for i in hi_res[:batch_size]])
fy = hi_res[:batch_size]
model.train_on_batch(fx, fy)
np.savez(sys.argv[2], x=lowres, y=pred, fx=fx, fy=fy, after=model.predict(lowres, verbose=0))
