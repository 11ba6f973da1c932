"""Export ordinary models as SavedModels and audit each: nothing may be refused, and nothing may need consent.

    python exports.py [--only NAME ...] [--work FOLDER]

The models are what people export: Keras layers of every kind by `model.export`, `tf.Module` objects with tables,
loops and random numbers, exports in the form of TensorFlow 1, and this package's own inference payload. It prints a
line for each, with the size of the graph and the time that the audit took, and exits with 1 if one has a finding.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers, ops  # noqa: E402

import bundler  # noqa: E402
from bundler.audit.finding import Finding  # noqa: E402
from bundler.audit.graph import Opener, saved_model_findings  # noqa: E402

EXPORTS: dict[str, Callable[[Path], None]] = {}


def export(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """Register a function that writes a SavedModel to a folder."""
    EXPORTS[function.__name__] = function
    return function


def of_layers(name: str, shape: tuple[int | None, ...], *make: Callable[[], Any], dtype: str = "float32") -> None:
    """Register a Keras model of a chain of layers."""

    def write(folder: Path) -> None:
        inputs = outputs = keras.Input(shape, dtype=dtype)
        for layer in make:
            outputs = layer()(outputs)
        keras.Model(inputs, outputs).export(str(folder), verbose=False)

    write.__name__ = name
    export(write)


def findings(folder: Path) -> list[Finding]:
    """Return the findings for the SavedModel in `folder`."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        files[name] = Opener(f"model/saved_model/{name}", lambda path=path: path.open("rb"), path.stat().st_size)
    return saved_model_findings(files, place="model/saved_model")


of_layers("dense", (4,), lambda: layers.Dense(8, "relu"), lambda: layers.Dense(2, "softmax"))
of_layers(
    "convolution",
    (16, 16, 3),
    lambda: layers.Conv2D(4, 3),
    layers.BatchNormalization,
    layers.ReLU,
    layers.MaxPooling2D,
    layers.Flatten,
    lambda: layers.Dense(2),
)
of_layers(
    "convolution_1d_3d",
    (8, 8, 8, 2),
    lambda: layers.Conv3D(2, 3),
    lambda: layers.Reshape((-1, 2)),
    lambda: layers.Conv1D(2, 3),
)
of_layers("transposed", (8, 8, 3), lambda: layers.Conv2DTranspose(4, 3, strides=2), lambda: layers.UpSampling2D(2))
of_layers("separable", (8, 8, 3), lambda: layers.SeparableConv2D(4, 3), lambda: layers.DepthwiseConv2D(3))
of_layers("lstm", (8, 3), lambda: layers.LSTM(4, return_sequences=True), lambda: layers.Bidirectional(layers.LSTM(4)))
of_layers("gru_and_masking", (None, 3), layers.Masking, lambda: layers.GRU(4), lambda: layers.Dense(1))
of_layers("simple_rnn", (8, 3), lambda: layers.SimpleRNN(4), lambda: layers.Dropout(0.5))
of_layers("conv_lstm", (4, 8, 8, 1), lambda: layers.ConvLSTM2D(2, 3))
of_layers("embedding", (10,), lambda: layers.Embedding(20, 4), layers.GlobalAveragePooling1D, dtype="int32")
of_layers(
    "normalizations",
    (8, 8, 4),
    layers.LayerNormalization,
    lambda: layers.GroupNormalization(2),
    lambda: layers.UnitNormalization(),
)
of_layers("spectral", (8,), lambda: layers.SpectralNormalization(layers.Dense(4)))
of_layers("einsum", (8, 4), lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 6)))
of_layers("noise", (8,), lambda: layers.GaussianNoise(0.1, seed=3), lambda: layers.GaussianDropout(0.1, seed=4))
of_layers(
    "augmentation",
    (16, 16, 3),
    lambda: layers.RandomFlip(),
    lambda: layers.RandomRotation(0.1),
    lambda: layers.RandomZoom(0.1),
    lambda: layers.RandomContrast(0.1),
)
of_layers(
    "resizing",
    (16, 16, 3),
    lambda: layers.Resizing(8, 8),
    lambda: layers.Rescaling(1 / 255),
    lambda: layers.CenterCrop(4, 4),
)
of_layers(
    "normalization",
    (3,),
    lambda: layers.Normalization(mean=0.5, variance=2.0),
    lambda: layers.Discretization([0.0, 1.0]),
)
of_layers("text_vectorization", (), lambda: layers.TextVectorization(vocabulary=["ein", "zwei"]), dtype="string")
of_layers(
    "string_lookup",
    (2,),
    lambda: layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot"),
    dtype="string",
)
of_layers("integer_lookup", (2,), lambda: layers.IntegerLookup(vocabulary=[3, 5]), dtype="int64")
of_layers("hashing", (1,), lambda: layers.Hashing(8), lambda: layers.CategoryEncoding(8, "one_hot"), dtype="string")
of_layers(
    "mixed_precision",
    (4,),
    lambda: layers.Dense(4, dtype="mixed_bfloat16"),
    lambda: layers.Dense(2, dtype="mixed_float16"),
)


@export
def attention(folder: Path) -> None:
    """A transformer block."""
    inputs = keras.Input((6, 8))
    attended = layers.MultiHeadAttention(2, 4)(inputs, inputs, use_causal_mask=True)
    outputs = layers.LayerNormalization()(inputs + attended)
    keras.Model(inputs, layers.AdditiveAttention()([outputs, inputs])).export(str(folder), verbose=False)


@export
def several_inputs(folder: Path) -> None:
    """Named inputs and outputs, a trained optimizer."""
    left, right = keras.Input((3,), name="left"), keras.Input((4,), name="right")
    joined = layers.Concatenate()([left, right])
    model = keras.Model({"left": left, "right": right}, {"sum": layers.Dense(1, name="sum")(joined), "raw": joined})
    model.compile("adam", {"sum": "mse", "raw": None})
    data = {"left": np.ones((4, 3)), "right": np.ones((4, 4))}
    model.fit(data, {"sum": np.ones((4, 1)), "raw": np.ones((4, 7))}, verbose=0)
    model.export(str(folder), verbose=False)


@export
def numbers_of_keras_ops(folder: Path) -> None:
    """A subclassed model that uses many operations."""

    class Numbers(keras.Model):
        def call(self, x: Any) -> Any:
            square = ops.matmul(ops.transpose(x), x) + ops.eye(4)
            parts = [ops.linalg.inv(square), ops.linalg.cholesky(square), ops.cumsum(square), ops.sort(square)]
            parts += [ops.where(square > 0, ops.log1p(ops.abs(square)), ops.erf(square)), ops.fft2((square, square))[0]]
            parts += [
                ops.scatter_update(square, np.array([[0, 0]]), np.array([1.0])),
                ops.one_hot(ops.argmax(square, -1), 4),
            ]
            parts += [ops.top_k(square, 4)[0], ops.segment_sum(square, np.array([0, 0, 1, 3]), 4), ops.roll(square, 1)]
            parts += [ops.einsum("ab,bc->ac", square, square), ops.linalg.svd(square)[0], ops.linalg.qr(square)[0]]
            return [ops.mean(part) for part in parts]

    model = Numbers()
    model(np.ones((3, 4), "float32"))
    model.export(str(folder), verbose=False)


@export
def loops(folder: Path) -> None:
    """Loops and branches that depend on data."""

    class Loops(keras.Model):
        def build(self, shape: Any) -> None:
            self.dense = layers.Dense(3)
            self.dense.build(shape)

        def call(self, x: Any) -> Any:
            x = ops.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, self.dense(y)), (0, x))[1]
            x = ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1)
            x = ops.switch(1, [lambda x: x, lambda x: x + 1], x)
            return ops.scan(lambda carry, y: (carry + y, carry * y), ops.zeros((3,)), x)[1]

    model = Loops()
    model(np.ones((2, 3), "float32"))
    model.export(str(folder), verbose=False)


@export
def seeded_random(folder: Path) -> None:
    """A variational encoder's sampling."""

    class Sampling(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seed = keras.random.SeedGenerator(7)

        def call(self, x: Any) -> Any:
            shuffled = keras.random.shuffle(x, seed=self.seed)
            return shuffled + keras.random.normal(ops.shape(x), seed=self.seed) + keras.random.gamma((4,), 2.0, seed=1)

    inputs = keras.Input((4,))
    keras.Model(inputs, Sampling()(inputs)).export(str(folder), verbose=False)


@export
def quantized(folder: Path) -> None:
    """Weights in int8."""
    model = keras.Sequential([keras.Input((16,)), layers.Dense(8), layers.Dense(4)])
    model.quantize("int8")
    model.export(str(folder), verbose=False)


@export
def two_endpoints(folder: Path) -> None:
    """Keras's archive of endpoints."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda x: model(x), [tf.TensorSpec((None, 4))])
    archive.add_endpoint("half", lambda x: model(x) / 2, [tf.TensorSpec((None, 4))])
    archive.write_out(str(folder), verbose=False)


@export
def efficient_net(folder: Path) -> None:
    """A deep model of keras.applications."""
    keras.applications.EfficientNetV2B0(weights=None, input_shape=(64, 64, 3)).export(str(folder), verbose=False)


@export
def mobile_net(folder: Path) -> None:
    """A smaller one."""
    keras.applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3)).export(str(folder), verbose=False)


@export
def module(folder: Path) -> None:
    """A tf.Module with a gradient of its own, a print and an assertion."""

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable([[1.0, 2.0]])

        @tf.function(input_signature=[tf.TensorSpec([None, 1])])
        def __call__(self, x: Any) -> Any:
            @tf.custom_gradient
            def clipped(y: Any) -> Any:
                return tf.clip_by_value(y, -1, 1), lambda up: up * 2

            tf.debugging.assert_non_negative(tf.shape(x))
            tf.print("called", tf.shape(x))
            return clipped(x @ self.weight)

        @tf.function(input_signature=[tf.TensorSpec([None, 1])])
        def train(self, x: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(self(x))
            self.weight.assign_sub(tape.gradient(loss, self.weight))
            return loss

    tf.saved_model.save(Module(), str(folder))


@export
def table_from_asset(folder: Path) -> None:
    """A table that is read from a file which travels as an asset."""
    vocabulary = folder.with_name(f"{folder.name}.txt")
    vocabulary.write_text("a\nb\n")

    class Table(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            lines = tf.lookup.TextFileInitializer(
                str(vocabulary),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            self.table = tf.lookup.StaticVocabularyTable(lines, 2)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def look_up(self, x: Any) -> Any:
            return self.table.lookup(x)

    held = Table()
    tf.saved_model.save(held, str(folder), signatures=held.look_up)


@export
def mutable_table(folder: Path) -> None:
    """Tables that change."""

    class Table(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
            self.dense = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, -1, empty_key=-1, deleted_key=-2)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def count(self, x: Any) -> Any:
            self.table.insert(x, self.table.lookup(x) + 1)
            return self.table.lookup(x) + self.dense.lookup(tf.constant([1], tf.int64))

    tf.saved_model.save(Table(), str(folder))


@export
def ragged(folder: Path) -> None:
    """Ragged and sparse tensors, strings, regular expressions."""

    class Ragged(tf.Module):
        @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.float32, 1)])
        def mean(self, x: Any) -> Any:
            return tf.map_fn(tf.reduce_mean, x, fn_output_signature=tf.float32), tf.sparse.to_dense(x.to_sparse())

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def words(self, x: Any) -> Any:
            words = tf.strings.split(tf.strings.regex_replace(tf.strings.lower(x), "[^a-z ]", ""))
            return tf.strings.reduce_join(words, axis=-1, separator="-"), words.row_lengths()

    tf.saved_model.save(Ragged(), str(folder))


@export
def random_numbers(folder: Path) -> None:
    """Random numbers with and without state."""

    class Random(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = tf.random.Generator.from_seed(3)

        @tf.function(input_signature=[])
        def draw(self) -> Any:
            drawn = self.generator.normal([2]) + tf.random.uniform([2]) + tf.random.stateless_normal([2], [1, 2])
            return drawn + tf.random.gamma([2], 1.0) + tf.random.truncated_normal([2])

    tf.saved_model.save(Random(), str(folder))


@export
def tensor_arrays(folder: Path) -> None:
    """A loop of autograph over a tensor array, signal processing, images."""

    class Arrays(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def run(self, x: Any) -> Any:
            array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
            for index in tf.range(tf.size(x)):
                array = array.write(index, x[index] * 2 if x[index] > 0 else x[index])
            return array.stack(), tf.abs(tf.signal.stft(x, 8, 4)), tf.signal.mfccs_from_log_mel_spectrograms(x[None])

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def picture(self, x: Any) -> Any:
            image = tf.image.resize(tf.io.decode_png(x, channels=3), [8, 8])
            return tf.image.adjust_hue(image / 255, 0.1), tf.image.crop_and_resize(
                image[None], [[0, 0, 1, 1.0]], [0], [4, 4]
            )

    tf.saved_model.save(Arrays(), str(folder))


@export
def examples(folder: Path) -> None:
    """A signature that takes serialised examples."""

    class Examples(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def parse(self, x: Any) -> Any:
            wanted = {"a": tf.io.FixedLenFeature([2], tf.float32), "b": tf.io.VarLenFeature(tf.int64)}
            found = tf.io.parse_example(x, wanted)
            return found["a"] + tf.cast(tf.sparse.reduce_sum(found["b"]), tf.float32)

    tf.saved_model.save(Examples(), str(folder))


@export
def compiled(folder: Path) -> None:
    """A function that XLA compiles."""

    class Compiled(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2])], jit_compile=True)
        def run(self, x: Any) -> Any:
            return tf.linalg.matmul(x, x, transpose_b=True)

    tf.saved_model.save(Compiled(), str(folder))


@export
def first_version(folder: Path) -> None:
    """An export in the form of TensorFlow 1: a saver in the main graph, no objects."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = v1.placeholder(tf.float32, [None, 2], name="x")
        weight = v1.get_variable("w", [2, 1], use_resource=True)
        outputs = tf.matmul(inputs, weight)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": inputs}, {"y": outputs})


@export
def inference_payload(folder: Path) -> None:
    """What this package writes for ``fallback="inference"``."""
    model = keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), layers.Dense(2)])
    path = folder.with_name(f"{folder.name}.kbundle")
    bundler.bundle(model, path, payload="inference", prove=False)
    with bundler.open_bundle(path) as bundle:
        bundler.extract(bundle, folder.with_name(f"{folder.name}.d"))
    (folder.with_name(f"{folder.name}.d") / "model" / "saved_model").rename(folder)


def main() -> int:
    """Run it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", nargs="+", metavar="NAME", help="these models alone")
    arguments.add_argument("--work", type=Path, help="keep the exports in this folder")
    chosen = arguments.parse_args()
    work = chosen.work or Path(tempfile.mkdtemp(prefix="kbundle-exports-"))
    work.mkdir(parents=True, exist_ok=True)
    bad = 0
    for name in chosen.only or EXPORTS:
        keras.utils.set_random_seed(3)
        EXPORTS[name](work / name)
        began = time.process_time()
        found = findings(work / name)
        seconds = time.process_time() - began
        size = (work / name / "saved_model.pb").stat().st_size
        bad += bool(found)
        print(f"{'FINDINGS' if found else 'accepted':8}  {name:24} {size:>10,} bytes  {seconds * 1000:8.1f} ms")
        for finding in found:
            print(f"          {finding.rule.id}: {finding.place}: {finding.what}")
    print(f"{len(chosen.only or EXPORTS)} exports, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
