"""The net by name: what a bundle finds under the names of powers, of what is not there, and of builtins."""

from __future__ import annotations

import copy
import functools
import os
import sys
import typing

import numpy as np
import pytest

from bundler import ConsentRequired
from bundler.namespace.views import View
from tests.namespace.trees import module, tree

HARMLESS = {
    "command-line": "import sys\nfrom sys import argv\nassert sys.argv == argv == ['program'] and '--debug' not in sys.argv\n"
    "n = int(sys.argv[1]) if len(sys.argv) > 1 else 3\nassert n == 3",
    "arguments": "import argparse\np = argparse.ArgumentParser()\np.add_argument('x')\np.add_argument('-y', required=True)\n"
    "assert vars(p.parse_args()) == {'x': None, 'y': None}\nassert p._actions[-1].required",
    "names-a-power": "import os\ndef save(path):\n    os.makedirs(path)\n",
    "derives-from-a-power": "import threading\nclass Worker(threading.Thread):\n    def run(self): pass\n",
    "annotates": "import socket\nfrom typing import Optional\ndef f(s: Optional[socket.socket] = None, t: 'socket.socket | None' = None): pass",
    "compares": "import subprocess\nassert not isinstance(3, subprocess.Popen) and subprocess.Popen is subprocess.Popen",
    "types-only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas",
    "falls-back": "try:\n    import torch\nexcept ImportError:\n    torch = None\nassert torch is None",
    "version": "from importlib.metadata import PackageNotFoundError, version\nassert version('numpy')",
    "find-spec": "import importlib.util\nassert importlib.util.find_spec('torch') is None\nassert importlib.util.find_spec('json')",
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=1)\nassert p.parse_args([]).n == 1",
    "unset": "import os\nassert os.environ.get('KBUNDLE_NOWHERE') is None and os.getenv('KBUNDLE_NOWHERE', 'x') == 'x'",
    "sets": "import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\nos.environ.setdefault('A', 'b')\nassert os.environ['A'] == 'b'",
    "logs": "import logging\nlogging.basicConfig(level=10)\nlogging.getLogger(__name__).debug('x')",
    "seeds": "import random, numpy as np\nrandom.seed(1)\nnp.random.seed(1)",
    "sys-path": "import sys\nsys.path.append('..')",
    "own-module": "import sys\nx = 1\nassert sys.modules[__name__].x == 1 and 'os' in sys.modules",
    "paths": "import os\np = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'x')\nassert not os.path.exists(p)",
    "pathlib": "from pathlib import Path\np = Path(__file__).resolve().parent / 'x'\nassert isinstance(p, Path) and not p.exists()",
    "home": "import os\nassert os.path.expanduser('~/x') == '~/x'",
    "computed": "class A:\n    conv1 = 3\nassert getattr(A(), f'conv{1}') == 3 and hasattr(A, 'conv1')\nsetattr(A, 'conv2', 4)",
    "globals": "f = 1\nassert globals()['f'] == 1 and globals().get('g') is None\nglobals()['g'] = 2\nassert g == 2",
    "vars": "class A:\n    def __init__(self): self.x = 1\nassert vars(A()) == {'x': 1}",
    "classes": "X = type('X', (), {'y': 1})\nassert isinstance(X, type) and type(X()) is X and type(3) is int and type(X) == type",
    "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\nassert A(2).x == 2",
    "class-var": "from __future__ import annotations\nimport dataclasses, typing\n@dataclasses.dataclass\nclass A:\n    k: typing.ClassVar[int] = 2\n    x: int = 1\nassert [f.name for f in dataclasses.fields(A)] == ['x']",
    "enum": "import enum\nclass E(enum.Enum):\n    A = 1\nassert E['A'].value == 1",
    "enums": "import enum, copy\nclass C(str, enum.Enum):\n    A = 'a'\n    @classmethod\n    def make(cls, x): return cls(x)\nclass I(enum.IntEnum):\n    X = enum.auto()\nclass F(enum.Flag):\n    R = 1\n    W = 2\nclass G(enum.IntFlag):\n    R = 1\nE = enum.Enum('E', 'P Q')\nassert C.make('a') is C.A and I.X == 1 and (F.R | F.W).value == 3 and G.R == 1 and E.P.value == 1 and list(E)[1] is E['Q'] and copy.deepcopy(C.A) is C.A\nassert isinstance(C.A, enum.Enum) and issubclass(I, enum.Enum) and issubclass(I, enum.IntEnum) and not issubclass(int, enum.Enum) and not isinstance(3, enum.Flag)\n@enum.unique\nclass U(enum.StrEnum):\n    a = enum.auto()\nassert U.a == 'a' and f'{U.a}' == 'a' and str(I.X) == '1'",
    "metaclass": "import abc\nclass A(metaclass=abc.ABCMeta):\n    @abc.abstractmethod\n    def f(self): ...\nclass P:\n    def __init_subclass__(cls, n=1, **k):\n        super().__init_subclass__(**k)\n        cls.n = n\nclass Q(P, n=3):\n    def g(self): return __class__\nassert Q.n == 3 and Q().g() is Q",
    "frames": "import sys, inspect\ndef fill():\n    g = sys._getframe(1).f_globals\n    g['__all__'] = [n for n in g if not n.startswith('_')]\nx = 1\nfill()\nassert 'x' in __all__ and 'fill' in __all__\ndef f():\n    y = 2\n    return g()\ndef g(): return inspect.currentframe().f_back.f_locals['y'], sys._getframe(0).f_code.co_name\nassert f() == (2, 'g')\ndef k(): return inspect.stack()[1].function, dict(inspect.getouterframes(inspect.currentframe(), 2)[1][0].f_locals)\ndef m():\n    z = 3\n    return k()\nassert m() == ('m', {'z': 3}) and inspect.getframeinfo(inspect.currentframe()).lineno > 1\nh = sys._getframe(0)\nwhile h.f_back is not None:\n    h = h.f_back\nassert list(h.f_globals) == ['__name__'] and h.f_locals == {}",
    "own-metaclass": "import abc\nclass M(type):\n    seen = {}\n    def __new__(mcs, name, bases, ns, **k):\n        made = type.__new__(mcs, name, bases, ns)\n        mcs.seen[name] = made\n        return made\n    def __init__(cls, name, bases, ns, **k):\n        super().__init__(name, bases, ns)\n        cls.tag = name.lower()\n    def __call__(cls, *a, **k):\n        one = super().__call__(*a, **k)\n        one.made = True\n        return one\nclass A(metaclass=M): pass\nclass B(A):\n    def f(self): return super().__repr__()\nassert M.seen == {'A': A, 'B': B} and B.tag == 'b' and B().made and type(B) is M and isinstance(B, M) and B().f()\nclass N(abc.ABCMeta):\n    def __init__(cls, name, bases, ns):\n        super().__init__(name, bases, ns)\n        cls.done = True\nclass C(metaclass=N):\n    @abc.abstractmethod\n    def f(self): ...\nassert C.done and isinstance(C, abc.ABCMeta)\nclass S(type):\n    _one = {}\n    def __call__(cls, *a, **k):\n        if cls not in S._one: S._one[cls] = type.__call__(cls, *a, **k)\n        return S._one[cls]\nclass D(metaclass=S): pass\nassert D() is D()",
    "generic": "import typing\nT = typing.TypeVar('T')\nclass G(typing.Generic[T]):\n    pass\nclass H(G[int]): pass\nassert G[int].__origin__ is G and isinstance(H(), G)\nclass D(typing.TypedDict):\n    x: int\nassert D(x=1) == {'x': 1}\nassert typing.get_origin(typing.Optional[int]) is typing.Union and typing.get_args(dict[str, int]) == (str, int)",
    "state": "import copy\nclass S:\n    def __init__(self): self.x = [1]\n    def __getstate__(self): return {'x': self.x}\n    def __setstate__(self, s): self.x = s['x']\nassert copy.deepcopy(S()).x == [1]",
    "struct": "import struct\nb = bytearray(8)\nstruct.pack_into('<I', b, 0, 7)\ns = struct.Struct('<2H')\nassert s.size == 4 and s.unpack(s.pack(1, 2)) == (1, 2) and struct.unpack('<I', b[:4]) == (7,)\nassert bytes(memoryview(b)[:1]) == b'\\x07'",
    "named-tuple": "import collections, typing\nP = collections.namedtuple('P', 'x y')\nclass Q(typing.NamedTuple):\n    z: int = 3\nassert P(1, 2).y == 2 and Q().z == 3",
    "protocol": "import typing\n@typing.runtime_checkable\nclass P(typing.Protocol):\n    def f(self): ...\nclass A:\n    def f(self): pass\nassert isinstance(A(), P)",
    "single-dispatch": "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1\nassert f(2) == 1",
    "classes-of-the-interpreter": "import types\nassert type(None) is types.NoneType and type(...) is types.EllipsisType and isinstance(None, type(None))\ndef f(): pass\nassert type(f) is types.FunctionType and isinstance(f, types.FunctionType) and type(f) == type(lambda: 0) and {type(f): 1}[types.FunctionType] == 1",
    "dispatches-on-classes": "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: type): return 1\n@f.register(str)\ndef _(x): return 2\nf.register(list, lambda x: 3)\nimport types\n@f.register(types.FunctionType)\ndef _(x): return 4\n@f.register\ndef _(x: types.GeneratorType): return 5\nassert [f(i) for i in (4, int, 'a', [], lambda: 0, (i for i in []))] == [0, 1, 2, 3, 4, 5]",
    "wraps": "import functools\ndef d(f):\n    @functools.wraps(f)\n    def g(*a): return f(*a)\n    return g\n@d\ndef h(x):\n    'doc'\n    return x\nassert h(1) == 1 and h.__doc__ == 'doc'",
    "star": "from os.path import *\nfrom math import *\nassert join('a', 'b') and sqrt(4.0) == 2.0",
    "prints-a-dtype": "import numpy as np\nassert str(np.zeros(2).dtype) == 'float64'",
    "slots": "class A:\n    __slots__ = ('x',)\na = A()\na.x = 1\nassert a.x == 1",
    "abc": "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nclass B(A):\n    def f(self): return 1\nassert B().f() == 1",
    "getattr-hook": "class A:\n    def __getattr__(self, name): return name\nassert A().anything == 'anything'",
    "exceptions": "import socket, subprocess\ntry:\n    raise subprocess.CalledProcessError(1, 'x')\nexcept (socket.timeout, subprocess.CalledProcessError):\n    pass",
    "exit-guard": "import sys\nif __name__ == '__main__':\n    sys.exit(1)",
    "pickles": "import copy, pickle\nassert copy.deepcopy({'a': [1]}) == {'a': [1]}\npickle.dumps([1])",
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_code_needs_no_word(name: str) -> None:
    space = tree(HARMLESS[name])
    space.load("guarded")
    assert space.record.refused == ()


ABSL = """
import enum
from absl import flags
from absl.flags import FLAGS, DEFINE_float
class Kind(enum.Enum):
    A = 1
    B = 2
flags.DEFINE_string("text", "x", "help")
flags.DEFINE_list("sizes", "1, 2", "help")
flags.DEFINE_multi_integer("many", 3, "help")
flags.DEFINE_bool("fast", "no", "help")
flags.DEFINE_enum("act", "relu", ["relu", "tanh"], "help", required=True)
flags.DEFINE_enum_class("kind", "B", Kind, "help")
flags.DEFINE_string("none", None, "help")
ALPHA = DEFINE_float("alpha", 1, "help", lower_bound=0)
flags.mark_flag_as_required("none")
@flags.validator("alpha")
def check(value):
    return value > 0
assert FLAGS is flags.FLAGS and FLAGS.text == "x" and FLAGS.sizes == ["1", "2"] and FLAGS.many == [3]
assert FLAGS.fast is False and FLAGS.act == "relu" and FLAGS.kind is Kind.B and FLAGS.none is None
assert ALPHA.value == FLAGS.alpha == 1.0 and isinstance(FLAGS.alpha, float) and check(1)
assert FLAGS["text"].value == "x" and "text" in FLAGS and FLAGS.flag_values_dict()["act"] == "relu"
"""


def test_a_bundle_has_flags_of_its_own() -> None:
    from absl import flags

    before = set(flags.FLAGS)
    space = tree(ABSL, requires=["absl"])
    space.load("guarded")
    assert space.record.refused == ()
    assert set(flags.FLAGS) == before
    with pytest.raises(ConsentRequired):
        module("from absl import flags\nflags.DEFINE_string('__class__', 'x', 'help')", requires=["absl"])


REFUSED = {
    "environment": ("import os\nos.environ['PATH']", "environment"),
    "environment-copy": ("import os\ndict(os.environ)", "environment"),
    "from-os": ("from os import environ\nenviron['PATH']", "environment"),
    "prefix": ("import sys\nx = f'{sys.prefix}'", "environment"),
    "looks": ("import os\nos.path.exists('/etc/hostname')", "filesystem"),
    "stat": ("import os\nos.stat('/etc/hostname')", "filesystem"),
    "path-exists": ("from pathlib import Path\nPath('/etc/hostname').exists()", "filesystem"),
    "home": ("from pathlib import Path\nPath.home()", "environment"),
    "cwd": ("import os\nos.getcwd()", "environment"),
    "thread": ("import threading\nthreading.Thread(target=print).start()", "side-effects"),
    "derived-thread": ("import threading\nclass T(threading.Thread): pass\nT()", "side-effects"),
    "atexit": ("import atexit\natexit.register(print)", "side-effects"),
    "finalize": ("import weakref\nclass A: pass\nweakref.finalize(A(), print)", "side-effects"),
    "signal": ("import signal\nsignal.signal(2, None)", "process"),
    "exit": ("import sys\nsys.exit(1)", "process"),
    "raise-exit": ("raise SystemExit(1)", "process"),
    "os-exit": ("import os\nos._exit(1)", "process"),
    "exec": ("exec('x = 1')", "dynamic-code"),
    "ctypes": ("import ctypes\nctypes.CDLL(None)", "native-code"),
    "strided": ("import numpy as np\nnp.lib.stride_tricks.as_strided(np.zeros(1), (9,), (8,))", "native-code"),
    "computed-globals": ("def f(): pass\ngetattr(f, '__glo' + 'bals__')", "reflection"),
    "computed-by-subclass": ("class S(str):\n    def __str__(self): return 'x'\ndef f(): pass\ngetattr(f, S('__globals__'))", "reflection"),
    "attrgetter": ("import operator\ndef f(): pass\noperator.attrgetter('__glo' + 'bals__')(f)", "reflection"),
    "class-of-class": ("type(int).__subclasses__(int)", "dynamic-code"),
    "gc": ("import gc\ngc.get_objects()", "reflection"),
    "frames": ("import sys\ngetattr(sys._getframe(), 'f_globals')", "reflection"),
    "signature-text": ("import inspect\nclass D:\n    def __get__(self, *a): return self\n    def __call__(self): pass\nd = D()\nd.__dict__['__text_signature__'] = '(x=os.sep)'\ninspect.signature(d)", None),
    "field-names": ("import dataclasses\nX = type('X', (), {'__anno' + 'tations__': {\"x=__import__('os')\": int}})\ndataclasses.dataclass(X)", None),
    "hints": ("import typing\ndef f(): pass\nf.__annotations__['x'] = \"print('ran')\"\ntyping.get_type_hints(f)", "dynamic-code"),
    "stores-to-foreign-class": ("import json\nsetattr(json.JSONEncoder, 'encode', None)", "side-effects"),
    "builtins-getattr": ("import builtins\ndef f(): pass\nbuiltins.getattr(f, '__co' + 'de__')", "reflection"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_stops_what_no_event_tells_of(name: str) -> None:
    text, word = REFUSED[name]
    space = tree(text)
    with pytest.raises((ConsentRequired, AttributeError) if word is None else ConsentRequired) as caught:
        space.load("guarded")
    if word is not None:
        assert caught.value.words == (word,)


@pytest.mark.parametrize("how", ["getattr", "dict", "type", "computed-class"])
def test_no_object_of_a_bundle_hands_memory_to_numpy(how: str) -> None:
    text = {
        "getattr": "class E:\n    def __getattr__(self, n):\n        if n.startswith('__array_i'): return FACE\n        raise AttributeError(n)\nx = E()",
        "dict": "class E: pass\nx = E()\nvars(x)['__array_' + 'interface__'] = FACE",
        "type": "x = type('E', (), {'__getattr__': lambda s, n: FACE if n.startswith('__array_i') else (_ for _ in ()).throw(AttributeError(n))})()",
        "computed-class": "class B: pass\nx = type(B)('E', (B,), {'__getattr__': lambda s, n: FACE if n.startswith('__array_i') else (_ for _ in ()).throw(AttributeError(n))})()",
    }[how]  # fmt: skip
    face = "FACE = {'shape': (4,), 'typestr': '<u1', 'data': (140000000000000, False), 'version': 3}\n"
    loaded = module(face + text)
    assert np.asarray(loaded.x).dtype == object


def test_a_module_is_the_same_view_under_every_name() -> None:
    loaded = module("import os, os.path\nfrom os import path\nimport posixpath\nimport tempfile\n")
    assert loaded.path is loaded.os.path
    assert loaded.posixpath is loaded.path
    assert loaded.tempfile._os is loaded.os


def test_what_is_stored_to_a_view_stays_in_the_bundle() -> None:
    loaded = module("import json\njson.mine = 1\njson.dumps = None\n")
    assert loaded.json.mine == 1
    import json

    assert not hasattr(json, "mine")
    assert json.dumps({}) == "{}"


def test_the_builtins_cannot_be_replaced() -> None:
    for text in (
        "globals()['__builtins__'] = {}",
        "vars()['__builtins__'] = {}",
        "import sys\nsetattr(sys.modules[__name__], '__builtins__', {})",
        "import sys\nvars(sys.modules[__name__])['__builtins__'] = {}",
    ):
        with pytest.raises((KeyError, ConsentRequired, TypeError)):
            module(text)


def test_reflection_opens_the_net_by_name_and_not_the_one_by_effect() -> None:
    loaded = module("import os\ndef f(): pass\ng = getattr(f, '__glo' + 'bals__')\n", allow=["reflection"])
    assert loaded.g is vars(loaded)
    with pytest.raises(ConsentRequired):
        module("import os\nos.listdir('/')", allow=["reflection"])


def test_what_the_lock_requires_is_installed_and_nothing_else() -> None:
    with pytest.raises(ModuleNotFoundError, match="neither Python, the framework, the lock nor the bundle"):
        module("import sklearn")
    assert module("import sklearn\nx = sklearn.__version__", requires=["sklearn"]).x


def test_kbundle_itself_is_there_and_closed() -> None:
    loaded = module("from bundler import bundle, unbundle\nimport bundler.namespace\n")
    for text in ("import bundler\nbundler.unbundle('x')", "import bundler.namespace as n\nn.loaded_namespaces()"):
        with pytest.raises(ConsentRequired):
            module(text)
    with pytest.raises(ConsentRequired):
        loaded.unbundle("x")


def test_a_view_copies_as_itself() -> None:
    loaded = module("import json\n")
    assert copy.deepcopy(loaded.json) is loaded.json


@pytest.mark.parametrize(
    "text",
    [
        "import os\ntry:\n    os.nope\nexcept AttributeError as error:\n    kept = error.obj",
        "import os\ntry:\n    getattr(os, 'nope')\nexcept AttributeError as error:\n    kept = error.obj",
    ],
)
def test_an_error_does_not_hold_the_module_itself(text: str) -> None:
    assert not isinstance(module(text).kept, type(sys)) or isinstance(module(text).kept, View)


def test_the_environment_is_closed_wherever_it_is_found() -> None:
    space = module("def read(x): return dict(getattr(x, 'env' + 'iron'))")
    with pytest.raises(ConsentRequired):
        space.read(os)


def test_a_stub_reads_as_what_it_stands_for() -> None:
    loaded = module("import socket\nimport functools\n")
    assert loaded.socket.socket.__name__ == "socket"
    assert typing.Optional[loaded.socket.socket]
    assert copy.deepcopy(loaded.socket.socket) is loaded.socket.socket
    assert loaded.functools.partial is functools.partial
    assert os.sep == loaded.functools.reduce(lambda a, b: a or b, [os.sep])
