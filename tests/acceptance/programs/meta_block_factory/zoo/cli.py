import argparse

import keras
import numpy as np

from bundler import bundle

from .factory import Patchify, TokenPool, make_layer


def shapes(n, seed, size=12):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[0:size, 0:size]
    imgs, ys = [], []
    for _ in range(n):
        k = int(rng.integers(3))
        cy, cx, r = *rng.uniform(4, 8, 2), rng.uniform(2, 4)
        form = [np.hypot(yy - cy, xx - cx) < r, np.maximum(abs(yy - cy), abs(xx - cx)) < r, abs(yy - cy) < r / 3][k]
        imgs.append(form + rng.normal(0, 0.1, form.shape))
        ys.append(k)
    return np.asarray(imgs, "float32")[..., None], keras.utils.to_categorical(ys, 3)


def build(arch, size=12, dim=16):
    inp = keras.Input((size, size, 1))
    x = Patchify(3, dim)(inp)
    for i, kind in enumerate(arch):
        x = make_layer(kind)(expansion=1 + i % 2, name=f"{kind}_{i}")(x)
    x = TokenPool()(x)
    return keras.Model(inp, keras.layers.Dense(3, activation="softmax")(x), name="-".join(arch))


@keras.saving.register_keras_serializable("zoo")
def smooth_ce(y_true, y_pred, eps=0.1):
    y_true = y_true * (1 - eps) + eps / 3
    return keras.losses.categorical_crossentropy(y_true, y_pred)


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("bundle")
    p.add_argument("numbers")
    p.add_argument("--arch", default="mlp,gated", type=lambda s: s.split(","))
    a = p.parse_args(argv)

    keras.utils.set_random_seed(12)
    x, y = shapes(128, 0)
    model = build(a.arch)
    model.compile(keras.optimizers.Lion(1e-3, weight_decay=0.01), smooth_ce, metrics=["accuracy"], jit_compile=False)
    model.fit(x, y, batch_size=16, epochs=3, verbose=2)

    probe, _ = shapes(6, 1)
    before = model.predict(probe, verbose=0)
    bundle(model, a.bundle)
    model.train_on_batch(x[:16], y[:16])
    np.savez(a.numbers, x=probe, y=before, fx=x[:16], fy=y[:16], after=model.predict(probe, verbose=0))
