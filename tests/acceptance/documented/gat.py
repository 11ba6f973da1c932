"""Graph attention network: node states and edges in the constructor, heads in a list, own train_step."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class EdgeAttention(layers.Layer):
    def __init__(self, units, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self.units), initializer=self.kernel_initializer, name="kernel"
        )
        self.score_kernel = self.add_weight(
            shape=(self.units * 2, 1), initializer=self.kernel_initializer, name="attention"
        )
        self.built = True

    def call(self, inputs):
        node_states, edges = inputs
        states = tf.matmul(node_states, self.kernel)
        pairs = tf.reshape(tf.gather(states, edges), (tf.shape(edges)[0], -1))
        scores = tf.exp(tf.clip_by_value(tf.squeeze(tf.nn.leaky_relu(tf.matmul(pairs, self.score_kernel)), -1), -2, 2))
        total = tf.math.unsorted_segment_sum(scores, edges[:, 0], tf.shape(states)[0])
        weights = scores / tf.gather(total, edges[:, 0])
        return tf.math.unsorted_segment_sum(
            tf.gather(states, edges[:, 1]) * weights[:, None], edges[:, 0], tf.shape(states)[0]
        )


class GraphHeads(layers.Layer):
    def __init__(self, units, num_heads=2, merge="concat", **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.merge = merge
        self.heads = [EdgeAttention(units) for _ in range(num_heads)]

    def call(self, inputs):
        outputs = [attend(inputs) for attend in self.heads]
        merged = tf.concat(outputs, axis=-1) if self.merge == "concat" else tf.reduce_mean(tf.stack(outputs, -1), -1)
        return tf.nn.relu(merged)


class AttentiveGraph(keras.Model):
    def __init__(self, node_states, edges, hidden_units, num_heads, num_layers, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.node_states = node_states
        self.edges = edges
        self.preprocess = layers.Dense(hidden_units * num_heads, activation="relu")
        self.heads = [GraphHeads(hidden_units, num_heads) for _ in range(num_layers)]
        self.output_layer = layers.Dense(output_dim)

    def call(self, inputs):
        node_states, edges = inputs
        x = self.preprocess(node_states)
        for layer in self.heads:
            x = layer([x, edges]) + x
        return self.output_layer(x)

    def train_step(self, data):
        indices, labels = data
        with tf.GradientTape() as tape:
            outputs = self([self.node_states, self.edges])
            loss = self.compute_loss(y=labels, y_pred=tf.gather(outputs, indices))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
        return {"loss": loss}


def graph():
    rng = np.random.default_rng(0)
    return rng.normal(size=(10, 5)).astype("float32"), rng.integers(0, 10, size=(25, 2)).astype("int32")


def make_untrained(output_dim=3):
    states, edges = graph()
    model = AttentiveGraph(tf.convert_to_tensor(states), tf.convert_to_tensor(edges), 4, 2, 2, output_dim)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer=keras.optimizers.SGD(0.1)
    )
    return model


def inputs():
    return list(graph())


def training_data():
    return np.array([0, 3, 4, 9]), np.array([0, 1, 2, 0])


def make():
    model = make_untrained()
    model.fit(*training_data(), epochs=1, verbose=0)
    return model


BUILDER = ("make_untrained", {"output_dim": 3})
