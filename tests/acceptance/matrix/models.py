"""The models of the matrix, each with its inputs and targets: untrained, compiled with what they are trained with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import parts
import tensorflow as tf

#: A model, its inputs, its targets.
Made = tuple[Any, Any, Any]


def _numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def layer_loss_metric() -> Made:
    """A layer, a loss and a metric, each a class with arguments."""
    model = keras.Sequential([keras.Input((4,)), parts.Gain(0.5), keras.layers.Dense(1)])
    model.compile("adam", parts.Asymmetric(3.0), metrics=[parts.Within(0.25)])
    return model, _numbers(16, 4), _numbers(16, 1)


def functional_lambda() -> Made:
    """A functional model with lambdas, operations of `keras.ops`, and functions as activation and loss."""
    inputs = keras.Input((4,))
    scaled = keras.layers.Lambda(lambda x: x * 2.0 - 1.0)(inputs)
    hidden = keras.layers.Dense(6, activation=parts.swish_of_half)(scaled)
    shifted = keras.ops.tanh(hidden) + 0.5
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()([shifted, inputs])))
    model.compile("sgd", parts.huber_like)
    return model, _numbers(16, 4), _numbers(16, 1)


def subclass() -> Made:
    """A subclassed model."""
    model = parts.TwoTowers(5)
    model.compile("rmsprop", "mse", metrics=["mae"])
    return model, _numbers(16, 4), _numbers(16, 1)


def lstm() -> Made:
    """Recurrent layers below an attention that holds layers of its own."""
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True)),
            keras.layers.GRU(5, return_sequences=True),
            parts.Attention(4),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model, _numbers(16, 6, 3), _numbers(16, 1)


def preprocessing() -> Made:
    """Layers that were adapted: the mean of numbers, and a vocabulary of words."""
    words = tf.constant([["red"], ["green"], ["blue"], ["red"]] * 4)
    numbers = _numbers(16, 3)
    normal = keras.layers.Normalization()
    normal.adapt(numbers)
    lookup = keras.layers.StringLookup(output_mode="one_hot")
    lookup.adapt(words)
    word, number = keras.Input((1,), dtype="string", name="word"), keras.Input((3,), name="number")
    joined = keras.layers.Concatenate()([lookup(word), parts.Gain(2.0)(normal(number))])
    model = keras.Model({"word": word, "number": number}, keras.layers.Dense(1)(joined))
    model.compile("adam", "mse")
    return model, {"word": words, "number": tf.constant(numbers)}, _numbers(16, 1)


MODELS: Mapping[str, Callable[[], Made]] = {
    made.__name__: made for made in (layer_loss_metric, functional_lambda, subclass, lstm, preprocessing)
}
