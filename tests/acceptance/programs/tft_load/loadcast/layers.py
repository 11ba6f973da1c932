import keras
import tensorflow as tf
from keras import layers, ops

from .config import GateActivation, NetConfig


class GatedLinearUnit(layers.Layer):
    def __init__(self, units, gate: GateActivation = GateActivation.SIGMOID, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gate = gate
        self.proj = layers.Dense(2 * units)
        self.gate_fn = keras.activations.get(gate.value)

    def call(self, x):
        value, gate = ops.split(self.proj(x), 2, axis=-1)
        return value * self.gate_fn(gate)


class GatedResidualNetwork(layers.Layer):
    def __init__(self, cfg: NetConfig, out_units=None, **kwargs):
        super().__init__(**kwargs)
        self.cfg = cfg
        self.out_units = out_units or cfg.hidden
        self.fc1 = layers.Dense(cfg.hidden)
        self.ctx = layers.Dense(cfg.hidden, use_bias=False)
        self.fc2 = layers.Dense(cfg.hidden)
        self.drop = layers.Dropout(cfg.dropout)
        self.glu = GatedLinearUnit(self.out_units, cfg.gate)
        self.norm = layers.LayerNormalization()
        self.skip = None

    def build(self, input_shape):
        if input_shape[-1] != self.out_units:
            self.skip = layers.Dense(self.out_units, name="skip")
        super().build(input_shape)

    def call(self, x, context=None, training=None):
        residual = x if self.skip is None else self.skip(x)
        h = self.fc1(x)
        if context is not None:
            c = self.ctx(context)
            if len(h.shape) == 3:
                c = c[:, None, :]
            h = h + c
        h = self.fc2(tf.nn.elu(h))
        h = self.drop(h, training=training)
        return self.norm(residual + self.glu(h))


class VariableSelection(layers.Layer):
    """Softmax weighted mix of one GRN per variable."""

    def __init__(self, names, cfg, cardinalities=None, **kwargs):
        super().__init__(**kwargs)
        self.names = list(names)
        self.cfg = cfg
        self.cardinalities = dict(cardinalities or {})
        self.embedders = {}
        for n in self.names:
            if n in self.cardinalities:
                self.embedders[n] = layers.Embedding(self.cardinalities[n], cfg.hidden, name=f"emb_{n}")
            else:
                self.embedders[n] = layers.Dense(cfg.hidden, name=f"proj_{n}")
        self.grns = [GatedResidualNetwork(cfg, name=f"grn_{n}") for n in self.names]
        self.weigher = layers.Dense(len(self.names), name="weigher")

    def call(self, x, context=None):
        parts = []
        for i, n in enumerate(self.names):
            col = x[..., i]
            if n in self.cardinalities:
                parts.append(self.embedders[n](ops.cast(col, "int32")))
            else:
                parts.append(self.embedders[n](col[..., None]))
        flat = ops.concatenate(parts, axis=-1)
        if context is not None:
            flat = ops.concatenate([flat, ops.repeat(context[:, None], flat.shape[1], axis=1)], axis=-1)
        w = ops.softmax(self.weigher(flat), axis=-1)
        mixed = ops.stack([g(p) for g, p in zip(self.grns, parts)], axis=-1)
        return ops.sum(mixed * w[..., None, :], axis=-1)


class CausalFusionAttention(layers.Layer):
    def __init__(self, cfg, **kwargs):
        super().__init__(**kwargs)
        self.mha = layers.MultiHeadAttention(cfg.heads, cfg.hidden // cfg.heads)
        self.gate = GatedLinearUnit(cfg.hidden, cfg.gate)
        self.norm = layers.LayerNormalization()

    def call(self, x):
        a = self.mha(x, x, use_causal_mask=True)
        return self.norm(x + self.gate(a))
