"""The audit of graphs, on graphs that TensorFlow itself wrote."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from bundler.audit.finding import Finding
from bundler.audit.graph import Opener, saved_model_findings
from tests.audit.graph.saved_models import audited_bytes
from tests.models.conftest import Workshop
from tools.refresh import stale
from tools.tables import TABLES, Part

_ROOT = Path(__file__).parents[2]
_EXPORT = """
    import tensorflow as tf
    folder = "../hand_over/"
    def export(name, function, **attributes):
        held = tf.Module()
        for key, value in attributes.items():
            setattr(held, key, value)
        held.run = tf.function(function, input_signature=[tf.TensorSpec([], tf.string)])
        tf.saved_model.save(held, folder + name)
"""


def findings(folder: Path) -> list[Finding]:
    """Return the findings for the SavedModel in a folder."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        files[name] = Opener(name, lambda path=path: path.open("rb"), path.stat().st_size)  # type: ignore[misc]
    return saved_model_findings(files, place="model/saved_model")


def rules(folder: Path) -> list[str]:
    """Return the rules of the findings, each once."""
    return sorted({finding.rule.id for finding in findings(folder)})


def test_refuses_what_tensorflow_lets_a_function_do(workshop: Workshop) -> None:
    workshop.author(
        _EXPORT
        + """
    def nested(x):
        return tf.cond(tf.equal(x, ""), lambda: x, lambda: tf.io.read_file(x))
    def checkpoint(x):
        tf.raw_ops.SaveV2(prefix=x, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)])
        return x
    def printed(x):
        tf.print(x, output_stream="file:///tmp/kbundle-test-print")
        return x
    def table(x):
        return tf.raw_ops.ReadFile(filename=x)
    def python(x):
        return tf.py_function(lambda y: y, [x], tf.string)
    def elsewhere(x):
        with tf.device("/job:worker/task:1"):
            return tf.strings.upper(x)
    def queue(x):
        return tf.as_string(tf.raw_ops.QueueSizeV2(handle=tf.raw_ops.FIFOQueueV2(component_types=[tf.string])))
    def dataset(x):
        return tf.data.TextLineDataset(x).reduce("", lambda a, b: a + b)
    def write(x):
        tf.io.write_file(x, x)
        return x
    for function in (nested, checkpoint, printed, table, python, elsewhere, queue, dataset, write):
        export(function.__name__, function)
    """
    )
    expected = {
        "nested": ["graph.filesystem"],
        "checkpoint": ["graph.restore"],
        "printed": ["graph.filesystem"],
        "table": ["graph.filesystem"],
        "python": ["graph.dynamic-code"],
        "elsewhere": ["graph.device"],
        "queue": ["graph.unknown-operation"],
        "dataset": ["graph.filesystem", "graph.unknown-operation"],
        "write": ["graph.filesystem"],
    }
    assert {name: rules(workshop.hand_over / name) for name in expected} == expected


def test_refuses_a_file_that_is_read_when_the_graph_is_loaded(workshop: Workshop) -> None:
    workshop.author(
        _EXPORT
        + """
    class Reads(tf.lookup.KeyValueTensorInitializer):
        def initialize(self, table):
            text = tf.io.read_file("/etc/hostname")
            return tf.raw_ops.LookupTableImportV2(table_handle=table.resource_handle, keys=[text], values=["x"])
    held = tf.Module()
    held.table = tf.lookup.StaticHashTable(Reads(["a"], ["b"]), "")
    held.run = tf.function(lambda x: held.table.lookup(x), input_signature=[tf.TensorSpec([], tf.string)])
    tf.saved_model.save(held, folder + "initialiser")
    """
    )
    found = findings(workshop.hand_over / "initialiser")
    assert [finding.rule.id for finding in found] == ["graph.filesystem"]
    assert "__inference__initializer" in (found[0].inside or "")


def test_lets_ordinary_exports_be_and_their_mutations_end(workshop: Workshop) -> None:
    workshop.author(
        _EXPORT
        + """
    from keras import layers
    i = keras.Input((8, 3))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(i)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.Dense(2)(layers.Dropout(0.5)(layers.BatchNormalization()(layers.Conv1D(4, 2)(x))))
    keras.Model(i, x).export(folder + "layers", verbose=False)
    i = keras.Input((), dtype="string")
    keras.Model(i, layers.TextVectorization(vocabulary=["a", "b"])(i)).export(folder + "text", verbose=False)
    i = keras.Input((8, 8, 3))
    keras.Model(i, layers.RandomRotation(0.1)(layers.RandomFlip()(i))).export(folder + "images", verbose=False)
    open("words.txt", "w").write("a\\nb\\n")
    lines = tf.lookup.TextFileInitializer("words.txt", tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
    table = tf.lookup.StaticVocabularyTable(lines, 2)
    export("asset", lambda x: table.lookup(x), table=table)
    bundle(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), "m.kbundle", payload="inference")
    with open_bundle("m.kbundle") as reader:
        extract(reader, folder + "extracted")
    """
    )
    folders = [
        workshop.hand_over / name for name in ("layers", "text", "images", "asset", "extracted/model/saved_model")
    ]
    for folder in folders:
        assert findings(folder) == []
    graph = (workshop.hand_over / "text" / "saved_model.pb").read_bytes()
    chance = random.Random(5)
    for _ in range(300):
        changed = bytearray(graph)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.randrange(6)] = chance.randbytes(chance.randrange(6))
        audited_bytes(bytes(changed))


def test_the_tables_have_all_that_is_installed(tmp_path: Path) -> None:
    """Nothing that this Python, NumPy, TensorFlow or Keras has is missing, and nothing was changed by hand."""
    command = [sys.executable, "-m", "tools.collect", str(tmp_path / "parts.json")]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, capture_output=True, check=True, cwd=_ROOT, env=environment)
    parts = {name: Part(*part) for name, part in json.loads((tmp_path / "parts.json").read_text()).items()}
    assert set(parts) == set(TABLES)
    assert list(stale(_ROOT, parts)) == []
    tree = parts["operations"].tree
    more = {**parts, "operations": Part({"tensorflow": ["99.0"]}, {"registered": [*tree["registered"], "MadeUp"]})}
    assert list(stale(_ROOT, more)) == [("operations", "it lacks, in registered: MadeUp")]
