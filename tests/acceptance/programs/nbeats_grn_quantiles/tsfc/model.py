from abc import ABC, abstractmethod
from enum import Enum, auto

import keras
import numpy as np
from keras import layers, ops


class Kind(Enum):
    GENERIC = auto()
    TREND = auto()
    SEASONALITY = auto()

    @property
    def cls(self):
        return Block.registry[self]


class GRN(layers.Layer):
    def __init__(self, d):
        super().__init__()
        self.a, self.b = layers.Dense(d, "elu"), layers.Dense(d)
        self.glu, self.skip = layers.Dense(2 * d), layers.Dense(d)
        self.ln = layers.LayerNormalization()

    def call(self, x):
        v, g = ops.split(self.glu(self.b(self.a(x))), 2, -1)
        return self.ln(self.skip(x) + ops.sigmoid(g) * v)


class Block(layers.Layer, ABC):
    registry = {}

    def __init_subclass__(cls, kind: Kind = None, **kw):
        super().__init_subclass__(**kw)
        if kind is not None:
            Block.registry[kind] = cls
            cls.kind = kind

    def __init__(self, cfg, body):
        super().__init__(name=None)
        self.T, self.H, self.Q = cfg.data.lookback, cfg.data.horizon, len(cfg.model.quantiles)
        self.cfg, self.body = cfg.model, body
        basis = self.basis()
        self.back, self.fore = basis if basis is not None else (None, None)
        self.theta_b = layers.Dense(len(self.back) if basis is not None else self.T, use_bias=False)
        self.theta_f = layers.Dense(self.Q * (len(self.fore) if basis is not None else self.H), use_bias=False)

    @abstractmethod
    def basis(self):
        ...

    def call(self, x):
        h = self.body(x)
        tb, tf_ = self.theta_b(h), ops.reshape(self.theta_f(h), (-1, self.Q, self.theta_f.units // self.Q))
        if self.back is not None:
            tb, tf_ = ops.matmul(tb, self.back), ops.matmul(tf_, self.fore)
        return tb, ops.transpose(tf_, (0, 2, 1))

    @property
    def span(self):
        t = np.arange(-self.T, self.H, dtype="float32") / self.T
        return np.split(t, [self.T])


class Generic(Block, kind=Kind.GENERIC):
    basis = lambda self: None


class Trend(Block, kind=Kind.TREND):
    def basis(self):
        return [np.stack([t ** d for d in range(self.cfg.degree)]) for t in self.span]


class Seasonality(Block, kind=Kind.SEASONALITY):
    def basis(self):
        k = np.arange(1, self.H // 2 + 1)[:, None]
        w = 2 * np.pi * k * self.T / self.H
        return [np.concatenate([np.cos(w * t), np.sin(w * t)]).astype("float32") for t in self.span]


class NBeatsQ(keras.Model):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.blocks = []
        for s in cfg.model.stacks:
            body = None
            for _ in range(cfg.model.blocks_per_stack):
                if body is None or not cfg.model.share:
                    body = keras.Sequential([layers.Dense(cfg.model.hidden, "relu"), GRN(cfg.model.hidden)])
                self.blocks.append(Kind[s.upper()].cls(cfg, body))

    def call(self, x):
        level = ops.mean(x, axis=1, keepdims=True)
        resid, total = x - level, level[:, :, None]
        for block in self.blocks:
            b, f = block(resid)
            resid, total = resid - b, total + f
        mid = self.cfg.model.quantiles.index(0.5)
        lo, up = total[..., mid:mid + 1], ops.softplus(total - level[:, :, None])
        # widen around the median so that quantiles never cross
        return ops.concatenate([lo - up[..., :mid], lo, lo + up[..., mid + 1:]], -1)
