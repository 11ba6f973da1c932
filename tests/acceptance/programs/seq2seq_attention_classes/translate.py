#!/usr/bin/env python
"""Spell numbers out: "4 7" -> "forty seven". Attention over a bidirectional GRU encoder."""
import argparse

import numpy as np
import tensorflow as tf

from bundler import bundle

PAD, START, END = 0, 1, 2
UNITS = 24

ONES = "zero one two three four five six seven eight nine".split()
TENS = "- ten twenty thirty forty fifty sixty seventy eighty ninety".split()


class Vocab:
    def __init__(self, tokens):
        self.itos = ["<pad>", "<start>", "<end>"] + sorted(set(tokens))
        self.stoi = {t: i for i, t in enumerate(self.itos)}

    def encode(self, tokens, length):
        ids = [START] + [self.stoi[t] for t in tokens] + [END]
        return ids + [PAD] * (length - len(ids))

    def decode(self, ids):
        words = []
        for i in ids:
            if i == END:
                break
            if i > END:
                words.append(self.itos[i])
        return " ".join(words)

    def __len__(self):
        return len(self.itos)


def spell(number):
    words = []
    for digit, power in zip(str(number), range(len(str(number)) - 1, -1, -1)):
        d = int(digit)
        if power == 2:
            words += [ONES[d], "hundred"]
        elif power == 1 and d:
            words.append(TENS[d])
        elif power == 0 and (d or not words):
            words.append(ONES[d])
    return words


src_vocab = Vocab("0123456789")
tgt_vocab = Vocab(ONES + TENS[1:] + ["hundred"])


def make_batch(numbers):
    src = np.array([src_vocab.encode(list(str(n)), 5) for n in numbers], "int32")
    tgt = np.array([tgt_vocab.encode(spell(n), 7) for n in numbers], "int32")
    # teacher forcing: the decoder sees the target, shifted by one
    return (src, tgt[:, :-1]), tgt[:, 1:]


class Encoder(tf.keras.layers.Layer):
    def __init__(self, vocab, units):
        super(Encoder, self).__init__()
        self.vocab_size = len(vocab)
        self.units = units
        self.embedding = tf.keras.layers.Embedding(self.vocab_size, units, mask_zero=True)
        self.rnn = tf.keras.layers.Bidirectional(
            merge_mode="sum",
            layer=tf.keras.layers.GRU(units, return_sequences=True, recurrent_initializer="glorot_uniform"),
        )

    def call(self, x):
        x = self.embedding(x)
        return self.rnn(x)


class AdditiveAttention(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.W1 = tf.keras.layers.Dense(units, use_bias=False)
        self.W2 = tf.keras.layers.Dense(units, use_bias=False)
        self.V = tf.keras.layers.Dense(1)

    def call(self, query, values, mask):
        # query (b, t, u), values (b, s, u), mask (b, s)
        scores = self.V(tf.nn.tanh(self.W1(query)[:, :, tf.newaxis] + self.W2(values)[:, tf.newaxis]))
        scores = tf.squeeze(scores, -1) + (1.0 - tf.cast(mask, tf.float32))[:, tf.newaxis] * -1e9
        weights = tf.nn.softmax(scores, axis=-1)
        return tf.matmul(weights, values), weights


class CrossAttention(tf.keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__()
        self.attend = AdditiveAttention(units, **kwargs)
        self.layernorm = tf.keras.layers.LayerNormalization()
        self.add = tf.keras.layers.Add()

    def call(self, x, context, context_ids):
        attn_output, attn_scores = self.attend(x, context, tf.not_equal(context_ids, PAD))
        x = self.add([x, attn_output])
        return self.layernorm(x), attn_scores


class Decoder(tf.keras.layers.Layer):
    def __init__(self, vocab, units):
        super(Decoder, self).__init__()
        self.vocab = vocab
        self.units = units
        self.embedding = tf.keras.layers.Embedding(len(vocab), units)
        self.rnn = tf.keras.layers.GRU(units, return_sequences=True, return_state=True)
        self.attention = CrossAttention(units)
        self.output_layer = tf.keras.layers.Dense(len(vocab))

    def call(self, context, context_ids, x, state=None, return_state=False):
        x = self.embedding(x)
        x, state = self.rnn(x, initial_state=state)
        x, attention_weights = self.attention(x, context, context_ids)
        logits = self.output_layer(x)
        if return_state:
            return logits, state, attention_weights
        return logits


class Translator(tf.keras.Model):
    def __init__(self, units, src_vocab, tgt_vocab):
        super().__init__()
        self.encoder = Encoder(src_vocab, units)
        self.decoder = Decoder(tgt_vocab, units)
        self.src_vocab, self.tgt_vocab = src_vocab, tgt_vocab

    def call(self, inputs):
        context_ids, x = inputs
        context = self.encoder(context_ids)
        return self.decoder(context, context_ids, x)

    def translate(self, number, max_length=7):
        """Greedy, eager, one at a time; good enough to look at."""
        ids = tf.constant([self.src_vocab.encode(list(str(number)), 5)])
        context = self.encoder(ids)
        token, state, done = tf.constant([[START]]), None, []
        for _ in range(max_length):
            logits, state, _ = self.decoder(context, ids, token, state=state, return_state=True)
            token = tf.argmax(logits, -1, output_type=tf.int32)
            done.append(int(token[0, 0]))
            if done[-1] == END:
                break
        return self.tgt_vocab.decode(done)


class CustomSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup_steps=4000):
        super().__init__()
        self.d_model = tf.cast(d_model, tf.float32)
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = tf.cast(step, dtype=tf.float32) + 1.0
        return tf.math.rsqrt(self.d_model) * tf.math.minimum(tf.math.rsqrt(step), step * (self.warmup_steps**-1.5))


def masked_loss(y_true, y_pred):
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    loss = loss_fn(y_true, y_pred)
    mask = tf.cast(y_true != PAD, loss.dtype)
    return tf.reduce_sum(loss * mask) / tf.reduce_sum(mask)


def masked_acc(y_true, y_pred):
    match = tf.cast(tf.argmax(y_pred, axis=-1) == tf.cast(y_true, tf.int64), tf.float32)
    mask = tf.cast(y_true != PAD, tf.float32)
    return tf.reduce_sum(match * mask) / tf.reduce_sum(mask)


def parse_args():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--save-to", required=True)
    p.add_argument("--numbers", required=True)
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument("--warmup", type=int, default=40)
    return p.parse_args()


def main(args):
    tf.keras.utils.set_random_seed(99)
    rng = np.random.default_rng(99)
    order = rng.permutation(1000)
    train, test = make_batch(order[:640]), make_batch(order[-8:])

    model = Translator(UNITS, src_vocab, tgt_vocab)
    optimizer = tf.keras.optimizers.Adam(CustomSchedule(UNITS, args.warmup), beta_1=0.9, beta_2=0.98, epsilon=1e-9)
    model.compile(optimizer=optimizer, loss=masked_loss, metrics=[masked_acc], jit_compile=False)
    model.fit(train[0], train[1], batch_size=64, epochs=args.epochs, verbose=2)
    print({int(n): model.translate(n) for n in order[-1:]})

    (x0, x1), _ = test
    y = model.predict((x0, x1), verbose=0)
    bundle(model, args.save_to)

    (fx0, fx1), fy = make_batch(order[700:732])
    model.train_on_batch((fx0, fx1), fy)
    np.savez(args.numbers, x0=x0, x1=x1, y=y, fx0=fx0, fx1=fx1, fy=fy, after=model.predict((x0, x1), verbose=0))


if __name__ == "__main__":
    main(parse_args())
