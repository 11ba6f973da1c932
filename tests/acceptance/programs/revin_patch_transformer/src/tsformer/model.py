from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, Sequential, layers

from .config import TSConfig


def positional_encoding(length: int, depth: int) -> np.ndarray:
    pos = np.arange(length)[:, np.newaxis]
    i = np.arange(depth)[np.newaxis, :]
    angles = pos / np.power(10000, (2 * (i // 2)) / np.float32(depth))
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return angles[np.newaxis].astype(np.float32)


class RevIN(layers.Layer):
    """Reversible instance normalization; port of the PyTorch module."""

    def __init__(self, num_features: int, eps=1e-5, affine=True):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.affine = affine
        if self.affine:
            self._init_params()

    def _init_params(self):
        self.affine_weight = self.add_weight(shape=(self.num_features,), initializer="ones", name="affine_weight")
        self.affine_bias = self.add_weight(shape=(self.num_features,), initializer="zeros", name="affine_bias")

    def call(self, x, mode: str):
        if mode == "norm":
            self._get_statistics(x)
            x = self._normalize(x)
        elif mode == "denorm":
            x = self._denormalize(x)
        else:
            raise NotImplementedError
        return x

    def _get_statistics(self, x):
        mean, var = tf.nn.moments(x, axes=1, keepdims=True)
        self.mean = tf.stop_gradient(mean)
        self.stdev = tf.stop_gradient(tf.sqrt(var + self.eps))

    def _normalize(self, x):
        x = (x - self.mean) / self.stdev
        if self.affine:
            x = x * self.affine_weight + self.affine_bias
        return x

    def _denormalize(self, x):
        if self.affine:
            x = (x - self.affine_bias) / (self.affine_weight + self.eps * self.eps)
        return x * self.stdev + self.mean


class EncoderLayer(layers.Layer):
    def __init__(self, cfg: TSConfig):
        super().__init__()
        self.attn = layers.MultiHeadAttention(cfg.n_heads, cfg.d_model // cfg.n_heads, dropout=cfg.dropout)
        self.ffn = Sequential([layers.Dense(cfg.d_ff, activation=cfg.activation), layers.Dense(cfg.d_model)])
        self.norms = {"attn": layers.LayerNormalization(epsilon=1e-6), "ffn": layers.LayerNormalization(epsilon=1e-6)}
        self.drop = layers.Dropout(cfg.dropout) if cfg.dropout > 0 else (lambda t, training=None: t)

    def call(self, x, training=False):
        x = self.norms["attn"](x + self.drop(self.attn(x, x, training=training), training=training))
        return self.norms["ffn"](x + self.drop(self.ffn(x), training=training))


class TSFormer(Model):
    def __init__(self, cfg: TSConfig):
        super().__init__(name="tsformer")
        self.cfg = cfg
        self.revin = RevIN(cfg.enc_in, affine=cfg.revin_affine)
        self.embed = layers.Dense(cfg.d_model)
        self.pe = positional_encoding(cfg.n_patches, cfg.d_model)
        self.encoder = [EncoderLayer(cfg) for _ in range(cfg.e_layers)]
        self.head = Sequential([layers.Flatten()] + [layers.Dense(u, activation=cfg.activation) for u in cfg.head_units]
                               + [layers.Dense(cfg.pred_len)])

    def call(self, x, training=False):
        c = self.cfg
        x = self.revin(x, mode="norm")
        x = tf.transpose(x, [0, 2, 1])                                   # (B, C, L)
        x = tf.signal.frame(x, c.patch_len, c.stride, axis=-1)           # (B, C, P, patch_len)
        x = tf.reshape(x, [-1, c.n_patches, c.patch_len])                # channel independence
        x = self.embed(x) * tf.math.sqrt(float(c.d_model)) + self.pe
        for layer in self.encoder:
            x = layer(x, training=training)
        x = self.head(x)
        x = tf.transpose(tf.reshape(x, [-1, c.enc_in, c.pred_len]), [0, 2, 1])
        return self.revin(x, mode="denorm")
