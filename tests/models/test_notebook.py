"""A real kernel runs a notebook that defines, trains and packs a model; a process without it loads the bundle."""

from __future__ import annotations

import os
import textwrap
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.models.conftest import Workshop

_ROOT = Path(__file__).parents[2]
_CELLS = (
    """
    %env TF_CPP_MIN_LOG_LEVEL=3
    !echo preparing
    import numpy as np
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(1)
    """,
    """
    FACTOR = 3.0
    DEPTH = 2

    # Scales by a constant.
    class Scale(layers.Layer):
        def call(self, x):
            return x * FACTOR
    """,
    """
    files = !ls
    history = []

    def squash(x, by=DEPTH):
        "Squash."
        return ops.tanh(x) / by
    """,
    """
    # Scales by a constant, and squashes.
    @keras.saving.register_keras_serializable(package="shop")
    class Scale(layers.Layer):
        def __init__(self, offset=0.0, **kwargs):
            super().__init__(**kwargs)
            self.offset = offset

        def call(self, x):
            return squash(x) * FACTOR + self.offset

        def get_config(self):
            return {**super().get_config(), "offset": self.offset}

    class Bias(layers.Layer):
        def build(self, shape):
            self.bias = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x):
            return x + self.bias
    """,
    """
    def weighted(y, p):
        return ops.mean(ops.square(y - p) * DEPTH, axis=-1)

    inputs = keras.Input((4,))
    x = Bias()(Scale(0.5)(inputs))
    x = layers.Lambda(lambda t: ops.sin(t) * FACTOR, name="wave")(x)
    model = keras.Model(inputs, layers.Dense(2, activation=lambda t: t * 0.5)(x))
    model.compile("adam", loss=weighted)
    """,
    """
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    %time history.append(model.fit(x, np.ones((16, 2)), epochs=2, verbose=0))
    FACTOR = 2.0
    np.savez("../hand_over/data.npz", x=x, y=model.predict(x, verbose=0))
    """,
    """
    import bundler

    packed = bundler.bundle(model, "../hand_over/m.kbundle")
    [(module.name, module.generated) for module in packed.manifest.modules]
    """,
)
_GENERATED = '''
"""What the model needs of the notebook that made it."""

import keras
from keras import layers
from keras import ops

DEPTH = 2


def squash(x, by=DEPTH):
    "Squash."
    return ops.tanh(x) / by


FACTOR = 2.0


# Scales by a constant, and squashes.
@keras.saving.register_keras_serializable(package="shop")
class Scale(layers.Layer):
    def __init__(self, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, x):
        return squash(x) * FACTOR + self.offset

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


class Bias(layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x + self.bias


def weighted(y, p):
    return ops.mean(ops.square(y - p) * DEPTH, axis=-1)


def wave(t):
    return ops.sin(t) * FACTOR


def activation(t):
    return t * 0.5
'''


@pytest.mark.filterwarnings("ignore")
def test_a_notebook_packs_its_cells(workshop: Workshop) -> None:
    folder = workshop.hand_over.parent / "notebook"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in _CELLS]
    )
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": str(_ROOT), "IPYTHONDIR": str(folder / "ipython")})
    [result] = [output for output in notebook.cells[-1].outputs if output.output_type == "execute_result"]
    # Not plain "notebook" where a package of that name is installed.
    assert result.data["text/plain"] in ("[('notebook', True)]", "[('notebook_cells', True)]")
    with zipfile.ZipFile(workshop.hand_over / "m.kbundle") as bundle:
        [member] = [name for name in bundle.namelist() if name.startswith("code/")]
        assert bundle.read(member).decode() == _GENERATED.lstrip()
        assert b"__lambda__" not in bundle.read("model/model.keras")
    workshop.consumer("""
        data = np.load("../hand_over/data.npz")
        model = unbundle("../hand_over/m.kbundle")
        lifecycle(model, data["x"], data["y"], y=np.ones_like(data["y"]))
        assert model.loss.__name__ == "weighted"
        assert type(model.layers[1]).__name__ == "Scale" and model.layers[1].offset == 0.5
        again = bundle(model, "again.kbundle")
        assert [module.generated for module in again.manifest.modules] == [True]
        assert [item.key for item in again.manifest.objects if item.qualname == "Scale"] == ["shop>Scale"]
    """)
