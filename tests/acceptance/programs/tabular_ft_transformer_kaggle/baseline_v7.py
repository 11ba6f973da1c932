# v7: + sparsemax gate, + rank features, 5-fold -> single split (LB 0.81x)
import gc
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from tensorflow import keras as k
from tensorflow.keras import layers as L

from bundler import bundle

SEED = 2023
k.utils.set_random_seed(SEED)
rng = np.random.RandomState(SEED)

# ----------------------------------------------------------------- "train.csv"
N = 260
train = pd.DataFrame(
    {
        "id": np.arange(N),
        "city": rng.choice(["osaka", "lima", "oslo", "accra"], N, p=[0.4, 0.3, 0.2, 0.1]),
        "plan": rng.choice(["basic", "plus", "max"], N),
        "device": rng.choice(["ios", "android", "web"], N),
        "age": rng.gamma(8, 5, N),
        "income": np.exp(rng.normal(8, 0.6, N)),
        "n_logins": rng.poisson(6, N),
        "days_idle": rng.exponential(9, N),
    }
)
z = 0.08 * (train.days_idle - 9) - 0.2 * (train.n_logins - 6) + 0.8 * (train.plan == "basic") - 0.7 * (train.city == "oslo")
train["target"] = (z + rng.normal(0, 0.5, N) > 0).astype(int)
train.loc[rng.choice(N, 15, replace=False), "device"] = "unknown"

TARGET = "target"
CAT_COLS = ["city", "plan", "device"]
NUM_COLS = ["age", "income", "n_logins", "days_idle"]
LOG_COLS = ["income", "days_idle"]

VOCAB = {c: sorted(train.loc[train[c] != "unknown", c].unique().tolist()) for c in CAT_COLS}
VOCAB_SIZE = {c: len(v) + 1 for c, v in VOCAB.items()}  # 0 = oov
_num = train[NUM_COLS].astype("float32").copy()
_num[LOG_COLS] = np.log1p(_num[LOG_COLS])
MEAN, STD = _num.mean().to_numpy(), _num.std().to_numpy()
IS_LOG = np.array([c in LOG_COLS for c in NUM_COLS])
# ranks of each number among 8 training quantiles
EDGES = {c: np.quantile(_num[c], np.linspace(0, 1, 9)[1:-1]).astype("float32").tolist() for c in NUM_COLS}
del _num
gc.collect()

DIM, HEADS, DEPTH = 16, 2, 2
GATE_TEMP, SPARSITY = 1.0, 1e-3


# ----------------------------------------------------------------- layers
def sparsemax(logits):
    zs = tf.sort(logits, direction="DESCENDING", axis=-1)
    cum = tf.cumsum(zs, axis=-1)
    r = tf.range(1, logits.shape[-1] + 1, dtype=logits.dtype)
    support = tf.cast(1 + r * zs > cum, logits.dtype)
    kz = tf.reduce_sum(support, -1, keepdims=True)
    tau = (tf.reduce_sum(zs * support, -1, keepdims=True) - 1) / kz
    return tf.maximum(logits - tau, 0)


class Tokenizer(L.Layer):
    def __init__(self):
        super().__init__()
        self.lookup = {c: L.StringLookup(vocabulary=VOCAB[c]) for c in CAT_COLS}
        self.emb = {c: L.Embedding(VOCAB_SIZE[c], DIM, name=f"emb_{c}") for c in CAT_COLS}
        self.rank_emb = {c: L.Embedding(len(EDGES[c]) + 1, DIM, name=f"rank_{c}") for c in NUM_COLS}
        self.bins = {c: L.Discretization(bin_boundaries=EDGES[c]) for c in NUM_COLS}

    def build(self, _):
        self.num_w = self.add_weight(shape=(len(NUM_COLS), DIM), initializer="glorot_uniform", name="num_w")
        self.num_b = self.add_weight(shape=(len(NUM_COLS), DIM), initializer="zeros", name="num_b")
        self.cls = self.add_weight(shape=(1, 1, DIM), initializer="random_normal", name="cls")

    def call(self, cols):
        num = tf.concat([tf.reshape(tf.cast(cols[c], tf.float32), [-1, 1]) for c in NUM_COLS], -1)
        num = tf.where(IS_LOG, tf.math.log1p(tf.maximum(num, 0.0)), num)
        scaled = (num - MEAN) / STD
        tokens = [scaled[:, :, None] * self.num_w + self.num_b]
        ranks = [self.rank_emb[c](self.bins[c](num[:, j : j + 1])) for j, c in enumerate(NUM_COLS)]
        tokens[0] += tf.concat(ranks, 1)
        for c in CAT_COLS:
            tokens.append(self.emb[c](self.lookup[c](tf.reshape(cols[c], [-1, 1]))))
        cls = tf.tile(self.cls, [tf.shape(num)[0], 1, 1])
        return cls, tf.concat(tokens, 1)


class Gate(L.Layer):
    """TabNet's idea, once: a sparse mask over the features; entropy goes into the loss"""

    def __init__(self):
        super().__init__()
        self.fc = L.Dense(len(NUM_COLS) + len(CAT_COLS))

    def call(self, tokens):
        mask = sparsemax(self.fc(tf.reduce_mean(tokens, -1)) / GATE_TEMP)
        self.add_loss(SPARSITY * tf.reduce_mean(tf.reduce_sum(-mask * tf.math.log(mask + 1e-8), -1)))
        return tokens * mask[:, :, None] * float(mask.shape[-1])


class FTBlock(L.Layer):
    def __init__(self, first=False):
        super().__init__()
        self.first = first
        self.att = L.MultiHeadAttention(HEADS, DIM // HEADS)
        self.n1 = None if first else L.LayerNormalization()
        self.n2 = L.LayerNormalization()
        self.up, self.down = L.Dense(DIM * 4), L.Dense(DIM)

    def call(self, x):
        h = x if self.first else self.n1(x)
        x = x + self.att(h, h)
        a, b = tf.split(self.up(self.n2(x)), 2, axis=-1)
        return x + self.down(a * tf.nn.relu(b))


class FTTransformer(k.Model):
    def __init__(self):
        super().__init__()
        self.tok, self.gate = Tokenizer(), Gate()
        self.blocks = [FTBlock(first=(i == 0)) for i in range(DEPTH)]
        self.head = k.Sequential([L.LayerNormalization(), L.ReLU(), L.Dense(1, activation="sigmoid")])

    def call(self, cols):
        cls, tokens = self.tok({c: cols[c] for c in NUM_COLS + CAT_COLS})
        x = tf.concat([cls, self.gate(tokens)], 1)
        for b in self.blocks:
            x = b(x)
        return self.head(x[:, 0])


def to_dict(df):
    out = {c: df[c].to_numpy().astype("float32") for c in NUM_COLS}
    out.update({c: np.array(df[c].tolist()) for c in CAT_COLS})
    return out


def to_ds(df, bs, shuffle=False):
    ds = tf.data.Dataset.from_tensor_slices((to_dict(df), df[TARGET].to_numpy().astype("float32")))
    return (ds.shuffle(512, seed=SEED) if shuffle else ds).batch(bs)


# ----------------------------------------------------------------- train
tr, va = train_test_split(train, test_size=0.2, random_state=SEED, stratify=train[TARGET])
model = FTTransformer()
model.compile(
    optimizer=k.optimizers.AdamW(4e-3, weight_decay=1e-4),
    loss=k.losses.BinaryCrossentropy(label_smoothing=0.02),
    metrics=[k.metrics.AUC(name="auc", num_thresholds=50)],
    jit_compile=False,
)
model.fit(to_ds(tr, 32, True), epochs=3, verbose=2)
oof = model.predict(to_ds(va, 64), verbose=0)[:, 0]
print("CV AUC %.4f" % roc_auc_score(va[TARGET], oof))

probe = to_dict(va.head(10))
as_tensors = lambda d: {c: tf.constant(v) for c, v in d.items()}
y = model.predict(as_tensors(probe), verbose=0)
bundle(model, sys.argv[1])

fx, fy = to_dict(tr.head(32)), tr.head(32)[TARGET].to_numpy().astype("float32")
model.train_on_batch(as_tensors(fx), fy)
after = model.predict(as_tensors(probe), verbose=0)
np.savez(
    sys.argv[2], y=y, fy=fy, after=after,
    **{f"x:{c}": v for c, v in probe.items()}, **{f"fx:{c}": v for c, v in fx.items()},
)
