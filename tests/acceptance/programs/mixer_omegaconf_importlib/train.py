import argparse

import keras
import numpy as np

from bundler import bundle
from lib import components  # noqa: F401  (registers)
from lib.registry import build, build_model, load_config


def quadrants(n, d, rng):
    """Which quadrant holds the bump."""
    y = rng.integers(0, d.classes, n)
    x = rng.normal(0, 0.4, (n, d.size, d.size, d.channels))
    h = d.size // 2
    for i, c in enumerate(y):
        r, s = (c // 2) * h, (c % 2) * h
        x[i, r:r + h, s:s + h] += np.hanning(h)[:, None, None] * np.hanning(h)[None, :, None] * 1.5
    return x.astype("float32"), y


def main():
    ap = argparse.ArgumentParser()
    for flag in ("--cfg", "--out", "--numbers"):
        ap.add_argument(flag, required=True)
    ap.add_argument("opts", nargs="*", help="a.b=c overrides")
    a = ap.parse_args()
    cfg = load_config(a.cfg, a.opts)
    keras.utils.set_random_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    (x, y), (tx, ty) = [quadrants(cfg.data[s], cfg.data, rng) for s in ("train", "test")]

    model = build_model(cfg)
    t = cfg.train
    model.compile(optimizer=build(t.optimizer), loss=build(t.loss), metrics=build(t.metrics), jit_compile=False)
    model.fit(x, y, batch_size=t.batch, epochs=t.epochs, validation_data=(tx, ty), verbose=2)

    out = model.predict(tx, verbose=0)
    bundle(model, a.out)
    fx, fy = x[:t.batch], y[:t.batch]
    model.train_on_batch(fx, fy)
    np.savez(a.numbers, x=tx, y=out, fx=fx, fy=fy, after=model.predict(tx, verbose=0))


if __name__ == "__main__":
    main()
