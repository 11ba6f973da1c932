"""Values that code reads become lines that make them again, exactly, and without pickle."""

# ruff: noqa: E501 - the scripts of a table, a line each

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.sources.extract.conftest import Session, again, extracted, problem, text_of

#: A script that gives `value` to a function, and an expression over it that is true of the very same value.
CARRIED: dict[str, tuple[str, str]] = {
    "namespace": ("import argparse\nv = argparse.Namespace(a=1, b=[2.5], c=None)", "v.a == 1 and v.b == [2.5]"),
    "nested holders": (
        "from types import SimpleNamespace as N\nv = N(x=N(y=(1, 2)), f=max, t=int)",
        "type(v).__name__ == 'SimpleNamespace' and v.x.y == (1, 2) and v.f is max and v.t is int",
    ),
    "dataclass": (
        "import dataclasses as d\n@d.dataclass\nclass C:\n    a: int = 1\n    b: list = d.field(default_factory=list)\n"
        "v = C(3, [4])",
        "type(v) is C and v == C(3, [4])",
    ),
    "frozen dataclass that computes": (
        "import dataclasses as d\n@d.dataclass(frozen=True)\nclass C:\n    a: int = 1\n    def __post_init__(self):\n"
        "        object.__setattr__(self, 'b', self.a * 2)\nv = C(3)",
        "v.b == 6 and v == C(3)",
    ),
    "named tuple": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n    a: int\n    def two(self): return self.a * 2\nv = P(4)",
        "type(v) is P and v.two() == 8",
    ),
    "object": (
        "class H:\n    def __init__(self, k): raise_if(k is None); self.k = k\n    def __call__(self, x): return x * self.k\n"
        "def raise_if(wrong):\n    if wrong: raise ValueError\nv = H(3)\nv.more = {'a'}",
        "v(2) == 6 and v.more == {'a'}",
    ),
    "objects that lead to each other": (
        "class N:\n    def __init__(self, up=None):\n        self.up, self.down = up, []\n"
        "        if up: up.down.append(self)\nv = N()\nleaf = N(v)",
        "v.down[0].up is v and v.down == [leaf]",
    ),
    "dictionary with attributes": (
        "class D(dict):\n    __getattr__ = dict.__getitem__\n    __setattr__ = dict.__setitem__\nv = D(a=D(b=1))",
        "v.a.b == 1 and type(v.a) is D",
    ),
    "dictionary that is its attributes": (
        "class D(dict):\n    def __init__(self, *a, **k):\n        super().__init__(*a, **k)\n        self.__dict__ = self\n"
        "v = D(a=1)\nv.b = 2",
        "v['b'] == 2 and v.a == 1 and v.__dict__ is v",
    ),
    "slots": ("class S:\n    __slots__ = ('a',)\nv = S()\nv.a = 1", "v.a == 1"),
    "names with two underscores": (
        "class S:\n    def __init__(self): self.__a = 2\n    def a(self): return self.__a\nv = S()",
        "v.a() == 2",
    ),
    "table of functions": (
        "import math\ndef own(x): return x + 1\nv = {'sin': math.sin, 'own': own, 3: lambda x: x * 2}",
        "v['sin'] is math.sin and v['own'] is own and v[3](2) == 4",
    ),
    "bound method": (
        "class H:\n    k = 2\n    def f(self, x): return x * self.k\nv = H().f",
        "v(3) == 6",
    ),
    "shared list": (
        "def make():\n    row = [0]\n    return [row, row, (row,)]\nv = make()",
        "v[0] is v[1] and v[2][0] is v[0]",
    ),
    "the same list under two names": ("w = [1]\nv = {'w': w}", "v['w'] is w"),
    "joined flags": (
        "import enum\nclass F(enum.IntFlag):\n    A = 1\n    B = 2\nv = [F.A | F.B, F.B]",
        "v[0] == 3 and type(v[0]) is F and v[1] is F.B",
    ),
    "times": (
        "from datetime import datetime, timedelta, timezone\n"
        "v = [datetime(2020, 1, 2, tzinfo=timezone.utc), timedelta(1, 2)]",
        "v[0].day == 2 and v[0].tzinfo is timezone.utc and v[1] == timedelta(1, 2)",
    ),
    "exact numbers": (
        "from decimal import Decimal\nfrom fractions import Fraction\nv = (Decimal('1.50'), Fraction(1, 3), -0.0, 1j)",
        "str(v[0]) == '1.50' and v[1] * 3 == 1 and str(v[2]) == '-0.0' and v[3] == 1j",
    ),
    "no number": ("v = [float('nan'), float('-inf')]", "v[0] != v[0] and v[1] < -1e308"),
    "collections": (
        "import collections as c\nv = [c.OrderedDict(b=1, a=2), c.Counter('aab'), c.deque([1], 3), c.defaultdict(list, a=[1])]",
        "list(v[0]) == ['b', 'a'] and v[1]['a'] == 2 and v[2].maxlen == 3 and v[3]['z'] == []",
    ),
    "path, pattern, logger": (
        "import logging, pathlib, re\nv = [pathlib.Path('a/b'), re.compile('a+', re.I), logging.getLogger('q')]",
        "v[0].name == 'b' and v[1].match('AA') and v[2] is logging.getLogger('q')",
    ),
    "ranges and sets": (
        "v = (range(2, 9, 3), slice(1, None), frozenset('a'), {1: None})",
        "v[0][1] == 5 and v[1].start == 1",
    ),
    "generator of numbers": (
        "import random\nv, w = random.Random(4), random.Random(4)\nw.random()\nv.random()\nn = w.random()",
        "v.random() == n",
    ),
    "module of another name": ("import json as j\nv = [j]", "v[0] is j"),
    "a name that is taken": (
        "from datetime import datetime\nclass B: pass\nv = B()\nv.at = [datetime(2020, 1, 1)]",
        "isinstance(v.at[0], datetime)",
    ),
    "long list of texts": ("v = [f'w{i}' for i in range(3000)]", "v[2999] == 'w2999' and type(v) is list"),
    "long table": ("v = {f'w{i}': i / 3 for i in range(3000)}", "v['w7'] == 7 / 3 and list(v)[5] == 'w5'"),
    "long list of pairs": ("v = [(i, str(i)) for i in range(400)]", "v[399] == (399, '399')"),
}
ARRAYS: dict[str, tuple[str, str]] = {
    "array": (
        "import numpy as np\nv = np.arange(3, dtype='float32')",
        "v.dtype == 'float32' and v.tolist() == [0, 1, 2]",
    ),
    "long array": (
        "import numpy as np\nv = np.arange(5000.0).reshape(50, 100)",
        "v.shape == (50, 100) and v.dtype == 'float64' and v[3, 4] == 304",
    ),
    "empty array and texts": (
        "import numpy as np\nv = [np.zeros((0, 3)), np.array(['a', 'bc']), np.array([1 + 2j]), np.datetime64('2020-01-02')]",
        "v[0].shape == (0, 3) and v[1].tolist() == ['a', 'bc'] and v[2][0] == 1 + 2j and str(v[3]) == '2020-01-02'",
    ),
    "dates": (
        "import numpy as np\nv = np.array(['2020-01-01', 'NaT'], 'M8[D]')",
        "v.dtype == 'M8[D]' and str(v[0])[3] == '0'",
    ),
    "generators": (
        "import numpy as np\nv = [np.random.default_rng(3), np.random.RandomState(3)]\nv[0].random()\nv[1].rand()\n"
        "r = [np.random.default_rng(3), np.random.RandomState(3)]\nn = (r[0].random(2)[1], r[1].rand(2)[1])",
        "(v[0].random(), v[1].rand()) == n",
    ),
    "ufuncs, types and dtypes": (
        "import numpy as np\nv = [np.sin, np.float32, np.dtype('int8'), np.float64(0.1)]",
        "v[0] is np.sin and v[1] is np.float32 and v[2] == 'int8' and type(v[3]) is np.float64",
    ),
}


def _run(session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch, setup: str, check: str) -> bool:
    """Extract the check of a script, write the modules to disk, and run it where the script does not exist."""
    session.script(f"{setup}\n\n\ndef check():\n    return v is not None and bool({check})\n")
    found = extracted(session["check"])
    monkeypatch.delitem(sys.modules, "__main__", raising=False)
    monkeypatch.syspath_prepend(str(folder))
    for name, content in found.files.items():
        (folder / name).write_bytes(content)
    for module in found.modules:
        (folder / f"{module.name}.py").write_bytes(module.text)
        monkeypatch.delitem(sys.modules, module.name, raising=False)
    importlib.invalidate_caches()
    name, qualname = found.places[session["check"]]
    check_again: Callable[[], bool] = getattr(importlib.import_module(name), qualname)
    for module in found.modules:
        sys.modules.pop(module.name, None)
    return check_again()


@pytest.mark.parametrize("name", CARRIED)
def test_carries_a_value(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    setup, check = CARRIED[name]
    if "long" in name:
        pytest.importorskip("numpy")
    folder = tmp_path / "made"
    folder.mkdir()
    assert _run(session, folder, monkeypatch, setup, check)


@pytest.mark.parametrize("name", ARRAYS)
def test_carries_arrays(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pytest.importorskip("numpy")
    folder = tmp_path / "made"
    folder.mkdir()
    assert _run(session, folder, monkeypatch, *ARRAYS[name])


def test_carries_tables_and_sparse_matrices(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("scipy.sparse")
    setup = (
        "import pandas as pd, scipy.sparse as sp\n"
        "t = pd.DataFrame({'a': [1.5, 2.0], 'b': ['x', None]}, index=['p', 'q'])\n"
        "v = [t, t['a'], t.index, sp.csr_matrix([[1.0, 0.0], [0.0, 2.0]])]"
    )
    check = (
        "v[0].loc['q', 'a'] == 2 and v[0].columns.tolist() == ['a', 'b'] and v[1].name == 'a' and "
        "v[2].tolist() == ['p', 'q'] and v[3].format == 'csr' and v[3].toarray()[1, 1] == 2"
    )
    assert _run(session, tmp_path, monkeypatch, setup, check)


def test_writes_values_as_a_person_would(session: Session) -> None:
    session.script("""
        import argparse
        from dataclasses import dataclass

        @dataclass
        class Opt:
            lr: float = 0.1

        class Scaler:
            def __init__(self, k):
                self.k = k

        args = argparse.Namespace(opt=Opt(0.5), names=["a"])
        scaler = Scaler(2.0)

        def f(x):
            return x * scaler.k * args.opt.lr
    """)
    assert text_of(session["f"]) == dedent('''\
        """What the model needs of the script train that made it."""

        import argparse
        from dataclasses import dataclass


        @dataclass
        class Opt:
            lr: float = 0.1


        class Scaler:
            def __init__(self, k):
                self.k = k


        args = argparse.Namespace(opt=Opt(lr=0.5), names=["a"])
        scaler = Scaler.__new__(Scaler)
        scaler.k = 2.0


        def f(x):
            return x * scaler.k * args.opt.lr
        ''')


def test_carries_what_a_closure_took(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import argparse
        def make(cfg, table):
            def f(x):
                return x * cfg.k + table["a"][0]
            return f
        f = make(argparse.Namespace(k=3), {"a": [1]})
    """)
    [f] = again(monkeypatch, session["f"])
    assert f(2) == 7


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (
            "import threading\nfrom types import SimpleNamespace\nv = SimpleNamespace(a={'b': threading.Lock()})",
            "at a.b",
        ),
        ("class A:\n    def __reduce__(self): return (A, ())\nv = A()", "a __reduce__ of its own"),
        ("class A:\n    def __new__(cls): return super().__new__(cls)\nv = A()", "a __new__ of its own"),
        ("v = []\nv.append(v)", "holds itself"),
        ("import types\nv = types.ModuleType('settings')", "'settings', which was not imported"),
        ("v = (i for i in range(3))", "make it inside the definition"),
    ],
)
def test_names_what_in_a_value_cannot_be_carried(session: Session, setup: str, words: str) -> None:
    session.script(f"{setup}\n\n\ndef f():\n    return v\n")
    found = problem(session["f"])
    assert "the function f uses 'v'" in found
    assert words in found


def test_the_file_beside_a_module_holds_no_pickle(session: Session, tmp_path: Path) -> None:
    numpy: Any = pytest.importorskip("numpy")
    session.script("import numpy as np\nv = np.arange(1000.0)\n\n\ndef f():\n    return v\n")
    [(name, content)] = extracted(session["f"]).files.items()
    (tmp_path / name).write_bytes(content)
    assert name == "train_values.npz"
    assert numpy.load(tmp_path / name, allow_pickle=False)["v"].tolist() == list(range(1000))


def test_a_captured_object_is_carried_by_the_attributes_that_are_read(session: Session) -> None:
    session.script("""
        import threading
        class Agent:
            def __init__(self):
                self.actions, self.scale, self.lock = 4, 2.5, threading.Lock()
            def first(self):
                return lambda x: x * self.actions
            def second(self):
                return lambda x: [x + self.scale for _ in range(self.actions)]
            def third(self):
                return lambda x: self.first()(x)
        one, two, three = (lambda agent: (agent.first(), agent.second(), agent.third()))(Agent())
    """)
    made = extracted(session["one"], session["two"])
    assert not any(b"Agent" in module.text for module in made.modules)
    values = []
    for function in (session["one"], session["two"]):
        name, qualname = made.places[function]
        space: dict[str, Any] = {}
        exec(next(module.text for module in made.modules if module.name == name), space)
        values.append(space[qualname](3))
    assert values == [12, [5.5, 5.5, 5.5, 5.5]]
    assert "'self'" in problem(session["three"])
