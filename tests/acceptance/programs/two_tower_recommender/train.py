import argparse

import numpy as np
import tensorflow as tf

from bundler import bundle
from recsys import N_ITEMS, RetrievalTask, TwoTowerRanker, make_interactions
from recsys.data import as_inputs


def save_numbers(path, **groups):
    """{"x": {...}} -> arrays x:name"""
    flat = {f"{g}:{k}": np.asarray(v) for g, d in groups.items() for k, v in d.items()}
    np.savez(path, **flat)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--numbers", required=True)
    p.add_argument("--dim", type=int, default=8)
    p.add_argument("--epochs", type=int, default=3)
    args = p.parse_args()

    tf.keras.utils.set_random_seed(11)
    train, val = make_interactions(480, 0), make_interactions(96, 0).tail(32)
    popularity = (np.bincount(train.item_id, minlength=N_ITEMS) + 1) / (len(train) + N_ITEMS)

    model = TwoTowerRanker(args.dim, RetrievalTask(popularity))
    model.compile(
        optimizer=tf.keras.optimizers.Adagrad(0.05),
        loss={"rating": tf.keras.losses.Huber(), "click": "binary_crossentropy"},
        loss_weights={"rating": 1.0, "click": 0.3},
        metrics={"rating": [tf.keras.metrics.RootMeanSquaredError(name="rmse")]},
        jit_compile=False,
    )
    x_train, y_train = as_inputs(train)
    ds = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(480, seed=0).batch(48)
    model.fit(ds, epochs=args.epochs, verbose=2)

    x, _ = as_inputs(val.head(8))
    fx, fy = as_inputs(train.head(24))
    y = model.predict(x, verbose=0)
    bundle(model, args.out)
    model.train_on_batch(fx, fy)
    save_numbers(args.numbers, x=x, y=y, fx=fx, fy=fy, after=model.predict(x, verbose=0))


if __name__ == "__main__":
    main()
