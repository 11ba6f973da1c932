"""What Keras itself saves, with assets, optimizers and every kind of number: no finding."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py

from bundler.archive.reader import open_bundle
from bundler.audit.model_file import archive_findings
from bundler.formats.hdf5 import read_hdf5
from bundler.formats.keras_archive import open_keras_file
from bundler.formats.npz import read_npz
from bundler.formats.stored_arrays import Tensor
from tests.zygote import Zygote

_SAVE = """
import keras
import numpy as np

L = keras.layers


def chain(*layers, shape=(8,), dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


@keras.saving.register_keras_serializable()
class Kinds(L.Layer):
    def build(self, shape):
        for kind in ("bool", "int8", "uint8", "int32", "uint32", "int64", "float16", "bfloat16", "float64"):
            self.add_weight(shape=(2, 3), dtype=kind, initializer="zeros", trainable=False, name=kind)
        self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False, name="scalar")
        self.add_weight(shape=(0, 3), dtype="float32", initializer="zeros", trainable=False, name="empty")

    def call(self, x):
        return x


@keras.saving.register_keras_serializable()
class Own(L.Layer):
    def build(self, shape):
        self.built = True

    def save_own_variables(self, store):
        store["numbers"] = np.arange(3.0)
        store["complex:0"] = np.zeros(2, "complex64")

    def load_own_variables(self, store):
        pass

    def save_assets(self, folder):
        with open(folder + "/notes.txt", "w") as file:
            file.write("text")

    def call(self, x):
        return x


def trained(model, optimizer):
    model.compile(optimizer, "mse", metrics=["mae"])
    x = np.zeros((4, 8), "float32")
    model.fit(x, model.predict(x, verbose=0), verbose=0)
    return model


words = L.TextVectorization(max_tokens=20)
words.adapt(["a b c", "d e"])
lookup = L.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")
numbers = L.IntegerLookup(vocabulary=[1, 2])
scaled = L.Normalization()
scaled.adapt(np.random.rand(10, 8))
inner = chain(L.Dense(4), chain(L.Dense(4), chain(L.BatchNormalization(), L.Dense(8), shape=(4,)), shape=(4,)))
quantized = chain(L.Dense(16), L.Dense(4), shape=(8,))
quantized.quantize("int8")
ema = keras.optimizers.AdamW(use_ema=True)
models = {
    "dense": chain(L.Dense(4), L.Dropout(0.1)),
    "bfloat16": chain(L.Dense(4, dtype="bfloat16"), L.Dense(4, dtype="mixed_bfloat16"), L.Dense(4, dtype="float16")),
    "kinds": chain(Kinds()),
    "own": chain(Own()),
    "adam": trained(chain(L.Dense(4), L.Dense(2)), "adam"),
    "ema": trained(chain(L.Dense(4)), ema),
    "rnn": chain(L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(2), shape=(5, 8)),
    "attention": keras.Model(*(lambda x: (x, L.MultiHeadAttention(2, 4)(x, x)))(keras.Input((5, 8)))),
    "embedding": chain(L.Embedding(10, 3), L.Conv1D(2, 3), dtype="int32"),
    "words": chain(words, L.Embedding(20, 3), shape=(1,), dtype="string"),
    "lookup": chain(lookup, shape=(1,), dtype="string"),
    "integers": chain(numbers, shape=(1,), dtype="int64"),
    "scaled": chain(scaled, L.Dense(1)),
    "nested": inner,
    "quantized": quantized,
    "deep": trained(chain(*(L.Dense(8) for _ in range(120))), "sgd"),
    "mobile": keras.applications.MobileNetV3Small(weights=None, classes=3),
}
for name, model in models.items():
    model.save(name + ".keras")
"""

_BUNDLE = """
import keras
import numpy as np
import bundler

words = keras.layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")
model = keras.Sequential([keras.Input((1,), dtype="string"), words, keras.layers.Dense(2)])
bundler.bundle(model, "model.kbundle", example_inputs=np.array([["x"], ["z"]]), prove=False)
"""


def audited(content: bytes) -> list[Tensor]:
    """Return the arrays of a ``.keras`` file after checking that nothing is wrong with it, and that h5py agrees."""
    archive = open_keras_file(io.BytesIO(content), len(content))
    assert archive_findings(archive) == []
    size = archive.members["model.weights.h5"].size
    with archive.open("model.weights.h5") as weights:
        read = read_hdf5(weights, size)
        assert read.problems == ()
        tensors = list(read.tensors)
    shapes: dict[str, tuple[int, ...]] = {}
    with h5py.File(io.BytesIO(archive.read("model.weights.h5", size))) as file:
        file.visititems(lambda name, item: shapes.update({name: item.shape} if hasattr(item, "shape") else {}))
    assert {item.path: item.shape for item in tensors} == shapes
    return tensors


def test_models_of_every_kind_have_no_finding(zygote: Zygote, tmp_path: Path) -> None:
    done = zygote.run(_SAVE, tmp_path)
    assert done.code == 0, done.output
    saved = sorted(tmp_path.glob("*.keras"))
    assert len(saved) == 17
    found = {path.stem: audited(path.read_bytes()) for path in saved}
    assert {item.dtype for items in found.values() for item in items} >= {
        *("bool", "int8", "uint8", "int32", "uint32", "int64", "float16", "bfloat16", "float32", "float64"),
        "complex64",
    }
    assert len(found["mobile"]) > 200
    with zipfile.ZipFile(tmp_path / "words.keras") as archive:
        assert any(name.startswith("assets/") for name in archive.namelist())


def test_a_bundle_has_no_finding_in_its_payload_and_its_examples(zygote: Zygote, tmp_path: Path) -> None:
    done = zygote.run(_BUNDLE, tmp_path)
    assert done.code == 0, done.output
    with open_bundle(tmp_path / "model.kbundle") as reader:
        audited(reader.read("model/model.keras"))
        arrays = [name for name in reader.names if name.endswith(".npz")]
        assert len(arrays) == 2
        for name in arrays:
            content = reader.read(name)
            assert read_npz(io.BytesIO(content), len(content)).problem is None
