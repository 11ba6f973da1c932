import pprint
import sys

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow.keras import Model, Sequential, layers

from bundler import bundle
from towers import DIM, MovieModel, UserModel, ratings

tf.keras.utils.set_random_seed(42)

FEATURES = ["user_id", "movie_id", "timestamp", "age", "sex", "occupation", "zip_prefix", "movie_title", "genres"]


def df_to_dict(df):
    out = {}
    for c in FEATURES:
        v = df[c].to_numpy()
        out[c] = v if v.dtype.kind in "if" else v.astype(object)
    return out


def to_dataset(df, batch, shuffle=False):
    ds = tf.data.Dataset.from_tensor_slices((df_to_dict(df), df["rating"].to_numpy()))
    if shuffle:
        ds = ds.shuffle(len(df), seed=1)
    return ds.batch(batch).prefetch(tf.data.AUTOTUNE)


class Cross(layers.Layer):
    """DCN-v2 with a low-rank kernel:  x0 * (U V x + b) + x"""

    def __init__(self, rank=4):
        super().__init__()
        self._v = layers.Dense(rank, use_bias=False)
        self.rank = rank

    def build(self, input_shape):
        self._u = layers.Dense(input_shape[-1])

    def call(self, x0, x=None):
        if x is None:
            x = x0
        return x0 * self._u(self._v(x)) + x


class RankingModel(Model):
    def __init__(self, layer_sizes, mu):
        super().__init__()
        self.query_model = UserModel()
        self.candidate_model = MovieModel()
        self.cross_layers = [Cross() for _ in range(2)]
        self.deep = Sequential()
        for layer_size in layer_sizes[:-1]:
            self.deep.add(layers.Dense(layer_size, activation="relu"))
        self.deep.add(layers.Dense(layer_sizes[-1]))
        self.query_proj, self.cand_proj = layers.Dense(DIM), layers.Dense(DIM)
        self.mu = mu

    def call(self, features):
        q, c = self.query_model(features), self.candidate_model(features)
        x0 = x = tf.concat([q, c], axis=1)
        for cross in self.cross_layers:
            x = cross(x0, x)
        dot = tf.reduce_sum(self.query_proj(q) * self.cand_proj(c), axis=1, keepdims=True)
        return self.mu + dot + self.deep(x)


def clipped_rating_loss(low, high, mean):
    """Squared error, and a pull to the mean for predictions off the scale."""
    mse = tf.keras.losses.MeanSquaredError(reduction="none")

    def loss(y_true, y_pred):
        off = tf.nn.relu(low - y_pred) + tf.nn.relu(y_pred - high)
        return mse(tf.reshape(y_true, (-1, 1)), y_pred) + 0.1 * tf.squeeze(off * tf.abs(y_pred - mean), -1)

    return loss


df = ratings.sample(frac=1.0, random_state=3).reset_index(drop=True)
train_df, test_df = df[:440], df[440:]
mean_rating = train_df["rating"].mean()

model = RankingModel([16, 8, 1], mu=mean_rating)
model.compile(
    optimizer=tf.keras.optimizers.Adagrad(learning_rate=0.1),
    loss=clipped_rating_loss(1.0, 5.0, mean_rating),
    metrics=[tf.keras.metrics.RootMeanSquaredError(name="rmse")],
    jit_compile=False,
)
model.fit(to_dataset(train_df, 40, shuffle=True), validation_data=to_dataset(test_df, 40), epochs=4, verbose=2)

x = df_to_dict(test_df)
x["user_id"][:2] = "user_new"  # cold start
y = model.predict(x, verbose=0)
pprint.pprint(pd.DataFrame({"title": x["movie_title"], "pred": y[:, 0]}).groupby("title").pred.mean().nlargest(3).to_dict())

bundle(model, sys.argv[1])

fx, fy = df_to_dict(train_df[:40]), train_df["rating"].to_numpy()[:40]
model.train_on_batch(fx, fy)
after = model.predict(x, verbose=0)
flat = {f"{a}:{k}": v if v.dtype.kind in "if" else v.astype(str) for a, d in [("x", x), ("fx", fx)] for k, v in d.items()}
np.savez(sys.argv[2], y=y, fy=fy, after=after, **flat)
