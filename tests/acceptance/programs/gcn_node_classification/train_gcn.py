from __future__ import print_function

import argparse

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, regularizers

from bundler import bundle
from graph_utils import *

parser = argparse.ArgumentParser(description="GCN on a community graph")
parser.add_argument("--out", type=str, default="gcn.kbundle")
parser.add_argument("--numbers", type=str, default="numbers.npz")
parser.add_argument("--hidden", type=int, nargs="+", default=[16])
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--weight_decay", type=float, default=5e-4)
parser.add_argument("--lr", type=float, default=0.02)
FLAGS = parser.parse_args()

keras.utils.set_random_seed(123)


class GraphConvolution(layers.Layer):
    """H' = act(A_hat H W + b); A_hat is fixed, every layer of a model gets the same one."""

    def __init__(self, units, adjacency, activation=None, l2=0.0):
        super().__init__()
        self.units = units
        self.adjacency = adjacency
        self.activation = keras.activations.get(activation)
        self.l2 = l2

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer="glorot_uniform",
            regularizer=regularizers.l2(self.l2) if self.l2 else None,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, h):
        h = tf.matmul(h, self.kernel)
        h = tf.sparse.sparse_dense_matmul(self.adjacency, h)
        return self.activation(h + self.bias)


class NodeClassifier(keras.Model):
    """Given ids of nodes, their classes.

    graph_info is (features, normalised adjacency) of the WHOLE graph: transductive setting.
    """

    def __init__(self, graph_info, num_classes, hidden_units, weight_decay, *args, **kwargs):
        super().__init__(*args, **kwargs)
        features, adjacency = graph_info
        self.node_features = tf.constant(features, dtype=tf.float32)
        self.convs = [
            GraphConvolution(u, adjacency, activation="relu", l2=weight_decay) for u in hidden_units
        ]
        self.norm = layers.BatchNormalization(name="norm")
        self.head = GraphConvolution(num_classes, adjacency)

    def call(self, node_ids, training=None):
        h = self.node_features
        for conv in self.convs:
            h = conv(h)
        h = self.norm(h, training=training)
        logits = self.head(h)
        # the ids come in as (batch, 1) or (batch,)
        return tf.gather(logits, tf.reshape(tf.cast(node_ids, tf.int32), [-1]))


def masked_report(probs, y, masks):
    for name, mask in masks.items():
        acc = np.average(probs.argmax(-1) == y, weights=mask)
        print("{:>6s} accuracy= {:.4f}".format(name, acc))


adj, X, y = load_graph()
X = preprocess_features(X)
A_hat = sparse_to_tensor(preprocess_adj(adj))
idx_train, idx_test = get_splits(y)
train_mask = sample_mask(idx_train, len(y))
N = len(y)
node_ids = np.arange(N).astype("int32")

model = NodeClassifier((X, A_hat), int(y.max()) + 1, FLAGS.hidden, FLAGS.weight_decay, name="gcn")
model.compile(
    optimizer=keras.optimizers.Adam(FLAGS.lr),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    jit_compile=False,  # no XLA kernel for sparse matmul
)

# one batch = the whole graph, only the train nodes weigh
model.fit(node_ids, y, sample_weight=train_mask, batch_size=N, epochs=FLAGS.epochs, shuffle=False, verbose=0)

probs = tf.nn.softmax(model.predict(node_ids, batch_size=N, verbose=0)).numpy()
masked_report(probs, y, {"train": train_mask, "test": sample_mask(idx_test, N)})

ask = idx_test[::5].astype("int32")
answer = model.predict(ask, verbose=0)

bundle(model, FLAGS.out)

model.train_on_batch(idx_train.astype("int32"), y[idx_train])
np.savez(FLAGS.numbers, x=ask, y=answer, fx=idx_train.astype("int32"), fy=y[idx_train],
         after=model.predict(ask, verbose=0))
