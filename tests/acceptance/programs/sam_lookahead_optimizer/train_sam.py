import argparse

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

from bundler import bundle
from optim import AdamGCLookahead, extend_with_layer_lr
from sam import SAMModel

parser = argparse.ArgumentParser()
parser.add_argument("bundle")
parser.add_argument("numbers")
parser.add_argument("--rho", type=float, default=0.05)
parser.add_argument("--adaptive", action="store_true")
parser.add_argument("--micro", type=int, default=2)
args = parser.parse_args()

SEED = 42
tf.keras.utils.set_random_seed(SEED)
BATCH = 24
WARM = 6


def rings(n, rng):
    yy, xx = np.mgrid[-1:1:12j, -1:1:12j]
    r = np.sqrt(yy ** 2 + xx ** 2)
    lab = rng.integers(0, 3, n)
    freq = np.array([2.0, 4.0, 6.0])[lab]
    x = np.cos(freq[:, None, None] * r * np.pi / 2) + rng.normal(0, 0.3, (n, 12, 12))
    return x[..., None].astype("float32"), tf.keras.utils.to_categorical(lab, 3)


def scaled_ws_conv(filters, **kw):
    """Conv with standardized kernels."""
    conv = layers.Conv2D(filters, 3, padding="same", **kw)

    class WSConv(layers.Layer):
        def build(self, shape):
            conv.build(shape)
            self.conv = conv
            self.g = self.add_weight(shape=(filters,), initializer="ones", name="gain")

        def call(self, x):
            k = self.conv.kernel
            mean, var = tf.nn.moments(tf.convert_to_tensor(k), [0, 1, 2])
            k = (k - mean) * tf.math.rsqrt(var + 1e-4) * self.g / np.sqrt(np.prod(k.shape[:-1]), dtype="float32")
            return tf.nn.silu(tf.nn.conv2d(x, k, 1, "SAME") + self.conv.bias)

    return WSConv()


def get_training_model():
    net = tf.keras.Sequential()
    net.add(layers.Input((12, 12, 1)))
    for w in (6, 10):
        net.add(scaled_ws_conv(w))
        net.add(layers.MaxPooling2D(2))
    net.add(layers.GlobalAveragePooling2D())
    net.add(layers.Dense(3, activation="softmax", name="head"))
    return net


rng = np.random.default_rng(SEED)
x_train, y_train = rings(192, rng)
x_test, y_test = rings(32, rng)

model = SAMModel(get_training_model(), rho=args.rho, adaptive=args.adaptive, micro_batches=args.micro,
                 rho_schedule=lambda step: tf.minimum(tf.cast(step, tf.float32) / WARM, 1.0))
Optimizer = extend_with_layer_lr(AdamGCLookahead, name="AdamGCLL")
model.compile(
    optimizer=Optimizer(8e-3, paramwise_lr_schedule={"head": 2.0, r"bias(:0)?$": 0.5}, steps_per_slow_update=4),
    loss=tf.keras.losses.CategoricalFocalCrossentropy(gamma=1.5, label_smoothing=0.05),
    metrics=["accuracy"],
    jit_compile=False,
)
history = model.fit(x_train, y_train, batch_size=BATCH, epochs=6, validation_data=(x_test, y_test), verbose=2)

plt.figure()
for k, v in history.history.items():
    plt.plot(v, label=k)
plt.legend()
plt.close()

pred = model.predict(x_test, verbose=0)
bundle(model, args.bundle)

fx, fy = x_train[:BATCH], y_train[:BATCH]
model.train_on_batch(fx, fy)
np.savez(args.numbers, x=x_test, y=pred, fx=fx, fy=fy, after=model.predict(x_test, verbose=0))
