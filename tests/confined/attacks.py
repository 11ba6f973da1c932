# ruff: noqa: E501
"""One module for each class of attack, small enough to run all of them wherever tests run.

None does harm outside its own folders, so that it may also run where there is no cell. A host uses them in three ways
(`User.briefly`): it calls `layer`, traces and maps `f`, and shows, copies and lets go of `a`.
"""

from __future__ import annotations

_SECRET = "/tmp/work/secret.txt"
_POWER = "import functools, os\ndef _power(name):\n    return functools.partial(os.mkdir, '/tmp/work/' + name)\n"
#: Takes one argument more, and looks at it only after it has looked up the host.
_CONNECTS = "import functools, socket\n_power = functools.partial(socket.create_connection, ('127.0.0.1', 80))\n"
_SAVES = (
    "import functools, keras\n_net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
    "def _power(name):\n    return functools.partial(_net.save_weights, f'/tmp/work/{name}.weights.h5')\n"
)
#: Globals of a library's function, by a name that no text spells.
_GLOBALS = "import random\n_name = '__glo' + 'bals__'\n"
_ENVIRON = "['_os'].environ['KBUNDLE_CANARY_SECRET']"

#: A bytes object `b`, and what NumPy maps its memory by.
_MAPS = (
    "import numpy as np\nb = b'kbundle-' * 3\nn = '__array_' + 'interface__'\n"
    "d = {'data': (id(b) + 32, False), 'shape': (24,), 'typestr': '|u1', 'version': 3}\n"
)

#: What the nets stop by themselves, whatever the audit of the text says.
NETS: dict[str, str] = {
    # What happens outside, each by the plainest way
    "reads-a-file": f"x = open('{_SECRET}').read()",
    "writes-a-file": "open('/tmp/work/written', 'w').close()",
    "lists-a-folder": "import os\nx = os.listdir('/tmp/home-canary-93ad')",
    "looks-at-a-link": "import os\nx = os.lstat('/tmp/work/secret.txt')\nprint('kbundle-' + 'acted')",
    "starts-a-program": "import subprocess\nsubprocess.run(['true'])",
    "connects": "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 80), 1)\nexcept OSError:\n    pass",
    "reads-the-environment": "import os\nx = os.environ['KBUNDLE_CANARY_SECRET']",
    "changes-the-working-folder": "import os\nos.chdir('/tmp/home-canary-93ad')",
    "changes-the-host": "import json\njson.dumps = print",
    "changes-a-limit": "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nprint('kbundle-' + 'acted')",
    "ends-the-process": "import os\nos._exit(7)",
    "acts-without-an-event": "import os\nos.mkfifo('/tmp/work/fifo')",
    # What happens outside by native code, of which the interpreter hears nothing
    "reads-natively": f"import tensorflow as tf\nx = tf.io.read_file('{_SECRET}')",
    "writes-natively": "import tensorflow as tf\ntf.print('x', output_stream='file:///tmp/work/printed')",
    "opens-by-h5py": "import h5py\nh5py.File('/tmp/work/made.h5', 'w').close()",
    "reads-by-a-setting": f"import keras\nx = keras.layers.StringLookup(vocabulary='{_SECRET}').get_vocabulary()",
    "names-an-operation": f"import tensorflow as tf\nd = tf.raw_ops\nx = getattr(d, 'Read' + 'File')(filename='{_SECRET}')",
    "makes-a-graph": f"import tensorflow as tf\ng = tf.Graph()\nwith g.as_default():\n    i = tf.identity(tf.constant('{_SECRET}'))\n"
    "d = g.as_graph_def()\nfor n in d.node:\n    if n.op == 'Identity':\n        n.op = 'ReadFile'\n        del n.attr['T']\n"
    "@tf.function\ndef g():\n    return tf.graph_util.import_graph_def(d, return_elements=[i.name])[0]\nx = g()",
    # Code of the bundle that the framework or another thread runs
    "acts-while-traced": f"import tensorflow as tf\ndef f(x):\n    open('{_SECRET}').close()\n    return x",
    "acts-in-a-graph": f"import tensorflow as tf\ndef _g(x):\n    open('{_SECRET}').close()\n    return x\n"
    "def f(x):\n    return tf.py_function(_g, [x], tf.float32)",
    "acts-in-a-thread": "import threading\ndef _f():\n    open('/tmp/work/threaded', 'w').close()\n"
    "t = threading.Thread(target=_f)\nt.start()\nt.join()",
    "acts-when-copied": "class A:\n    def __deepcopy__(self, memo):\n        open('/tmp/work/copied', 'w').close()\na = A()",
    "acts-when-collected": "class A:\n    def __del__(self):\n        open('/tmp/work/collected', 'w').close()\na = A()",
    "acts-at-exit": "import atexit\n@atexit.register\ndef _f():\n    open('/tmp/work/left', 'w').close()",
    # A power that is handed to frames of others
    "hands-on-to-a-layer": _CONNECTS + "import keras\nlayer = keras.layers.Lambda(_power)",
    "hands-on-as-a-method": _POWER + "class A:\n    __repr__ = _power('a')\na = A()",
    "hands-on-to-a-thread": "import threading, os\nt = threading.Thread(target=os.mkdir, args=('/tmp/work/t',))\nt.start()\nt.join()",
    "hands-on-to-copy": "import os\nclass A:\n    def __reduce_ex__(self, p): return os.mkdir, ('/tmp/work/reduced',)\na = A()",
    "hands-on-to-exit": "import atexit, os\natexit.register(os.mkdir, '/tmp/work/left')",
    "hands-on-to-a-finalizer": "import weakref, os\nclass A: pass\na = A()\nweakref.finalize(a, os.mkdir, '/tmp/work/final')",
    "hands-on-to-a-logger": _CONNECTS
    + "import logging\nh = logging.Handler()\nh.emit = _power\nlogging.getLogger('pack').addHandler(h)\n"
    "class A:\n    __repr__ = functools.partial(logging.getLogger('pack').error, 'x')\na = A()",
    # What only the host may do, done by the host's own things
    "moves-the-hosts-log": "import logging\nfor h in logging.getLogger().handlers:\n    h.close()\n    setattr(h, 'base' + 'Filename', '/tmp/work/log')\n"
    "    h.stream = None\n    h._closed = False\nlogging.error('written by the bundle')",
    "reads-by-a-warning": "import linecache\nx = linecache.getlines('/tmp/home-canary-93ad/secret.py')",
    "borrows-a-module": "from keras.src.utils.module_utils import LazyModule\nx = LazyModule('os').environ['KBUNDLE_CANARY_SECRET']",
    # Past the names
    "computes-a-name": _GLOBALS + f"x = getattr(random.Random.seed, _name){_ENVIRON}",
    "computes-a-name-by-operator": _GLOBALS
    + f"import operator\nx = operator.attrgetter(_name)(random.Random.seed){_ENVIRON}",
    "resolves-a-name": "import pkgutil\nx = pkgutil.resolve_name('os:environ')['KBUNDLE_CANARY_SECRET']",
    "names-in-a-config": "import keras\nc = {'class_name': 'function', 'config': 'set_floatx', 'module': 'keras.config', 'registered_name': None}\n"
    "keras.layers.Dense(1, activation=c).activation('float16')",
    "asks-the-module-table": "import sys\nx = sys.modules['os'].environ['KBUNDLE_CANARY_SECRET']",
    "asks-an-exception": "import os\ntry:\n    os.no_such_name_at_all\nexcept AttributeError as e:\n    x = getattr(e, 'o' + 'bj').environ['KBUNDLE_CANARY_SECRET']",
    "walks-frames": "import inspect\nf = inspect.currentframe()\nwhile f is not None:\n    g = getattr(f, 'f_glo' + 'bals')\n"
    "    if getattr(g.get('os'), 'environ', None):\n        x = g['os'].environ['KBUNDLE_CANARY_SECRET']\n        break\n    f = getattr(f, 'f_' + 'back')",
    # Code and objects that are made of data
    "runs-text": f"exec(\"x = open('{_SECRET}').read()\")",
    "runs-text-by-a-library": f"import numpy as np\nd = {{}}\nnp.testing.runstring(\"x = open('{_SECRET}').read()\", d)\nx = d['x']",
    "makes-text-of-names": "import dataclasses\nclass Base:\n    x = 1\n    def __init_subclass__(cls, **k):\n"
    "        setattr(cls, '__anno' + 'tations__', {\"x, __import__('os').mkdir('/tmp/work/dc')\": int})\n"
    "@dataclasses.dataclass(init=False, repr=False)\nclass A(Base): pass\nA() == A()",
    "unpickles": "import pickle\npickle.loads(b\"cos\\nmkdir\\n(S'/tmp/work/unpickled'\\ntR.\")",
    "takes-other-builtins": "import pack.m as me, builtins\nd = getattr(me, '__di' + 'ct__')\nd['__buil' + 'tins__'] = {'open': builtins.open, '__import__': __import__}\n"
    f"def f(x):\n    open('{_SECRET}').close()\n    return x\nf(1)",
    # Memory by its address
    "reads-memory": "import numpy as np\ny = np.lib.stride_tricks.as_strided(np.zeros(1, 'u1'), (64,), (1,)).tobytes()\nprint('kbundle-' + 'acted')",
    "reads-memory-by-protocol": "import numpy as np\nclass A: pass\nb = b'kbundle-' + b'acted' * 3\nsetattr(A, '__array_' + 'interface__', "
    "{'data': (id(b) + 32, True), 'shape': (13,), 'typestr': '|u1', 'version': 3})\nprint(np.array(A()).tobytes().decode())",
    "writes-memory-of-objects": "import struct, numpy as np\nb = ['x']\na = np.array([None])\nstruct.pack_into('Q', a, 0, id(b))\n"
    "if a[0] is b: print('kbundle-' + 'acted')",
    "writes-memory-by-a-view": "import numpy as np\nb = ['x']\na = np.array([None])\nmemoryview(a).cast('B')[:] = id(b).to_bytes(8, 'little')\n"
    "if a[0] is b: print('kbundle-' + 'acted')",
    "takes-memory-as-records": "import numpy as np\nb = ['x']\nt = id(b).to_bytes(8, 'little')\n"
    "if np.recarray((1,), dtype=[('a', 'O')], buf=t)[0].a is b: print('kbundle-' + 'acted')",
    "takes-a-class-from-an-alias": "import typing, numpy as np\nb = ['x']\nt = id(b).to_bytes(8, 'little')\n"
    "if typing.get_origin(np.ndarray[int, int])((1,), dtype=object, buffer=t)[0] is b: print('kbundle-' + 'acted')",
    "reads-memory-while-a-class-is-made": _MAPS
    + "class P:\n    def __init_subclass__(cls):\n        if np.array(cls()).tobytes() == b: print('kbundle-' + 'acted')\n"
    "class C(P):\n    def __getattr__(self, k):\n        if k == n: return d\n        raise AttributeError(k)",
    "reads-memory-of-an-enumeration": _MAPS
    + "import enum\nE = enum.Enum('E', {'A': 1, n: d})\nif np.array(E.A).tobytes() == b: print('kbundle-' + 'acted')",
    "reads-memory-of-a-module": _MAPS
    + "import sys\nme = sys.modules[__name__]\ndef __getattr__(k):\n    if k == n: return d\n    raise AttributeError(k)\n"
    "if np.array(me).tobytes() == b: print('kbundle-' + 'acted')",
    "builds-from-its-config": "import keras\nc = keras.Sequential([keras.Input((1,), dtype='string'), keras.layers.StringLookup(vocabulary=['a'])]).get_config()\n"
    "c['layers'][1]['config']['vocabulary'] = '/tmp/work/secret.txt'\nclass W(keras.layers.TimeDistributed):\n"
    "    def get_config(self): return {'layer': c['layers'][1]}\na = keras.Sequential([keras.Input((3, 4)), W(keras.layers.Dense(1))])",
    "makes-up-a-traceback": "import traceback, functools\nclass Code:\n    co_filename = '/tmp/home-canary-93ad/secret.py'\n"
    "    co_name = co_qualname = 'f'\n    def co_positions(self): return []\n"
    "class Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\n"
    "class TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\n"
    "x = functools.partial(traceback.format_exception, ValueError, ValueError(), TB())()",
    "stores-by-an-argument": "import argparse, keras, numpy as np\np = argparse.ArgumentParser()\na = p.add_argument_group('g').add_argument('--x', dest='ca' + 'll')\n"
    "def evil(self, x, training=None): return x * 0 + 42\na(None, keras.layers.Dense, evil)\n"
    "if float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: print('kbundle-' + 'acted')",
    "reads-the-state-of-a-copy": "import warnings, copy\nclass W(warnings.catch_warnings):\n    def __setstate__(self, s):\n        global m\n"
    "        m = s['_mod' + 'ule']\ncopy.copy(W())\nm.showwarning = lambda *a, **k: print('kbundle-' + 'acted')\nwarnings.warn('x')",
    "changes-the-class-of-a-host-object": "import logging\nh = logging.getLogger().handlers[0]\nclass C:\n    def emit(self, r): return 42\n"
    "setattr(h, ''.join(['__cla', 'ss__']), C)\nif logging.getLogger().handlers[0].emit(1) == 42: print('kbundle-' + 'acted')",
    "raises-its-own-exit": "class E(SystemExit):\n    def __init__(self, *a): self.code = 7\n"
    "try:\n    raise E()\nexcept BaseException as e:\n    if getattr(e, 'code', 0) == 7: print('kbundle-' + 'acted')",
    "uses-ctypes": "import ctypes\nx = ctypes.string_at(id(b'') + 32, 4)\nprint('kbundle-' + 'acted')",
    # A hook or a guard that is misled
    "lies-about-a-path": f"class P:\n    n = 0\n    def __fspath__(self):\n        P.n += 1\n        return '/dev/null' if P.n == 2 else '{_SECRET}'\n"
    "for i in range(3):\n    try:\n        P.n = i - 1\n        x = open(P()).read()\n        if x: break\n    except Exception: pass",
    "lies-about-a-text": "class S(str):\n    def __str__(self): return '/dev/null'\n    def startswith(self, *a): return True\n    def __eq__(self, o): return True\n"
    f"    __hash__ = str.__hash__\nx = open(S('{_SECRET}')).read()",
    "swallows-the-refusal": f"for n in range(3):\n    try:\n        x = open('{_SECRET}').read()\n    except BaseException:\n        continue",
}

#: What only the audit of the text stops: named, handed on or read where no frame of the bundle need be on the stack.
LOAD: dict[str, str] = {
    "hands-on-a-method-of-the-framework": _SAVES + "class A:\n    __repr__ = _power('a')\na = A()",
    "hands-on-a-method-of-an-array": "import numpy as np, functools\nclass A:\n    __repr__ = functools.partial(np.zeros(3).tofile, '/tmp/work/x')\na = A()",
    "spells-a-name-of-the-interpreter": "import random\nx = random.Random.seed.__globals__" + _ENVIRON,
    "formats-a-name-of-the-interpreter": "import random\nx = '{0.__globals__[_os].environ[KBUNDLE_CANARY_SECRET]}'.format(random.Random.seed)",
    "walks-frames": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    f = e.__traceback__.tb_frame.f_back\nwhile f is not None:\n"
    "    if getattr(f.f_globals.get('os'), 'environ', None):\n        x = f.f_globals['os'].environ['KBUNDLE_CANARY_SECRET']\n        break\n    f = f.f_back",
    "names-the-target-of-a-log": "import logging\nfor h in logging.getLogger().handlers:\n    h.close()\n    h.baseFilename = '/tmp/work/log'\n"
    "    h.stream = None\n    h._closed = False\nlogging.error('written by the bundle')",
}
