import sys

import keras
import numpy as np
from keras import ops
from omegaconf import OmegaConf

from bundler import bundle
from . import metrics, resolve
from .model import NBeatsQ

OmegaConf.register_new_resolver("times", lambda a, b: int(a) * int(b))


class QuantileLoss(keras.losses.Loss):
    def __init__(self, qs):
        super().__init__()
        self.weigh = lambda e: ops.maximum(np.float32(qs) * e, (np.float32(qs) - 1) * e)

    def call(self, y, f):
        return ops.mean(ops.sum(self.weigh(y[..., None] - f), -1), -1)


def series(n, length, period, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    amp, phase, slope = rng.uniform(.5, 2, (n, 1)), rng.uniform(0, 6, (n, 1)), rng.normal(0, .02, (n, 1))
    return (3 + amp * np.sin(2 * np.pi * t / period + phase) + slope * t + rng.normal(0, .2, (n, length))).astype("float32")


def main(path, out, npz, *overrides):
    cfg = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
    keras.utils.set_random_seed(7)
    T, H = cfg.data.lookback, cfg.data.horizon
    tr, te, extra = (series(n, T + H, cfg.data.period, s) for n, s in ((256, 0), (10, 1), (32, 2)))
    cfg.train.mase_scale = float(np.abs(tr[:, cfg.data.period:] - tr[:, :-cfg.data.period]).mean())
    OmegaConf.set_readonly(cfg, True)
    print(OmegaConf.to_yaml(cfg, resolve=True))

    qs = list(cfg.model.quantiles)
    metrics.MEDIAN["index"] = qs.index(0.5)
    model = NBeatsQ(cfg)
    model.compile(keras.optimizers.Adamax(cfg.train.lr), QuantileLoss(qs), jit_compile=False,
                  metrics=[resolve(m, mase={"scale": cfg.train.mase_scale}, pinball={"quantiles": qs})
                           for m in cfg.train.metrics])
    model.fit(tr[:, :T], tr[:, T:], batch_size=cfg.train.batch, epochs=cfg.train.epochs, verbose=2)

    x = te[:, :T]
    y = model.predict(x, verbose=0)
    bundle(model, out)
    model.train_on_batch(extra[:, :T], extra[:, T:])
    np.savez(npz, x=x, y=y, fx=extra[:, :T], fy=extra[:, T:], after=model.predict(x, verbose=0))


main(*sys.argv[1:])
