import argparse

import numpy as np
import tensorflow as tf

from bundler import bundle
from losses import LOSSES, get_loss
from models import *
from models import MODELS, build_model
from utils import *


def get_args():
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", choices=sorted(MODELS), default="resnet")
    ap.add_argument("--loss", choices=sorted(LOSSES), default="bce")
    ap.add_argument("--lr", type=float, default=5e-2)
    ap.add_argument("--epochs", type=int, default=4)
    ap.add_argument("--batch-size", type=int, default=24)
    ap.add_argument("--save-to", required=True)
    ap.add_argument("--numbers", required=True)
    return ap.parse_args()


def main(args):
    tf.keras.utils.set_random_seed(2024)
    x, y = simulate(168, seed=1)
    x_test, _ = simulate(8, seed=2)

    model = build_model(args.model, num_classes=len(FINDINGS))
    model.compile(
        optimizer=tf.keras.optimizers.SGD(args.lr, momentum=0.9, nesterov=True),
        loss=get_loss(args.loss, pos_weights(y)),
        metrics=[MacroF1(len(FINDINGS))],
        jit_compile=False,
    )
    model.fit(ECGSequence(x, y, args.batch_size), epochs=args.epochs, verbose=2)

    y_test = model.predict(x_test, verbose=0)
    bundle(model, args.save_to)
    fx, fy = x[:args.batch_size], y[:args.batch_size]
    model.train_on_batch(fx, fy)
    np.savez(args.numbers, x=x_test, y=y_test, fx=fx, fy=fy, after=model.predict(x_test, verbose=0))


if __name__ == "__main__":
    main(get_args())
