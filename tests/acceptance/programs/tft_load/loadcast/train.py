import argparse
import dataclasses
import logging

import keras
import numpy as np
from bundler import bundle

from .config import ExperimentConfig, NetConfig
from .losses import Coverage, QuantileLoss, median_mae
from .model import TemporalFusion

log = logging.getLogger("loadcast.train")


def make_windows(cfg: ExperimentConfig, n: int, seed: int):
    rng = np.random.default_rng(seed)
    w = cfg.window
    t = rng.integers(0, 24, (n, 1)) + np.arange(w.total)
    hs, hc = np.sin(2 * np.pi * t / 24), np.cos(2 * np.pi * t / 24)
    site = rng.integers(0, 5, n)
    cap = rng.uniform(0.5, 2.0, n)
    temp = 15 + 8 * hs + rng.normal(0, 1, t.shape)
    load = cap[:, None] * (1 + 0.4 * hc) + 0.02 * temp + 0.1 * site[:, None] + rng.normal(0, 0.05, t.shape)
    e = w.encoder_len
    x = {
        "static": np.stack([site, cap], -1).astype("float32"),
        "past": np.stack([load, temp / 20, hc], -1)[:, :e].astype("float32"),
        "future": np.stack([temp / 20, hc], -1)[:, e:].astype("float32"),
    }
    return x, load[:, e:].astype("float32")


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--bundle", required=True)
    p.add_argument("--numbers", required=True)
    p.add_argument("--hidden", type=int, default=16)
    p.add_argument("--heads", type=int, default=2)
    p.add_argument("--log-level", default="INFO")
    return p.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=args.log_level, format="%(asctime)s %(name)s %(message)s")
    cfg = ExperimentConfig(net=NetConfig(hidden=args.hidden, heads=args.heads))
    log.info("config %s", dataclasses.asdict(cfg))
    keras.utils.set_random_seed(cfg.seed)
    x, y = make_windows(cfg, 256, cfg.seed)
    model = TemporalFusion(cfg, name="tft")
    model.compile(
        optimizer=keras.optimizers.Adam(cfg.optim.lr, clipnorm=cfg.optim.clipnorm),
        loss=QuantileLoss(cfg.quantiles),
        metrics=[Coverage(), median_mae(cfg.quantiles)],
    )
    hist = model.fit(x, y, batch_size=cfg.optim.batch_size, epochs=cfg.optim.epochs, verbose=0)
    log.info("loss %s", hist.history["loss"])
    bundle(model, args.bundle)

    tx, _ = make_windows(cfg, 12, 99)
    fx, fy = make_windows(cfg, 16, 100)
    out = {f"x:{k}": v for k, v in tx.items()}
    out["y"] = model.predict(tx, verbose=0)
    model.train_on_batch(fx, fy)
    out["after"] = model.predict(tx, verbose=0)
    out.update({f"fx:{k}": v for k, v in fx.items()}, fy=fy)
    np.savez(args.numbers, **out)


if __name__ == "__main__":
    main()
