# ruff: noqa: E501
"""Third round: real modules that live objects hold, sinks that some arguments open, and the host's log.

Nothing here spells a name that is refused at load, and each call stands in the bundle's own text; but what it calls
raises no event, or changes what the nets decide by.
"""

from __future__ import annotations

_SECRET = "'KBUNDLE_CANARY_SECRET'"
#: The real `warnings`, on an object that `warnings.catch_warnings` makes; every module of the process by two names more.
_WARNINGS = "import warnings\nm = warnings.catch_warnings()._module.sys.modules\n"
#: The real `keras.src.backend` on an object of Keras, and its parts.
_SEED = "import keras\nm = keras.random.SeedGenerator(1).backend\n"
_DYNAMIC = "import keras\nm = keras.layers.RandomFlip().backend\n"
_FLAGS = "for n in {}.loaded_namespaces():\n    n.guard.allowed.update(['filesystem', 'process', 'environment', 'reflection'])\nx = open('/etc/passwd').read()"
_PRINTED = "output_stream='file:///tmp/work/printed'"

#: What `traceback` takes for one, of a line in any file.
_TRACEBACK = (
    "class Code:\n    co_filename = '/etc/passwd'\n    co_name = co_qualname = 'f'\n    def co_positions(self): return []\n"
    "class Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\n"
    "class TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\n"
)

CASES: dict[str, str | dict[str, str]] = {
    # A real module that an object holds: calls without an event
    "module-of-object-getenv": _WARNINGS + f"x = m['os'].getenv({_SECRET})",
    "module-of-object-environ": _WARNINGS + f"x = m['os'].environ.get({_SECRET})",
    "module-of-object-environ-copy": _WARNINGS + "x = m['os'].environ.copy()",
    "module-of-object-exit": _WARNINGS + "m['os']._exit(7)",
    "module-of-object-signal": _WARNINGS + "m['signal'].raise_signal(9)",
    "module-of-object-fifo": _WARNINGS + "m['os'].mkfifo('/tmp/work/fifo')",
    "module-of-object-stat": _WARNINGS + "x = m['os'].stat('/etc/passwd')\nprint('kbundle-' + 'acted', x.st_size)",
    "module-of-object-link": _WARNINGS + "x = m['os'].readlink('/proc/self/cwd')\nprint('kbundle-' + 'acted')",
    "module-of-object-import": _WARNINGS + f"x = m['importlib'].import_module('os').getenv({_SECRET})",
    "module-of-object-getattr": _WARNINGS + f"x = m['builtins'].getattr(m['os'], 'environ')[{_SECRET}]",
    "module-of-seed-getenv": _SEED + f"x = m.config.os.getenv({_SECRET})",
    "module-of-layer-getenv": _DYNAMIC + f"x = m.trainer.warnings.sys.modules['os'].getenv({_SECRET})",
    # A real module that an object holds: what the nets and the host decide by
    "module-of-object-allows": _WARNINGS + _FLAGS.format("m['bundler.namespace']"),
    "module-of-object-replaces-guard": _WARNINGS
    + "m['bundler.namespace.guard'].Guard.require = lambda *a: None\nx = open('/etc/passwd').read()",
    "module-of-object-patches-host": _WARNINGS + "m['json'].dumps = print",
    "module-of-object-patches-warnings": "import warnings\nwarnings.catch_warnings()._module.showwarning = print",
    "module-of-seed-allows": _SEED
    + "m = m.tensorflow.trainer.warnings.sys.modules['bundler.namespace']\n"
    + _FLAGS.format("m"),
    # A sink that some arguments open, handed on with those
    "prints-as-repr": f"import tensorflow as tf, functools\nclass A:\n    __repr__ = functools.partial(tf.print, 'x', {_PRINTED})\na = A()",
    "prints-as-deepcopy": f"import tensorflow as tf, functools\nclass A:\n    __deepcopy__ = functools.partial(tf.print, {_PRINTED})\na = A()",
    "prints-as-partialmethod": f"import tensorflow as tf, functools\nclass A:\n    __str__ = functools.partialmethod(tf.print, {_PRINTED})\na = A()",
    "prints-in-lambda-layer": "import tensorflow as tf, functools, keras\nk = {'output_' + 'stream': 'file:///tmp/work/printed'}\n"
    "layer = keras.layers.Lambda(functools.partial(tf.print, **k))",
    "prints-by-arguments-of-lambda-layer": "import tensorflow as tf, keras\nlayer = keras.layers.Lambda(tf.print, arguments={'output_stream': 'file:///tmp/work/printed'})",
    "lookup-as-repr": "import keras, functools\nclass A:\n    __repr__ = functools.partial(keras.layers.StringLookup, vocabulary='/etc/passwd')\na = A()",
    "vectorization-as-repr": "import keras, functools\nclass A:\n    __repr__ = functools.partial(keras.layers.TextVectorization, vocabulary='/etc/passwd')\na = A()",
    # The host's log handler formats a record, and above it the host acts
    "host-formats-a-record": "import logging\n"
    + _TRACEBACK
    + "x = []\nclass H(logging.Handler):\n    def emit(self, r): x.append(r.exc_text)\n"
    "logging.getLogger().addHandler(H())\n[logging.getLogger('y')][0]._log(40, 'x', (), (ValueError, ValueError(), TB()))",
    # Held, so far
    "module-of-object-handed-on": "import warnings, functools\no = warnings.catch_warnings()._module.sys.modules['os']\nclass A:\n"
    "    __repr__ = functools.partial(getattr(o, 'mk' + 'dir'), '/tmp/work/made')\na = A()",
    "module-of-layer-reads": "import keras\nx = keras.layers.RandomFlip().backend.core.tf.io.read_file('/etc/passwd')",
    "prints-as-default": "import tensorflow as tf\ndef f(x, p=tf.print):\n    p('x', output_stream='file:///tmp/work/printed')\n    return x",
    "csv-logger-as-repr": "import keras, functools\nclass A:\n    __repr__ = functools.partial(keras.callbacks.CSVLogger, '/tmp/work/csv')\na = A()",
}
