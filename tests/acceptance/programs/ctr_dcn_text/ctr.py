# -*- coding: utf-8 -*-
# CTR prediction for a (fake) second-hand marketplace: DCN-v2 + FM over raw columns.
# gist: everything in one file, preprocessing inside of the model so that serving takes raw strings.
import re
import string
from typing import Dict, List, NamedTuple, Protocol, Tuple

import numpy as np
import pandas as pd
import tensorflow as tf
import keras
from keras import layers

from bundler import bundle

STOPWORDS = {"the", "a", "an", "for", "with", "and", "of"}
CITIES = ["berlin", "paris", "madrid", "rome", "vienna"]
DEVICES = ["ios", "android", "web"]
WEEKDAYS = 7


class NumericCol(NamedTuple):
    name: str
    log: bool = False


class CategoricalCol(NamedTuple):
    name: str
    vocab: Tuple[str, ...]
    dim: int = 8


class HashedCol(NamedTuple):
    name: str
    bins: int
    dim: int = 8


class TextCol(NamedTuple):
    name: str
    max_tokens: int = 60
    length: int = 6
    dim: int = 8


class OneHotCol(NamedTuple):
    name: str
    n: int


class HasName(Protocol):
    name: str


SCHEMA: List[HasName] = [
    NumericCol("price", log=True),
    NumericCol("seller_rating"),
    CategoricalCol("city", tuple(CITIES)),
    CategoricalCol("device", tuple(DEVICES)),
    HashedCol("user_id", bins=32),
    TextCol("title"),
    OneHotCol("weekday", WEEKDAYS),
]


# ---------------------------------------------------------------- data
def make_frame(n, seed=0):
    r = np.random.default_rng(seed)
    adj = ["Used", "NEW!!", "vintage", "the best", "broken", "cheap <br />"]
    noun = ["bike", "sofa for 2", "lamp", "iPhone", "guitar with case"]
    df = pd.DataFrame({
        "price": r.lognormal(3, 1, n).round(2),
        "seller_rating": r.uniform(1, 5, n).round(1),
        "city": r.choice(CITIES + ["atlantis"], n),
        "device": r.choice(DEVICES, n),
        "user_id": [f"u{i:04d}" for i in r.integers(0, 400, n)],
        "title": [f"{r.choice(adj)} {r.choice(noun)}" for _ in range(n)],
        "weekday": r.integers(0, WEEKDAYS, n),
    })
    z = 1.0 - 0.5 * np.log(df.price) + 0.4 * (df.seller_rating - 3) + (df.city == "paris") * (df.device == "ios") * 2.0
    df["clicked"] = (r.random(n) < 1 / (1 + np.exp(-z))).astype("float32")
    return df


def df_to_inputs(df) -> Dict[str, np.ndarray]:
    out = {}
    for col in SCHEMA:
        v = df[col.name].to_numpy()
        if isinstance(col, NumericCol):
            out[col.name] = v.astype("float32")[:, None]
        elif isinstance(col, OneHotCol):
            out[col.name] = v.astype("int64")[:, None]
        else:
            out[col.name] = v.astype(str)[:, None]
    return out


def to_dataset(df, batch_size=64, shuffle=False):
    ds = tf.data.Dataset.from_tensor_slices((df_to_inputs(df), df[["clicked"]].to_numpy()))
    if shuffle:
        ds = ds.shuffle(len(df), seed=0)
    return ds.batch(batch_size).prefetch(1)


# ---------------------------------------------------------------- preprocessing
def clean_title(s):
    s = tf.strings.lower(s)
    s = tf.strings.regex_replace(s, "<br />", " ")
    s = tf.strings.regex_replace(s, r"\b(%s)\b" % "|".join(sorted(STOPWORDS)), " ")
    return tf.strings.regex_replace(s, "[%s]" % re.escape(string.punctuation), "")


def make_encoder(col, train):
    values = train[col.name]
    if isinstance(col, NumericCol):
        norm = layers.Normalization(axis=None, name=f"norm_{col.name}")
        norm.adapt(np.log1p(values) if col.log else values)
        return norm
    if isinstance(col, CategoricalCol):
        return layers.StringLookup(vocabulary=list(col.vocab), num_oov_indices=1, name=f"lookup_{col.name}")
    if isinstance(col, HashedCol):
        return layers.Hashing(num_bins=col.bins, salt=[133, 137], name=f"hash_{col.name}")
    if isinstance(col, TextCol):
        tv = layers.TextVectorization(col.max_tokens, standardize=clean_title,
                                      output_sequence_length=col.length, name=f"tv_{col.name}")
        tv.adapt(values[:, 0])
        return tv
    return layers.CategoryEncoding(num_tokens=col.n, output_mode="one_hot", name=f"onehot_{col.name}")


# ---------------------------------------------------------------- layers
class CrossLayer(layers.Layer):
    """x0 * (U V x + b) + x, low rank DCN-v2"""

    def __init__(self, rank=8, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank

    def build(self, shape):
        x0_shape, _ = shape
        d = x0_shape[-1]
        self.v = layers.Dense(self.rank, use_bias=False)
        self.u = layers.Dense(d)
        self.v.build((None, d))
        self.u.build((None, self.rank))

    def call(self, inputs):
        x0, x = inputs
        return x0 * self.u(self.v(x)) + x

    def get_config(self):
        config = super().get_config()
        config["rank"] = self.rank
        return config


class FMInteraction(layers.Layer):
    def call(self, fields):  # (B, F, D)
        square_of_sum = tf.square(tf.reduce_sum(fields, axis=1))
        sum_of_square = tf.reduce_sum(tf.square(fields), axis=1)
        return 0.5 * tf.reduce_sum(square_of_sum - sum_of_square, axis=-1, keepdims=True)


class MaskedMean(layers.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return tf.reduce_mean(x, 1)
        m = tf.cast(mask, x.dtype)[..., None]
        return tf.reduce_sum(x * m, 1) / tf.maximum(tf.reduce_sum(m, 1), 1.0)

    def compute_mask(self, x, mask=None):
        return None


# ---------------------------------------------------------------- model
class DeepCrossFM(keras.Model):
    class Tower(layers.Layer):
        def __init__(self, units, **kw):
            super().__init__(**kw)
            self.hidden = [layers.Dense(u, activation="gelu", name=f"h{i}") for i, u in enumerate(units)]

        def call(self, x):
            for h in self.hidden:
                x = h(x)
            return x

    def __init__(self, schema, encoders, n_cross=2, units=(32, 16), l2=1e-5):
        super().__init__(name="deep_cross_fm")
        self.schema = schema
        self.encoders = encoders
        reg = keras.regularizers.L2(l2)
        self.embeddings = {}
        for col in schema:
            if isinstance(col, (CategoricalCol, HashedCol, TextCol)):
                n = col.bins if isinstance(col, HashedCol) else encoders[col.name].vocabulary_size()
                self.embeddings[col.name] = layers.Embedding(
                    n, col.dim, embeddings_regularizer=reg, mask_zero=isinstance(col, TextCol), name=f"emb_{col.name}")
        self.pool = MaskedMean()
        self.cross = [CrossLayer(name=f"cross_{i}") for i in range(n_cross)]
        self.fm = FMInteraction()
        self.tower = self.Tower(units, name="tower")
        self.logit = layers.Dense(1, name="logit")

    def encode(self, inputs):
        dense, fields = [], []
        for col in self.schema:
            x, enc = inputs[col.name], self.encoders[col.name]
            if isinstance(col, NumericCol):
                dense.append(enc(tf.math.log1p(x) if col.log else x))
            elif isinstance(col, OneHotCol):
                dense.append(enc(x))
            elif isinstance(col, TextCol):
                e = self.embeddings[col.name]
                ids = enc(x)
                fields.append(self.pool(e(ids), mask=e.compute_mask(ids)))
            else:
                fields.append(tf.squeeze(self.embeddings[col.name](enc(x)), 1))
        return tf.concat(dense, -1), tf.stack(fields, 1)

    def call(self, inputs):
        dense, fields = self.encode(inputs)
        x0 = tf.concat([dense, tf.reshape(fields, (-1, fields.shape[1] * fields.shape[2]))], -1)
        x = x0
        for cross in self.cross:
            x = cross([x0, x])
        out = self.logit(tf.concat([x, self.tower(x0)], -1)) + self.fm(fields)
        return tf.sigmoid(out)


class NormalizedEntropy(keras.metrics.Metric):
    """log loss / entropy of the base rate (He et al. 2014), wraps a Keras metric"""

    def __init__(self, inner=None, name="ne", **kw):
        super().__init__(name=name, **kw)
        self.inner = inner or keras.metrics.BinaryCrossentropy(name="bce")
        self.rate = keras.metrics.Mean(name="rate")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.inner.update_state(y_true, y_pred, sample_weight)
        self.rate.update_state(y_true, sample_weight)

    def result(self):
        p = tf.clip_by_value(self.rate.result(), 1e-3, 1 - 1e-3)
        return self.inner.result() / -(p * tf.math.log(p) + (1 - p) * tf.math.log(1 - p))

    def reset_state(self):
        for m in (self.inner, self.rate):
            m.reset_state()


if __name__ == "__main__":
    import sys

    bundle_path, npz_path = sys.argv[1], sys.argv[2]
    keras.utils.set_random_seed(2024)
    df = make_frame(512)
    train, test = df.iloc[:448], df.iloc[448:]
    xs = df_to_inputs(train)

    encoders = {col.name: make_encoder(col, xs) for col in SCHEMA}
    model = DeepCrossFM(SCHEMA, encoders)
    model.compile(keras.optimizers.Adagrad(0.05), loss="binary_crossentropy",
                  metrics=[keras.metrics.AUC(name="auc"), NormalizedEntropy()])
    model.fit(to_dataset(train, shuffle=True), validation_data=to_dataset(test), epochs=3, verbose=2)

    bundle(model, bundle_path)

    x = df_to_inputs(test.head(20))
    extra = make_frame(64, seed=5)
    fx, fy = df_to_inputs(extra), extra[["clicked"]].to_numpy()
    y = model(x).numpy()  # predict() does not take numpy strings
    model.train_on_batch(fx, fy)
    after = model(x).numpy()
    np.savez(npz_path, y=y, fy=fy, after=after,
             **{f"x:{k}": v for k, v in x.items()}, **{f"fx:{k}": v for k, v in fx.items()})
