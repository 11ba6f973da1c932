import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "src"))

import numpy as np
import pandas as pd
import tensorflow as tf

from bundler import bundle
from tsformer import NoamSchedule, TSConfig, TSFormer, horizon_weighted_mse, mae_at

parser = argparse.ArgumentParser(description="TSFormer for long sequence forecasting")
parser.add_argument("--seq_len", type=int, default=96)
parser.add_argument("--pred_len", type=int, default=24)
parser.add_argument("--batch_size", type=int, default=16)
parser.add_argument("--train_epochs", type=int, default=3)
parser.add_argument("--warmup", type=int, default=20)
parser.add_argument("--seed", type=int, default=2021)
parser.add_argument("--out", required=True)
parser.add_argument("--numbers", required=True)


def make_frame(n=420):
    """Looks a little like ETTh1."""
    rng = np.random.default_rng(0)
    idx = pd.date_range("2016-07-01", periods=n, freq="h")
    t = np.arange(n)
    cols = {
        "HUFL": 5 + 2 * np.sin(2 * np.pi * t / 24) + 0.01 * t,
        "MUFL": 3 + np.cos(2 * np.pi * t / 24) * np.sin(2 * np.pi * t / 168),
        "OT": 20 + 4 * np.sin(2 * np.pi * t / 24 + 1) + np.cumsum(rng.normal(0, 0.05, n)),
    }
    return pd.DataFrame(cols, index=idx) + rng.normal(0, 0.1, (n, 3))


def windows(values, seq_len, pred_len):
    n = len(values) - seq_len - pred_len + 1
    x = np.stack([values[i:i + seq_len] for i in range(n)])
    y = np.stack([values[i + seq_len:i + seq_len + pred_len] for i in range(n)])
    return x.astype(np.float32), y.astype(np.float32)


def main():
    args = parser.parse_args()
    tf.keras.utils.set_random_seed(args.seed)

    df = make_frame()
    x, y = windows(df.values, args.seq_len, args.pred_len)
    x_train, y_train, x_test, y_test = x[:288], y[:288], x[-20:], y[-20:]

    cfg = TSConfig(args.seq_len, args.pred_len, enc_in=df.shape[1])
    model = TSFormer(cfg)
    model.compile(
        optimizer=tf.keras.optimizers.AdamW(NoamSchedule(cfg.d_model, args.warmup, 0.3), weight_decay=1e-4,
                                            beta_2=0.98, epsilon=1e-9),
        loss=horizon_weighted_mse(args.pred_len),
        metrics=["mae", mae_at(1), mae_at(args.pred_len)],
        jit_compile=False,
    )
    model.fit(x_train, y_train, batch_size=args.batch_size, epochs=args.train_epochs,
              validation_data=(x_test, y_test), verbose=2,
              callbacks=[tf.keras.callbacks.EarlyStopping(patience=3), tf.keras.callbacks.TerminateOnNaN()])

    pred = model.predict(x_test, verbose=0)
    print("test mse", float(np.mean((pred - y_test) ** 2)))
    bundle(model, args.out)

    fx, fy = x_train[:args.batch_size], y_train[:args.batch_size]
    model.train_on_batch(fx, fy)
    np.savez(args.numbers, x=x_test, y=pred, fx=fx, fy=fy, after=model.predict(x_test, verbose=0))


if __name__ == "__main__":
    main()
