import argparse
import math
import random

import keras
import numpy as np
import tensorflow as tf
import yaml

from bundler import bundle
from model import Llama, ModelArgs

PAD, BOS, EOS = 0, 1, 2
NAMES = "anna bob carl dora emil fritz gina hugo".split()
VERBS = ["likes", "sees", "calls", "misses"]


class CharTokenizer:
    def __init__(self, corpus):
        self.chars = sorted(set("".join(corpus)))
        self.stoi = {c: i + 3 for i, c in enumerate(self.chars)}
        self.itos = {i: c for c, i in self.stoi.items()}

    def __len__(self):
        return len(self.chars) + 3

    def encode(self, s):
        return [BOS] + [self.stoi[c] for c in s] + [EOS]

    def decode(self, ids):
        return "".join(self.itos.get(int(i), "") for i in ids)


class MaskedCrossEntropy:
    """ignores padding; mean over the real tokens"""

    def __init__(self, ignore_index=PAD, label_smoothing=0.0):
        self.ignore_index = ignore_index
        self.eps = label_smoothing

    def __call__(self, y_true, y_pred):
        y_true = tf.cast(y_true, tf.int32)
        logp = tf.nn.log_softmax(y_pred)
        nll = -tf.gather(logp, y_true, axis=-1, batch_dims=2)
        if self.eps:
            nll = (1 - self.eps) * nll - self.eps * tf.reduce_mean(logp, -1)
        mask = tf.cast(y_true != self.ignore_index, nll.dtype)
        return tf.reduce_sum(nll * mask) / tf.maximum(tf.reduce_sum(mask), 1.0)


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, warmup, total, floor=0.1):
        self.peak, self.warmup, self.total, self.floor = peak, warmup, total, floor

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        warm = self.peak * (step + 1) / self.warmup
        prog = tf.clip_by_value((step - self.warmup) / max(1, self.total - self.warmup), 0.0, 1.0)
        cos = self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + tf.cos(math.pi * prog)))
        return tf.where(step < self.warmup, warm, cos)


class Perplexity(keras.metrics.Mean):
    def __init__(self, ignore=PAD, name="ppl"):
        super().__init__(name=name)
        self.ce = MaskedCrossEntropy(ignore)

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(self.ce(y_true, y_pred))

    def result(self):
        return tf.exp(super().result())


def make_corpus(n, seed=0):
    r = random.Random(seed)
    return [f"{r.choice(NAMES)} {r.choice(VERBS)} {r.choice(NAMES)} and {r.choice(NAMES)}." for _ in range(n)]


def batchify(tok, corpus, length):
    out = np.full((len(corpus), length + 1), PAD, dtype=np.int32)
    for i, s in enumerate(corpus):
        ids = tok.encode(s)[: length + 1]
        out[i, : len(ids)] = ids
    return out[:, :-1], out[:, 1:]


def build_optimizer(t):
    opt = keras.optimizers.AdamW(
        WarmupCosine(t["peak_lr"], t["warmup"], t["steps"]),
        beta_2=0.95, weight_decay=t["weight_decay"], global_clipnorm=t["grad_clip"])
    opt.exclude_from_weight_decay(var_names=["scale", "embeddings"])
    return opt


def main(args):
    with open(args.config) as f:
        cfg = yaml.safe_load(f)
    keras.utils.set_random_seed(args.seed)
    t = cfg["train"]
    corpus = make_corpus(t["batch_size"] * t["steps"])
    tok = CharTokenizer(corpus)
    margs = ModelArgs(vocab_size=len(tok), **cfg["model"])
    x, y = batchify(tok, corpus, 36)

    model = Llama(margs, name="tiny_llama")
    model.compile(optimizer=build_optimizer(t), metrics=[Perplexity()],
                  loss=MaskedCrossEntropy(label_smoothing=t["label_smoothing"]))
    model.fit(x, y, batch_size=t["batch_size"], epochs=1, verbose=2)
    model.summary()

    sample = model.generate([tok.encode("anna ")[:-1]], 12)
    print("sample:", tok.decode(sample[0]))

    bundle(model, args.bundle)

    vx, _ = batchify(tok, make_corpus(5, seed=99), 36)
    fx, fy = batchify(tok, make_corpus(t["batch_size"], seed=100), 36)
    pred = model.predict(vx, verbose=0)
    model.train_on_batch(fx, fy)
    after = model.predict(vx, verbose=0)
    np.savez(args.numbers, x=vx, y=pred, fx=fx, fy=fy, after=after)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--config", default="configs/tiny.yaml")
    ap.add_argument("--seed", type=int, default=1337)
    ap.add_argument("--bundle", required=True)
    ap.add_argument("--numbers", required=True)
    main(ap.parse_args())
