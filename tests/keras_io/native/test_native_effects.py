"""The native effects of TensorFlow and h5py raise an audit event before they happen; harmless programs raise none."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.zygote import Zygote

_START = """\
import io, os, sys
import h5py, keras, numpy as np, tensorflow as tf
from bundler.audit.graph import op_capability, operations
# The interpreter of the tests runs functions eagerly.
tf.config.run_functions_eagerly(False)
from bundler.keras_io.native.watching import make_native_effects_visible

def needed(op):
    return None if op in operations.ALLOWED or op in operations.withheld() else op_capability(op)

missing = make_native_effects_visible(needed)
events = []
stop = False

class Stopped(RuntimeError):
    pass

def hook(event, arguments):
    if event == "kbundle.native":
        events.append(arguments)
        if stop:
            raise Stopped(arguments[1])

sys.addaudithook(hook)

def files():
    return {
        os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
        for folder, folders, names in os.walk(".") for name in names + folders
        if not name.startswith("output-")  # What the script itself prints.
    }

class Sly(str):
    # Says that it is another operation.
    def __hash__(self): return hash("Identity")
    def __eq__(self, other): return other == "Identity"
    def __str__(self): return "Identity"

def small_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.1)])
    model.compile("adam", "mse")
    return model
"""
_END = """
before = files()
stop = True
try:
    way()
except BaseException as error:
    stopped = error
else:
    raise AssertionError(f"nothing stopped it; events: {events}")
assert events, f"no event, but {stopped!r}"
assert files() == before, "it acted all the same"
heard = {arguments[0] for arguments in events}
assert heard == {capability}, (heard, capability)
assert all(len(arguments) == 4 and arguments[3] in ("r", "w", None) for arguments in events)
stop = False
del events[:]
acts()
assert events, "heard only when it is stopped"
"""

# By name: what is there before, what is done, and the capability if it is not files.
WAYS = {
    "read_file": ("", "tf.io.read_file('secret')"),
    "raw_read": ("", "tf.raw_ops.ReadFile(filename='secret')"),
    "raw_write": ("", "tf.raw_ops.WriteFile(filename='new', contents='x')"),
    "write_file": ("", "tf.io.write_file('new', 'x')"),
    "matching_files": ("", "tf.io.matching_files('*')"),
    "gfile_read": ("", "tf.io.gfile.GFile('secret').read()"),
    "gfile_write": ("", "with tf.io.gfile.GFile('new', 'w') as f: f.write('x')"),
    "gfile_glob": ("", "tf.io.gfile.glob('*')"),
    "gfile_listdir": ("", "tf.io.gfile.listdir('.')"),
    "gfile_exists": ("", "tf.io.gfile.exists('secret')"),
    "gfile_stat": ("", "tf.io.gfile.stat('secret')"),
    "gfile_copy": ("", "tf.io.gfile.copy('secret', 'new')"),
    "gfile_makedirs": ("", "tf.io.gfile.makedirs('new/new')"),
    "gfile_remove": ("open('old', 'w').close()", "tf.io.gfile.remove('old')"),
    "gfile_rmtree": ("os.mkdir('old')", "tf.io.gfile.rmtree('old')"),
    "gfile_rename": ("open('old', 'w').close()", "tf.io.gfile.rename('old', 'new')"),
    "private_file_io": (
        "from tensorflow.python.lib.io import _pywrap_file_io as private",
        "private.ReadFileToString(b'secret')",
    ),
    "private_stream": (
        "from tensorflow.python.lib.io._pywrap_file_io import BufferedInputStream\n"
        "class Own(BufferedInputStream):\n    def __init__(self, name): super().__init__(name, 100)",
        "Own('secret').read(3)",
    ),
    "text_lines": ("", "list(tf.data.TextLineDataset('secret'))"),
    "text_lines_in_a_graph": ("", "list(tf.data.Dataset.from_tensors('secret').flat_map(tf.data.TextLineDataset))"),
    "csv": ("", "list(tf.data.experimental.CsvDataset('secret', [tf.string]))"),
    "fixed_length": ("", "list(tf.data.FixedLengthRecordDataset('secret', 1))"),
    "list_files": ("", "list(tf.data.Dataset.list_files('*'))"),
    "tfrecord_write": ("", "with tf.io.TFRecordWriter('new') as writer: writer.write(b'x')"),
    "tfrecord_read": (
        "with tf.io.TFRecordWriter('old') as writer: writer.write(b'x')",
        "list(tf.compat.v1.io.tf_record_iterator('old'))",
    ),
    "tfrecord_dataset": ("", "list(tf.data.TFRecordDataset(['secret', 'secret']).take(1))"),
    "dataset_save": ("", "tf.data.Dataset.range(2).save('new')"),
    "dataset_load": ("tf.data.Dataset.range(2).save('old')", "list(tf.data.Dataset.load('old'))"),
    "dataset_cache": ("", "list(tf.data.Dataset.range(2).cache('new'))"),
    "dataset_cache_in_a_graph": (
        "@tf.function\ndef f(): return tf.data.Dataset.range(2).cache('new').reduce(np.int64(0), lambda a, b: a + b)",
        "f()",
    ),
    "dataset_snapshot": ("", "list(tf.data.Dataset.range(2).snapshot('new'))"),
    "data_service": (
        "",
        "tf.data.experimental.service.from_dataset_id('parallel_epochs', 'grpc://127.0.0.1:1', 3,"
        " element_spec=tf.TensorSpec((), tf.int64))",
        "network",
    ),
    "dispatcher": ("", "tf.data.experimental.service.DispatchServer()", "network"),
    "server": ("", "tf.distribute.Server.create_local_server()", "network"),
    "remote_session": ("", "tf.compat.v1.Session('grpc://127.0.0.1:1', graph=tf.Graph())", "network"),
    "connect_to_cluster": (
        "cluster = tf.train.ClusterSpec({'worker': ['127.0.0.1:1']})",
        "tf.config.experimental_connect_to_cluster(cluster)",
        "network",
        False,
    ),
    "table_from_a_file": (
        "",
        "tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer('secret', tf.string, 0, tf.int64, 1,"
        " delimiter=' '), -1)",
    ),
    "vocabulary": ("", "keras.layers.StringLookup(vocabulary='secret')"),
    "print_to_a_file": ("", "tf.print('x', output_stream='file://' + os.path.abspath('new'))"),
    "print_to_a_file_in_a_graph": (
        "@tf.function\ndef f(): tf.print('x', output_stream='file://' + os.path.abspath('new'))",
        "f()",
    ),
    "raw_print": ("", "tf.raw_ops.PrintV2(input='x', output_stream='file://' + os.path.abspath('new'))"),
    "debugger": ("", "tf.raw_ops.DebugIdentity(input=[1.0], debug_urls=['file://' + os.path.abspath('new')])"),
    "unigrams_of_a_file": (
        "",
        "tf.random.fixed_unigram_candidate_sampler([[1]], 1, 1, True, 3, vocab_file=os.path.abspath('secret'))",
    ),
    "summary_writer": ("", "tf.summary.create_file_writer('new')"),
    "dump_debug_info": ("", "tf.debugging.experimental.enable_dump_debug_info('new')"),
    "profiler": ("", "tf.profiler.experimental.start('new'); tf.profiler.experimental.stop()"),
    "checkpoint_save": ("", "tf.train.Checkpoint(v=tf.Variable(1.0)).save('new')"),
    "checkpoint_read": ("tf.train.Checkpoint(v=tf.Variable(1.0)).write('old')", "tf.train.list_variables('old')"),
    "checkpoint_restore": (
        "point = tf.train.Checkpoint(v=tf.Variable(1.0))\npoint.write('old')",
        "point.read('old')",
    ),
    "saved_model_save": ("module = tf.Module()", "tf.saved_model.save(module, 'new')"),
    "saved_model_load": ("tf.saved_model.save(tf.Module(), 'old')", "tf.saved_model.load('old')"),
    "fingerprint": (
        "tf.saved_model.save(tf.Module(), 'old')",
        "tf.saved_model.experimental.Fingerprint.from_proto; "
        "from tensorflow.python.saved_model import fingerprinting_utils as f; f.write_fingerprint('old')",
    ),
    "load_op_library": ("", "tf.load_op_library(os.path.abspath('secret'))", "native-code"),
    "load_library": ("", "tf.load_library(os.path.abspath('secret'))", "native-code"),
    "pluggable_device": (
        "",
        "from tensorflow.python.framework import load_library; "
        "load_library.load_pluggable_device_library(os.path.abspath('secret'))",
        "native-code",
    ),
    "interpreter": ("", "tf.lite.Interpreter('secret')", "native-code"),
    "graph_op": (
        "@tf.function\ndef f(x): return x.graph._create_op_internal('ReadFile', [x], [tf.string]).outputs[0]",
        "f(tf.constant('secret'))",
    ),
    "c_graph_op": (
        "from tensorflow.python.client import pywrap_tf_session as c\ngraph = tf.Graph()",
        "with graph._c_graph.get() as g: c.TF_NewOperation(g, 'ReadFile', 'x')",
    ),
    "execute": (
        "from tensorflow.python.eager import context, execute",
        "execute.execute(b'ReadFile', 1, [tf.constant('secret')], (), context.context())",
    ),
    "fast_path": (
        "from tensorflow.python import pywrap_tfe\nfrom tensorflow.python.eager import context\n"
        "c = context.context(); c.ensure_initialized()",
        "pywrap_tfe.TFE_Py_FastPathExecute(c, 'ReadFile', 'n', 'secret')",
    ),
    "fast_path_of_a_fast_module": (
        "from tensorflow.python.ops import gen_math_ops\nfrom tensorflow.python.eager import context\n"
        "c = context.context(); c.ensure_initialized()",
        "gen_math_ops.pywrap_tfe.TFE_Py_FastPathExecute(c, 'ReadFile', 'n', 'secret')",
    ),
    "a_name_that_lies": (
        "from tensorflow.python import _pywrap_tfe\nfrom tensorflow.python.eager import context\n"
        "c = context.context(); c.ensure_initialized(); tf.identity(1)",
        "_pywrap_tfe.TFE_Py_FastPathExecute(c, Sly('ReadFile'), 'n', 'secret')",
    ),
    "a_name_that_ends_early": (
        "from tensorflow.python import pywrap_tfe\nfrom tensorflow.python.eager import context\n"
        "c = context.context(); c.ensure_initialized()",
        "pywrap_tfe.TFE_Py_Execute(c._handle, None, 'ReadFile\\0', [tf.constant('secret')], (), 1)",
    ),
    "import_graph": (
        "g = tf.Graph()\nwith g.as_default(): tf.io.read_file('secret', name='r')\ndata = g.as_graph_def()",
        "tf.graph_util.import_graph_def(data)",
    ),
    "import_function": (
        "f = tf.function(lambda: tf.io.read_file('secret')).get_concrete_function().function_def\n"
        "f.signature.name = 'another'\nfrom tensorflow.python.eager import context",
        "context.context().add_function_def(f)",
    ),
    "grappler": (
        "from tensorflow.python.grappler import item\ng = tf.Graph()\n"
        "with g.as_default(): tf.io.read_file('secret', name='r')\n"
        "m = tf.compat.v1.train.export_meta_graph(graph_def=g.as_graph_def(), graph=g)",
        "item.Item(m, ignore_user_placement=True)",
        "filesystem",
        False,
    ),
    "dataset_of_a_graph": (
        "graph = tf.raw_ops.DatasetToGraphV2(input_dataset=tf.data.Dataset.range(2)._variant_tensor)",
        "tf.raw_ops.DatasetFromGraph(graph_def=graph)",
        "dynamic-code",
    ),
    "abort": ("", "tf.raw_ops.Abort(error_msg='', exit_without_error=True)", "process", False),
    "constant_of_a_file": (
        "",
        "tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=(2,), memory_region_name=os.path.abspath('secret'))",
    ),
    "h5_read": ("h5py.File('old', 'w').close()", "h5py.File('old')"),
    "h5_write": ("", "h5py.File('new', 'w')"),
    "h5_append": ("", "h5py.File('new', 'a')"),
    "h5_low": ("", "h5py.h5f.create(b'new')"),
    "h5_core": ("", "h5py.File('new', 'w', driver='core').close()"),
    "h5_question": ("", "h5py.is_hdf5('secret')"),
    "h5_external_data": (
        "file = h5py.File(io.BytesIO(), 'w')",
        "file.create_dataset('x', (3,), 'u1', external=[('secret', 0, 3)])",
    ),
    "h5_external_data_of_others": (
        "data = io.BytesIO()\nwith h5py.File(data, 'w') as file:\n"
        "    file.create_dataset('x', (3,), 'u1', external=[('secret', 0, 3)])\nfile = h5py.File(data, 'r')",
        "file['x'][:]",
    ),
    "h5_virtual_data": (
        "layout = h5py.VirtualLayout((2,), 'i8')\nlayout[:] = h5py.VirtualSource('old', 'd', shape=(2,))\n"
        "file = h5py.File(io.BytesIO(), 'w')",
        "file.create_virtual_dataset('x', layout)",
    ),
    "h5_link": (
        "with h5py.File('old', 'w') as other: other['d'] = [1, 2]\n"
        "file = h5py.File('no', 'w', driver='core', backing_store=False)\nfile['here'] = h5py.SoftLink('/there')\n"
        "file.id.links.create_external(b'there', b'old', b'/')",
        "try: file['here/d'][:]\nexcept KeyError: pass",
    ),
    "h5_plugins": ("", "h5py.h5pl.prepend(b'.')", "native-code"),
    "save_weights": ("model = small_model()", "model.save_weights('new.weights.h5')"),
    "load_weights": (
        "model = small_model(); model.save_weights('old.weights.h5')",
        "model.load_weights('old.weights.h5')",
    ),
    "export": ("model = small_model()", "model.export('new', verbose=False)"),
}


@pytest.mark.parametrize("way", WAYS)
def test_announces_and_can_stop_an_effect(zygote: Zygote, tmp_path: Path, way: str) -> None:
    before, does, capability, acts = (*WAYS[way], *("filesystem", True)[len(WAYS[way]) - 2 :])
    (tmp_path / "secret").write_text("a 1\nb 2\n")
    script = _START + before + "\ndel events[:]\ndef way():\n" + textwrap.indent(does, "    ")
    # What would end the process, wait for another, or fail later anyway is not let through.
    script += f"\ncapability = {capability!r}\n"
    script += "def acts():\n    try: way()\n    except Exception as error: assert not isinstance(error, Stopped)\n"
    script += _END if acts else _END[: _END.index("stop = False")]
    zygote.run(script, tmp_path)


HARMLESS = {
    "train": "small_model().fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0, validation_split=0.5)",
    "train_on_a_dataset": """
        data = tf.data.Dataset.from_tensor_slices((np.ones((8, 3)), np.ones((8, 2))))
        data = data.cache().shuffle(4).map(lambda x, y: (x + 1, y), num_parallel_calls=2).batch(2).prefetch(1)
        small_model().fit(data, verbose=0)
    """,
    "python_function": """
        f = tf.function(lambda x: tf.py_function(lambda y: y + 1, [x], tf.float32))
        assert f(1.0) == 2
        assert tf.numpy_function(lambda y: y + 1, [1.0], tf.float32) == 2
    """,
    "generator": """
        data = tf.data.Dataset.from_generator(lambda: iter([1, 2]), output_signature=tf.TensorSpec((), tf.int32))
        assert [int(x) for x in data] == [1, 2]
    """,
    "control_flow": """
        @tf.function
        def f(x):
            while tf.reduce_sum(x) < 10:
                if x[0] > 2:
                    x = x * 2
                else:
                    x = x + 1
            return x
        with tf.GradientTape() as tape:
            v = tf.Variable([1.0, 1.0])
            y = f(v)
        tape.gradient(y, v)
    """,
    "compiled": "tf.function(lambda x: x * 2 + 1, jit_compile=True)(tf.ones(3))",
    "caches_in_a_graph": """
        @tf.function
        def f():
            return tf.data.Dataset.range(3).cache().reduce(np.int64(0), lambda a, b: a + b)
        assert f() == 3
    """,
    "copied_dataset": """
        data = tf.data.Dataset.range(9).cache().interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2))
        options = tf.data.Options()
        options.deterministic = False
        assert len(list(data.with_options(options).window(2).flat_map(lambda w: w.batch(2)))) == 9
    """,
    "distributed": """
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        with strategy.scope():
            v = tf.Variable(1.0)
        data = strategy.experimental_distribute_dataset(tf.data.Dataset.range(4).batch(2))
        for x in data:
            strategy.reduce("sum", strategy.run(lambda x: tf.cast(x, tf.float32) * v, args=(x,)), axis=None)
    """,
    "prints": """
        tf.print("x", output_stream=sys.stdout)
        @tf.function
        def f():
            tf.print("y")
        f()
    """,
    "summary_without_a_writer": "tf.summary.write('x', 1.0, step=1)",
    "tables": """
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), -1)
        assert table.lookup(tf.constant("a")) == 1
        layer = keras.layers.StringLookup(vocabulary=["a", "b"])
        layer(tf.constant(["a"]))
        text = keras.layers.TextVectorization()
        text.adapt(["a b", "c"])
    """,
    "random": """
        tf.random.Generator.from_seed(1).normal((2,))
        tf.random.stateless_normal((2,), (1, 2))
        keras.layers.RandomFlip()(np.ones((1, 4, 4, 3)), training=True)
        tf.random.fixed_unigram_candidate_sampler([[1]], 1, 1, True, 3, unigrams=[1.0, 2.0, 3.0])
    """,
    "checks": """
        tf.debugging.enable_check_numerics()
        tf.function(lambda x: x + 1)(1.0)
    """,
    "sessions": """
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            assert session.run(tf.constant(1) + 1) == 2
    """,
    "import_graph": """
        graph = tf.Graph()
        with graph.as_default():
            tf.identity(1, name="x")
        tf.graph_util.import_graph_def(graph.as_graph_def())
    """,
    "keras_file": """
        model = small_model()
        model.save("m.keras")
        again = keras.models.load_model("m.keras")
        assert np.array_equal(again(np.ones((1, 3))), model(np.ones((1, 3))))
        keras.models.clone_model(model)
    """,
    "h5_in_memory": """
        data = io.BytesIO()
        with h5py.File(data, "w") as file:
            file["a/b"] = [1, 2]
            file["a"].attrs["c"] = 1
            file["s"] = h5py.SoftLink("/a")
            file.create_dataset("z", data=np.ones(100), compression="gzip")
        with h5py.File(data, "r") as file:
            assert list(file["s/b"]) == [1, 2] and "s/b" in file and "q" not in file
            file["z"][:]
        h5py.File("never", "w", driver="core", backing_store=False).close()
    """,
}


@pytest.mark.parametrize("program", HARMLESS)
def test_is_silent_about_what_only_computes(zygote: Zygote, tmp_path: Path, program: str) -> None:
    script = _START + "stop = True\n" + textwrap.dedent(HARMLESS[program])
    zygote.run(script + "\nassert events == [], events\n", tmp_path)


def test_covers_every_entry_point_of_this_tensorflow(zygote: Zygote, tmp_path: Path) -> None:
    # What TensorFlow has got on the way, and in none of the older versions under another name.
    since = {"tensorflow.lite.tools.optimize.python._pywrap_modify_model_interface": (2, 21)}
    script = f"""
    version = tuple(map(int, tf.__version__.split(".")[:2]))
    lacks = {{name for name, first in {since}.items() if version < first}}
    assert set(missing) <= lacks, missing
    """
    zygote.run(_START + textwrap.dedent(script), tmp_path)


def test_is_done_once_by_however_many_threads(zygote: Zygote, tmp_path: Path) -> None:
    script = """
    from concurrent.futures import ThreadPoolExecutor
    from tensorflow.python.lib.io import _pywrap_file_io as files
    from tensorflow.python.ops import gen_math_ops
    before = files.ReadFileToString, gen_math_ops.add_v2.__code__
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: make_native_effects_visible(lambda op: None), range(8)))
    assert before == (files.ReadFileToString, gen_math_ops.add_v2.__code__)
    files.ReadFileToString("secret")
    assert len(events) == 1 and events[0] == ("filesystem", events[0][1], "secret", "r"), events
    """
    (tmp_path / "secret").write_text("x")
    zygote.run(_START + textwrap.dedent(script), tmp_path)


def test_reports_paths_as_c_code_gets_them(zygote: Zygote, tmp_path: Path) -> None:
    script = """
    class Other(str):
        def __str__(self): return "/usr/lib/harmless"
        __fspath__ = encode = __str__
    for path, shown in (("file:///etc/none", "/etc/none"), (Other("none"), "none"), ("none\\0/x", "none")):
        del events[:]
        try:
            tf.raw_ops.ReadFile(filename=path)
        except Exception:
            pass
        assert events[0][2:] == (shown, "r"), (path, events)
    del events[:]
    from tensorflow.python.lib.io import _pywrap_file_io as files
    files.GetMatchingFiles("./*")
    assert events[0][2:] == (None, "r")
    """
    zygote.run(_START + textwrap.dedent(script), tmp_path)


def test_leaves_nothing_that_leads_to_the_original(zygote: Zygote, tmp_path: Path) -> None:
    script = """
    from tensorflow.python import pywrap_tfe, _pywrap_tfe
    from tensorflow.python.client import pywrap_tf_session as session
    from tensorflow.python.lib.io import _pywrap_file_io as files
    for f in (pywrap_tfe.TFE_Py_FastPathExecute, _pywrap_tfe.TFE_Py_Execute, session.TF_NewOperation,
              files.ReadFileToString, h5py.h5f.open):
        assert type(f).__name__ == "function" and not hasattr(f, "__wrapped__")
        assert not vars(f) and not f.__defaults__ or f is h5py.h5f.open
    assert isinstance(files.WritableFile("new", "w"), files.WritableFile)
    """
    zygote.run(_START + textwrap.dedent(script), tmp_path)


def test_keeps_watch_when_c_modules_are_loaded_again(zygote: Zygote, tmp_path: Path) -> None:
    script = """
    import _imp, importlib, importlib.util
    for name, function in (
        ("tensorflow.python.lib.io._pywrap_file_io", "ReadFileToString"),
        ("tensorflow.python._pywrap_tfe", "TFE_Py_Execute"),
        ("tensorflow.python.client._pywrap_tf_session", "TF_NewOperation"),
        ("h5py.h5f", "open"),
    ):
        module = sys.modules[name]
        watched = getattr(module, function)
        again = _imp.create_dynamic(importlib.util.spec_from_file_location(name, module.__file__))
        assert getattr(again, function) is watched and getattr(module, function) is watched, name
        del sys.modules[name]
        assert getattr(importlib.import_module(name), function) is watched, name
        sys.modules[name] = module
    """
    zygote.run(_START + textwrap.dedent(script), tmp_path)


def test_watches_where_the_host_froze_the_collector(zygote: Zygote, tmp_path: Path) -> None:
    script = """
    import _imp, gc, importlib.util
    assert gc.get_freeze_count()
    name = "tensorflow.python.lib.io._pywrap_file_io"
    module = sys.modules[name]
    watched = module.ReadFileToString
    _imp.create_dynamic(importlib.util.spec_from_file_location(name, module.__file__))
    assert module.ReadFileToString is watched
    """
    zygote.run("import gc, tensorflow; gc.freeze()\n" + _START + textwrap.dedent(script), tmp_path)
