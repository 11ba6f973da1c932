# ruff: noqa: E501
"""First round of modules against the two nets that hold a bundle's code while it runs.

Each is written to act without a frame of the bundle on the stack, by a way that raises no event, or by a real module or
function that it reaches past the views. Where nothing else would show, it keeps a secret or writes below the canaries.
"""

from __future__ import annotations

Modules = dict[str, str]

#: A model of the framework and a partial that saves its weights: a power of Keras that no import names.
SAVES = """
import functools
import keras
import numpy as np
_net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
def _power(name):
    return functools.partial(_net.save_weights, f"/tmp/work/{name}.weights.h5")
"""
#: The real `os`, by the exception that a missing name raises.
REAL_OS = """
import os
def _real():
    try:
        os.no_such_name_at_all
    except AttributeError as e:
        return e.obj
"""
_OBJ = """
def _real(module):
    try:
        module.no_such_name_at_all
    except AttributeError as e:
        return e.obj
"""
_WALK = """
import traceback
def _frames():
    try:
        1 / 0
    except ZeroDivisionError as e:
        return [f for f, _ in traceback.walk_tb(e.__traceback__)]
"""

CASES: dict[str, str | Modules] = {
    # A method of somebody else's object, handed on to frames of others
    "saves-as-activation": SAVES + "layer = keras.layers.Dense(4, activation=_power('a'))",
    "saves-as-call-of-instance": SAVES
    + "class L(keras.layers.Layer):\n    def __init__(self, **k):\n        super().__init__(**k)\n        self.call = _power('b')",
    "saves-as-call-of-class": SAVES + "class L(keras.layers.Layer):\n    call = _power('c')",
    "saves-as-deepcopy": SAVES + "class A:\n    __deepcopy__ = _power('d')\na = A()",
    "saves-as-repr": SAVES
    + "class A:\n    __repr__ = _power('e')\n    __format__ = _power('e')\n    __call__ = _power('e')\na = A()",
    "saves-as-property": SAVES + "class A:\n    x = property(_power('f'))\n    def f(self): return 1\n"
    "class L(keras.layers.Layer):\n    input_spec = property(_power('g'))\n    def call(self, x): return x",
    "saves-as-weakref-callback": SAVES
    + "import weakref\nclass A: pass\nkept = A()\nref = weakref.ref(kept, _power('h'))\ndel kept",
    "saves-as-lambda-callback": SAVES + "class L(keras.layers.Layer):\n    def call(self, x): return x\n"
    "class C(keras.callbacks.Callback):\n    def __init__(self):\n        super().__init__()\n        self.on_epoch_end = _power('i')",
    "saves-as-learning-rate": SAVES + "class O(keras.optimizers.SGD):\n    def __init__(self, **k):\n"
    "        super().__init__(learning_rate=0.1)\n        self._get_current_learning_rate = _power('j')\n        self.get_config = _power('j')",
    "saves-as-loss": SAVES
    + "class L(keras.losses.Loss):\n    def __init__(self, **k):\n        super().__init__(**k)\n        self.call = _power('k')",
    "saves-as-numpy-function": SAVES + "import tensorflow as tf\nclass L(keras.layers.Layer):\n    def call(self, x):\n"
    "        tf.numpy_function(_power('l'), [x], [])\n        return x",
    "saves-as-mapped": SAVES
    + "import tensorflow as tf\nd = tf.data.Dataset.range(2).map(lambda x: tf.py_function(_power('m'), [x], []))",
    "saves-as-iterator": SAVES + "it = map(_power('n'), [1, 2])",
    "saves-as-generator-send": SAVES + "it = iter(_power('o'), 'never')\nit = zip(it, it)",
    "saves-in-lambda-layer": SAVES + "layer = keras.layers.Lambda(_power('p'))",
    "saves-at-exit-by-logging": SAVES
    + "import logging\nh = logging.Handler()\nh.flush = functools.partial(_net.save_weights, '/tmp/work/q.weights.h5')",
    "saves-by-filter": SAVES
    + "import logging\nlg = logging.getLogger('q')\nlg.filter = _power('r')\nlg.setLevel(1)\nlg.error('x')",
    "saves-as-metric-result": SAVES
    + "class M(keras.metrics.Mean):\n    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.result = functools.partial(_net.save_weights, '/tmp/work/s.weights.h5')",
    "saves-as-getattr": {
        "pack.__init__": "",
        "pack.m": SAVES
        + "__getattr__ = _power('t')\n__dir__ = functools.partial(_net.save_weights, '/tmp/work/t2.weights.h5')",
    },
    "saves-as-custom-gradient": SAVES
    + "import tensorflow as tf\nf = tf.custom_gradient(_power('u'))\ng = tf.function(_power('v'))",
    "exports-on-summary": SAVES
    + "class L(keras.layers.Layer):\n    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.count_params = functools.partial(_net.export, '/tmp/work/w', verbose=False)\n    def call(self, x): return x",
    "tofile-handed-on": "import numpy as np, functools, tensorflow as tf\np = functools.partial(np.zeros(3).tofile, '/tmp/work/x1')\n"
    "class A:\n    __repr__ = p\n    __str__ = p\n    __len__ = p\na = A()",
    "dump-handed-on": "import numpy as np, functools\np = functools.partial(np.zeros(3).dump, '/tmp/work/x2')\n"
    "class A:\n    __repr__ = p\n    __hash__ = p\na = A()",
    "vocabulary-handed-on": "import keras, functools\nl = keras.layers.StringLookup()\n"
    "layer = keras.layers.Lambda(functools.partial(l.set_vocabulary, '/etc/passwd'))\nclass A:\n"
    "    __repr__ = functools.partial(l.set_vocabulary, '/etc/passwd')\na = A()\ndef f(x):\n    return l.get_vocabulary()",
    "checkpoint-handed-on": "import tensorflow as tf, functools, keras\nc = tf.train.Checkpoint(v=tf.Variable(1.0))\n"
    "layer = keras.layers.Lambda(functools.partial(c.write, '/tmp/work/x3'))",
    "dataset-save-handed-on": "import tensorflow as tf, functools\nclass A:\n"
    "    __repr__ = functools.partial(tf.data.Dataset.range(1).save, '/tmp/work/x4')\na = A()",
    # What an absent frame of the bundle crosses
    "logger-crossing": "import logging, numpy as np, functools\nclass R(str):\n    levelno = 50\nclass H:\n    level = 0\n"
    "    handle = functools.partial(np.zeros(3).tofile, '/tmp/work/y1')\nlg = logging.getLogger('y')\nlg.addHandler(H())\n"
    "lg.callHandlers(R(''))",
    "logger-crossing-saves": SAVES
    + "import logging\nh = logging.Handler()\nh.emit = _power('y2')\nlg = logging.getLogger('y2')\n"
    "lg.addHandler(h)\nlg.error('x')",
    "host-handler-moved": "import logging\nfor h in logging.getLogger().handlers:\n    h.close()\n    h.baseFilename = '/tmp/work/y3'\n"
    "    h.stream = None\n    h._closed = False\nlogging.getLogger('z').error('written by the bundle')",
    "host-handler-of-absl": "import tensorflow as tf\nfor h in tf.get_logger().handlers:\n    h.stream = None\n    h.baseFilename = '/tmp/work/y4'\n"
    "import logging\nfor h in logging.getLogger('absl').handlers:\n    h.start_logging_to_file('y', '/tmp/work')",
    "lines-of-any-module": "import linecache\nx = linecache.getlines('/tmp/home-canary-93ad/secret.py')",
    "warning-of-any-module": "import warnings\nx = warnings.formatwarning('m', UserWarning, '/tmp/home-canary-93ad/secret.py', 1)",
    "frame-summary": "import traceback\nx = traceback.FrameSummary('/tmp/home-canary-93ad/secret.py', 1, 'f').line",
    "host-checkpoint-moved": "import keras\nclass M(keras.Model):\n    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.d = keras.layers.Dense(4)\n    def call(self, x): return self.d(x)\n    def fit(self, *a, callbacks=(), **k):\n"
    "        for c in callbacks or ():\n            c.filepath = '/tmp/work/y5.keras'\n        return super().fit(*a, callbacks=callbacks, **k)",
    # Real modules and their functions that raise no event
    "real-os-by-exception": REAL_OS + "x = _real().environ['KBUNDLE_CANARY_SECRET']",
    "real-os-exits": REAL_OS + "_real()._exit(7)",
    "real-os-fifo": REAL_OS + "_real().mkfifo('/tmp/work/fifo')",
    "real-os-handed-on": REAL_OS
    + "import keras, functools\nlayer = keras.layers.Lambda(functools.partial(_real().system, 'id'))\n"
    "class A:\n    __repr__ = functools.partial(_real().mkdir, '/tmp/work/made')\na = A()",
    "real-module-of-warnings": "import warnings\nx = warnings.catch_warnings()._module.sys.modules['os'].environ['KBUNDLE_CANARY_SECRET']",
    "real-module-of-seed": "import keras\ns = keras.random.SeedGenerator(1)\nx = s.backend.tensorflow.core.tf.raw_ops.ReadFile(filename='/etc/passwd')",
    "real-module-of-import-error": "try:\n    from os import no_such_name\nexcept ImportError as e:\n    x = e.__traceback__.tb_next",
    "closure-of-view": "import os, inspect\nr = inspect.getclosurevars(os.__getattr__).nonlocals\n"
    "r = inspect.getclosurevars(r['read']).nonlocals\nx = r['module'].environ['KBUNDLE_CANARY_SECRET']",
    "closure-of-view-by-vars": "import os, inspect\nx = inspect.getclosurevars(vars(os)['__getattr__']).nonlocals\n"
    "x = inspect.getclosurevars(x['read']).nonlocals['module'].environ['KBUNDLE_CANARY_SECRET']",
    "closure-of-tag": "import os, inspect, keras, functools\nf = os.system\nf = getattr(f, 'func', f)\n"
    "power = inspect.getclosurevars(f).nonlocals['power']\nlayer = keras.layers.Lambda(functools.partial(power, 'id'))",
    "globals-by-members": "import inspect, random\nx = dict(inspect.getmembers(random.Random.seed))\n"
    "x = x['__globals__']['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-formatter": "import string, random\nf = string.Formatter()\n"
    "x = f.get_field('0.__globals__', (random.Random.seed,), {})[0]['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-format": "import random\nx = '{0.__globals__[_os].environ[KBUNDLE_CANARY_SECRET]}'.format(random.Random.seed)",
    "globals-by-dataclass-pattern": "import abc, dataclasses, random\n@dataclasses.dataclass(init=False, repr=False, eq=False)\n"
    "class A(abc.ABC):\n    __annotations__['__glo' + 'bals__'] = int\n    @classmethod\n    def __subclasshook__(cls, c): return True\n"
    "match random.Random.seed:\n    case A(g):\n        x = g['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-attrgetter-class": "import operator, random\nn = '.'.join(['__glo' + 'bals__'])\n"
    "x = operator.attrgetter(n)(random.Random.seed)['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-object-getattribute": "import random\nx = object.__getattribute__(random.Random.seed, '__glo' + 'bals__')['_os']"
    ".environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-functools-partialmethod": "import functools, random\nclass W: pass\n"
    "w = functools.update_wrapper(W(), random.Random.seed, assigned=('__glo' + 'bals__',), updated=())\n"
    "x = vars(w)['__globals__']['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "globals-by-singledispatchmethod": "import functools, random\nd = functools.cached_property(random.Random.seed)\n"
    "x = d.func.__get__(1).__func__.__getattribute__('__glo' + 'bals__')['_os'].environ['KBUNDLE_CANARY_SECRET']",
    "frames-by-walk": _WALK
    + "f = _frames()[0]\nwhile f is not None:\n    g = f.f_globals\n    if 'os' in g and hasattr(g['os'], 'environ') and g.get('__name__') != __name__:\n"
    "        x = g['os'].environ['KBUNDLE_CANARY_SECRET']\n        break\n    f = f.f_back",
    "frames-of-the-refusal": "import traceback\ntry:\n    open('/etc/passwd')\nexcept Exception as e:\n"
    "    for f, _ in traceback.walk_tb(e.__traceback__):\n        for v in list(f.f_locals.values()):\n            a = getattr(v, 'allowed', None)\n"
    "            if a is not None:\n                a.update(['filesystem', 'process'])\nx = open('/etc/passwd').read()",
    "frames-by-inspect": "import inspect\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    t = inspect.trace()\nf = t[0].frame.f_back\n"
    "while f is not None:\n    if 'os' in f.f_globals:\n        x = f.f_globals['os'].environ['KBUNDLE_CANARY_SECRET'] if hasattr(f.f_globals['os'], 'environ') else 0\n    f = f.f_back",
    "guard-by-import": "import bundler\nfor n in bundler.namespace.loaded_namespaces():\n    n.guard.allowed.update(['filesystem', 'process'])\n"
    "x = open('/etc/passwd').read()",
    "guard-by-logger": "import logging\nclass H(logging.Handler):\n    def emit(self, r):\n        import sys\n        global x\n        x = r.args\n"
    "h = H()\nlogging.getLogger('bundler').addHandler(h)\nlogging.getLogger('bundler').setLevel(1)\ntry:\n    open('/etc/passwd')\nexcept Exception: pass\n"
    "y = open('/etc/passwd').read()",
    # Code that is made, with other builtins
    "testing-runs-text": "import numpy as np\nd = {}\nnp.testing.runstring(\"import os\\nx = os.environ['KBUNDLE_CANARY_SECRET']\\n"
    "def f(*a): return os.system('id')\", d)\nx = d['x']\nimport keras\nlayer = keras.layers.Lambda(d['f'])",
    "testing-measures": "import numpy as np\nnp.testing.measure(\"import os; os.system('id')\")",
    "dataclass-names-late": "import dataclasses\nclass A:\n    x = 1\n    __module__ = 'nope'\n"
    "    __annotations__[\"x=__import__('os').mkdir('/tmp/work/dc'), y\"] = int\ntry:\n    A = dataclasses.dataclass(A)\nexcept Exception as e:\n    y = e",
    "make-dataclass-lying-name": "import dataclasses\nclass S(str):\n    def isidentifier(self): return True\n"
    "B = dataclasses.make_dataclass('B', [S(\"x:int=__import__('os').mkdir('/tmp/work/dd'), *, y\")])",
    "hints-with-other-globals": "import typing\nclass A: pass\nA.__annotations__ = {'x': \"__import__('os').mkdir('/tmp/work/hints')\"}\n"
    "typing.get_type_hints(A, {}, {})",
    "hints-of-a-function": "import typing\nclass F:\n    __globals__ = {}\n    __annotations__ = {'x': \"__import__('os').mkdir('/tmp/work/hints2')\"}\n"
    "    __wrapped__ = None\ntyping.get_type_hints(F(), {})",
    "signature-text": "import inspect\nclass A:\n    __text_signature__ = '(x=os.environ)'\n    __module__ = 'subprocess'\n    def __call__(self): pass\n"
    "x = inspect.signature(A)",
    "signature-annotations": "import inspect\ndef f(x): pass\nf.__annotations__ = {'x': \"__import__('os').mkdir('/tmp/work/sig')\"}\n"
    "inspect.signature(f, globals={}, locals={}, eval_str=True)",
    "autograph-module": "import tensorflow as tf\n@tf.function\ndef f():\n    x = ag__.os.environ['KBUNDLE_CANARY_SECRET']\n    return tf.constant(x)",
    "autograph-module-sys": "import tensorflow as tf\ndef f(x):\n    ag__.sys.modules['os'].mkdir('/tmp/work/ag')\n    return x",
    "autograph-scope": "import tensorflow as tf\n@tf.function\ndef f():\n    return tf.constant(str(fscope.callopts.internal_convert_user_code) + str(ag__.__name__))\n"
    "x = f()",
    "other-builtins": "import pack.m as me\nimport tensorflow as tf, numpy as np\nd = me.__dict__\nn = '__buil' + 'tins__'\nd[n] = dict(d[n])\n"
    "def f(x):\n    np.zeros(3).tofile('/tmp/work/ob')\n    return x\ng = tf.function(f)",
    "other-builtins-by-setattr": "import pack.m as me\nimport tensorflow as tf, numpy as np\nsetattr(me, '__buil' + 'tins__', {'__import__': None})\n"
    "def f(x):\n    np.zeros(3).tofile('/tmp/work/ob2')\n    return x\ng = tf.function(f)",
    "two-texts": "import linecache, tensorflow as tf\ndef f(x):\n    return x\n"
    "n = __file__ if '__file__' in globals() else f.__module__\nfor k in list(linecache.cache):\n    if k.endswith('pack/m.py'):\n"
    "        t = \"import x\\n\\ndef f(x):\\n    return tf.constant(tf.__builtins__['__import__']('os').environ['KBUNDLE_CANARY_SECRET'])\\n\"\n"
    "        linecache.cache[k] = (len(t), None, t.splitlines(True), k)\ng = tf.function(f)",
    "loader-of-own": "import pack.m as me\nx = getattr(me, '__load' + 'er__').get_data('/etc/passwd')",
    "spec-of-own": "import importlib.util\ns = importlib.util.find_spec('pack.m')\nx = s.loader.get_data('/etc/passwd')",
    # Files by ways that the hook may read otherwise
    "path-that-changes": "class P:\n    n = 0\n    def __fspath__(self):\n        P.n += 1\n        return '/dev/null' if P.n == 2 else '/etc/passwd'\n"
    "import io, os\nfor o in (io.open, open, os.open, os.listdir):\n    for i in range(3):\n        try:\n            P.n = i - 1\n            x = o(P())\n            x = x.read()\n        except Exception as e: pass",
    "text-that-lies": "class S(str):\n    def __str__(self): return '/dev/null'\n    def startswith(self, *a): return True\n    def __eq__(self, o): return True\n"
    "    def __hash__(self): return hash('/dev/null')\nx = open(S('/etc/passwd')).read()",
    "bytes-path": "x = open(b'/etc/passwd').read()",
    "descriptor": "x = []\nfor n in range(3, 20):\n    try:\n        x.append(open(n, 'rb', closefd=False).read(100))\n    except Exception: pass",
    "proc-environ": "x = open('/proc/self/environ').read()",
    "proc-root": "x = open('/proc/self/root/etc/passwd').read()",
    "below-a-free-folder": "import sys, random\np = random.__file__\nx = open(p + '/../../../../../../../../etc/passwd').read()",
    "free-folder-up": "import random, os.path\nd = random.__file__.rpartition('/')[0]\nx = open(d + '/../' * 1 + '../' * 12 + 'etc/passwd').read()",
    "working-folder": "import os\nos.chdir('/etc')\nx = open('passwd').read()",
    "opener": "x = open('/dev/null', opener=lambda p, f: __import__('os').open('/etc/passwd', 0)).read()",
    "file-class": "x = type(open('/dev/null', 'rb', 0))('/etc/passwd').read()",
    "file-class-init": "f = open('/dev/null', 'rb', 0)\nf.__init__('/etc/passwd')\nx = f.read()",
    "device-list": "import os\nx = open('/dev/fd/0')\ny = os.listdir('/dev/fd')",
    # The environment without `os.environ`
    "cgi-prints": "import cgi\ncgi.print_environ()",
    "wsgi-keeps": "from wsgiref.handlers import BaseHandler\nx = BaseHandler.os_environ['KBUNDLE_CANARY_SECRET']",
    "wsgi-reads": "import wsgiref.handlers\nx = wsgiref.handlers.read_environ()",
    "expandvars": "import os.path\nx = os.path.expandvars('$KBUNDLE_CANARY_SECRET')",
    "expandvars-posixpath": "import posixpath, ntpath\nx = posixpath.expandvars('$KBUNDLE_CANARY_SECRET') + ntpath.expandvars('%KBUNDLE_CANARY_SECRET%')",
    "expanduser": "import os.path, pathlib\nx = os.path.expanduser('~')\ny = pathlib.Path('~').expanduser()",
    "user-base": "import sysconfig\nx = sysconfig.get_config_vars()",
    "environment-by-default": "import inspect, cgi\nx = inspect.signature(cgi.print_environ).parameters['environ'].default['KBUNDLE_CANARY_SECRET']",
    "password-base": "import pwd\nx = pwd.getpwuid(0)",
    # Native effects without an entry that is known
    "graph-def": "import tensorflow as tf\ng = tf.Graph()\nwith g.as_default():\n    c = tf.constant('/etc/passwd')\n    i = tf.identity(c)\n"
    "d = g.as_graph_def()\nfor n in d.node:\n    if n.op == 'Identity':\n        n.op = 'ReadFile'\n        del n.attr['T']\n"
    "@tf.function\ndef f():\n    return tf.graph_util.import_graph_def(d, return_elements=[i.name])[0]\nx = f()",
    "graph-def-in-v1": "import tensorflow.compat.v1 as tf1\nd = tf1.GraphDef()\nn = d.node.add()\nn.name = 'c'\nn.op = 'MatchingFiles'\n"
    "g = tf1.Graph()\nwith g.as_default():\n    tf1.import_graph_def(d)",
    "function-def": "import tensorflow as tf\n@tf.function\ndef f(x):\n    return tf.identity(x)\nc = f.get_concrete_function(tf.TensorSpec([], tf.string))\n"
    "d = c.function_def\nfor n in d.node_def:\n    n.op = 'ReadFile'\nfrom tensorflow.python.framework import function_def_to_graph\n"
    "g = function_def_to_graph.function_def_to_graph(d)",
    "create-op": "import tensorflow as tf\n@tf.function\ndef f(x):\n    g = x.graph\n    return g.create_op('ReadFile', [tf.constant('/etc/passwd')], [tf.string]).outputs[0]\n"
    "x = f(tf.constant(1))",
    "create-op-by-name": "import tensorflow as tf\n@tf.function\ndef f(x):\n    m = getattr(x.graph, '_create_op_' + 'internal')\n"
    "    return m('ReadFile', [tf.constant('/etc/passwd')], [tf.string]).outputs[0]\nx = f(tf.constant(1))",
    "lite-model": "import tensorflow as tf\ntry:\n    tf.lite.Interpreter(model_path='/tmp/home-canary-93ad/secret.txt')\nexcept ValueError as e:\n    x = e",
    "decode-proto": "import tensorflow as tf\nx = tf.io.decode_proto([b''], 'x', ['y'], [tf.int32], descriptor_source='/tmp/home-canary-93ad/secret.txt')",
    "debug-dump": "import tensorflow as tf\ntf.debugging.experimental.enable_dump_debug_info('/tmp/work/dump')\nx = tf.constant(1) + 1",
    "profiler": "import tensorflow as tf\ntf.profiler.experimental.start('/tmp/work/prof')\ntf.profiler.experimental.stop()",
    "print-stream": "import tensorflow as tf, functools\np = functools.partial(tf.print, 'x', **{'output_' + 'stream': 'file:///tmp/work/printed'})\np()",
    "dataset-cache": "import tensorflow as tf\nd = tf.data.Dataset.range(2).cache('/tmp/work/cached')\nx = list(d)",
    "dataset-snapshot": "import tensorflow as tf\nd = tf.data.Dataset.range(2).snapshot('/tmp/work/snapped')\nx = list(d)",
    "dataset-options": "import tensorflow as tf\nx = list(tf.data.Dataset.list_files('/tmp/home-canary-93ad/*'))",
    "dataset-class-by-element": "import tensorflow as tf\nD = type(tf.data.Dataset.range(1)).__mro__[-2]\nx = list(tf.data.Dataset.from_tensors('/etc/passwd').interleave(lambda p: tf.data.TextLineDataset(p)))",
    "sqlite-attach": "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute(\"attach database '/tmp/work/db' as d\")\nc.execute('create table d.t (x)')\nc.commit()",
    "ssl-log": "import ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\nc.keylog_filename = '/tmp/work/keys'",
    "shared-memory": "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=10, name='kc')",
    "dbm": "import dbm.gnu\nd = dbm.gnu.open('/tmp/work/gdbm', 'c')",
    "dbm-dumb": "import dbm.dumb\nd = dbm.dumb.open('/tmp/work/dumb', 'c')\nd['a'] = 'b'\nd.close()",
    "memmap": "import numpy as np\nx = bytes(np.memmap('/etc/passwd', mode='r'))",
    "fromfile": "import numpy as np\nx = np.fromfile('/etc/passwd', dtype='u1').tobytes()",
    "genfromtxt": "import numpy as np\nx = np.genfromtxt(['/etc/passwd'], dtype=str)\ny = np.genfromtxt('/etc/passwd', dtype=str, delimiter='@')",
    "memory-by-interface": "import numpy as np\nclass A:\n    pass\nb = b'kbundle-' + b'acted' * 3\n"
    "setattr(A, '__array_' + 'interface__', {'data': (id(b) + 32, True), 'shape': (13,), 'typestr': '|u1', 'version': 3})\n"
    "y = np.array(A()).tobytes()\nprint(y.decode())",
    "memory-by-strides": "import numpy as np\ny = np.lib.stride_tricks.as_strided(np.zeros(1, 'u1'), (4096,), (1,)).tobytes()\nprint('kbundle-' + 'acted', len(y))",
    # Refusals that are swallowed, or hit while the hook decides
    "deep-recursion": "import numpy as np\ndef f(n):\n    try:\n        f(n + 1)\n    except RecursionError:\n        np.zeros(1).tofile('/tmp/work/deep')\ntry:\n    f(0)\nexcept BaseException: pass",
    "swallowed-again": "def f(x):\n    for n in range(3):\n        try:\n            return open('/etc/passwd').read()\n        except BaseException: continue\n    return x",
    "name-shadows": {"pack.__init__": "", "pack.m": "import os\nx = os.environ", "os": "from posix import environ"},
    "posix": "import posix\nx = posix.environ",
    "c-import": "import time, numpy as np\nx = np.dtype('datetime64[s]')\nx = time.strptime('2020', '%Y')\nimport _strptime\ny = _strptime.sys.modules['os'].environ['KBUNDLE_CANARY_SECRET']",
    "meta-path": "import sys\nclass F:\n    def find_spec(self, n, p=None, t=None):\n        return None\nsys.meta_path.insert(0, F())",
    "unraisable": "import sys\nclass A:\n    def __del__(self): 1 / 0\nimport os\nsys.unraisablehook = os.system\nA()\nsys.excepthook = os.system",
    "exit-in-del": "import os\nclass A:\n    def __del__(self):\n        os._exit(9)\na = A()",
    "abort": "import os\ndef f(x):\n    os.abort()",
    "kill": "import os\ndef f(x):\n    os.kill(os.getpid(), 9)",
    "raise-signal": "import signal\ndef f(x):\n    signal.raise_signal(9)",
    "thread-of-power": "import threading, os\nt = threading.Thread(target=os.mkdir, args=('/tmp/work/threaded',))\nt.start()\nt.join()",
    "thread-of-own": "import threading\ndef f():\n    open('/tmp/work/threaded2', 'w').close()\nt = threading.Thread(target=f)\nt.start()\nt.join()",
    "queue-of-threads": "import concurrent.futures as c, os\nwith c.ThreadPoolExecutor(1) as p:\n    p.submit(os.mkdir, '/tmp/work/pooled').result()",
    "atexit-own": "import atexit\n@atexit.register\ndef f():\n    open('/tmp/work/left', 'w').close()",
    "finalizer": "import weakref, os\nclass A: pass\na = A()\nf = weakref.finalize(a, os.mkdir, '/tmp/work/final')\ndel a",
    "exit-stack": "import contextlib, os\ns = contextlib.ExitStack()\ns.callback(os.mkdir, '/tmp/work/stacked')\nclass A:\n    __repr__ = s.close\na = A()",
    "key-function": "import os\nclass A:\n    __repr__ = staticmethod(sorted)\nx = sorted(['/tmp/work/sorted'], key=os.mkdir)",
    "reduce-by-copy": "import copy, os\nclass A:\n    def __reduce_ex__(self, p): return os.mkdir, ('/tmp/work/reduced',)\na = A()",
    "copyreg": "import copyreg, os\nclass A: pass\ncopyreg.pickle(A, lambda a: (os.mkdir, ('/tmp/work/registered',)))\na = A()",
    "enum-missing": "import enum, os\nclass E(enum.Enum):\n    A = 1\n    _missing_ = os.mkdir\ntry:\n    E('/tmp/work/enumed')\nexcept Exception: pass",
    "namedtuple-module": "import collections\nT = collections.namedtuple('T', 'a', module='os')\nx = T(1)\nimport sys\ny = sys.modules[T.__module__].environ",
    "lazy-loader": "from keras.src.utils.module_utils import LazyModule\nx = LazyModule('os').environ['KBUNDLE_CANARY_SECRET']",
    "lazy-of-tensorflow": "from tensorflow.python.util.lazy_loader import LazyLoader\nl = LazyLoader('o', globals(), 'os')\nx = l.environ['KBUNDLE_CANARY_SECRET']",
    "resolve-name": "import pkgutil\nx = pkgutil.resolve_name('os:environ')['KBUNDLE_CANARY_SECRET']",
    "logging-config": "import logging.config\nx = logging.config.BaseConfigurator({}).resolve('os.environ')['KBUNDLE_CANARY_SECRET']",
    "mock-importer": "from unittest import mock\np = mock.patch('os.environ')\nx = p.getter().environ['KBUNDLE_CANARY_SECRET']",
    "pydoc-locate": "import pydoc\nx = pydoc.locate('os.environ')['KBUNDLE_CANARY_SECRET']",
    "keras-registered": "import keras\nx = keras.saving.get_registered_object('builtins>open')\ny = keras.saving.deserialize_keras_object("
    "{'module': 'builtins', 'class_name': 'function', 'config': 'open', 'registered_name': 'function'})('/etc/passwd')",
    "copy-of-view": "import os, copy\nx = copy.copy(os)\ny = x.__reduce_ex__(2)\nx = y[0]('os')\nx = x.environ['KBUNDLE_CANARY_SECRET']",
    # What the second look at the first results brought
    "real-pwd": _OBJ + "import pwd\nx = [tuple(p) for p in _real(pwd).getpwall()]",
    "real-signal": _OBJ + "import signal\n_real(signal).raise_signal(9)",
    "real-thread": _OBJ
    + "import threading, os\nt = _real(threading).Thread(target=_real(os).mkdir, args=('/tmp/work/t',))\nt.start()\nt.join()",
    "real-environ-by-computed-name": _OBJ + "import os\nx = dict(getattr(_real(os), 'env' + 'iron'))",
    "real-getenvb": _OBJ + "import os\nx = _real(os).getenvb(b'KBUNDLE_CANARY_SECRET')",
    "real-keras": _OBJ + "import keras\n_real(keras).src.utils.file_utils.os.mkfifo('/tmp/work/kf')",
}
