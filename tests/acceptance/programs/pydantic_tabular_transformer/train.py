import sys

import keras
import numpy as np
import pandas as pd

from bundler import bundle
from model import FTTransformer
from settings import Settings


def fake_customers(settings, seed):
    rng = np.random.default_rng(seed)
    n = settings.data.rows
    df = pd.DataFrame({c: rng.gamma(2.0, 10.0 + 5 * i, n) for i, c in enumerate(settings.data.numeric)})
    for c, size in settings.data.categorical.items():
        df[c] = rng.integers(0, size, n)
    risk = 0.05 * (df.age - 20) - 0.02 * df.tenure + 0.8 * (df["plan"] == 1) - 0.6 * (df.city % 2)
    df["churn"] = (risk + rng.normal(0, 0.5, n) > 0.3).astype("float32")
    return df


def to_xy(df, settings):
    x = {c: df[c].to_numpy("float32") for c in settings.data.numeric}
    x |= {c: df[c].to_numpy("int32") for c in settings.data.categorical}
    return x, df["churn"].to_numpy()[:, None]


def main(config_path, out, numbers):
    settings = Settings.load(config_path)
    print(settings.model_dump_json(indent=1))
    keras.utils.set_random_seed(settings.seed)
    train, test = fake_customers(settings, 0), fake_customers(settings, 1)

    model = FTTransformer(settings)
    model.tokenizer.adapt(train)
    model.compile(
        optimizer=settings.optimizer.build(),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.AUC(num_thresholds=50, name="auc")],
        jit_compile=False,
    )
    x_train, y_train = to_xy(train, settings)
    counts = np.bincount(y_train[:, 0].astype(int))
    power = settings.fit.class_weight_power
    class_weight = {k: (counts.max() / c) ** power for k, c in enumerate(counts)}
    model.fit(
        x_train,
        y_train,
        epochs=settings.fit.epochs,
        batch_size=settings.fit.batch_size,
        class_weight=class_weight,
        verbose=2,
    )

    x, _ = to_xy(test.head(9), settings)
    fx, fy = to_xy(test.iloc[10:34], settings)
    y = model.predict(x, verbose=0)
    bundle(model, out)
    model.train_on_batch(fx, fy)
    arrays = {f"x:{k}": v for k, v in x.items()} | {f"fx:{k}": v for k, v in fx.items()}
    np.savez(numbers, y=y, fy=fy, after=model.predict(x, verbose=0), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:4])
