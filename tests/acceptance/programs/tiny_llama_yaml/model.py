"""LLaMA-style decoder in Keras 3 (tf backend)."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf
import keras
from keras import layers, ops


@dataclass
class ModelArgs:
    dim: int = 64
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: Optional[int] = None
    vocab_size: int = -1  # set from tokenizer
    ffn_mult: float = 8 / 3
    multiple_of: int = 32
    max_seq_len: int = 128
    rope_theta: float = 1e4
    norm_eps: float = 1e-5

    def __post_init__(self):
        if self.n_kv_heads is None:
            self.n_kv_heads = self.n_heads
        assert self.n_heads % self.n_kv_heads == 0

    @property
    def head_dim(self) -> int:
        return self.dim // self.n_heads

    @property
    def ffn_dim(self) -> int:
        hidden = int(self.ffn_mult * self.dim)
        return self.multiple_of * math.ceil(hidden / self.multiple_of)


class KVCache(NamedTuple):
    k: tf.Tensor
    v: tf.Tensor

    @property
    def length(self):
        return tf.shape(self.k)[1]


def precompute_rope(head_dim: int, end: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    freqs = 1.0 / theta ** (np.arange(0, head_dim, 2)[: head_dim // 2] / head_dim)
    angles = np.outer(np.arange(end), freqs).astype(np.float32)
    return np.cos(angles), np.sin(angles)


def apply_rope(x, cos, sin):
    # x: (B, T, H, D); rotate pairs (even, odd)
    x1, x2 = x[..., ::2], x[..., 1::2]
    cos, sin = cos[None, :, None, :], sin[None, :, None, :]
    out = tf.stack([x1 * cos - x2 * sin, x1 * sin + x2 * cos], axis=-1)
    return tf.reshape(out, tf.shape(x))


class RMSNorm(layers.Layer):
    def __init__(self, eps=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.eps = eps

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.eps) * self.scale

    def get_config(self):
        return {"eps": self.eps}


class Attention(layers.Layer):
    def __init__(self, args: ModelArgs, **kwargs):
        super().__init__(**kwargs)
        self.args = args
        self.n_rep = args.n_heads // args.n_kv_heads
        proj = lambda n, name: layers.Dense(n, use_bias=False, name=name)
        self.wq = proj(args.n_heads * args.head_dim, "wq")
        self.wk = proj(args.n_kv_heads * args.head_dim, "wk")
        self.wv = proj(args.n_kv_heads * args.head_dim, "wv")
        self.wo = proj(args.dim, "wo")

    def call(self, x, cos, sin, cache: Optional[KVCache] = None):
        a = self.args
        B, T = tf.shape(x)[0], tf.shape(x)[1]
        q = tf.reshape(self.wq(x), (B, T, a.n_heads, a.head_dim))
        k = tf.reshape(self.wk(x), (B, T, a.n_kv_heads, a.head_dim))
        v = tf.reshape(self.wv(x), (B, T, a.n_kv_heads, a.head_dim))
        q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
        if cache is not None:
            k = tf.concat([cache.k, k], axis=1)
            v = tf.concat([cache.v, v], axis=1)
        new_cache = KVCache(k, v)
        if self.n_rep > 1:
            k, v = tf.repeat(k, self.n_rep, axis=2), tf.repeat(v, self.n_rep, axis=2)
        scores = tf.einsum("bthd,bshd->bhts", q, k) / math.sqrt(a.head_dim)
        S = tf.shape(k)[1]
        causal = tf.range(S)[None, :] <= (tf.range(T) + S - T)[:, None]
        scores = tf.where(causal, scores, -1e9)
        out = tf.einsum("bhts,bshd->bthd", tf.nn.softmax(scores), v)
        return self.wo(tf.reshape(out, (B, T, a.dim))), new_cache


class SwiGLU(layers.Layer):
    def __init__(self, dim, hidden, **kwargs):
        super().__init__(**kwargs)
        self.w1 = layers.Dense(hidden, use_bias=False, name="w1")
        self.w3 = layers.Dense(hidden, use_bias=False, name="w3")
        self.w2 = layers.Dense(dim, use_bias=False, name="w2")

    def call(self, x):
        return self.w2(ops.silu(self.w1(x)) * self.w3(x))


class Block(layers.Layer):
    def __init__(self, layer_id, args, **kwargs):
        super().__init__(name=f"block_{layer_id}", **kwargs)
        self.layer_id = layer_id
        self.attn = Attention(args, name="attn")
        self.ffn = SwiGLU(args.dim, args.ffn_dim, name="ffn")
        self.norm1 = RMSNorm(args.norm_eps, name="norm1")
        self.norm2 = RMSNorm(args.norm_eps, name="norm2")

    def call(self, x, cos, sin, cache=None):
        h, cache = self.attn(self.norm1(x), cos, sin, cache=cache)
        x = x + h
        return x + self.ffn(self.norm2(x)), cache


class Llama(keras.Model):
    def __init__(self, args: ModelArgs, **kwargs):
        super().__init__(**kwargs)
        self.args = args
        self.tok_embeddings = layers.Embedding(
            args.vocab_size, args.dim, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02))
        self.blocks = [Block(i, args) for i in range(args.n_layers)]
        self.norm = RMSNorm(args.norm_eps)
        self.rope_cos, self.rope_sin = precompute_rope(args.head_dim, args.max_seq_len, args.rope_theta)

    def call(self, tokens, caches=None, return_cache=False, training=False):
        T = tf.shape(tokens)[1]
        start = caches[0].length if caches is not None else 0
        cos = tf.constant(self.rope_cos)[start:start + T]
        sin = tf.constant(self.rope_sin)[start:start + T]
        h = self.tok_embeddings(tokens)
        new_caches = []
        for i, block in enumerate(self.blocks):
            h, c = block(h, cos, sin, cache=caches[i] if caches is not None else None)
            new_caches.append(c)
        h = self.norm(h)
        # tied output head
        logits = ops.matmul(h, ops.transpose(self.tok_embeddings.embeddings))
        return (logits, new_caches) if return_cache else logits

    def generate(self, prompt, max_new_tokens=16):
        """Greedy decoding with the kv cache."""
        tokens = tf.convert_to_tensor(prompt, dtype=tf.int32)
        logits, caches = self(tokens, return_cache=True)
        for _ in range(max_new_tokens):
            nxt = tf.argmax(logits[:, -1:], axis=-1, output_type=tf.int32)
            tokens = tf.concat([tokens, nxt], axis=1)
            logits, caches = self(nxt, caches=caches, return_cache=True)
        return tokens
