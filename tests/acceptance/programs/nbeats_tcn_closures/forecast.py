#!/usr/bin/env python
"""Quantile forecasts of several correlated series with N-BEATS stacks next to a TCN."""
import sys
from functools import partial, reduce

import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers, optimizers, utils

from bundler import bundle

utils.set_random_seed(314)

LOOKBACK, HORIZON = 24, 6
SERIES = 3
QUANTILES = (0.1, 0.5, 0.9)

dense = partial(layers.Dense, activation="relu", kernel_initializer="he_normal")
causal = partial(layers.Conv1D, padding="causal", kernel_size=2, activation=None)
linear = partial(layers.Dense, use_bias=False)


# ------------------------------------------------------------------ data
def make_series(n):
    rng = np.random.default_rng(8)
    t = np.arange(n)
    base = np.sin(2 * np.pi * t / 12)
    cols = [
        base + 0.01 * t + rng.normal(0, 0.1, n),
        0.5 * np.roll(base, 3) + np.cos(2 * np.pi * t / 7) + rng.normal(0, 0.1, n),
        np.cumsum(rng.normal(0, 0.1, n)),
    ]
    return np.stack(cols, 1).astype("float32")


def window(data):
    idx = range(len(data) - LOOKBACK - HORIZON)
    xs = np.stack([data[i : i + LOOKBACK] for i in idx])
    ys = np.stack([data[i + LOOKBACK : i + LOOKBACK + HORIZON, 0] for i in idx])
    return xs, ys


# ------------------------------------------------------------------ bases
def polynomial(degree, length):
    t = np.arange(length) / length
    return np.stack([t**p for p in range(degree + 1)]).astype("float32")


def fourier(harmonics, length):
    t = 2 * np.pi * np.arange(length) / length
    rows = [f(k * t) for k in range(1, harmonics + 1) for f in (np.cos, np.sin)]
    return np.stack(rows).astype("float32")


# ------------------------------------------------------------------ N-BEATS
def nbeats(kind, n_blocks, units, share=True):
    """returns a function (residual -> (residual, forecast))"""
    if kind == "trend":
        back, fore = polynomial(2, LOOKBACK), polynomial(2, HORIZON)
    elif kind == "seasonal":
        back, fore = fourier(3, LOOKBACK), fourier(3, HORIZON)
    else:
        back = fore = None
    shared = [dense(units, name=f"{kind}_fc{k}") for k in range(2)]

    def block(i):
        trunk = shared if share else [dense(units) for _ in range(2)]

        def generic(h):
            return dense(LOOKBACK, activation=None)(h), dense(HORIZON, activation=None)(h)

        def with_basis(h):
            theta_b = linear(back.shape[0], name=f"{kind}_{i}_theta_b")(h)
            theta_f = linear(fore.shape[0], name=f"{kind}_{i}_theta_f")(h)
            project = lambda basis: layers.Lambda(lambda th: tf.matmul(th, basis))
            return project(back)(theta_b), project(fore)(theta_f)

        def run(residual):
            h = reduce(lambda a, layer: layer(a), trunk, residual)
            backcast, forecast = (generic if back is None else with_basis)(h)
            return layers.Subtract(name=f"{kind}_{i}_residual")([residual, backcast]), forecast

        return run

    blocks = [block(i) for i in range(n_blocks)]

    def stack(residual):
        forecasts = []
        for b in blocks:
            residual, f = b(residual)
            forecasts.append(f)
        return residual, layers.Add()(forecasts) if len(forecasts) > 1 else forecasts[0]

    return stack


# ------------------------------------------------------------------ TCN
def tcn(filters, dilations, drop=0.0):
    def gated(x, d):
        a = causal(filters, dilation_rate=d)(x)
        b = causal(filters, dilation_rate=d)(x)
        return layers.Lambda(lambda ab: tf.tanh(ab[0]) * tf.sigmoid(ab[1]))([a, b])

    def residual_block(x, d):
        y = gated(x, d)
        y = layers.SpatialDropout1D(drop)(y) if drop else y
        y = causal(filters, kernel_size=1)(y)
        match = x if x.shape[-1] == filters else layers.Conv1D(filters, 1)(x)
        return layers.Add()([match, y]), y

    def run(x):
        skips = []
        for d in dilations:
            x, s = residual_block(x, d)
            skips.append(s)
        return layers.ReLU()(layers.Add()(skips))

    return run


# ------------------------------------------------------------------ everything together
def build():
    inp = Input((LOOKBACK, SERIES))

    # one pathway for each series, then averaged with fixed weights
    parts = []
    for i in range(SERIES):
        parts.append(layers.Lambda(lambda t, i=i: t[:, :, i] * (1.0 if i == 0 else 0.5 / i), name=f"series_{i}")(inp))

    residual = parts[0]
    outs = []
    for kind, n in (("trend", 1), ("seasonal", 2), ("generic", 1)):
        residual, forecast = nbeats(kind, n, 24)(residual)
        outs.append(forecast)
    point = layers.Add(name="point")(outs)

    feats = tcn(12, [1, 2, 4])(inp)
    last = layers.Lambda(lambda t: t[:, -1])(feats)
    ctx = layers.Concatenate()([last] + parts[1:])

    heads = []
    for q, level in enumerate(QUANTILES):
        width = layers.Dense(HORIZON, activation="softplus", name=f"width_{int(level * 100)}")(ctx)
        sign = {True: -1.0, False: 1.0}[level < 0.5] * (level != 0.5)
        heads.append(
            layers.Lambda(lambda pw, q=q, s=sign: tf.expand_dims(pw[0] + s * pw[1], -1), name=f"q{q}")([point, width])
        )
    return Model(inp, layers.Concatenate(name="quantiles")(heads))


def pinball(quantiles):
    q = tf.constant(quantiles, tf.float32)

    def loss(y_true, y_pred):
        e = tf.expand_dims(y_true, -1) - y_pred
        return tf.reduce_mean(tf.maximum(q * e, (q - 1.0) * e))

    return loss


def coverage(lo, hi):
    def metric(y_true, y_pred):
        inside = (y_true >= y_pred[..., lo]) & (y_true <= y_pred[..., hi])
        return tf.reduce_mean(tf.cast(inside, tf.float32))

    metric.__name__ = f"coverage_{lo}_{hi}"
    return metric


def main(out, numbers):
    x, y = window(make_series(150))
    model = build()
    model.compile(
        optimizer=optimizers.RMSprop(optimizers.schedules.CosineDecay(5e-3, 200), clipnorm=1.0),
        loss=pinball(QUANTILES),
        metrics=[coverage(0, 2)],
        jit_compile=False,
    )
    model.fit(x[:-20], y[:-20], epochs=4, batch_size=16, verbose=2)
    probe = x[-8:]
    before = model.predict(probe, verbose=0)
    bundle(model, out)
    model.train_on_batch(x[:16], y[:16])
    np.savez(numbers, x=probe, y=before, fx=x[:16], fy=y[:16], after=model.predict(probe, verbose=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
