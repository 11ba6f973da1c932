from collections import namedtuple

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers as L

from .mixins import GateEntropyMixin, UncertaintyWeightingMixin

Task = namedtuple("Task", "name kind loss output")

huber = keras.losses.Huber(delta=1.0, reduction="none")

TASKS = {
    "binary": lambda name: Task(
        name, "binary",
        lambda t, p: -(t * tf.math.log(p + 1e-6) + (1.0 - t) * tf.math.log(1.0 - p + 1e-6)),
        tf.sigmoid),
    "regression": lambda name: Task(
        name, "regression",
        lambda t, p: huber(t[:, None], p[:, None]),
        tf.identity),
    "count": lambda name: Task(name, "count", lambda t, p: p - t * tf.math.log(p + 1e-6), tf.nn.softplus),
}


def correlation_penalty(h):
    """Keeps the experts from learning the same thing.  h: (batch, units, experts)"""
    h = tf.math.l2_normalize(h - tf.reduce_mean(h, 0), axis=0)
    corr = tf.einsum("bue,buf->ef", h, h)
    return 1e-3 * tf.reduce_sum(tf.square(corr - tf.linalg.diag(tf.linalg.diag_part(corr))))


class Experts(L.Layer):
    def __init__(self, units, num_experts, activation=tf.nn.relu):
        super().__init__(activity_regularizer=correlation_penalty)
        self.units, self.num_experts, self.activation = units, num_experts, activation

    def build(self, input_shape):
        d = input_shape[-1]
        self.kernels = self.add_weight(shape=(d, self.units, self.num_experts), name="expert_kernels",
                                       initializer=keras.initializers.VarianceScaling(2.0), regularizer="l2")
        self.bias = self.add_weight(shape=(self.units, self.num_experts), name="expert_bias", initializer="zeros")

    def call(self, x):
        return self.activation(tf.tensordot(x, self.kernels, axes=1) + self.bias)


class MMoE(UncertaintyWeightingMixin, GateEntropyMixin, keras.Model):
    def __init__(self, *tasks, units=8, num_experts=3, tower=(6,), **kwargs):
        super().__init__(**kwargs)
        self.init_uncertainty(tasks)
        self.norm = L.BatchNormalization(momentum=0.7)
        self.experts = Experts(units, num_experts)
        self.gates = {t.name: L.Dense(num_experts, activation="softmax", use_bias=False) for t in tasks}
        self.towers = {}
        for t in tasks:
            self.towers[t.name] = keras.Sequential([L.Dense(u, activation="relu") for u in tower] + [L.Dense(1)])

    def call(self, x, training=None):
        x = self.norm(x, training=training)
        h = self.experts(x)
        outputs = []
        for task in self.tasks:
            gate = self.penalize_gate(self.gates[task.name](x))
            mixed = tf.einsum("bue,be->bu", h, gate)
            outputs.append(task.output(self.towers[task.name](mixed)))
        return tf.concat(outputs, axis=1)
