"""Imported by the scripts of the model tests: everything that a loaded model must survive."""

import copy
import pickle

import keras
import numpy as np


def difference(model, x, expected):
    """Return the largest absolute difference between the model's output for `x` and `expected`."""
    return float(np.abs(np.asarray(model.predict(x, verbose=0)) - expected).max())


def check_same(model, x, expected, what):
    """Fail when `model` does not give exactly `expected` (up to float rounding) for `x`."""
    gap = difference(model, x, expected)
    assert gap <= 1e-6, f"{what}: outputs differ by {gap}"


def lifecycle(model, x, expected, y=None):
    """Predict, clone, copy, rebuild from config, pickle, save and train `model`, and compare after each."""
    assert isinstance(model, keras.Model)
    check_same(model, x, expected, "predict")

    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    check_same(clone, x, expected, "clone_model")

    check_same(copy.deepcopy(model), x, expected, "deepcopy")

    rebuilt = type(model).from_config(model.get_config())
    if not rebuilt.built:
        rebuilt(x)
    rebuilt.set_weights(model.get_weights())
    check_same(rebuilt, x, expected, "from_config")

    check_same(pickle.loads(pickle.dumps(model)), x, expected, "pickle")

    model.save("again.keras")
    check_same(keras.saving.load_model("again.keras"), x, expected, "save and load")

    if y is None:
        y = np.zeros_like(expected)
    if not model.compiled:
        model.compile("sgd", "mse")
    model.fit(x, y, epochs=1, verbose=0)
    trained = model.predict(x, verbose=0)
    check_same(copy.deepcopy(model), x, trained, "deepcopy after fit")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    check_same(clone, x, trained, "clone_model after fit")
