import os
import sys
from typing import Literal

import keras
import numpy as np
from keras import layers, ops
from pydantic import BaseModel, Field

from mols import MAX_ATOMS, MAX_EDGES, batch
import mols


class Settings(BaseModel):
    hidden: int = Field(16, ge=1)
    steps: int = 2
    readout: Literal["sum", "mean", "gated"] = "sum"

    @classmethod
    def from_env(cls, prefix="MPNN_"):
        return cls(**{k[len(prefix):].lower(): v for k, v in os.environ.items() if k.startswith(prefix)})


S = Settings.from_env()

READOUTS = {
    "sum": lambda h, mask, gate: ops.sum(h * mask, 1),
    "mean": lambda h, mask, gate: ops.sum(h * mask, 1) / ops.sum(mask, 1),
    "gated": lambda h, mask, gate: ops.sum(ops.sigmoid(gate(h)) * h * mask, 1),
}


class MessagePassing(layers.Layer):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.cell = layers.GRUCell(settings.hidden)
        self.edge_net = layers.Dense(settings.hidden ** 2, use_bias=True)

    def build(self, shapes):
        u = self.settings.hidden
        self.cell.build((None, u))
        self.edge_net.build(shapes["bonds"])
        self.built = True

    def call(self, inputs):
        h, edges, bonds, emask = (inputs[k] for k in ("h", "edges", "bonds", "emask"))
        u = self.settings.hidden
        n = ops.shape(h)[0]
        flat = ops.reshape(edges + ops.arange(n, dtype="int32")[:, None, None] * MAX_ATOMS, (-1, 2))
        A = ops.reshape(self.edge_net(bonds) * emask, (-1, u, u))
        h = ops.reshape(h, (-1, u))
        for _ in range(self.settings.steps):
            msg = ops.einsum("eij,ej->ei", A, ops.take(h, flat[:, 1], axis=0))
            agg = ops.segment_sum(msg, flat[:, 0], num_segments=n * MAX_ATOMS)
            h, _state = self.cell(agg, [h])
        return ops.reshape(h, (-1, MAX_ATOMS, u))

    def compute_output_shape(self, shapes):
        return shapes["h"]


class Readout(layers.Layer):
    def __init__(self, settings, fn=None):
        super().__init__()
        self.fn = fn or READOUTS[settings.readout]
        self.gate = layers.Dense(settings.hidden)

    def call(self, h, mask):
        return self.fn(h, mask, self.gate)


class SizeMask(layers.Layer):
    def __init__(self, which, limit):
        super().__init__()
        self.which, self.range = which, np.arange(limit)[None]

    def call(self, sizes):
        return ops.cast(self.range < sizes[:, self.which:self.which + 1], "float32")[..., None]


def mpnn(s):
    spec = {"atoms": (MAX_ATOMS, mols.ATOMS.dim), "edges": (MAX_EDGES, 2), "bonds": (MAX_EDGES, mols.BONDS.dim), "sizes": (2,)}
    inp = {k: keras.Input(v, dtype="int32" if k in ("edges", "sizes") else None, name=k) for k, v in spec.items()}
    amask, emask = SizeMask(0, MAX_ATOMS)(inp["sizes"]), SizeMask(1, MAX_EDGES)(inp["sizes"])
    h = layers.Dense(s.hidden)(inp["atoms"])
    h = MessagePassing(s)({"h": h, "edges": inp["edges"], "bonds": inp["bonds"], "emask": emask})
    z = layers.Dense(32, activation="relu")(Readout(s)(h, amask))
    ring = layers.Dense(1, activation="sigmoid")(z)
    return keras.Model(inp, layers.Concatenate()([ring, layers.Dense(1)(z)]), name="mpnn")


def multitask(*parts):
    """parts: (weight, fn) per column; NaN labels do not count."""
    def loss(y, p):
        total = 0.0
        for c, (w, fn) in enumerate(parts):
            t, q = y[:, c], p[:, c]
            known = ops.cast(ops.logical_not(ops.isnan(t)), "float32")
            total += w * ops.sum(fn(ops.nan_to_num(t), q) * known) / (ops.sum(known) + 1e-6)
        return total
    return loss


keras.utils.set_random_seed(21)
model = mpnn(S)
model.compile(keras.optimizers.RMSprop(3e-3),
              multitask((1.0, ops.binary_crossentropy), (2.0, lambda t, q: ops.abs(t - q))), jit_compile=False)
model.fit(*batch(256, 0, missing=0.1), batch_size=32, epochs=5, verbose=2)

x, truth = batch(16, 1)
y = model.predict(x, verbose=0)
print("rings right:", np.mean((y[:, 0] > .5) == truth[:, 0]))

from bundler import bundle
bundle(model, sys.argv[1])

fx, fy = batch(32, 2, missing=0.2)
model.train_on_batch(fx, fy)
arrays = {f"x:{k}": v for k, v in x.items()} | {f"fx:{k}": v for k, v in fx.items()}
np.savez(sys.argv[2], y=y, fy=fy, after=model.predict(x, verbose=0), **arrays)
