"""
Title: Sentiment of short reviews with one Transformer block
Description: Write the Transformer block and the embedding as Keras layers, train on
token ids, then export a model which takes raw strings.
"""

"""
## Setup
"""

import re
import string
import sys

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from bundler import bundle

keras.utils.set_random_seed(7)

vocab_size = 400  # only consider the most frequent words
maxlen = 24  # and the first 24 words of each review
embed_dim = 16
num_heads = 2
ff_dim = 32
rate = 0.0  # hardly needed on data this small

"""
## Data

Reviews are glued together from a handful of phrases, with some markup left in, like
the reviews that are scraped from the web.
"""

GOOD = ["a joy from start to end", "brilliant acting", "I loved it", "moving and funny", "well worth seeing"]
BAD = ["a waste of time", "wooden acting", "I hated it", "dull and far too long", "avoid this one"]
FILLER = ["the plot is about a sailor", "seen it with my brother", "music by nobody I know",
          "it is set in Lisbon", "there is a dog in it", "shot in black and white"]


def make_reviews(n, seed):
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        label = int(rng.integers(2))
        parts = list(rng.choice(FILLER, size=2, replace=False)) + list(rng.choice(GOOD if label else BAD, size=2))
        rng.shuffle(parts)
        sep = rng.choice([". ", "!<br />", ", "])
        texts.append(sep.join(parts) + ".")
        labels.append(label)
    return np.array(texts), np.array(labels, dtype="float32")


raw_train, y_train = make_reviews(256, 0)
raw_val, y_val = make_reviews(64, 1)

"""
## Vectorize
"""


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, f"[{re.escape(string.punctuation)}]", "")


vectorize_layer = layers.TextVectorization(
    standardize=custom_standardization,
    max_tokens=vocab_size,
    output_mode="int",
    output_sequence_length=maxlen,
)
vectorize_layer.adapt(raw_train)

x_train = vectorize_layer(tf.constant(raw_train)).numpy()
x_val = vectorize_layer(tf.constant(raw_val)).numpy()

"""
## A Transformer block as a layer
"""


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.dropout1(self.att(inputs, inputs))
        out1 = self.layernorm1(inputs + attn_output)
        ffn_output = self.dropout2(self.ffn(out1))
        return self.layernorm2(out1 + ffn_output)


"""
## Two embeddings, one for tokens and one for their index

Index 0 is padding, so positions of padded steps are zeroed as well.
"""


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        length = tf.shape(x)[-1]
        positions = self.pos_emb(tf.range(start=0, limit=length, delta=1))
        not_pad = tf.cast(tf.not_equal(x, 0), positions.dtype)[..., tf.newaxis]
        return self.token_emb(x) + positions * not_pad


"""
## The classifier
"""

inputs = layers.Input(shape=(maxlen,), dtype="int64")
x = TokenAndPositionEmbedding(maxlen, vocab_size, embed_dim)(inputs)
x = TransformerBlock(embed_dim, num_heads, ff_dim, rate)(x)
x = layers.GlobalAveragePooling1D()(x)
x = layers.Dropout(rate)(x)
x = layers.Dense(20, activation="relu")(x)
x = layers.Dropout(rate)(x)
outputs = layers.Dense(1, activation="sigmoid")(x)

model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=3, validation_data=(x_val, y_val), verbose=2)

"""
## An end-to-end model, from strings to probabilities
"""

text_input = keras.Input(shape=(1,), dtype="string", name="review")
end_to_end_model = keras.Model(text_input, model(vectorize_layer(text_input)), name="reviews")
end_to_end_model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(5e-4), metrics=["accuracy"])
print(end_to_end_model.test_on_batch(tf.constant(raw_val)[:, None], y_val))

"""
## Ship it
"""

OUT, NUMBERS = sys.argv[1], sys.argv[2]
examples = np.array([["Brilliant acting!<br />I LOVED it."], ["dull and far too long, avoid this one"],
                     ["there is a dog in it. A joy, well worth seeing"], ["unknownword zzz wooden"]])
scores = end_to_end_model.predict(tf.constant(examples), verbose=0)

bundle(end_to_end_model, OUT)

fx, fy = raw_val[:16][:, None], y_val[:16]
end_to_end_model.train_on_batch(tf.constant(fx), fy)
np.savez(NUMBERS, x=examples, y=scores, fx=fx, fy=fy,
         after=end_to_end_model.predict(tf.constant(examples), verbose=0))
