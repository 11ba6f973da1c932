"""
Density estimation of two moons with a RealNVP flow.

`model(x, training=True)` goes from the data to the Gaussian, `training=False` the other way.
"""
import sys
from collections import namedtuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.datasets import make_moons
from tensorflow import keras
from tensorflow.keras import layers, regularizers

from bundler import bundle

tf.keras.utils.set_random_seed(10)

HIDDEN = 24
L2 = 1e-4
N_COUPLINGS = 4
N_EPOCHS = 8

## Data ##

points, moon = make_moons(640, noise=0.05, random_state=10)
points, moon = points.astype("float32"), moon.astype("int32")
scaler = layers.Normalization()
scaler.adapt(points)
points = np.array(scaler(points))

## Base distribution ##

Base = namedtuple("Base", "log_prob sample dim")


def gaussian(loc, scale):
    loc = np.asarray(loc, "float32")

    def log_prob(z):
        d = (z - loc) / scale
        return -0.5 * tf.reduce_sum(d**2 + np.log(2 * np.pi * scale**2), axis=-1)

    def sample(n, seed=None):
        noise = np.random.default_rng(seed).standard_normal((n, len(loc)))
        return loc + scale * noise.astype("float32")

    return Base(log_prob, sample, len(loc))


## The flow ##


def Coupling(dim):
    """Net from the coordinates that stay to log-scale and shift of those that move."""
    kept = keras.Input((dim,), name="kept")
    outputs = []
    for role, squash in (("log_scale", "tanh"), ("shift", None)):
        h = layers.Dense(HIDDEN, activation="relu", kernel_regularizer=regularizers.L2(L2))(kept)
        h = layers.Dense(HIDDEN, activation="relu", kernel_regularizer=regularizers.L2(L2))(h)
        outputs.append(layers.Dense(dim, activation=squash, name=role)(h))
    return keras.Model(kept, outputs)


class RealNVP(keras.Model):
    def __init__(self, n_couplings, base):
        super().__init__()
        self.base = base
        # checkerboards that take turns
        self.masks = np.stack([(np.arange(base.dim) + i) % 2 for i in range(n_couplings)])
        self.masks = self.masks.astype("float32")
        self.couplings = [Coupling(base.dim) for _ in range(n_couplings)]
        self.nll_tracker = keras.metrics.Mean(name="nll")

    @property
    def metrics(self):
        return [self.nll_tracker]

    def call(self, x, training=True):
        log_det = tf.zeros(tf.shape(x)[:1])
        steps = list(zip(self.masks, self.couplings))
        for mask, net in reversed(steps) if training else steps:
            kept, moving = mask * x, (1.0 - mask) * x
            log_s, shift = net(kept)
            log_s, shift = log_s * (1.0 - mask), shift * (1.0 - mask)
            if training:
                x = kept + (moving - shift) * tf.exp(-log_s)
                log_det -= tf.reduce_sum(log_s, axis=1)
            else:
                x = kept + moving * tf.exp(log_s) + shift
                log_det += tf.reduce_sum(log_s, axis=1)
        return x, log_det

    def log_likelihood(self, x):
        z, log_det = self(x, training=True)
        return self.base.log_prob(z) + log_det

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            nll = -tf.reduce_mean(self.log_likelihood(x))
            loss = nll + sum(self.losses)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        self.nll_tracker.update_state(nll)
        return {"nll": self.nll_tracker.result()}

    def test_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        self.nll_tracker.update_state(-self.log_likelihood(x))
        return {"nll": self.nll_tracker.result()}

    def sample(self, n, seed=None):
        return self(self.base.sample(n, seed), training=False)[0]


def plot_flow(model, path):
    """Data | their latent points | samples."""
    panels = {"data": points, "latent": model(points)[0], "samples": model.sample(500, seed=0)}
    fig, axes = plt.subplots(1, len(panels), figsize=(12, 4))
    for ax, (title, xy) in zip(axes, panels.items()):
        ax.scatter(*np.transpose(xy), s=3, c=moon if len(xy) == len(moon) else None)
        ax.set_title(title)
    fig.savefig(path)
    plt.close(fig)


## Training ##

if __name__ == "__main__":
    model = RealNVP(N_COUPLINGS, gaussian(loc=[0.0, 0.0], scale=1.0))
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=5e-3), jit_compile=False)
    # the labels come along with the data but a flow has no use for them
    model.fit(points, moon, batch_size=128, epochs=N_EPOCHS, verbose=2)
    if len(sys.argv) > 3:
        plot_flow(model, sys.argv[3])
    print("mean log likelihood", float(tf.reduce_mean(model.log_likelihood(points))))
    print("samples", model.sample(3, seed=1).numpy().round(2).tolist())

    # predict() runs the generative direction
    x = model.base.sample(12, seed=2)
    y0, y1 = model.predict(x, verbose=0)
    bundle(model, sys.argv[1])
    fx, fy = points[100:164], moon[100:164]
    model.train_on_batch(fx, fy)
    after0, after1 = model.predict(x, verbose=0)
    np.savez(sys.argv[2], x=x, y0=y0, y1=y1, fx=fx, fy=fy, after0=after0, after1=after1)
