import re
import string

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, Sequential, layers

from data import GENRES, JOBS, load

ratings, users, movies = load()
DIM = 6
unique_user_ids = np.unique(ratings["user_id"].to_numpy())
timestamp_buckets = np.linspace(ratings["timestamp"].min(), ratings["timestamp"].max(), num=8)


def strip_year(text):
    text = tf.strings.regex_replace(tf.strings.lower(text), r"\(\d{4}\)|, the", "")
    return tf.strings.regex_replace(text, "[%s]" % re.escape(string.punctuation), "")


def lookup_embedding(vocab, dim=DIM, name=None, **kw):
    lookup = layers.StringLookup(vocabulary=list(vocab), mask_token=None, **kw)
    return Sequential([tf.keras.Input((), dtype=tf.string), lookup, layers.Embedding(lookup.vocabulary_size(), dim)], name=name)


class HashedPair(layers.Layer):
    """sex x occupation"""

    def __init__(self, bins, dim):
        super().__init__()
        self.hash = layers.Hashing(num_bins=bins, salt=1337)
        self.emb = layers.Embedding(bins, dim)

    def call(self, a, b):
        return self.emb(self.hash(tf.strings.join([a, b], separator="_X_")))


class UserModel(Model):
    def __init__(self):
        super().__init__()
        self.user_embedding = lookup_embedding(unique_user_ids, name="user_embedding")
        self.job = lookup_embedding(JOBS, 3, num_oov_indices=2)
        self.cross = HashedPair(16, 3)
        self.zip = layers.IntegerLookup(output_mode="one_hot")
        self.zip.adapt(users["zip_prefix"].to_numpy())
        self.timestamp_embedding = Sequential([
            layers.Discretization(timestamp_buckets.tolist()),
            layers.Embedding(len(timestamp_buckets) + 1, 3),
        ])
        self.normalized_age = layers.Normalization(axis=None)
        self.normalized_age.adapt(users["age"].to_numpy())

    def call(self, inputs):
        age = tf.reshape(self.normalized_age(inputs["age"]), (-1, 1))
        return tf.concat([
            self.user_embedding(inputs["user_id"]),
            self.job(inputs["occupation"]),
            self.cross(inputs["sex"], inputs["occupation"]),
            tf.cast(self.zip(inputs["zip_prefix"]), tf.float32),
            self.timestamp_embedding(inputs["timestamp"]),
            age, age ** 2,
        ], axis=1)


class MovieModel(Model):
    max_tokens = 40

    def __init__(self):
        super().__init__()
        self.title_embedding = lookup_embedding(sorted(set(movies["movie_id"])))
        self.title_vectorizer = layers.TextVectorization(max_tokens=self.max_tokens, standardize=strip_year)
        self.title_text_embedding = layers.Embedding(self.max_tokens, DIM, mask_zero=True)
        self.pool = layers.GlobalAveragePooling1D()
        self.title_vectorizer.adapt(movies["movie_title"].to_numpy())
        self.genres = layers.StringLookup(vocabulary=GENRES, output_mode="multi_hot", num_oov_indices=0)

    def call(self, inputs):
        tokens = self.title_vectorizer(inputs["movie_title"])
        genres = tf.strings.split(inputs["genres"], "|").to_tensor(default_value=GENRES[0], shape=[None, 3])
        return tf.concat([
            self.title_embedding(inputs["movie_id"]),
            self.pool(self.title_text_embedding(tokens)),
            tf.cast(self.genres(genres), tf.float32),
        ], axis=1)
