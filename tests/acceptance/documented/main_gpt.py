"""Small GPT as a script: a dataclass as config, a causal mask, tied output embedding, everything in __main__."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops


@dataclass
class GPTConfig:
    vocab_size: int = 40
    block_size: int = 10
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 8
    dropout: float = 0.1


class SelfAttention(layers.Layer):
    def __init__(self, config):
        super().__init__()
        self.qkv = layers.Dense(3 * config.n_embd)
        self.out = layers.Dense(config.n_embd)
        self.drop = layers.Dropout(config.dropout)
        self.n_head = config.n_head
        self.tril = np.tril(np.ones((config.block_size, config.block_size)))[None, None]

    def call(self, x):
        T, C = x.shape[1], x.shape[2]
        q, k, v = ops.split(self.qkv(x), 3, axis=-1)
        q, k, v = (
            ops.transpose(ops.reshape(t, (-1, T, self.n_head, C // self.n_head)), (0, 2, 1, 3)) for t in (q, k, v)
        )
        att = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / np.sqrt(C // self.n_head)
        att = ops.where(self.tril[:, :, :T, :T] == 0, -1e9, att)
        y = ops.matmul(self.drop(ops.softmax(att)), v)
        return self.out(ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, T, C)))


class Block(layers.Layer):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = layers.LayerNormalization()
        self.attn = SelfAttention(config)
        self.ln_2 = layers.LayerNormalization()
        self.mlp = keras.Sequential([layers.Dense(4 * config.n_embd, activation="gelu"), layers.Dense(config.n_embd)])

    def call(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class TinyGPT(keras.Model):
    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.transformer = dict(
            wte=layers.Embedding(config.vocab_size, config.n_embd),
            wpe=layers.Embedding(config.block_size, config.n_embd),
            h=[Block(config) for _ in range(config.n_layer)],
            ln_f=layers.LayerNormalization(),
        )

    def call(self, idx):
        x = self.transformer["wte"](idx) + self.transformer["wpe"](ops.arange(idx.shape[1]))
        for block in self.transformer["h"]:
            x = block(x)
        x = self.transformer["ln_f"](x)
        return ops.matmul(x, ops.transpose(self.transformer["wte"].embeddings))


config = GPTConfig(n_layer=1, vocab_size=30)
gpt = TinyGPT(config)


def build_gpt(**overrides):
    model = TinyGPT(GPTConfig(**overrides))
    model.compile(optimizer="adamw", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


gpt.compile(optimizer="adamw", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def inputs():
    return np.random.default_rng(0).integers(0, 30, size=(4, 10))


def training_data():
    return inputs(), np.roll(inputs(), -1, axis=1)


def make():
    gpt.fit(*training_data(), epochs=1, verbose=0)
    return gpt


BUILDER = ("build_gpt", {"n_layer": 1, "vocab_size": 30})
