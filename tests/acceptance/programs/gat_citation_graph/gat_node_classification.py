"""
Title: Graph attention network (GAT) for node classification
"""
import sys
import warnings

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from bundler import bundle
import cora_like

warnings.filterwarnings("ignore")
pd.set_option("display.max_columns", 6)
np.random.seed(2)
tf.random.set_seed(2)

"""
### Prepare the dataset
"""

papers, citations = cora_like.load()
class_values = sorted(papers["subject"].unique())
class_idx = {name: id for id, name in enumerate(class_values)}
paper_idx = {name: idx for idx, name in enumerate(sorted(papers["paper_id"].unique()))}

papers["paper_id"] = papers["paper_id"].apply(lambda name: paper_idx[name])
citations["source"] = citations["source"].apply(lambda name: paper_idx[name])
citations["target"] = citations["target"].apply(lambda name: paper_idx[name])
papers["subject"] = papers["subject"].apply(lambda value: class_idx[value])
papers = papers.sort_values("paper_id")

random_indices = np.random.permutation(range(papers.shape[0]))
train_data = papers.iloc[random_indices[: len(random_indices) * 2 // 3]]
test_data = papers.iloc[random_indices[len(random_indices) * 2 // 3:]]

train_indices = train_data["paper_id"].to_numpy()
test_indices = test_data["paper_id"].to_numpy()
train_labels = train_data["subject"].to_numpy()
test_labels = test_data["subject"].to_numpy()

edges = tf.convert_to_tensor(citations[["target", "source"]].to_numpy())
node_states = tf.convert_to_tensor(papers.sort_values("paper_id").iloc[:, 1:-1].to_numpy(dtype="float32"))


def adj_to_bias(pairs, n, nhood=1):
    """Prepare adjacency matrix by expanding up to a given neighbourhood (PetarV-/GAT)."""
    adj = np.zeros((n, n))
    adj[pairs[:, 0], pairs[:, 1]] = 1
    mt = np.eye(n)
    for _ in range(nhood):
        mt = np.matmul(mt, adj + np.eye(n))
    return -1e9 * (1.0 - (mt > 0.0))


BIAS_MAT = tf.constant(adj_to_bias(edges.numpy(), len(papers)), tf.float32)

"""
### Build the model
"""


class GraphAttention(layers.Layer):
    def __init__(self, units, kernel_initializer="glorot_uniform", kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self.units), trainable=True,
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel")
        self.kernel_attention = self.add_weight(
            shape=(self.units * 2, 1), trainable=True,
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel_attention")
        self.built = True

    def call(self, inputs):
        node_states, edges = inputs

        # Linearly transform node states
        node_states_transformed = tf.matmul(node_states, self.kernel)

        # (1) Compute pair-wise attention scores
        node_states_expanded = tf.gather(node_states_transformed, edges)
        node_states_expanded = tf.reshape(node_states_expanded, (tf.shape(edges)[0], -1))
        attention_scores = tf.nn.leaky_relu(tf.matmul(node_states_expanded, self.kernel_attention))
        attention_scores = tf.squeeze(attention_scores, -1)

        # (2) Normalize attention scores
        attention_scores = tf.math.exp(tf.clip_by_value(attention_scores, -2, 2))
        attention_scores_sum = tf.math.unsorted_segment_sum(
            data=attention_scores, segment_ids=edges[:, 0], num_segments=tf.reduce_max(edges[:, 0]) + 1)
        attention_scores_sum = tf.repeat(
            attention_scores_sum, tf.math.bincount(tf.cast(edges[:, 0], "int32")))
        attention_scores_norm = attention_scores / attention_scores_sum

        # (3) Gather node states of neighbors, apply attention scores and aggregate
        node_states_neighbors = tf.gather(node_states_transformed, edges[:, 1])
        return tf.math.unsorted_segment_sum(
            data=node_states_neighbors * attention_scores_norm[:, tf.newaxis],
            segment_ids=edges[:, 0], num_segments=tf.shape(node_states)[0])


class MultiHeadGraphAttention(layers.Layer):
    def __init__(self, units, num_heads=8, merge_type="concat", **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.merge_type = merge_type
        self.attention_layers = [GraphAttention(units) for _ in range(num_heads)]

    def call(self, inputs):
        atom_features, pair_indices = inputs
        outputs = [attention_layer([atom_features, pair_indices]) for attention_layer in self.attention_layers]
        if self.merge_type == "concat":
            outputs = tf.concat(outputs, axis=-1)
        else:
            outputs = tf.reduce_mean(tf.stack(outputs, axis=-1), axis=-1)
        return tf.nn.relu(outputs)


def attn_head(units):
    """Dense head as in the authors' code: f1 + f2^T + bias."""
    value, left, right = layers.Dense(units, use_bias=False), layers.Dense(1), layers.Dense(1)

    class DenseHead(layers.Layer):
        def __init__(self):
            super().__init__()
            self.value, self.left, self.right = value, left, right

        def call(self, h):
            v = self.value(h)
            logits = self.left(v) + tf.transpose(self.right(v))
            return tf.matmul(tf.nn.softmax(tf.nn.leaky_relu(logits) + BIAS_MAT), v)

    return DenseHead()


class GraphAttentionNetwork(keras.Model):
    def __init__(self, node_states, edges, hidden_units, num_heads, num_layers, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.node_states = node_states
        self.edges = edges
        self.preprocess = layers.Dense(hidden_units * num_heads, activation="relu")
        self.attention_layers = [MultiHeadGraphAttention(hidden_units, num_heads) for _ in range(num_layers)]
        self.dense_head = attn_head(hidden_units)
        self.output_layer = layers.Dense(output_dim)

    def call(self, inputs):
        node_states, edges = inputs
        x = self.preprocess(node_states)
        for attention_layer in self.attention_layers:
            x = attention_layer([x, edges]) + x
        x = tf.concat([x, self.dense_head(x)], -1)
        return self.output_layer(x)

    def train_step(self, data):
        indices, labels = data[0], data[1]
        with tf.GradientTape() as tape:
            outputs = self([self.node_states, self.edges])
            loss = self.compute_loss(y=labels, y_pred=tf.gather(outputs, indices))
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        return self.compute_metrics(None, labels, tf.gather(outputs, indices))

    def predict_step(self, data):
        indices = data[0] if isinstance(data, tuple) else data
        outputs = self([self.node_states, self.edges])
        return tf.nn.softmax(tf.gather(outputs, indices))

    def test_step(self, data):
        indices, labels = data[0], data[1]
        outputs = self([self.node_states, self.edges])
        self.compute_loss(y=labels, y_pred=tf.gather(outputs, indices))
        return self.compute_metrics(None, labels, tf.gather(outputs, indices))


"""
### Train and evaluate
"""

# tf.repeat above wants the edges sorted by target, with every node in it
loops = tf.stack([tf.range(len(papers), dtype=edges.dtype)] * 2, 1)
edges = tf.concat([edges, loops], 0)
edges = tf.gather(edges, tf.argsort(edges[:, 0], stable=True))

gat_model = GraphAttentionNetwork(node_states, edges, hidden_units=6, num_heads=3, num_layers=2, output_dim=len(class_values))
gat_model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    jit_compile=False,
)
gat_model.fit(x=train_indices, y=train_labels, batch_size=20, epochs=8, verbose=2)
print(f"Test Accuracy {gat_model.evaluate(x=test_indices, y=test_labels, verbose=0, return_dict=True)['acc'] * 100:.1f}%")

test_probs = gat_model.predict(x=test_indices, verbose=0)
for probs, label in zip(test_probs[:3], test_labels[:3]):
    print({class_values[j]: round(float(p), 2) for j, p in enumerate(probs)}, class_values[label])

bundle(gat_model, sys.argv[1])

fx, fy = train_indices[:20], train_labels[:20]
gat_model.train_on_batch(fx, fy)
after = gat_model.predict(test_indices, verbose=0)
np.savez(sys.argv[2], x=test_indices, y=test_probs, fx=fx, fy=fy, after=after)
