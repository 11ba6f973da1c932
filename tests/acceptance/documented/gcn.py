"""Graph convolution node classifier: the whole graph, as a tuple of tensors, is a constructor argument."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def feed_forward(hidden_units, dropout_rate, name=None):
    stack = []
    for units in hidden_units:
        stack.append(layers.BatchNormalization())
        stack.append(layers.Dropout(dropout_rate))
        stack.append(layers.Dense(units, activation=tf.nn.gelu))
    return keras.Sequential(stack, name=name)


class GraphConvolution(layers.Layer):
    def __init__(self, hidden_units, dropout_rate=0.2, reduce="mean", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.reduce = reduce
        self.prepare = feed_forward(hidden_units, dropout_rate)
        self.combine = feed_forward(hidden_units, dropout_rate)

    def call(self, inputs):
        states, edges, edge_weights = inputs
        receivers, senders = edges[0], edges[1]
        messages = self.prepare(tf.gather(states, senders)) * edge_weights[:, None]
        n = states.shape[0]
        if self.reduce == "sum":
            aggregated = tf.math.unsorted_segment_sum(messages, receivers, num_segments=n)
        else:
            aggregated = tf.math.unsorted_segment_mean(messages, receivers, num_segments=n)
        return tf.nn.l2_normalize(self.combine(tf.concat([states, aggregated], axis=1)), axis=-1)


class NodeClassifier(keras.Model):
    def __init__(self, graph_data, num_classes, hidden_units, reduce="sum", dropout_rate=0.2, *args, **kwargs):
        super().__init__(*args, **kwargs)
        node_features, edges, edge_weights = graph_data
        self.node_features = node_features
        self.edges = edges
        self.edge_weights = edge_weights
        if self.edge_weights is None:
            self.edge_weights = tf.ones(shape=edges.shape[1])
        self.edge_weights = self.edge_weights / tf.math.reduce_sum(self.edge_weights)
        self.preprocess = feed_forward(hidden_units, dropout_rate, name="preprocess")
        self.conv1 = GraphConvolution(hidden_units, dropout_rate, reduce, name="graph_conv1")
        self.conv2 = GraphConvolution(hidden_units, dropout_rate, reduce, name="graph_conv2")
        self.to_logits = layers.Dense(units=num_classes, name="logits")

    def call(self, nodes):
        x = self.preprocess(self.node_features)
        x = self.conv1((x, self.edges, self.edge_weights)) + x
        x = self.conv2((x, self.edges, self.edge_weights)) + x
        return self.to_logits(tf.gather(x, tf.reshape(nodes, [-1])))


def graph(seed=0):
    rng = np.random.default_rng(seed)
    features = tf.constant(rng.normal(size=(12, 5)), dtype=tf.float32)
    return features, rng.integers(0, 12, size=(2, 30)), None


def gnn(num_classes, hidden_units):
    model = NodeClassifier(graph_data=graph(), num_classes=num_classes, hidden_units=hidden_units, name="citations")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


def inputs():
    return np.array([1, 5, 7, 10])


def training_data():
    return inputs(), np.array([0, 1, 2, 0])


def make():
    model = gnn(3, [6, 6])
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("gnn", {"num_classes": 3, "hidden_units": [6, 6]})
