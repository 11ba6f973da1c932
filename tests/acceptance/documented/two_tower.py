"""Two-tower retrieval: query and candidate towers with string lookups, in-batch softmax in train_step."""

import keras
import numpy as np
import tensorflow as tf

USERS = ["u1", "u2", "u3"]
MOVIES = ["alien", "brazil", "casablanca", "dune"]


def tower(vocabulary, dim):
    return keras.Sequential(
        [
            keras.layers.StringLookup(vocabulary=vocabulary, mask_token=None),
            keras.layers.Embedding(len(vocabulary) + 1, dim),
        ]
    )


class RetrievalModel(keras.Model):
    def __init__(self, user_model, movie_model, k=2):
        super().__init__()
        self.user_tower = user_model
        self.movie_tower = movie_model
        self.loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
        self.k = k

    def call(self, features):
        return self.user_tower(features["user"]), self.movie_tower(features["movie"])

    def train_step(self, features):
        with tf.GradientTape() as tape:
            users, movies = self(features, training=True)
            scores = tf.matmul(users, movies, transpose_b=True)
            loss = self.loss_fn(tf.eye(tf.shape(scores)[0]), scores)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}


def retrieval(dim=4):
    model = RetrievalModel(tower(USERS, dim), tower(MOVIES, dim))
    model.compile(optimizer=keras.optimizers.Adagrad(0.1))
    return model


def inputs():
    return {"user": np.array(["u1", "u3", "u9"]), "movie": np.array(["dune", "alien", "brazil"])}


def make():
    model = retrieval(6)
    model.fit(tf.data.Dataset.from_tensor_slices({k: tf.constant(v) for k, v in inputs().items()}).batch(3), verbose=0)
    return model


BUILDER = ("retrieval", {"dim": 6})
