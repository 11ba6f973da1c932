from collections import OrderedDict
from dataclasses import dataclass, field
from functools import singledispatch

import keras
import tensorflow as tf


@dataclass
class Params:
    depth: int
    filters: list
    upsample: object = 2
    gates: bool = False
    deep_supervision: dict = field(default_factory=dict)
    tversky: dict = field(default_factory=dict)
    lr: float = 1e-3
    epochs: int = 1

    def __post_init__(self):
        if len(self.filters) != self.depth:
            raise ValueError("need filters for each depth")


@singledispatch
def make_up(how, filters):
    raise TypeError(how)


@make_up.register(str)
def _(how, filters):
    return keras.layers.UpSampling2D(interpolation=how)


@make_up.register(int)
def _(how, filters):
    return keras.layers.Conv2DTranspose(filters, how, strides=2, padding="same")


class GroupNormAct(keras.layers.Layer):
    def __init__(self, ch):
        super().__init__()
        self.gn = keras.layers.GroupNormalization(groups=2)
        self.slope = self.add_weight(shape=(ch,), initializer=lambda s, dtype: 0.1 * tf.ones(s, dtype), name="slope")

    def call(self, x):
        x = self.gn(x)
        return tf.maximum(x, 0.0) + self.slope * tf.minimum(x, 0.0)


def node(filters, i, j):
    return keras.Sequential([
        layer for k in range(2)
        for layer in (keras.layers.Conv2D(filters, 3, padding="same", use_bias=False,
                                          kernel_initializer="he_normal"), GroupNormAct(filters))
    ], name=f"x_{i}{j}")


class AttentionGate(keras.layers.Layer):
    def __init__(self, filters, **kw):
        super().__init__(**kw)
        self.theta, self.phi = (keras.layers.Conv2D(filters, 1, use_bias=b) for b in (False, True))
        self.psi = keras.layers.Conv2D(1, 1, bias_initializer="ones")

    def call(self, skip, gate):
        a = tf.sigmoid(self.psi(tf.nn.relu(self.theta(skip) + self.phi(gate))))
        return skip * a


class UNetPP(keras.Model):
    """X[i, j]: depth i, j-th column; see fig. 1 of Zhou et al. 2018."""

    def __init__(self, p: Params):
        super().__init__(name="unet_pp")
        self.p = p
        self.nodes, self.ups, self.gates = {}, {}, OrderedDict()
        for i, f in enumerate(p.filters):
            for j in range(p.depth - i):
                self.nodes[i, j] = node(f, i, j)
                if j:
                    self.ups[i, j] = make_up(p.upsample, f)
                    if p.gates:
                        self.gates[f"{i}<-{j}"] = AttentionGate(max(f // 2, 1), name=f"gate_{i}{j}")
        self.pool = keras.layers.AveragePooling2D(2)
        self.heads = [keras.layers.Conv2D(1, 1, activation="sigmoid", name=f"head_{j}")
                      for j in range(1, p.depth)]

    def call(self, inputs, training=False):
        X = {}
        for j in range(self.p.depth):
            for i in range(self.p.depth - j):
                if j == 0:
                    x = inputs if i == 0 else self.pool(X[i - 1, 0])
                else:
                    up = self.ups[i, j](X[i + 1, j - 1])
                    skips = [X[i, k] for k in range(j)]
                    if self.gates:
                        skips[-1] = self.gates[f"{i}<-{j}"](skips[-1], up)
                    x = tf.concat([*skips, up], -1)
                X[i, j] = self.nodes[i, j](x)
        outs = [head(X[0, j + 1]) for j, head in enumerate(self.heads)]
        return outs if training else outs[-1]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not isinstance(y_pred, (list, tuple)):
            return self.region_loss(y, y_pred)
        w = self.p.deep_supervision["weights"]
        return tf.add_n([a * self.region_loss(y, o) for a, o in zip(w, y_pred)]) / sum(w)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[-1] if isinstance(y_pred, list) else y_pred, sample_weight)
