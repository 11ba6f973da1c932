import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np
import tensorflow as tf
import yaml
from tqdm import trange

from nested import Params, UNetPP
from bundler import bundle


def tversky_index(t, p, alpha, s=1.0):
    ax = [1, 2, 3]
    tp, fn, fp = (tf.reduce_sum(v, ax) for v in (t * p, t * (1 - p), (1 - t) * p))
    return (tp + s) / (tp + alpha * fp + (1 - alpha) * fn + s)


def focal_tversky(alpha=0.5, gamma=1.0):
    return lambda t, p: tf.reduce_mean((1 - tversky_index(t, p, alpha)) ** gamma)


def hausdorff_like(t, p):
    """ cheap boundary disagreement """
    edge = lambda m: m + tf.nn.max_pool2d(-m, 3, 1, "SAME")
    return tf.reduce_mean(tf.abs(edge(t) - edge(tf.round(p))), axis=(1, 2, 3))


def slices(n, seed):
    g = np.random.default_rng(seed)
    yy, xx = np.mgrid[:24, :24].astype("f4")
    x, y = [], []
    for _ in trange(n, desc="phantoms", disable=True):
        m = np.zeros((24, 24), "f4")
        for cy, cx, r in zip(g.uniform(5, 19, 2), g.uniform(5, 19, 2), g.uniform(2, 5, 2)):
            m[np.hypot(yy - cy, xx - cx) < r] = 1
        x.append(m * 0.7 + 0.3 * np.sin(xx / g.uniform(2, 5)) + g.normal(0, 0.15, m.shape))
        y.append(m)
    return np.array(x, "f4")[..., None], np.array(y, "f4")[..., None]


def main(cfg_path, out, npz):
    keras.utils.set_random_seed(99)
    with open(cfg_path) as fh:
        p = Params(**yaml.safe_load(fh))

    model = UNetPP(p)
    model.region_loss = focal_tversky(**p.tversky)
    model.compile(keras.optimizers.Nadam(p.lr, clipvalue=0.5),
                  metrics=[keras.metrics.MeanMetricWrapper(hausdorff_like, name="edge"),
                           keras.metrics.BinaryIoU([1], name="iou")],
                  jit_compile=False)
    x, y = slices(64, 0)
    model.fit(x, y, batch_size=16, epochs=p.epochs, verbose=2)

    xt, _ = slices(6, 1)
    yt = model.predict(xt, verbose=0)
    bundle(model, out)
    fx, fy = slices(16, 2)
    model.train_on_batch(fx, fy)
    np.savez(npz, x=xt, y=yt, fx=fx, fy=fy, after=model.predict(xt, verbose=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
