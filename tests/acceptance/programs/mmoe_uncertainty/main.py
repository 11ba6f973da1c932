import argparse

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow import keras

from bundler import bundle
from mtl import metrics as M
from mtl.mmoe import MMoE, TASKS


def census(n=256, seed=5):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({
        "age": rng.integers(17, 80, n), "edu_years": rng.normal(12, 3, n), "weeks": rng.integers(0, 52, n),
        "married": rng.integers(0, 2, n), "cap_gain": rng.exponential(1.0, n), "hours": rng.normal(38, 8, n)})
    z = (df - df.mean()) / df.std()
    income = (z.edu_years + z.hours + rng.normal(0, 1, n) > 0.3).astype(float)
    wage = 0.6 * z.edu_years + 0.3 * z.age - 0.2 * z.age ** 2 + rng.normal(0, 0.2, n)
    kids = rng.poisson(np.exp(0.5 * z.married + 0.2 * z.age))
    y = np.stack([income, wage, kids], 1)
    y[rng.uniform(size=y.shape) < 0.15] = np.nan
    return z.to_numpy("float32"), y.astype("float32")


class PrintSigmas(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("  sigma:", ", ".join(f"{k}={v:.3f}" for k, v in self.model.sigmas.items()))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("bundle")
    ap.add_argument("numbers")
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--batch", type=int, default=32)
    a = ap.parse_args()

    keras.utils.set_random_seed(99)
    x, y = census()
    tasks = [("income", "binary"), ("wage", "regression"), ("kids", "count")]
    model = MMoE(*[TASKS[kind](name) for name, kind in tasks], units=8, num_experts=3)
    model.entropy_weight = 0.05
    metrics = [M.auc(i, n) if kind == "binary" else M.mae(i, n) for i, (n, kind) in enumerate(tasks)]
    model.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(0.02, 100, 0.001)),
                  metrics=metrics, jit_compile=False)
    model.fit(x[:224], y[:224], batch_size=a.batch, epochs=a.epochs, callbacks=[PrintSigmas()], verbose=2)

    test = x[224:]
    out = model.predict(test, verbose=0)
    bundle(model, a.bundle)

    fx, fy = x[:a.batch], y[:a.batch]
    model.train_on_batch(fx, fy)
    np.savez(a.numbers, x=test, y=out, fx=fx, fy=fy, after=model.predict(test, verbose=0))


if __name__ == "__main__":
    main()
