import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from tensorflow import keras

import churn


@pytest.fixture(scope="session")
def settings():
    return churn.Settings(units=12)


@pytest.fixture(scope="session")
def data(settings):
    return churn.make_events(160, settings, seed=0), churn.make_events(40, settings, seed=1)


@pytest.fixture(scope="session")
def trained(settings, data):
    keras.utils.set_random_seed(0)
    (x, y), _ = data
    model = churn.compiled_model(settings)
    history = model.fit(x, y, batch_size=20, epochs=5, verbose=0)
    return model, history


def pytest_configure(config):
    config.addinivalue_line("markers", "packing: writes the release artefact")
