"""python -m tools.train configs/mtdet_nano.yaml --work-dir out"""
import argparse
import logging

import keras
import numpy as np

from bundler import bundle
from mtdet import build_model, compile_model, load_config

from .dataset import make_scenes

logger = logging.getLogger(__name__)


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("config")
    p.add_argument("--export", required=True)
    p.add_argument("--dump", required=True)
    p.add_argument("--opts", nargs="*", default=[], help="key.sub=value")
    return p.parse_args()


def main():
    args = parse_args()
    logging.basicConfig(level=logging.INFO)
    cfg = load_config(args.config, args.opts)
    keras.utils.set_random_seed(cfg.seed)
    d = cfg.data
    x, t = make_scenes(d.n, d.size, d.stride, seed=0)

    model = build_model(cfg)
    logger.info("params: %.1fk", model.count_params() / 1e3)
    compile_model(model, cfg)
    model.fit(x, t, batch_size=cfg.train.batch_size, epochs=cfg.train.epochs, verbose=2)

    # last epoch without stochastic depth and smaller lr
    model.backbone.set_drop_path(0.0)
    compile_model(model, cfg, lr=cfg.train.lr * 0.1)
    model.fit(x, t, batch_size=cfg.train.batch_size, epochs=1, verbose=2)

    bundle(model, args.export)

    vx, _ = make_scenes(4, d.size, d.stride, seed=1)
    fx, ft = make_scenes(cfg.train.batch_size, d.size, d.stride, seed=2)
    out = model.predict(vx, verbose=0)
    model.train_on_batch(fx, ft)
    after = model.predict(vx, verbose=0)
    arrays = {"x": vx, "fx": fx}
    arrays.update({f"y:{k}": v for k, v in out.items()})
    arrays.update({f"fy:{k}": v for k, v in ft.items()})
    arrays.update({f"after:{k}": v for k, v in after.items()})
    np.savez(args.dump, **arrays)
    logger.info("done, %s", {k: v.shape for k, v in out.items()})


if __name__ == "__main__":
    main()
