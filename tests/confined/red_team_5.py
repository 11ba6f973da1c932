# ruff: noqa: E501
"""Round of modules against Python's own corners: stand-ins, guards of builtins, callers' frames, names that lie.

The name of each begins with the class of the attack. What shows in no event, file or secret prints that it acted.
"""

from __future__ import annotations

Modules = dict[str, str]

SECRET = "'KBUNDLE_CANARY_SECRET'"
ACT = "print('kbundle-' + 'acted')"
LAYER = "\nclass A:\n    __repr__ = p\n    __call__ = p\na = A()\n"
#: A text whose methods lie; its own characters are what the interpreter takes.
LIE = "class S(str):\n    def __format__(self, s): return 'sep'\n    def __str__(self): return 'sep'\n"
#: `g()` is the globals of a module of the host, by the frame of a function that `dataclasses` makes.
FRAME = "import dataclasses, functools\n@dataclasses.dataclass\nclass F:\n    __module__ = '{}'\n    x: object = dataclasses.field(default_factory={})\nn = F().x\n"
#: What pickle finds by a dotted name below the bundle's own module.
FIND = "import pickle\ndef find(n): return pickle.loads(('cpack.m\\n' + n + '\\n.').encode())\n"
BACKEND = "import keras, functools\nb = {}\n"
#: An address of memory for NumPy, and a look at it.
MEM = "import numpy as np\nk = b'kbundle-' * 3\nn = '__array_' + ''.join(['inter', 'face__'])\nd = {'data': (id(k) + 32, True), 'shape': (24,), 'typestr': '|u1', 'version': 3}\n"
LOOK = "\nif np.asarray(%s).tobytes() == k: " + ACT
ARG = "import argparse, random, types\np = argparse.ArgumentParser()\n"
DASH = "''.join(['__glo', 'bals__'])"
TEMPLATE = "'{0.' + " + DASH + " + '[_os].environ[KBUNDLE_CANARY_SECRET]}'"
REFUSED = "try:\n    open('/etc/passwd')\nexcept Exception as e:\n    E = e\n"

CASES: dict[str, str | Modules] = {
    # A view answers its __getattr__ for a text that lies about itself
    "view-getattr-environ": LIE + f"import os\nx = os.__getattr__(S('environ'))[{SECRET}]",
    "view-getattr-power": LIE
    + "import os, functools\np = functools.partial(os.__getattr__(S('mkdir')), '/tmp/work/view')"
    + LAYER,
    "view-getattr-hidden": LIE
    + "class H(S):\n    n = 0\n    def __hash__(self):\n        H.n += 1\n        return str.__hash__(self) if H.n > 2 else 1\n    def __eq__(self, o): return str.__eq__(self, o)\nimport os, random\nfor i in range(4):\n    H.n = -i + 2\n    try:\n        b = os.__getattr__(H('__buil' + 'tins__'))\n    except AttributeError: continue\n    y = b['getattr'](random.Random.seed, "
    + DASH
    + f")\n    {ACT}\n    break",
    "view-getattr-modules": LIE.replace("sep", "maxsize")
    + f"import sys\nm = sys.__getattr__(S('modules'))\nif 'bundler.namespace.guard' in list(m): {ACT}",
    "view-getattr-starts": LIE
    + "import os, functools\np = functools.partial(os.__getattr__(S('sys' + 'tem')), 'id')"
    + LAYER,
    "view-getattr-undoes": LIE.replace("sep", "maxsize")
    + "import sys\nm = sys.__getattr__(S('modules'))['bundler.namespace.tree']\nfor i in m.loaded_namespaces(): i.guard.allowed.update(['filesystem'])\nx = open('/etc/passwd').read()",
    "view-getattr-call": LIE.replace("sep", "len")
    + "import builtins\nf = builtins.__getattr__(S('getattr'))\nimport random\nx = f(random.Random.seed, "
    + DASH
    + ")['_os']\nx = f(x, 'env' + 'iron')["
    + SECRET
    + "]",
    # The guarded globals(), locals() and vars() take the frame that calls them, whosever it is
    "caller-globals-environ": FRAME.format("os", "globals") + f"x = n['environ'][{SECRET}]",
    "caller-globals-power": FRAME.format("os", "globals")
    + "p = functools.partial(n['mkdir'], '/tmp/work/caller')"
    + LAYER,
    "caller-globals-builtins": FRAME.format("builtins", "globals")
    + "p = functools.partial(n['open'], '/tmp/work/callerb', 'w')"
    + LAYER,
    "caller-globals-store": FRAME.format("json", "globals") + f"n['dumps'] = print\n{ACT}",
    "caller-globals-undoes": FRAME.format("bundler.namespace.tree", "globals")
    + "for i in n['NAMESPACES'].values(): i.guard.allowed.update(['filesystem'])\nx = open('/etc/passwd').read()",
    "caller-globals-copy": "import copy, functools\nclass C:\n    __getstate__ = staticmethod(globals)\n    def __setstate__(self, s):\n        global n\n        n = s\ncopy.copy(C())\nif n['_copy_dispatch']: "
    + ACT,
    "caller-locals-copy": "import copy\nclass C:\n    __getstate__ = staticmethod(locals)\n    def __setstate__(self, s):\n        global n\n        n = s\ncopy.copy(C())\nif 'reductor' in n: "
    + ACT,
    "caller-vars-copy": "import copy\nclass C:\n    __getstate__ = staticmethod(vars)\n    def __setstate__(self, s):\n        global n\n        n = s\ncopy.copy(C())\nif 'reductor' in n: "
    + ACT,
    "caller-globals-cond": "import tensorflow as tf\nn = tf.cond(tf.constant(True), globals, globals)\nif 'cond_v2' in n: "
    + ACT,
    "caller-globals-reduce": "import copy\nclass C:\n    def __reduce_ex__(self, p): return globals, ()\nn = copy.copy(C())\nif '_copy_dispatch' in n: "
    + ACT,
    # pickle finds what is below the bundle's own module by Python's getattr
    "pickle-dots-globals": FIND
    + "import random\nr = random.Random.seed\no = find('r.' + "
    + DASH
    + f")['_os']\nx = find('o.env' + 'iron')[{SECRET}]",
    "pickle-dots-power": FIND
    + "import random, functools\nr = random.Random.seed\no = find('r.' + "
    + DASH
    + ")['_os']\np = functools.partial(find('o.mk' + 'dir'), '/tmp/work/dots')"
    + LAYER,
    "pickle-dots-guard": FIND
    + "import os\ns = os.abort\nr = find('s._use.__clo' + 'sure__')\nq = r[0]\nfor i in range(len(r)):\n    q = r[i]\n    v = find('q.cell_' + 'contents')\n    if callable(v) and hasattr(v, '__func__'):\n        v.__func__\n        g = v\n        w = find('g.__se' + 'lf__')\n        w.allowed.update(['filesystem'])\nx = open('/etc/passwd').read()",
    "pickle-dots-frames": FIND
    + REFUSED
    + "t = find('E.__trace' + 'back__')\nwhile t is not None:\n    l = find('t.tb_' + 'frame.f_lo' + 'cals')\n    u = l.get('self')\n    if hasattr(u, 'allowed'): u.allowed.update(['filesystem'])\n    t = find('t.tb_' + 'next')\nx = open('/etc/passwd').read()",
    "pickle-dots-view": FIND
    + f"import os\nx = find('os.__getat' + 'tr__').__name__\nk = find('os.__getat' + 'tr__.__clo' + 'sure__')\nfor c in k:\n    v = find('c.cell_' + 'contents') if False else None\nif k: {ACT}",
    "pickle-dots-slot": FIND
    + f"import numpy as np\nb = ['k']\nclass B(np.ndarray): pass\nR = find('B.__ba' + 'ses__')[0]\nR = R.__bases__[0]\nif R((1,), dtype=object, buffer=id(b).to_bytes(8, 'little'))[0] is b: {ACT}",
    # Classes behind the stand-ins
    "bases-ndarray": f"import numpy as np\nb = ['k']\nclass B(np.ndarray): pass\nR = B.__bases__[0].__bases__[0]\nif R((1,), dtype=object, buffer=id(b).to_bytes(8, 'little'))[0] is b: {ACT}",
    "bases-parser-arguments": f"import argparse\nR = argparse.ArgumentParser.__bases__[0]\ny = R().parse_known_args()\n{ACT}",
    "bases-parser-file": "import argparse\nR = argparse.ArgumentParser.__bases__[0]\nimport functools\np = functools.partial(R(fromfile_prefix_chars='@').parse_known_args, ['@/tmp/home-canary-93ad/secret.txt'])"
    + LAYER,
    "bases-parser-exit": f"import argparse\nR = argparse.ArgumentParser.__bases__[0]\ntry:\n    R(add_help=False).exit(7)\nexcept BaseException as e:\n    if e.code == 7: {ACT}",
    "bases-exit": f"R = SystemExit.__bases__[0]\ntry:\n    raise R(7)\nexcept SystemError: pass\nexcept BaseException as e:\n    if getattr(e, 'code', 0) == 7: {ACT}",
    "derived-exit": f"class E(SystemExit):\n    def __init__(self, *a): self.code = 7\ntry:\n    raise E()\nexcept BaseException as e:\n    if e.code == 7 and isinstance(e, E): {ACT}",
    "super-parser-arguments": f"import argparse\ny = super(argparse.ArgumentParser, argparse.ArgumentParser()).parse_known_args()\n{ACT}",
    "super-parser-exit": f"import argparse\ntry:\n    super(argparse.ArgumentParser, argparse.ArgumentParser()).exit(7)\nexcept BaseException as e:\n    if getattr(e, 'code', 0) == 7: {ACT}",
    "super-array": f"import numpy as np\nb = ['k']\nclass B(np.ndarray):\n    def __new__(cls, *a, **k): return super(B.__bases__[0], cls).__new__(cls, *a, **k)\nif B((1,), object, id(b).to_bytes(8, 'little'))[0] is b: {ACT}",
    "objclass-type": MEM + "T = list.__or__.__objclass__\nX = T('X', (), {n: d})" + LOOK % "X()",
    "objclass-metaclass": MEM + "T = list.__or__.__objclass__\nclass M(T): pass\nX = M('X', (), {n: d})" + LOOK % "X()",
    "objclass-raw": "import functools, sys, types\nT = list.__or__.__objclass__\ny = getattr(types.GenericAlias(sys.stderr, int), 'buf' + 'fer')\np = functools.partial(T(y), '/tmp/work/raw', 'w')"
    + LAYER,
    "objclass-handler": "import logging, functools\nT = list.__or__.__objclass__\nfor h in logging.getLogger().handlers:\n    p = functools.partial(T(h), '/tmp/work/handler')"
    + LAYER,
    "kind-function": "import copy, functools\nF = type(lambda: 0)\n"
    + FIND
    + "def f(*a): return open('/tmp/work/kind', 'w')\nc = find('f.__co' + 'de__')\nclass C:\n    def __reduce_ex__(self, p): return F, (c, {})\np = functools.partial(copy.copy(C()))"
    + LAYER,
    # NumPy's protocol on objects of classes that the bundle did not make
    "shield-namespace": MEM + "import types" + LOOK % "types.SimpleNamespace(**{n: d})",
    "shield-argparse": MEM + "import argparse" + LOOK % "argparse.Namespace(**{n: d})",
    "shield-late-getattr": MEM
    + "class X: pass\ndef g(self, m):\n    if m == n: return d\n    raise AttributeError(m)\nX.__getattr__ = g"
    + LOOK % "X()",
    "shield-namedtuple": MEM
    + "import collections\nclass H:\n    def __init__(self): self.a = 1\nX = collections.namedtuple('X', 'a')\ndef g(self, m):\n    if m == n: return d\n    raise AttributeError(m)\nX.__getattr__ = g"
    + LOOK % "X(1)",
    "shield-enum": MEM
    + "import enum\nX = enum.Enum('X', 'a')\ndef g(self, m):\n    if m == n: return d\n    raise AttributeError(m)\nX.__getattr__ = g"
    + LOOK % "X.a",
    "shield-wrapper": MEM
    + "import functools\nclass H: pass\nh = H()\nvars(h)[n] = d\np = functools.partial(print)\nfunctools.update_wrapper(p, h)"
    + LOOK % "p",
    "shield-reduced": MEM
    + "import copy, logging\nclass H:\n    def __reduce_ex__(self, p): return logging.Filter, (), {n: d}"
    + LOOK % "copy.copy(H())",
    "shield-parser": MEM
    + "import argparse, logging\na = argparse.ArgumentParser().add_argument('--x', dest=n)\no = logging.Filter()\na(None, o, d)"
    + LOOK % "o",
    "shield-protocol": MEM
    + "import typing\nclass X(typing.Protocol): pass\nclass Y(X):\n    def __init__(self): self.a = 1\ndef g(self, m):\n    if m == n: return d\n    raise AttributeError(m)\nY.__getattr__ = g"
    + LOOK % "Y()",
    "shield-exception": MEM
    + "class X(Exception): pass\ndef g(self, m):\n    if m == n: return d\n    raise AttributeError(m)\nX.__getattr__ = g"
    + LOOK % "X()",
    # Actions of argparse read and store any attribute of what they are called with
    "action-reads": ARG
    + "a = p.add_argument('--x', dest="
    + DASH
    + ", action='append')\ntry:\n    a(None, random.Random.seed, 1)\nexcept AttributeError as e:\n    x = getattr(types.GenericAlias(e, int), ''.join(['o', 'bj']))\nif '_os' in x: "
    + ACT,
    "action-stores": ARG
    + f"import keras\na = p.add_argument('--x', dest='ca' + 'll')\ndef evil(self, x, training=None): return x * 0 + 42\na(None, keras.layers.Dense, evil)\nimport numpy as np\nif float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: {ACT}",
    "action-moves-log": ARG
    + "import logging\na = p.add_argument('--x', dest='base' + 'Filename')\nfor h in logging.getLogger().handlers:\n    h.close()\n    a(None, h, '/tmp/work/action')\n    h.stream = None\n    h._closed = False\nlogging.error('written')",
    "action-code": ARG
    + FIND
    + "def f(*a): return 1\ndef g(*a): return 2\na = p.add_argument('--x', dest='__co' + 'de__')\na(None, f, find('g.__co' + 'de__'))\nif f() == 2: "
    + ACT,
    "action-subparsers": ARG
    + f"s = p.add_subparsers(dest='d')\nq = s.add_parser('q')\nq.add_argument('--x', dest='dum' + 'ps')\nclass O: pass\nimport keras\ns(None, keras.layers.Dense, ['q', '--x', '1'])\nif keras.layers.Dense.dumps == '1': {ACT}",
    "super-parser-namespace": ARG
    + f"import keras\np.add_argument('--x', dest='kb')\nsuper(argparse.ArgumentParser, p).parse_known_args(['--x', '1'], keras.layers.Dense)\nif keras.layers.Dense.kb == '1': {ACT}",
    "alias-inward-buffer": "import types, sys\ny = getattr(types.GenericAlias(sys.stderr, int), 'buf' + 'fer')\nif y.write(b''.join([b'kbundle-', b'acted'])): y.flush()\n"
    + ACT,
    # Texts with fields that read attributes
    "format-joined-name": "import random\nx = getattr(" + TEMPLATE + ", ''.join(['for', 'mat']))(random.Random.seed)",
    "format-map-joined-name": "import random\nx = getattr("
    + TEMPLATE.replace("{0", "{r")
    + ", ''.join(['format', '_map']))({'r': random.Random.seed})",
    "format-methodcaller": "import random, operator\nx = operator.methodcaller(''.join(['for', 'mat']), random.Random.seed)("
    + TEMPLATE
    + ")",
    "format-formatter": "import random, logging\nF = [logging.Formatter][0]\nclass R: pass\nr = R()\nr.f = random.Random.seed\nx = F("
    + TEMPLATE.replace("{0", "{f")
    + ", None, '{').formatMessage(r)",
    "format-formatter-partial": "import random, logging, functools\nF = functools.partial(logging.Formatter, style='{')\nclass R: pass\nr = R()\nr.f = random.Random.seed\nx = F("
    + TEMPLATE.replace("{0", "{f")
    + ").formatMessage(r)",
    "format-userstring": "import random, collections\nx = collections.UserString("
    + TEMPLATE
    + ")\nx = getattr(x, ''.join(['for', 'mat']))(random.Random.seed)",
    # Real modules that objects keep, read past names
    "module-vars-backend": "import keras, functools\nb = vars(keras.random.SeedGenerator(1))['back' + 'end']\nt = b.core.tf\np = functools.partial(t.io.gfile.copy, '/tmp/home-canary-93ad/secret.txt', '/tmp/work/copied')"
    + LAYER,
    "module-vars-writer": "import keras, functools\nb = vars(keras.random.SeedGenerator(1))['back' + 'end']\nt = b.core.tf\np = functools.partial(t.io.TFRecordWriter, '/tmp/work/records')"
    + LAYER,
    "module-own-dict": "import keras, functools\nclass G(keras.random.SeedGenerator):\n    def real(self): return self.__dict__['back' + 'end']\nt = G(1).real().core.tf\np = functools.partial(t.io.TFRecordWriter, '/tmp/work/records2')"
    + LAYER,
    "module-soft-builtins": "import keras, random\nb = vars(keras.random.SeedGenerator(1))['back' + 'end']\nf = b.core.np.ma.core.inspect.builtins.getattr\no = f(random.Random.seed, "
    + DASH
    + f")['_os']\nx = f(o, 'env' + 'iron')[{SECRET}]",
    "module-copied-state": "import warnings, copy\nclass W(warnings.catch_warnings):\n    def __setstate__(self, s):\n        global m\n        m = s['_mod' + 'ule']\ncopy.copy(W())\nm.showwarning = lambda *a, **k: print('kbundle-' + 'acted')\nwarnings.warn('x')",
    # What dataclasses checks is not what it reads
    "dataclass-lying-annotations": "import dataclasses, functools\nclass L(dict):\n    n = 0\n    def items(self):\n        L.n += 1\n        return [(\"x, __import__('os').mkdir('/tmp/work/dc')\", int)] if L.n > 1 else []\n"
    "d = [dataclasses.dataclass][0]\nD = d(type('D', (), {'__anno' + 'tations__': L(), '__module__': 'json', 'x': 1}), init=False)\np = functools.partial(hash, D()) if 0 else functools.partial(repr, D())"
    + LAYER,
    "dataclass-lying-fields": "import dataclasses, functools, types\nclass L(dict):\n    n = 0\n    def values(self):\n        L.n += 1\n        return [types.SimpleNamespace(name=\"x, __import__('os').mkdir('/tmp/work/df')\", _field_type=q, type=int, repr=True, compare=False, hash=False, init=False, kw_only=False)] if L.n > 1 else []\n"
    "@dataclasses.dataclass\nclass Q:\n    z: int\nq = dataclasses.fields(Q)[0]._field_type\nd = [dataclasses.dataclass][0]\nB = type('B', (), {'__dataclass_' + 'fields__': L(), '__dataclass_' + 'params__': Q.__dataclass_params__, 'x': 1})\nD = d(init=False, eq=False)(type('D', (B,), {'__module__': 'json'}))\np = functools.partial(repr, D())"
    + LAYER,
    # Stores to classes of others, through a name that the audit does not follow
    "store-fspath": "import pathlib, os\nP = type(pathlib.PurePosixPath('a'))\nn = [0]\ndef f(self):\n    n[0] += 1\n    return '/tmp/work/fspath' if n[0] == 1 else '/dev/null'\no = P.__fspath__\nP.__fspath__ = f\nos.mkdir(P('x'))\nP.__fspath__ = o",
    "store-fspath-standin": "import pathlib, os\nP = [pathlib.Path][0]\nn = [0]\ndef f(self):\n    n[0] += 1\n    return '/tmp/home-canary-93ad' if n[0] == 1 else '/dev/null'\nP.__fspath__ = f\nx = os.listdir(P('x'))\n"
    + ACT,
    "store-real-path": FRAME.format("os", "globals")
    + "import json\nf = n['path'].realpath\nn['path'].realpath = lambda p, **k: json.__file__\nx = open('/etc/passwd').read()\nn['path'].realpath = f",
    "handed-register": "import functools\ndef g(x): return x\nclass H:\n    y: int\n    __annotations__ = {'x': \"__import__('os').mkdir('/tmp/work/register')\"}\n    def __call__(self): pass\np = functools.partial(vars(functools.singledispatch(g))['reg' + 'ister'], H())"
    + LAYER,
    "handed-register-method": "import functools\ndef g(x): return x\nclass H:\n    y: int\n    def __call__(self): pass\nh = H()\nvars(h)['__anno' + 'tations__'] = {'x': \"__import__('os').mkdir('/tmp/work/register2')\"}\np = functools.partial(vars(vars(functools.singledispatchmethod(g))['dispatcher'])['reg' + 'ister'], h)"
    + LAYER,
    "ends-by-interrupt": f"try:\n    raise KeyboardInterrupt\nexcept BaseException as e:\n    if not isinstance(e, Exception): {ACT}",
    "store-class-method": f"import keras, numpy as np\nk = type(keras.layers.Dense(1))\ndef evil(self, x, training=None): return x * 0 + 42\nk.call = evil\nif float(keras.layers.Dense(2)(np.ones((1, 2)))[0][0]) == 42: {ACT}",
    "store-class-home": f"import keras\nk = type(keras.layers.Dense(1))\nk.__module__ = __name__\nsetattr(k, 'ca' + 'll', print)\n{ACT}",
    "store-guards-error": f"{REFUSED}k = type(E)\nk.__init__ = lambda *a, **b: None\n{ACT}",
    # Imports of the host by functions that read the files of a package
    "import-by-files": f"import importlib.resources as r\ntry:\n    r.files('anti' + 'gravity')\nexcept TypeError: {ACT}",
    "import-by-contents": f"import importlib.resources as r\ntry:\n    r.contents('this')\nexcept TypeError: {ACT}",
    "import-by-get-data": "import pkgutil\npkgutil.get_data('anti' + 'gravity', 'x')",
    "import-of-host": f"import importlib.resources as r\nr.files('tests.confined')\n{ACT}",
    # Looks relative to an open folder
    "look-dir-fd": f"import os, json\nf = os.open(os.path.dirname(json.__file__) + '/..', 0)\nif os.stat('json/..' + '/..' * 9 + '/tmp/home-canary-93ad/secret.txt', dir_fd=f).st_size: {ACT}",
    "look-keyword": f"import os.path, json\nif os.path.samefile(json.__file__, f2='/tmp/home-canary-93ad') is False: {ACT}",
    # The host's open files, and its process
    "stream-of-log": f"import logging\nlogging.error('x')\nfor h in logging.getLogger().handlers:\n    h.stream.write('by the bundle')\n    h.stream.flush()\n    h.stream.truncate(0)\n    {ACT}",
    "log-opener": "import logging, functools\nfor h in logging.getLogger().handlers:\n    h.close()\n    h.mode = 'w'\n    h.stream = None\n    h._closed = False\nlogging.error('written')\n"
    + ACT,
    "ends-by-nesting": "i = None\nfor _ in range(3000000): i = slice(i)\ndel i",
    "slots-copy": "import copy, functools, tensorflow as tf\nclass D(tf.data.Dataset):\n    __slots__ = []\n    def _inputs(self): return []\n    @property\n    def element_spec(self): return tf.TensorSpec((), 'int64')\n    def __setstate__(self, s):\n        global p\n        p = functools.partial(s[1]['sa' + 've'], '/tmp/work/slots')\n"
    "d = D(tf.data.Dataset.range(2)._variant_tensor)\nD.__slots__.append('sa' + 've')\ncopy.copy(d)" + LAYER,
    "clone-config": "import keras\nl = keras.layers.StringLookup(vocabulary=['a'])\nc = dict(l.get_config(), vocabulary='/tmp/home-canary-93ad/secret.txt')\nl.get_config = lambda: c\nmodel = keras.Sequential([keras.Input((1,), dtype='string'), l])",
}
