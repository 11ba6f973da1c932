import argparse

import numpy as np
import tensorflow as tf
import yaml
from tensorflow import keras
from tensorflow.keras import layers

from attention import Block
from bundler import bundle

parser = argparse.ArgumentParser()
parser.add_argument("--config", default="config.yaml")
parser.add_argument("--out")
parser.add_argument("--numbers")
args = parser.parse_args()

with open(args.config) as f:
    C = yaml.safe_load(f)
keras.utils.set_random_seed(C["seed"])


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup):
        self.d_model, self.warmup = d_model, warmup

    def __call__(self, step):
        step = tf.cast(step, tf.float32) + 1.0
        return self.d_model**-0.5 * tf.minimum(step**-0.5, step * self.warmup**-1.5) * 0.3


class MusicTransformer(keras.Model):
    def __init__(self, cfg, vocab):
        super().__init__()
        self.cfg = cfg
        d = cfg["d_model"]
        self.embed = {
            "pitch": layers.Embedding(vocab["pitch"], d, mask_zero=True, name="pitch_emb"),
            "dur": layers.Embedding(vocab["dur"], d, name="dur_emb"),
        }
        self.blocks = [
            Block(d, cfg["heads"], cfg["ff"], cfg["max_distance"], cfg["dropout"])
            for _ in range(cfg["layers"])
        ]
        self.norm = layers.LayerNormalization()
        self.pitch_head = layers.Dense(vocab["pitch"], name="pitch")
        self.dur_head = layers.Dense(vocab["dur"], name="dur")

    def call(self, inputs, training=False):
        mask = tf.not_equal(inputs["pitch"], 0)
        x = self.embed["pitch"](inputs["pitch"]) + self.embed["dur"](inputs["dur"])
        x *= tf.cast(mask, x.dtype)[..., None]
        for block in self.blocks:
            x = block(x, training=training)
        x = self.norm(x)
        return {"pitch": self.pitch_head(x), "dur": self.dur_head(x)}

    def generate(self, pitch, dur, steps):
        """greedy continuation"""
        for _ in range(steps):
            out = self({"pitch": pitch, "dur": dur})
            pitch = np.concatenate([pitch, np.argmax(out["pitch"][:, -1:, 2:], -1) + 2], 1)
            dur = np.concatenate([dur, np.argmax(out["dur"][:, -1:], -1)], 1)
        return pitch, dur


def masked_ce(y_true, y_pred):
    loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    w = tf.cast(tf.not_equal(y_true, 0), loss.dtype)
    return tf.reduce_sum(loss * w) / tf.maximum(tf.reduce_sum(w), 1.0)


def make_tunes(n, length, vocab):
    """random walks over a scale; every 4th note is long; some tunes end early (padding)."""
    rng = np.random.default_rng(C["seed"])
    pitch = np.zeros((n, length + 1), "int32")
    dur = np.zeros((n, length + 1), "int32")
    for i in range(n):
        p, end = rng.integers(8, 18), rng.integers(length // 2, length + 2)
        for t in range(min(end, length + 1)):
            pitch[i, t] = 1 if t == 0 else p
            dur[i, t] = 4 if t % 4 == 0 else rng.integers(1, 3)
            p = int(np.clip(p + rng.choice([-2, -1, 1, 2]), 2, vocab["pitch"] - 1))
    return pitch, dur


pitch, dur = make_tunes(C["data"]["tunes"], C["data"]["length"], C["vocab"])
X = {"pitch": pitch[:, :-1], "dur": dur[:, :-1]}
Y = {"pitch": pitch[:, 1:], "dur": dur[:, 1:]}

model = MusicTransformer(C["model"], C["vocab"])
model.compile(
    optimizer=keras.optimizers.Adam(
        Schedule(C["model"]["d_model"], C["train"]["warmup"]), beta_2=0.98, epsilon=1e-9
    ),
    loss={"pitch": masked_ce, "dur": masked_ce},
    loss_weights={"pitch": 1.0, "dur": 0.5},
    jit_compile=False,
)
model.fit(X, Y, batch_size=C["train"]["batch"], epochs=C["train"]["epochs"], verbose=2)
print("continued:", model.generate(pitch[:1, :4], dur[:1, :4], 4)[0])

pick = lambda d, s: {k: v[s] for k, v in d.items()}
tag = lambda prefix, d: {f"{prefix}:{k}": v for k, v in d.items()}

x = pick(X, slice(0, 4))
numbers = {**tag("x", x), **tag("y", model.predict(x, verbose=0))}
bundle(model, args.out)
fx, fy = pick(X, slice(16, 32)), pick(Y, slice(16, 32))
model.train_on_batch(fx, fy)
numbers |= {**tag("fx", fx), **tag("fy", fy), **tag("after", model.predict(x, verbose=0))}
np.savez(args.numbers, **numbers)
