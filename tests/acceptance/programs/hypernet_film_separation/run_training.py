import numpy as np
import tensorflow as tf

from blocks import CUNet
from bundler import bundle
from settings import config

tf.keras.utils.set_random_seed(77)


def spectrogram_sources(rng):
    """bass: low steady bands; pad: harmonics; drums: broadband onsets"""
    f = np.arange(config.bands)[:, None]
    t = np.arange(config.frames)[None]
    bass = np.exp(-((f - rng.integers(1, 4)) ** 2) / 2.0) * (1 + 0.2 * np.sin(t))
    pad = sum(np.exp(-((f - k * rng.integers(3, 5)) ** 2)) for k in (1, 2, 3)) * np.ones_like(t)
    drums = np.exp(-f / 12.0) * (t % rng.integers(2, 4) == 0)
    return np.stack([bass, pad, drums]).astype("float32") * rng.uniform(0.4, 1.0, (3, 1, 1))


def dataset(n, seed):
    rng = np.random.default_rng(seed)
    mixes, conds, targets = [], [], []
    for i in range(n):
        src = spectrogram_sources(rng)
        which = i % config.n_instruments
        mixes.append(src.sum(0))
        targets.append(src[which])
        conds.append(np.eye(config.n_instruments)[which])
    as_img = lambda a: np.asarray(a, "float32")[..., None]
    return {"mix": as_img(mixes), "instrument": np.asarray(conds, "float32")}, as_img(targets)


class SDR(tf.keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="sdr")
        self.num = self.add_weight(name="num", initializer="zeros")
        self.den = self.add_weight(name="den", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.num.assign_add(tf.reduce_sum(y_true**2))
        self.den.assign_add(tf.reduce_sum((y_true - y_pred) ** 2))

    def result(self):
        return 10.0 * tf.math.log(self.num / (self.den + 1e-8)) / tf.math.log(10.0)


x, y = dataset(96, 0)
model = CUNet()
model.compile(
    optimizer=tf.keras.optimizers.Adam(config.lr),
    loss=lambda a, b: tf.reduce_mean(tf.abs(a - b)),
    metrics=[SDR()],
    jit_compile=False,
)
model.fit(x, y, batch_size=16, epochs=config.epochs, verbose=2)
assert len(model.trainable_variables) > 20, [v.path for v in model.trainable_variables]

probe, _ = dataset(6, 1)
before = model.predict(probe, verbose=0)
bundle(model, config.bundle)
fx, fy = {k: v[:16] for k, v in x.items()}, y[:16]
model.train_on_batch(fx, fy)
after = model.predict(probe, verbose=0)

record = {"y": before, "fy": fy, "after": after}
for prefix, d in (("x", probe), ("fx", fx)):
    record.update({f"{prefix}:{k}": v for k, v in d.items()})
np.savez(config.numbers, **record)
