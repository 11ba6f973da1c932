# ruff: noqa: E501
"""Sixth round: what the guard believes of frames and classes, scopes left open, and helpers of libraries.

The name of each begins with the class of the attack. What shows in no event, file or secret prints that it acted.
"""

from __future__ import annotations

Modules = dict[str, str]

ACT = "print('kbundle-' + 'acted')"
SECRET = "'KBUNDLE_CANARY_SECRET'"
HOME = "/tmp/home-canary-93ad"
PASSWD = "'/etc/passwd'"
#: A power `p` where the host calls it.
LAYER = "\nimport keras\nclass L(keras.layers.Layer):\n    call = p\nclass A:\n    __repr__ = p\n    __call__ = p\na = A()\n"
HOST = "import logging\nh = logging.getLogger().handlers[0]\n"
LOGGED = "\nlogging.getLogger('z').error('written')"
#: The name of what says where a handler writes, of `call`, and of the globals of a function.
TARGET = "''.join(['base', 'Filename'])"
CALL = "''.join(['ca', 'll'])"
GLOBALS = "''.join(['__glo', 'bals__'])"
ENVIRON = "''.join(['env', 'iron'])"
EVIL = "import keras, numpy as np\ndef evil(self, x, training=None): return x * 0 + 42\n"
CHANGED = f"\nif float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: {ACT}"
#: The config of a lookup that reads a file.
LOOKUP = "cfg = dict(zip(('class_' + 'name', 'module', 'config', 'registered_' + 'name'), ('StringLookup', 'keras.layers', {'vocabulary': '/etc/passwd'}, None)))\n"
LAYERS = "c = keras.Sequential([keras.Input((1,), dtype='string'), keras.layers.StringLookup(vocabulary=['a'])]).get_config()\nc['layers'][1]['config']['vocabulary'] = '/etc/passwd'\n"
#: `o._open(R())` opens a file, under a name that no list has.
OPENER = "import urllib.request, functools\nclass R:\n    type = 'file'\n    host = ''\n    selector = '/etc/passwd'\no = urllib.request.build_opener()\n"
#: The host's `fit` uses it, and what is shown afterwards can look at what the host made.
METRIC = "class M(keras.metrics.Metric):\n    def update_state(self, y, p, sample_weight=None): pass\n    def result(self): return 0.0\n"
#: A text for pickle, with objects beside it.
PICKLE = "import pickle\ndef s(t): return bytes([0x8c, len(t)]) + t.encode()\n"
SAVED = "import keras, functools, numpy as np\nclass L(keras.layers.Layer):\n    def call(self, x): return x\n    def save_own_variables(self, store):\n        f = getattr(store, ''.join(['h5_', 'file']))\n"

CASES: dict[str, str | Modules] = {
    # Objects of the framework that lead to what is the host's
    "graph-variables-of-host": "import keras, tensorflow as tf\nclass MyLoss(keras.losses.Loss):\n    def call(self, y, p):\n        for h, _ in getattr(p, 'graph').captures:\n            with tf.init_scope():\n"
    "                try:\n                    v = tf.raw_ops.ReadVariableOp(resource=h, dtype=tf.float32)\n                except tf.errors.OpError: continue\n"
    f"                tf.raw_ops.AssignVariableOp(resource=h, value=v * 0 + 42)\n                if float(tf.reduce_max(tf.raw_ops.ReadVariableOp(resource=h, dtype=tf.float32))) == 42: {ACT}\n"
    "        return keras.ops.mean((y - p) ** 2, axis=-1)",
    "graph-traceback-of-host": f"def f(x):\n    if hasattr(x, 'op') and any(t.filename.endswith('use.py') and t.name == 'step' for t in x.op.traceback): {ACT}\n    return x",
    "graph-descriptor-pool": "import tensorflow as tf\np = tf.train.Example.DESCRIPTOR.file.pool\np.AddSerializedFile(b'\\n\\x08kb.proto')\n"
    f"if p.FindFileByName('kb.proto').name == 'kb.proto': {ACT}",
    "object-global-tracker": "import keras\nfrom keras.src.backend.common.global_state import GLOBAL_STATE_TRACKER\ng = [GLOBAL_STATE_TRACKER][0]\ng.dtype_policy = keras.DTypePolicy('float64')\n"
    f"if keras.layers.Dense(1).compute_dtype == 'float64': {ACT}",
    "object-safe-mode-by-default": "from keras.src.backend.common.global_state import get_global_attribute\nget_global_attribute('safe_mode_saving', default=False, set_to_default=True)\n"
    f"if get_global_attribute('safe_mode_saving') is False: {ACT}",
    "object-real-gc": "import keras, gc\ndef f(*a):\n    if not seen:\n        seen.append(1)\n        "
    + ACT
    + "\nseen = []\nkeras.random.SeedGenerator(1).backend.common.global_state.gc.callbacks.append(f)\ngc.collect()",
    "object-real-tensorflow-sets": "import keras, tensorflow as tf\nkeras.random.SeedGenerator(1).backend.core.tf.config.run_functions_eagerly(True)\n"
    f"if tf.config.functions_run_eagerly(): {ACT}",
    "object-real-tensorflow-handed": "import keras, functools\np = functools.partial(keras.random.SeedGenerator(1).backend.core.tf.io.gfile.copy, '"
    + HOME
    + "/secret.txt', '/tmp/work/copied6')"
    + LAYER,
    "object-stream-of-host": f"import sys\nseen = []\no = [sys.stdout][0]\nw = o.write\ndef f(t):\n    seen.append(t)\n    return w(t)\no.write = f\nprint('by the host')\nif seen: {ACT}",
    # Scopes that are entered and never left
    "scope-tape": "import keras, tensorflow as tf\nt = tf.GradientTape(persistent=True)\nt.__enter__()\n"
    + METRIC
    + f"class A:\n    def __repr__(self):\n        for v in t.watched_variables():\n            if 'kernel' in v.name: {ACT}\n        return ''\na = A()",
    "scope-variable-creator": "import keras, tensorflow as tf\nseen = []\ndef creator(next_creator, **k):\n    v = next_creator(**k)\n    seen.append(v)\n    return v\ns = tf.variable_creator_scope(creator)\ns.__enter__()\n"
    + METRIC
    + f"class A:\n    def __repr__(self):\n        if any('kernel' in v.name for v in seen): {ACT}\n        return ''\na = A()",
    "scope-stateless": f"import keras\nv = keras.Variable(0.0)\ns = keras.StatelessScope()\ns.__enter__()\nv.assign(1.0)\nif float(v._value) == 0: {ACT}",
    "scope-custom-objects": "import keras\nclass E(keras.layers.Layer): pass\ndef f(x):\n    s = keras.saving.CustomObjectScope({'hosts>Layer': E})\n    s.__enter__()\n"
    f"    if keras.saving.get_registered_object('hosts>Layer') is E: {ACT}\n    return x",
    "scope-printing": "import numpy as np\ndef spy(v):\n    if not seen:\n        seen.append(v)\n        "
    + ACT
    + "\n    return 'evil'\nseen = []\nc = np.printoptions(formatter={'all': spy})\nc.__enter__()\ny = repr(np.zeros(1))",
    "scope-warnings-recorded": f"import warnings\nw = warnings.catch_warnings(record=True)\nk = w.__enter__()\nwarnings.simplefilter('always')\nwarnings.warn('of the host')\nif k: {ACT}",
    "scope-redirected": "import contextlib, warnings\nclass Out:\n    def write(self, t): seen.append(t)\n    def flush(self): pass\nseen = []\nc = contextlib.redirect_stderr(Out())\nc.__enter__()\nwarnings.warn('of the host')\n"
    f"if seen: {ACT}",
    # Settings and registries of the process
    "settings-seterr": f"import numpy as np\nnp.seterr(all='raise')\ntry:\n    np.float64(1) / np.float64(0)\nexcept FloatingPointError: {ACT}",
    "settings-bit-generator": "import numpy as np\nb = np.random.get_bit_generator()\ns = b.state\ns['state']['key'][:] = 7\ns['state']['pos'] = 0\nb.state = s\n"
    f"if np.random.get_bit_generator().state['state']['key'][0] == 7: {ACT}",
    "settings-global-generator": "import tensorflow as tf\ng = tf.random.get_global_generator()\ng.reset_from_seed(1)\na = g.uniform((2,)).numpy().tolist()\ntf.random.get_global_generator().reset_from_seed(1)\n"
    f"if a == tf.random.get_global_generator().uniform((2,)).numpy().tolist(): {ACT}",
    "settings-decimal": f"import decimal\ndecimal.getcontext().prec = 2\nif str(decimal.Decimal(1) / 3) == '0.33': {ACT}",
    "settings-context-variables": "import contextvars, decimal\ndecimal.getcontext()\nfor v in contextvars.copy_context():\n    if v.name == 'decimal_context': v.set(decimal.Context(prec=3))\n"
    f"if decimal.getcontext().prec == 3: {ACT}",
    "settings-warnings-as-errors": f"import warnings\nwarnings.simplefilter('error')\ntry:\n    warnings.warn('of the host')\nexcept UserWarning: {ACT}",
    "settings-log-silenced": f"import logging\nlogging.getLogger().manager.disable = 60\nif not logging.getLogger('of.host').isEnabledFor(50): {ACT}",
    "settings-wrapped-function": "import keras, functools\ndef f():\n    'of the bundle'\nfunctools.update_wrapper(keras.utils.to_categorical, f)\n"
    f"if keras.utils.to_categorical.__doc__ == 'of the bundle': {ACT}",
    "registry-keras-at-call": "import keras\nclass E(keras.layers.Layer): pass\ndef f(x):\n    keras.saving.register_keras_serializable('hosts', 'Layer')(E)\n"
    f"    if keras.saving.get_registered_object('hosts>Layer') is E: {ACT}\n    return x",
    "registry-abc": f"import collections.abc\ncollections.abc.Mapping.register(int)\nif isinstance(1, collections.abc.Mapping): {ACT}",
    "registry-codec": "import codecs, json\nseen = []\ni = codecs.lookup('utf-8')\nD = i.incrementaldecoder\nclass E(D):\n    def decode(self, b, final=False):\n        seen.append(b)\n        return D.decode(self, b, final)\n"
    f"i.incrementaldecoder = E\ny = len(open(json.__file__, encoding='utf-8').read())\nif seen: {ACT}",
    "registry-codec-errors": "import codecs\ndef f(e): return ('', e.end)\ncodecs.register_error('namereplace', f)\n"
    f"if '\\xe9'.encode('ascii', 'namereplace') == b'': {ACT}",
    "registry-opener": "import urllib.request\nclass O:\n    def open(self, *a): return 42\nurllib.request.install_opener(O())\n"
    f"if urllib.request.urlopen('http://of.host') == 42: {ACT}",
    "registry-archives": "import shutil\ndef f(*a): return 42\nshutil.unregister_unpack_format('zip')\nshutil.register_unpack_format('zip', ['.zip'], f, [], 'kbundle')\n"
    f"if 'kbundle' in [n[2] for n in shutil.get_unpack_formats()]: {ACT}",
    "registry-logger-class": f"import logging\nclass K(logging.Logger): pass\nlogging.getLogger().manager.setLoggerClass(K)\nif isinstance(logging.getLogger('of.host.6'), K): {ACT}",
    # Helpers of libraries that come tagged, and act without an event
    "helper-pickle-getattribute": f"import pickle, random\ng = pickle._getattribute(random.Random.seed, {GLOBALS})[0]\nx = pickle._getattribute(g['_os'], {ENVIRON})[0][{SECRET}]",
    "helper-pickle-undoes": {
        "pack.__init__": "",
        "pack.m": "import pickle\nimport pack.m as me\ntry:\n    pickle._getattribute(me, ''.join(['__loa', 'der__._namespace.guard.allowed']))[0].update(['filesystem'])\nexcept AttributeError: pass\n"
        "x = open('/etc/passwd').read()",
    },
    "helper-call-chain": "import urllib.request, random\no = urllib.request.build_opener()\ndef get(t, n): return o._call_chain({'k': [t]}, 'k', ''.join(['__getattr', 'ibute__']), n)\n"
    f"x = get(get(random.Random.seed, {GLOBALS})['_os'], {ENVIRON})[{SECRET}]",
    "helper-delegates": "import codecs, random\ndef get(t, n): return codecs.getreader('utf-8')(t).__getattr__(n)\n"
    f"x = get(get(random.Random.seed, {GLOBALS})['_os'], {ENVIRON})[{SECRET}]",
    "helper-from-callable": "import codecs, inspect, random\ng = inspect.Signature.from_callable(codecs.getreader('utf-8').__getattr__).parameters['getattr'].default\n"
    f"x = g(g(random.Random.seed, {GLOBALS})['_os'], {ENVIRON})[{SECRET}]",
    "helper-which": f"import shutil, os\nif shutil.which('secret.txt', os.F_OK, '{HOME}'): {ACT}",
    "helper-stat": f"import shutil\nif shutil._stat('/etc/passwd').st_size: {ACT}",
    "helper-filecmp": f"import filecmp\nif filecmp.cmp('/etc/passwd', '{HOME}/secret.txt') is False: {ACT}",
    "helper-glob": f"import glob\nif glob.glob0('{HOME}', 'secret.txt'): {ACT}",
    "helper-users": f"import shutil\nif shutil._get_uid('root') == 0: {ACT}",
    "helper-application": f"import keras\ntry:\n    keras.applications.MobileNetV2(weights='{HOME}/secret.txt', input_shape=(1, 2, 3))\nexcept ValueError as e:\n    if 'should be either' not in str(e): {ACT}",
    # Where the process works
    "place-resolved": f"import pathlib\nif str(pathlib.Path('no-such-file').resolve())[0] == '/': {ACT}",
    "place-link-followed": f"import os\nif 'proc' not in os.path.realpath('/proc/self/cwd/no-such-file'): {ACT}",
    "place-relative": f"import os\nif os.path.relpath('/tmp/work') == '.': {ACT}",
    "place-lying-text": "import os\nclass S(str):\n    n = 0\n    def startswith(self, *a):\n        S.n += 1\n        return S.n == 1\nfor n in (1, 0):\n    S.n = n\n    try:\n        y = os.path.abspath(S('no-such-file'))\n"
    f"    except Exception: continue\n    if y[0] == '/': {ACT}",
    "place-temporary": f"import tempfile\nif '/tmp/work' in tempfile._candidate_tempdir_list(): {ACT}",
    "place-told-by-refusal": "import os\ndef there(p):\n    try:\n        return os.path.exists(p)\n    except Exception:\n        return True\n"
    f"if there('{HOME}/secret.txt') and not there('{HOME}/secret.tx'): {ACT}",
    "place-source-of-host": f"import logging\ns = logging.getLogger().findCaller(True, 1)[3]\nif 'run.py' in s and 'namespace.load(name)' in s: {ACT}",
    # A path whose text answers as it likes, under a check that takes paths for certain
    "path-slot-lists": f"import pathlib, os, json\nclass Lie(str):\n    def __getitem__(self, k): return json.__file__[k]\np = pathlib.Path('x')\np._str = Lie('{HOME}')\nif 'secret.txt' in os.listdir(p): {ACT}",
    "path-slot-in-lent-folder": "import pathlib, os, keras\nclass Lie(str):\n    def __getitem__(self, k): return D[0][k]\nD = []\nclass L(keras.layers.Layer):\n    def call(self, x): return x\n"
    "    def save_assets(self, dir_path):\n        D.append(dir_path)\n        p = pathlib.Path('x')\n        p._str = Lie('/tmp/work/lied6')\n        os.mkdir(p)",
    # Whose frame it is
    "frame-of-generated-code": "import codecs, dataclasses, functools\n@dataclasses.dataclass\nclass F:\n    __module__ = 'codecs'\n    x: object = dataclasses.field(default_factory=functools.partial(str.encode, 'x', 'cp500'))\nF()\n"
    f"x = codecs.open('{HOME}/secret.txt').read()",
    "frame-of-generated-call": OPENER
    + "import dataclasses\n@dataclasses.dataclass\nclass F:\n    __module__ = 'json'\n    x: object = dataclasses.field(default_factory=functools.partial(o._open, R()))\nx = F().x.read()",
    "frame-of-own-callback": OPENER
    + "import keras\nm = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])\nm.compile('sgd', 'mse')\ns = keras.callbacks.LearningRateScheduler(o._open)\n"
    "try:\n    keras.callbacks.CallbackList([s], model=m).on_epoch_begin(R())\nexcept ValueError: pass",
    "frame-of-dataset-thread": OPENER
    + "import tensorflow as tf\nd = tf.data.Dataset.range(1).map(lambda i: tf.numpy_function(functools.partial(o._open, R()), [i], tf.string))\nlist(d)",
    # Handed on, under names that no list has
    "handed-opener": OPENER + "p = functools.partial(o._open, R())" + LAYER,
    "handed-opener-mapped": OPENER + "it = map(o._open, [R()])",
    "handed-opener-finalizer": OPENER
    + "import weakref\nk = []\nclass T: pass\nclass A:\n    def __repr__(self):\n        t = T()\n        k.append(weakref.ref(t, functools.partial(o._open, R())))\n        return ''\na = A()",
    "handed-table-of-lookup": "import keras, functools\np = functools.partial(keras.layers.StringLookup()._lookup_table_from_file, '/etc/passwd')"
    + LAYER,
    "handed-dataset-like": SAVED
    + "        d = f.create_dataset('kb', (4,), 'u1')\n        setattr(L, ''.join(['save_', 'assets']), functools.partial(f.create_dataset_like, other=d, external=[('/tmp/work/external6', 0, 4)], data=np.ones(4, 'u1')))",
    "handed-activation": "import keras, functools\nfrom keras.src.backend.common.global_state import get_global_attribute\nget_global_attribute('safe_mode_saving', default=False, set_to_default=True)\n"
    + LOOKUP
    + "p = functools.partial(keras.activations.get, cfg)"
    + LAYER,
    # Native routes
    "native-hdf5-comment": SAVED
    + f"        getattr(f.id.links, ''.join(['create_', 'external']))(b'kx', b'{HOME}/secret.txt', b'/')\n        f.id.get_comment(b'kx')",
    # Configs, copies and pickles
    "config-node-arguments": "import keras\n"
    + LOOKUP
    + "i = keras.Input((4,))\nmodel = keras.Model(i, keras.layers.Dropout(0.1)(i, training=cfg))",
    "config-by-another-name": "import keras\nclass StringLookup(keras.layers.Layer):\n    __module__ = 'keras.layers'\n    def call(self, x): return x\n    def get_config(self): return {'vocabulary': '/etc/passwd'}\n"
    "model = keras.Sequential([keras.Input((4,)), StringLookup()])",
    "config-of-code-by-another-name": "import keras\ndef make():\n    return lambda x: [x, open('/tmp/work/lambda6', 'w')][0]\nk = keras.layers.Lambda(make()).get_config()\nk['function']['config']['code'] += '\\n'\n"
    "class Lambda(keras.layers.Layer):\n    __module__ = 'keras.layers'\n    def call(self, x): return x\n    def get_config(self): return dict(k, name='kb')\n"
    "model = keras.Sequential([keras.Input((4,)), Lambda()])",
    "config-of-class-made-again": "import keras, dataclasses\n"
    + LAYERS
    + "@dataclasses.dataclass(slots=True, eq=False, init=False, repr=False)\nclass M(keras.Sequential):\n    def get_config(self): return c\nm = M([keras.Input((4,)), keras.layers.Dense(1)])",
    "config-stored-by-own-method": "import keras\nl = keras.layers.StringLookup(vocabulary=['a'])\nc = dict(l.get_config(), vocabulary='/etc/passwd')\nclass C:\n    def m(self): self.get_config = lambda: c\nC.m(l)\n"
    "model = keras.Sequential([keras.Input((1,), dtype='string'), l])",
    "copy-by-new": HOST
    + "import copy\nclass R:\n    on = []\n    def __new__(cls): return h if R.on else super().__new__(cls)\n    def __getstate__(self): return {"
    + TARGET
    + ": '/tmp/work/new6', 'stream': None}\nr = R()\nR.on.append(1)\ncopy.copy(r)"
    + LOGGED,
    "copy-by-new-of-class": EVIL
    + "import copy\nclass R:\n    on = []\n    def __new__(cls): return keras.layers.Dense if R.on else super().__new__(cls)\n    def __getstate__(self): return None, {"
    + CALL
    + ": evil}\nr = R()\nR.on.append(1)\ncopy.copy(r)"
    + CHANGED,
    "copy-by-made-class": HOST
    + "import copy\ndef again(self): return (lambda: h), (), {"
    + TARGET
    + ": '/tmp/work/made6', 'stream': None}\nR = type('R', (), {''.join(['__redu', 'ce__']): again})\ncopy.copy(R())"
    + LOGGED,
    "copy-state-of-host": "import warnings, copy\nclass Take:\n    def __call__(self, s):\n        global m\n        m = s['_mod' + 'ule']\nclass W(warnings.catch_warnings):\n    __setstate__ = Take()\ncopy.copy(W())\n"
    "m.showwarning = lambda *a, **k: print('kbundle-' + 'acted')\nwarnings.warn('x')",
    "pickle-buffers-store": HOST
    + PICKLE
    + "pickle.loads(b'\\x80\\x05\\x97}(' + s("
    + TARGET
    + ") + s('/tmp/work/pickled6') + s('stream') + b'Nub.', buffers=[h])"
    + LOGGED,
    "pickle-buffers-class": EVIL
    + PICKLE
    + "pickle.loads(b'\\x80\\x05\\x97N}' + s("
    + CALL
    + ") + b'\\x97s\\x86b.', buffers=[keras.layers.Dense, evil])"
    + CHANGED,
    # Class machinery
    "class-claimed": EVIL
    + "D = keras.layers.Dense\nclass X(metaclass=lambda n, b, d: D): pass\nsetattr(D, "
    + CALL
    + ", evil)"
    + CHANGED,
    "class-own-method-of-host": HOST
    + "class C:\n    def m(self):\n        self.baseFilename = '/tmp/work/own6'\n        self.stream = None\nC.m(h)"
    + LOGGED,
    "class-own-names-of-module": "import keras\nclass C:\n    os = None\n    environ = None\n    def m(self): return self.os\n    def e(self): return self.environ\n"
    f"x = C.e(C.m(keras.random.SeedGenerator(1).backend.config))[{SECRET}]",
    "class-of-handler-by-method": HOST
    + "class C:\n    def m(self): return self.__class__\nF = vars(C)['m'](h)\ng = logging.getLogger('kb6')\ng.addHandler(F('/tmp/work/handler6', 'a', None, True))\ng.error('written')",
    # argparse, and what the guard itself says
    "argparse-default": HOST
    + "import argparse\np = argparse.ArgumentParser(add_help=False)\na = p.add_argument('--x', type=lambda s: '/tmp/work/parsed6')\na.dest = "
    + TARGET
    + "\na.default = h.baseFilename\np._parse_known_args([], h)\nh.stream = None"
    + LOGGED,
    "guard-refusal-replaced": "import logging\nclass Quiet(Exception): pass\nclass F(logging.Filter):\n    def filter(self, r): raise Quiet()\ng = logging.getLogger('bundler')\ng.setLevel(10)\ng.addFilter(F())\n"
    f"try:\n    x = open('/etc/passwd').read()\nexcept Quiet: {ACT}",
    "import-starts-a-program": "import numpy.distutils.cpuinfo",
}
