import os
import sys
from functools import partial

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
from keras import layers, ops

from bundler import bundle

keras.utils.set_random_seed(0)

vocab_size = 60
maxlen = 12
embed_dim = 12
num_experts = 4
top_k = 2
capacity_factor = 1.5
z_loss_weight = 1e-3
batch_size = 32


def gelu_ffn(dim, mult=2, name=None):
    return keras.Sequential(
        [layers.Dense(dim * mult, activation=lambda x: keras.activations.gelu(x, approximate=True)), layers.Dense(dim)],
        name=name,
    )


class BilinearExpert(layers.Layer):
    def __init__(self, dim, name=None):
        super().__init__(name=name)
        self.left, self.right = layers.Dense(dim), layers.Dense(dim, use_bias=False)

    def call(self, x):
        return self.left(x) * self.right(x)


# which kinds of experts there are; the list is walked round and round
EXPERT_KINDS = [gelu_ffn, partial(gelu_ffn, mult=3), BilinearExpert]


class Router(layers.Layer):
    """Picks top_k experts for each token and sees to it that all get their share."""

    def __init__(self, num_experts, top_k, balance_weight):
        super().__init__()
        self.num_experts = num_experts
        self.top_k = top_k
        self.balance_weight = balance_weight
        self.route = layers.Dense(num_experts, use_bias=False)
        self.dropped = keras.metrics.Mean(name="dropped_tokens")
        self.entropy = keras.metrics.Mean(name="router_entropy")

    def call(self, tokens):
        # tokens: (n, dim)
        logits = self.route(tokens)
        probs = ops.softmax(logits, axis=-1)
        gate, index = ops.top_k(probs, self.top_k)
        gate = gate / ops.sum(gate, axis=-1, keepdims=True)

        # one queue for each expert: first choices first
        choice = ops.one_hot(ops.transpose(index), self.num_experts)  # (k, n, e)
        flat = ops.reshape(choice, (-1, self.num_experts))
        place = (ops.cumsum(flat, axis=0) - 1.0) * flat
        n_tokens = ops.cast(ops.shape(tokens)[0], "float32")
        capacity = ops.ceil(capacity_factor * n_tokens * self.top_k / self.num_experts)
        kept = flat * ops.cast(place < capacity, "float32")
        kept = ops.reshape(kept, ops.shape(choice))
        combine = ops.sum(kept * ops.expand_dims(ops.transpose(gate), -1), axis=0)

        load = ops.mean(choice[0], axis=0)
        importance = ops.mean(probs, axis=0)
        self.add_loss(self.balance_weight * self.num_experts * ops.sum(load * importance))
        self.add_loss(z_loss_weight * ops.mean(ops.square(ops.logsumexp(logits, axis=-1))))

        self.dropped.update_state(1.0 - ops.sum(kept) / (n_tokens * self.top_k))
        self.entropy.update_state(-ops.sum(probs * ops.log(probs + 1e-9), axis=-1))
        return combine


class MoE(layers.Layer):
    def __init__(self, dim, balance_weight=1e-2):
        super().__init__()
        self.dim = dim
        self.router = Router(num_experts, top_k, balance_weight)
        kinds = [EXPERT_KINDS[i % len(EXPERT_KINDS)] for i in range(num_experts)]
        self.experts = [kind(dim, name=f"expert_{i}") for i, kind in enumerate(kinds)]
        # how much each expert has been used in training, for looking at
        self.usage = self.add_weight(
            shape=(num_experts,), initializer="zeros", trainable=False, name="usage"
        )

    def call(self, x, training=False):
        tokens = ops.reshape(x, (-1, self.dim))
        combine = self.router(tokens)
        outs = ops.stack([expert(tokens) for expert in self.experts], axis=1)
        if training:
            now = ops.mean(ops.cast(combine > 0, "float32"), axis=0)
            self.usage.assign(0.9 * self.usage + 0.1 * now)
        y = ops.sum(outs * ops.expand_dims(combine, -1), axis=1)
        return ops.reshape(y, ops.shape(x))


class MoEBlock(layers.Layer):
    def __init__(self, dim):
        super().__init__()
        self.mix = layers.Dense(maxlen)  # mixes positions, MLP-mixer like
        self.moe = MoE(dim)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]

    def call(self, x, training=False):
        y = ops.transpose(self.norms[0](x), (0, 2, 1))
        x = x + ops.transpose(self.mix(y), (0, 2, 1))
        return x + self.moe(self.norms[1](x), training=training)


class TokenAndPosition(layers.Layer):
    def __init__(self, maxlen, vocab_size, dim):
        super().__init__()
        self.token_emb = layers.Embedding(vocab_size, dim)
        self.pos_emb = layers.Embedding(maxlen, dim)

    def call(self, x):
        return self.token_emb(x) + self.pos_emb(ops.arange(ops.shape(x)[-1]))


def create_classifier():
    inputs = keras.Input(shape=(maxlen,), dtype="int32")
    x = TokenAndPosition(maxlen, vocab_size, embed_dim)(inputs)
    x = MoEBlock(embed_dim)(x)
    x = layers.GlobalAveragePooling1D()(x)
    outputs = layers.Dense(3, activation="softmax")(x)
    return keras.Model(inputs=inputs, outputs=outputs)


def make_data(n, seed):
    """Three topics, each with a liking for a third of the vocabulary."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 3, n)
    words = rng.integers(0, vocab_size, (n, maxlen))
    own = rng.integers(0, vocab_size // 3, (n, maxlen)) + topic[:, None] * (vocab_size // 3)
    x = np.where(rng.random((n, maxlen)) < 0.4, own, words)
    return x.astype("int32"), topic.astype("int32")


x_train, y_train = make_data(320, 0)
x_val, y_val = make_data(48, 1)

classifier = create_classifier()
classifier.compile(
    optimizer=keras.optimizers.Adam(5e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=False,
)
history = classifier.fit(x_train, y_train, batch_size=batch_size, epochs=4, verbose=2)

for layer in classifier.layers:
    if isinstance(layer, MoEBlock):
        print(layer.name, "expert usage", ops.convert_to_numpy(layer.moe.usage).round(3))
        for metric in layer.moe.router.metrics:
            print("  ", metric.name, float(metric.result()))

x, fx, fy = x_val[:10], x_train[:batch_size], y_train[:batch_size]
y = classifier.predict(x, verbose=0)
bundle(classifier, sys.argv[1])
classifier.train_on_batch(fx, fy)
after = classifier.predict(x, verbose=0)
np.savez(sys.argv[2], x=x, y=y, fx=fx, fy=fy, after=after)
