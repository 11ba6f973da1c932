import argparse

import numpy as np
import tensorflow as tf

from bundler import bundle

from .config import load_config
from .data import point_clouds
from .losses import build_loss
from .models import build_model
from .optim import build_optimizer


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--config", required=True)
    p.add_argument("--bundle", required=True)
    p.add_argument("--numbers", required=True)
    p.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    args = p.parse_args()

    cfg = load_config(args.config, args.set)
    tf.keras.utils.set_random_seed(cfg.seed)

    x, y = point_clouds(cfg, "train")
    x_eval, y_eval = point_clouds(cfg, "eval")

    model = build_model(cfg)
    print(f"{cfg.model.name}: {model.count_params()} parameters")
    bs = cfg.train.batch_size
    model.compile(build_optimizer(cfg, len(x) // bs), build_loss(cfg), metrics=["sparse_categorical_accuracy"])
    model.fit(x, y, batch_size=bs, epochs=cfg.train.epochs, validation_data=(x_eval, y_eval), verbose=2)

    probe = x_eval[:8]
    logits = model.predict(probe, verbose=0)
    bundle(model, args.bundle)

    fx, fy = x[:bs], y[:bs]
    model.train_on_batch(fx, fy)
    np.savez(args.numbers, x=probe, y=logits, fx=fx, fy=fy, after=model.predict(probe, verbose=0))


if __name__ == "__main__":
    main()
