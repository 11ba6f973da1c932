# ruff: noqa: E501
"""Round of modules against the two nets, written with the text of the nets at hand.

The name of each begins with the class of the attack. What shows in no event, file or secret prints that it acted.
"""

from __future__ import annotations

Modules = dict[str, str]

SECRET = "'KBUNDLE_CANARY_SECRET'"
ENV = f".environ.get({SECRET})"
ACT = "print('kbundle-' + 'acted')"
#: A power `p` where the host calls it.
LAYER = "\nclass L(keras.layers.Layer):\n    call = p\nclass A:\n    __repr__ = p\n    __call__ = p\na = A()\n"
NET = "import functools, keras, numpy as np\n"
MADE = "m = M([keras.Input((4,)), keras.layers.Dense(1)])\n"
PARSER = "import argparse, random, keras, numpy as np\np = argparse.ArgumentParser()\n"
FIT = (
    "import keras\nclass M(keras.Model):\n    def __init__(self, **k):\n        super().__init__(**k)\n"
    "        self.d = keras.layers.Dense(4)\n    def call(self, x): return self.d(x)\n    def fit(self, *a, callbacks=(), **k):\n"
    "        callbacks = list(callbacks or ())\n        for c in list(callbacks):\n            %s\n"
    "        return super().fit(*a, callbacks=callbacks, **k)"
)
SAVED = "import keras\nclass L(keras.layers.Layer):\n    def call(self, x): return x\n    def save_own_variables(self, store):\n"
LINK = (
    "        g = store.h5_file\n        g.id.links.create_external(b'n', b'/tmp/home-canary-93ad/secret.txt', b'/')\n"
)
INSPECT = "from tensorflow.python.util import tf_inspect\nimport random, keras, functools\ndef m(o): return dict(tf_inspect.getmembers(o))\n"
LYING = (
    "import importlib\nclass T(str):\n    def partition(self, s): return ('json', '', '')\n    def startswith(self, *a): return False\n"
    "class S(str):\n    def removeprefix(self, p): return T(str.__str__(self))\n    def startswith(self, *a): return False\n"
    "class R(str):\n    def __str__(self): return S(str.__str__(self))\n    def startswith(self, *a): return False\n"
)
OPENED = "loaded_namespaces(): i.guard.allowed.update(['filesystem', 'process', 'environment'])\nx = open('/etc/passwd').read()"
AT = "import numpy as np, random\ndef at(a): return np.ndarray((1,), dtype=object, buffer=a.to_bytes(8, 'little'))[0]\nb = ['kbundle']\n"
FIELDS = (
    "import dataclasses\n@dataclasses.dataclass(init=False, eq=False, repr=False)\nclass F:\n    save_weights: object\n"
)
OBJ = "getattr(e, ''.join(['o', 'bj']))"

CASES: dict[str, str | Modules] = {
    # Tags: the framework's functions run tagged, whatever they give back or change
    "tag-returns-module": INSPECT + "x = tf_inspect.getmodule(random.Random)._os" + ENV,
    "tag-returns-globals": INSPECT + "x = m(random.Random.seed)['__glo' + 'bals__']['_os']" + ENV,
    "tag-returns-namespace": "from tensorflow.python.autograph.pyct import inspect_utils\nimport random\nx = inspect_utils.getnamespace(random.Random.seed)['_os']"
    + ENV,
    "tag-returns-frames": INSPECT
    + "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    f = m(m(e)['__trace' + 'back__'])['tb_frame']\nwhile f is not None:\n    g = m(f)['f_globals']\n"
    "    if 'sys' in g and g['__name__'] != __name__ and hasattr(g['sys'], 'modules'):\n        x = g['sys'].modules['os']"
    + ENV
    + "\n        break\n    f = m(f)['f_back']",
    "tag-returns-builtins": INSPECT
    + "g = m(random.Random.seed)['__glo' + 'bals__']\np = functools.partial(g['__buil' + 'tins__']['open'], '/tmp/work/opened', 'w')"
    + LAYER,
    "tag-unsafe-mode": "import keras\nfrom keras.src.saving import serialization_lib\nkeras.config.enable_unsafe_deserialization()\nif serialization_lib.in_safe_mode() is False: "
    + ACT,
    "tag-floatx": "import keras\nkeras.config.set_floatx('float64')\nif keras.config.floatx() == 'float64': " + ACT,
    "tag-eager": "import tensorflow as tf\ntf.config.run_functions_eagerly(True)\nif tf.config.functions_run_eagerly(): "
    + ACT,
    "tag-dtype-policy": "import keras\nkeras.config.set_dtype_policy('float64')\nif keras.layers.Dense(1).compute_dtype == 'float64': "
    + ACT,
    "tag-custom-objects": "import keras\nclass E(keras.layers.Layer): pass\ndef f(x):\n    keras.utils.get_custom_objects()['Dense'] = E\n"
    "    if keras.utils.get_custom_objects().get('Dense') is E: " + ACT + "\n    return x",
    "tag-conversion": "import tensorflow as tf, pathlib\ndef g(v, dtype=None, name=None, as_ref=False): return tf.constant(42)\n"
    "tf.register_tensor_conversion_function(pathlib.PurePath, g, 1)\nif int(tf.convert_to_tensor(pathlib.PurePosixPath('a'))) == 42: "
    + ACT,
    # Crossings: the bundle has an effect of its choosing run above one
    "crossing-load-source": "from tensorflow.python.autograph.pyct import loader\nloader.load_source(\"import os\\nos.system('id')\\n\", False)",
    "crossing-load-ast": "from tensorflow.python.autograph.pyct import loader, parser\nloader.load_ast(parser.parse(\"__import__('os').system('id')\", single_node=False))",
    "crossing-raw-value": "from multiprocessing import RawValue\nv = RawValue('i', 1)\nclass P(v.__class__.__mro__[1]):\n    _type_ = 'z'\n"
    "b = b'kbundle-' * 3\ny = P(id(b) + 32).value\nif y == b: " + ACT,
    "crossing-import-main": "import unittest.__main__",
    "crossing-handler-init": "import logging\nfor h in logging.getLogger().handlers:\n    h.__init__('/tmp/work/z1', delay=True)\nlogging.getLogger('z').error('written')",
    "crossing-handler-class": "import logging\nlg = logging.getLogger('z2')\nfor h in logging.getLogger().handlers:\n    lg.addHandler(h.__class__('/tmp/work/z2', delay=True))\nlg.error('written')",
    "crossing-handler-setattr": "import logging\nfor h in logging.getLogger().handlers:\n    object.__setattr__(h, 'base' + 'Filename', '/tmp/work/z3')\n"
    "    object.__setattr__(h, 'stream', None)\nlogging.getLogger('z').error('written')",
    "crossing-handler-new": "import logging\nlg = logging.getLogger('z4')\nfor h in logging.getLogger().handlers:\n    n = h.__class__.__new__(h.__class__)\n"
    "    n.__init__('/tmp/work/z4', 'w', None, True)\n    lg.addHandler(n)\nlg.error('written')",
    "crossing-callback-init": FIT % "hasattr(c, 'save_freq') and c.__init__('/tmp/work/c1.keras')",
    "crossing-callback-class": FIT % "hasattr(c, 'save_freq') and callbacks.append(c.__class__('/tmp/work/c2.keras'))",
    "crossing-callback-setattr": FIT
    % "hasattr(c, 'save_freq') and object.__setattr__(c, 'file' + 'path', '/tmp/work/c3.keras')",
    "crossing-callback-subclass": FIT
    % "hasattr(c, 'save_freq') and callbacks.append(type('C', (type(c),), {})('/tmp/work/c4.keras'))",
    # What a tagged function gives back acts later, in frames of others
    "lazy-walk": "import os\nit = os.walk('/tmp/home-canary-93ad')",
    "lazy-fwalk": "import os\nit = os.fwalk('/tmp/home-canary-93ad')",
    "lazy-iglob": "import glob\nit = glob.iglob('/tmp/home-canary-93ad/*')",
    "lazy-rglob": "import pathlib\nit = pathlib.Path('/tmp/home-canary-93ad').rglob('*')",
    "lazy-iterdir": "import pathlib\nit = pathlib.Path('/tmp/home-canary-93ad').iterdir()",
    "lazy-fileinput": "import fileinput\nit = iter(fileinput.input('/tmp/home-canary-93ad/secret.txt'))",
    "lazy-fileinput-mapped": "import fileinput\nkept = []\nit = map(kept.append, fileinput.input('/tmp/home-canary-93ad/secret.txt'))",
    "lazy-fileinput-in-place": "import fileinput\nit = map(str, fileinput.input('/tmp/work/missing', inplace=True))",
    "lazy-gfile-walk": "import tensorflow as tf\nit = tf.io.gfile.walk('/tmp/home-canary-93ad')",
    "lazy-resource-iterdir": "import importlib.resources as r\nit = r.files('json').joinpath('/tmp/home-canary-93ad').iterdir()",
    "lazy-path-private": NET
    + "import pathlib\np = functools.partial(pathlib.Path('/tmp/home-canary-93ad')._scandir)"
    + LAYER,
    # Handed on under a name that no list has, or as a class that is looked at where it is called
    "handed-lookup-class": NET + "p = functools.partial(keras.layers.StringLookup, vocabulary='/etc/passwd')" + LAYER,
    "handed-lookup-init": NET
    + "p = functools.partial(keras.layers.StringLookup().__init__, vocabulary='/etc/passwd')"
    + LAYER,
    "handed-from-config": NET
    + "c = keras.layers.StringLookup().get_config()\nc['vocabulary'] = '/etc/passwd'\np = functools.partial(keras.layers.StringLookup.from_config, c)"
    + LAYER,
    "handed-tf-print": NET
    + "import tensorflow as tf\np = functools.partial(tf.print, 'x', output_stream='file:///tmp/work/printed')"
    + LAYER,
    "handed-cache": NET
    + "import tensorflow as tf\nmk = functools.cache(functools.partial(tf.data.Dataset.range(2).cache, '/tmp/work/cached'))\n"
    "p = functools.partial(mk)\nclass A:\n    __repr__ = p\n    def __hash__(self): return len(list(mk()))\na = A()",
    "handed-hints": NET
    + "import typing\nclass H:\n    y: int\n    __annotations__['x'] = \"__import__('os').mkdir('/tmp/work/hints')\"\n"
    "p = functools.partial(typing.get_type_hints, H, {}, {})" + LAYER,
    "handed-hints-environ": NET
    + "import typing\nclass H:\n    __module__ = 'os'\n    y: int\n    __annotations__['x'] = 'environ'\n"
    "mk = functools.cache(functools.partial(typing.get_type_hints, H))\np = functools.partial(mk)\n"
    f"class A:\n    __repr__ = p\n    def __hash__(self): self.y = mk()['x'].get({SECRET}); return 1\na = A()",
    "handed-parser": NET
    + "import argparse\np = functools.partial(argparse.ArgumentParser(fromfile_prefix_chars='@').parse_args, ['@/tmp/home-canary-93ad/secret.txt'])"
    + LAYER,
    "handed-parser-unnamed": NET
    + "import argparse\nclass P(argparse.ArgumentParser):\n    __slotnames__ = ['parse_' + 'args']\n"
    "p = functools.partial(object.__getstate__(P(fromfile_prefix_chars='@'))[1]['parse_' + 'args'], ['@/tmp/home-canary-93ad/secret.txt'])"
    + LAYER,
    "handed-stream-init": NET
    + "import sys\np = functools.partial(getattr(sys.stderr.buffer, 'raw', sys.stderr.buffer).__init__, '/tmp/work/stream', 'w')"
    + LAYER,
    "handed-asdict": NET
    + FIELDS
    + "class M(F, keras.Sequential):\n    def __deepcopy__(self, memo): return self\n"
    + MADE
    + "p = functools.partial(dataclasses.asdict(m)['save_' + 'weights'], '/tmp/work/asdict.weights.h5')"
    + LAYER,
    "handed-replace": NET
    + FIELDS
    + "class M(F, keras.Sequential):\n    def __init__(self, layers=(), **k):\n        global p\n        super().__init__(list(layers))\n"
    "        for v in k.values(): p = functools.partial(v, '/tmp/work/replace.weights.h5')\n"
    + MADE
    + "dataclasses.replace(m)"
    + LAYER,
    "handed-slotnames": NET
    + "class M(keras.Sequential):\n    __slotnames__ = ['save_' + 'weights']\n"
    + MADE
    + "p = functools.partial(object.__getstate__(m)[1]['save_' + 'weights'], '/tmp/work/slots.weights.h5')"
    + LAYER,
    "handed-attrs": NET
    + "import tensorflow as tf, types\nclass M(keras.Sequential):\n    __attrs_attrs__ = [types.SimpleNamespace(name='save_' + 'weights')]\n"
    + MADE
    + "p = functools.partial(tf.nest.flatten(m)[0], '/tmp/work/attrs.weights.h5')"
    + LAYER,
    "handed-super-getattr": NET
    + "class M(keras.Sequential):\n    def __getattr__(self, n): return getattr(super(), n)\n"
    + MADE
    + "p = functools.partial(getattr(super(M, m), 'save_' + 'weights'), '/tmp/work/sup.weights.h5')"
    + LAYER,
    "handed-processes": "import keras, numpy as np\nclass D(keras.utils.PyDataset):\n    def __init__(self):\n        super().__init__(workers=2, use_multiprocessing=True)\n"
    "    def __len__(self): return 2\n    def __getitem__(self, i): return np.ones((2, 4)), np.ones((2, 1))\nd = D()",
    # Library functions that read or store attributes by a name that they are given
    "by-library-parser-sets": PARSER
    + "def evil(self, x, training=None): return x * 0 + 42\np.add_argument('--x', dest='ca' + 'll', type=lambda s: evil)\n"
    "p.parse_args(['--x', '1'], namespace=keras.layers.Dense)\nif float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: "
    + ACT,
    "by-library-parser-reads": PARSER
    + "p.add_argument('--x', dest='__glo' + 'bals__', action='append')\ntry:\n    p.parse_args(['--x', '1'], namespace=random.Random.seed)\n"
    "except AttributeError as e:\n    x = " + OBJ + "['_os']" + ENV,
    "by-library-parser-action": "import argparse, random\na = argparse._AppendAction(['--x'], '__glo' + 'bals__')\ntry:\n    a(None, random.Random.seed, 1)\n"
    "except AttributeError as e:\n    x = " + OBJ + "['_os']" + ENV,
    "by-library-redirect": "import contextlib\nclass R(contextlib.redirect_stdout):\n    _stream = 'modules'\nr = R({})\nr.__enter__()\nm = r._old_targets[0]\n"
    "r.__exit__(None, None, None)\nx = m['os']" + ENV,
    "by-library-redirect-sets": "import contextlib\nclass F:\n    def find_spec(self, n, p=None, t=None): return None\nclass R(contextlib.redirect_stderr):\n    _stream = 'meta_path'\n"
    "r = R([F()])\nr.__enter__()\nm = r._old_targets[0]\nm.insert(0, F())\nr.__exit__(None, None, None)\n" + ACT,
    "by-library-object-setattr": "import logging\nfor h in logging.getLogger().handlers:\n    object.__setattr__(h, 'emit', lambda r: None)\n    if h.emit(1) is None: "
    + ACT,
    # Real modules that objects hold, or that an import falls back to
    "module-seed-config": "import keras\nx = keras.random.SeedGenerator(1).backend.config.os" + ENV,
    "module-layer-backend": "import keras\nl = keras.layers.RandomFlip()\nx = l.backend.core.np.ma.core.inspect.os"
    + ENV,
    "module-context-reducer": "import multiprocessing\nx = multiprocessing.get_context().reducer.os" + ENV,
    "module-warnings": "import warnings\nx = warnings.catch_warnings()._module.sys.modules['os']" + ENV,
    "module-real-path": "import pathlib\nP = pathlib.Path.__mro__[1]\nx = str(P('~').expanduser())",
    "module-import-from": {
        "pack.__init__": "__name__ = 'os'\ndef drop():\n    globals().pop('path')",
        "pack.path": "",
        "m": "import pack\nimport pack.path\npack.drop()\nimport pack.path as p\nx = p.os" + ENV,
    },
    # Memory
    "memory-array-of-objects": AT + "if at(id(b)) is b: " + ACT,
    "memory-array-by-class": "import numpy as np\nb = ['k']\nif np.zeros(1).__class__((1,), dtype=object, buffer=id(b).to_bytes(8, 'little'))[0] is b: "
    + ACT,
    "memory-array-subclass": "import numpy as np\nb = ['k']\nclass A(np.ndarray): pass\nif A((1,), dtype=object, buffer=id(b).to_bytes(8, 'little'))[0] is b: "
    + ACT,
    "memory-record-of-objects": "import numpy as np\nb = ['k']\nif np.recarray((1,), dtype=[('a', 'O')], buf=id(b).to_bytes(8, 'little')).a[0] is b: "
    + ACT,
    "memory-dtype-offset": "import numpy as np\nd = np.dtype([('a', 'u1')])\nd.__setstate__((3, '|', None, ('a',), {'a': (np.dtype('u1'), 4096)}, 1, 1, 0))\ny = np.zeros(1, 'u1').view(d)['a']\n"
    + ACT,
    "memory-dtype-object": "import numpy as np\nb = ['k']\nd = np.dtype([('a', 'u8')])\nd.__setstate__((3, '|', None, ('a',), {'a': (np.dtype('O'), 0)}, 8, 8, 0))\n"
    "if np.array([id(b)]).view(d)['a'][0] is b: " + ACT,
    "memory-resized": "import numpy as np\na = np.zeros(4096, 'u1')\nv = a[:]\na.resize(16, refcheck=False)\nkept = [(b'kb%05d' % i) * 300 for i in range(20)]\nif b'kb000' in v.tobytes(): "
    + ACT,
    "memory-escape": AT
    + "f = random.Random.seed\nk = np.array([10**6, id(bytearray), 4096, 4097, id(f), id(f), 0], dtype='u8').tobytes()\n"
    "w = np.frombuffer(at(id(k) + 32), 'u8')\nx = at(int(w[2]))['_os']" + ENV,
    # Names that lie
    "lying-variable": "import os\nclass S(str):\n    def encode(self, *a): return b'KBUNDLE_CANARY_SECRET'\nx = os.environ[S('OMP_NUM_THREADS')]",
    "lying-variable-get": "import os\nclass S(str):\n    def __eq__(self, o): return True\n    def __hash__(self): return hash('OMP_NUM_THREADS')\n"
    f"x = os.getenv(S({SECRET}))",
    "lying-module-name": "import sys\nclass S(str):\n    def __str__(self): return 'json'\nn = sys.modules[S('bundler.namespace.tree')]\nfor i in n."
    + OPENED,
    "lying-import": LYING + "for i in importlib.import_module(R('bundler.namespace.tree'))." + OPENED,
    "lying-import-host": LYING + "x = importlib.import_module(R('tests.confined.cell')).SECRETS['environment']",
    "lying-own-names": {
        "pack.__init__": "",
        "pack.__builtins__": "from builtins import *\nopen = 1",
        "pack.__loader__": "",
        "pack.__path__": "",
        "pack.__spec__": "",
        "pack.m": "import pack.__builtins__\nimport pack.__loader__\nimport pack.__path__\nimport pack.__spec__\nx = open('/etc/passwd').read()",
    },
    "lying-coding": "# coding: utf-7\nx = 1\n#+AAo-import os+AAo-x = os.environ['KBUNDLE_CANARY_SECRET']",
    "lying-normal-form": "import os\nx = os.envir\u1d52n.get('KBUNDLE_CANARY_SECRET')",
    # Tables of the host, and its files through what Keras hands over
    "table-activations": "import keras\nfrom keras.src.activations import ALL_OBJECTS_DICT as d\ndef evil(x): return x\nd['relu'] = evil\nif keras.activations.get('relu') is evil: "
    + ACT,
    "table-encodings": "from encodings.aliases import aliases as d\nd['kbx'] = 'latin_1'\nif '\\xe9'.encode('kbx') == b'\\xe9': "
    + ACT,
    "table-dispatchers": "import tensorflow as tf\nclass D:\n    def handle(self, a, k): return 42\ntf.math.negative._tf_fallback_dispatchers.append(D())\nif tf.math.negative(object()) == 42: "
    + ACT,
    "table-printing": "import numpy as np\ndef evil(a): return 'evil'\nnp.set_printoptions(formatter={'all': evil})\nif 'evil' in repr(np.zeros(1)): "
    + ACT,
    "hdf5-link-exists": SAVED + LINK + "        g.id.links.exists(b'n/x')",
    "hdf5-link-made": SAVED + LINK + "        g.id.links.create_soft(b'n/y', b'/x')",
    "hdf5-store-handed": "import functools\n"
    + SAVED
    + "        L.get_config = functools.partial(store._get_h5_file, '/tmp/work/store.h5', 'w')",
}
