"""Sentiment classifier from raw strings: TextVectorization with an own standardize and split, exported with its lookup."""

import re
import string

import keras
import numpy as np
import tensorflow as tf
from keras import layers

max_features, sequence_length = 40, 8


def tidy(input_data):
    lowercase = tf.strings.lower(input_data)
    plain = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(plain, "[%s]" % re.escape(string.punctuation), "")


def split_on_blank(text):
    return tf.strings.split(text, " ")


TEXTS = tf.constant(["A good film!<br />Really", "bad, bad film", "what a waste", "it was good"])


def build():
    vectorize_layer = layers.TextVectorization(
        standardize=tidy,
        split=split_on_blank,
        max_tokens=max_features,
        output_mode="int",
        output_sequence_length=sequence_length,
    )
    vectorize_layer.adapt(TEXTS)
    model = keras.Sequential(
        [
            keras.Input(shape=(1,), dtype="string"),
            vectorize_layer,
            layers.Embedding(max_features, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        loss=keras.losses.BinaryCrossentropy(), optimizer="adam", metrics=[keras.metrics.BinaryAccuracy(threshold=0.5)]
    )
    return model


def inputs():
    return np.array([["a good waste"], ["bad<br />film"], ["unseen words"]])


def make():
    model = build()
    model.fit(tf.data.Dataset.from_tensor_slices((TEXTS[:, None], [[1], [0], [0], [1]])).batch(4), verbose=0)
    return model


BUILDER = ("build", {})
