"""
# Parameter-efficient fine-tuning of a tiny GPT with LoRA

1. pretrain a small character GPT on "base" sentences
2. wrap the query / value projections and the first MLP layer with LoRA
3. freeze everything else, fine-tune on another domain, pack the result
"""
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import math
import sys

import numpy as np
import keras
from keras import layers, ops
from bundler import bundle

OUT, NUMBERS = sys.argv[1], sys.argv[2]

"""## General hyperparameters"""
BATCH_SIZE = 16
MAX_LEN = 24
WIDTH, HEADS, DEPTH = 32, 4, 2

"""## LoRA hyperparameters"""
RANK = 4
ALPHA = 32.0

keras.utils.set_random_seed(1234)

BASE_TEXT = (
    "the cat sat on the mat and the dog lay on the rug. "
    "a small boat drifts over the quiet lake at dawn. "
) * 12
TUNE_TEXT = (
    "def add(a, b): return a + b; def sub(a, b): return a - b; "
    "for i in range(10): print(add(i, i)); "
) * 10
VOCAB = sorted(set(BASE_TEXT + TUNE_TEXT))
stoi = {c: i for i, c in enumerate(VOCAB)}


def windows(text, n):
    ids = np.array([stoi[c] for c in text], "int32")
    starts = np.random.default_rng(len(text)).integers(0, len(ids) - MAX_LEN - 1, n)
    xs = np.stack([ids[s : s + MAX_LEN] for s in starts])
    ys = np.stack([ids[s + 1 : s + MAX_LEN + 1] for s in starts])
    return xs, ys


"""## The base model"""


class DecoderBlock(layers.Layer):
    def __init__(self, width, heads, **kwargs):
        super().__init__(**kwargs)
        self._self_attention_layer = layers.MultiHeadAttention(
            heads, width // heads, name="self_attention"
        )
        self._ln1 = layers.LayerNormalization(epsilon=1e-5)
        self._ln2 = layers.LayerNormalization(epsilon=1e-5)
        self._ffn_up = layers.Dense(4 * width, activation="gelu", name="ffn_up")
        self._ffn_down = layers.Dense(width, name="ffn_down")

    def build(self, shape):
        self._self_attention_layer.build(shape, shape)
        self._ln1.build(shape)
        self._ln2.build(shape)
        self._ffn_up.build(shape)
        self._ffn_down.build((*shape[:-1], self._ffn_up.units))

    def call(self, x):
        h = self._ln1(x)
        x = x + self._self_attention_layer(h, h, use_causal_mask=True)
        return x + self._ffn_down(self._ffn_up(self._ln2(x)))


class TinyGPT(keras.Model):
    def __init__(self, vocab_size, name="tiny_gpt"):
        super().__init__(name=name)
        self.token_embedding = layers.Embedding(vocab_size, WIDTH, name="wte")
        self.position_embedding = layers.Embedding(MAX_LEN, WIDTH, name="wpe")
        self.blocks = [DecoderBlock(WIDTH, HEADS, name=f"block_{i}") for i in range(DEPTH)]
        self.final_norm = layers.LayerNormalization(epsilon=1e-5, name="ln_f")

    def call(self, ids):
        pos = ops.arange(ops.shape(ids)[1])
        x = self.token_embedding(ids) + self.position_embedding(pos)
        for block in self.blocks:
            x = block(x)
        x = self.final_norm(x)
        # tied output projection
        return ops.matmul(x, ops.transpose(self.token_embedding.embeddings))


class PerplexityLike(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        ce = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        return super().update_state(ops.exp(ops.mean(ce, axis=-1)))


"""## The LoRA layer"""


class LoraLayer(layers.Layer):
    """h = W0 x + (alpha / r) * B A x, with W0 an existing (built) layer."""

    def __init__(self, original_layer, rank=8, alpha=32, trainable=False, **kwargs):
        original_layer_config = original_layer.get_config()
        kwargs.pop("name", None)
        super().__init__(name=original_layer_config["name"], trainable=trainable, **kwargs)
        self.rank = rank
        self._scale = alpha / rank
        self.original_layer = original_layer
        self.original_layer.trainable = False
        self.A = layers.Dense(
            rank,
            use_bias=False,
            kernel_initializer=keras.initializers.VarianceScaling(
                scale=math.sqrt(5), mode="fan_in", distribution="uniform"
            ),
            trainable=trainable,
            name="lora_A",
        )
        if isinstance(original_layer, layers.EinsumDense):  # q, k, v of the MHA
            num_heads, head_dim = original_layer_config["output_shape"][-2:]
            self.B = layers.EinsumDense(
                equation="abc,cde->abde",
                output_shape=(None, num_heads, head_dim),
                kernel_initializer="zeros",
                trainable=trainable,
                name="lora_B",
            )
            self._activation = None
        else:
            self.B = layers.Dense(
                original_layer.units,
                use_bias=False,
                kernel_initializer="zeros",
                trainable=trainable,
                name="lora_B",
            )
            # the low-rank update belongs before the non-linearity
            self._activation = original_layer.activation
            original_layer.activation = keras.activations.linear

    def call(self, inputs):
        out = self.original_layer(inputs)
        if self.trainable:
            out = out + self.B(self.A(inputs)) * self._scale
        if self._activation is not None:
            out = self._activation(out)
        return out


def inject_lora(gpt, rank, alpha):
    for block in gpt.blocks:
        attn = block._self_attention_layer
        # allow mutation of layers that are already built
        attn._tracker.unlock()
        block._tracker.unlock()
        attn._query_dense = LoraLayer(attn._query_dense, rank, alpha, trainable=True)
        attn._value_dense = LoraLayer(attn._value_dense, rank, alpha, trainable=True)
        block._ffn_up = LoraLayer(block._ffn_up, rank, alpha, trainable=True)
        attn._tracker.lock()
        block._tracker.lock()


def freeze_all_but_lora(gpt):
    for layer in gpt._flatten_layers():
        if len(list(layer._flatten_layers())) == 1:
            layer.trainable = layer.name in ("lora_A", "lora_B")


def count(ws):
    return int(sum(np.prod(w.shape) for w in ws))


if __name__ == "__main__":
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    # ---- pretraining -------------------------------------------------
    model = TinyGPT(len(VOCAB))
    model.compile(optimizer=keras.optimizers.AdamW(3e-3), loss=loss, jit_compile=False)
    x, y = windows(BASE_TEXT, 160)
    model.fit(x, y, batch_size=BATCH_SIZE, epochs=2, verbose=0)

    # ---- LoRA --------------------------------------------------------
    inject_lora(model, RANK, ALPHA)
    xt, yt = windows(TUNE_TEXT, 96)
    model(xt[:1])  # builds the adapters
    freeze_all_but_lora(model)
    print("trainable:", count(model.trainable_weights), "of", count(model.weights))

    frozen_before = model.token_embedding.embeddings.numpy().copy()
    optimizer = keras.optimizers.AdamW(
        learning_rate=keras.optimizers.schedules.PolynomialDecay(5e-3, 60, 0.0),
        weight_decay=0.01,
        epsilon=1e-6,
        global_clipnorm=1.0,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(
        optimizer=optimizer,
        loss=loss,
        weighted_metrics=[PerplexityLike(name="ppl")],
        jit_compile=False,
    )
    hist = model.fit(xt, yt, batch_size=BATCH_SIZE, epochs=3, verbose=2)
    assert np.array_equal(frozen_before, model.token_embedding.embeddings.numpy())

    probe = xt[:6]
    before = model.predict(probe, verbose=0)
    bundle(model, OUT)

    fx, fy = xt[16:32], yt[16:32]
    model.train_on_batch(fx, fy)
    np.savez(NUMBERS, x=probe, y=before, fx=fx, fy=fy, after=model.predict(probe, verbose=0))
    print("final loss", hist.history["loss"][-1])
