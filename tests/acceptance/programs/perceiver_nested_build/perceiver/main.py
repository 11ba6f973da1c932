import argparse
from dataclasses import replace

import numpy as np
from tensorflow import keras

from bundler import bundle
from perceiver import Perceiver, PerceiverConfig


def make_stripes(cfg, n, seed):
    """Four classes of oriented stripes."""
    rng = np.random.default_rng(seed)
    h, w = cfg.image_size
    yy, xx = np.mgrid[0:h, 0:w] / h
    labels = rng.integers(0, cfg.num_classes, n)
    theta = labels * np.pi / cfg.num_classes
    phase = rng.uniform(0, 6.28, n)
    wave = np.cos(theta)[:, None, None] * xx + np.sin(theta)[:, None, None] * yy
    img = np.sin(wave * 12 + phase[:, None, None]) + rng.normal(0, 0.2, (n, h, w))
    return img[..., None].astype("float32"), labels.astype("int64")


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--bundle", required=True)
    p.add_argument("--numbers", required=True)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--latents", type=int, default=6)
    return p.parse_args()


def main():
    args = parse()
    keras.utils.set_random_seed(7)
    cfg = replace(PerceiverConfig(), num_latents=args.latents)
    x, y = make_stripes(cfg, 192, seed=0)
    xv, yv = make_stripes(cfg, 32, seed=1)

    model = Perceiver(cfg)
    model.compile(
        optimizer=keras.optimizers.Lamb(learning_rate=5e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
        jit_compile=False,
    )
    model.fit(
        x, y,
        batch_size=32,
        epochs=args.epochs,
        callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)],
        verbose=2,
    )

    out = {"x": xv[:8], "y": model.predict(xv[:8], verbose=0)}
    bundle(model, args.bundle)
    model.train_on_batch(x[:32], y[:32])
    out.update(fx=x[:32], fy=y[:32], after=model.predict(xv[:8], verbose=0))
    np.savez(args.numbers, **out)


if __name__ == "__main__":
    main()
