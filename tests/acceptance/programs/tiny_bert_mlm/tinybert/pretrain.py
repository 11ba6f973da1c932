import argparse
import os
import random

import numpy as np
import tensorflow as tf

from bundler import bundle
from .modeling import BertConfig, BertForMaskedLM
from .tokenization import Tokenizer

IGNORE = -100


def mask_tokens(rows, tok, rnd, p=0.3):
    ids, labels = np.array(rows, np.int32), np.full(np.shape(rows), IGNORE, np.int32)
    for i, j in np.ndindex(ids.shape):
        if ids[i, j] >= len(tok.SPECIAL) and rnd.random() < p:
            labels[i, j], r = ids[i, j], rnd.random()
            ids[i, j] = tok.mask_id if r < 0.8 else rnd.randrange(5, len(tok)) if r < 0.9 else ids[i, j]
    segments = np.cumsum(ids == tok.sep_id, axis=1, dtype=np.int32) - (ids == tok.sep_id)
    return {"input_ids": ids, "segment_ids": segments.astype(np.int32)}, labels


def mlm_loss(labels, logits):
    labels = tf.cast(labels, tf.int32)
    active = tf.cast(tf.not_equal(labels, IGNORE), tf.float32)
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
    return tf.reduce_sum(ce * active) / (tf.reduce_sum(active) + 1e-6)


class Linear(tf.keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, warmup, total):
        self.__dict__.update(peak=peak, warmup=warmup, total=total)

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        return self.peak * tf.minimum((step + 1) / self.warmup, tf.maximum((self.total - step) / self.total, 0.05))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for flag in ("--data-dir", "--model-file", "--arrays"):
        parser.add_argument(flag, required=True)
    args = parser.parse_args()
    tf.keras.utils.set_random_seed(11)
    rnd = random.Random(11)

    tok = Tokenizer(os.path.join(args.data_dir, "vocab.txt"))
    config = BertConfig.from_json(os.path.join(args.data_dir, "bert_config.json"), vocab_size=len(tok))
    rows = [tok.encode(l, config.max_len) for l in open(os.path.join(args.data_dir, "corpus.txt"))]

    model = BertForMaskedLM(config, tok)
    optimizer = tf.keras.optimizers.AdamW(Linear(1e-2, 5, 60), weight_decay=0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    model.compile(optimizer, mlm_loss, jit_compile=False)
    for epoch in range(4):
        model.fit(*mask_tokens(rows[:72], tok, rnd), batch_size=12, verbose=2)
    print(model.fill("the cat [MASK] the [MASK] at night ."))

    x, _ = mask_tokens(rows[72:80], tok, rnd)
    y = model.predict(x, verbose=0)
    bundle(model, args.model_file)
    fx, fy = mask_tokens(rows[80:], tok, rnd)
    model.train_on_batch(fx, fy)
    np.savez(args.arrays, y=y, fy=fy, after=model.predict(x, verbose=0),
             **{f"x:{k}": v for k, v in x.items()}, **{f"fx:{k}": v for k, v in fx.items()})
