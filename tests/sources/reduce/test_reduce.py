"""Modules travel with the statements that the model needs, and with nothing else of the author's."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Mapping

import hypothesis.strategies as st
from hypothesis import given

from bundler.sources.reduce.author_modules import FoundName, Modules
from bundler.sources.reduce.cut import cut
from bundler.sources.reduce.reachable import reduce


def reduced(files: Mapping[str, str], needed: Mapping[str, Collection[str] | None]) -> dict[str, str]:
    """Return the reduced texts of `files`, by module."""
    texts = {name: textwrap.dedent(text).lstrip("\n") for name, text in files.items()}

    def find(name: str) -> FoundName | None:
        if name not in texts:
            return None
        is_package = any(other.startswith(f"{name}.") for other in texts)
        return FoundName(text=texts[name].encode(), is_package=is_package, is_fixed=False)

    kept = reduce(Modules(find, lambda _: False), needed).kept
    return {name: cut(item).decode() for name, item in kept.items()}


def one(text: str, *names: str) -> str:
    """Return the reduced text of one module."""
    return reduced({"m": text}, {"m": names})["m"]


def statements(text: str) -> list[str]:
    """Return the statements of a text, written in one way."""
    return [ast.unparse(node) for node in ast.parse(text).body]


def test_keeps_what_is_read_and_the_lines_that_it_was_on() -> None:
    text = """
        # Copyright.
        '''Layers.'''
        import os
        import numpy as np, pandas as pd

        # how loud
        GAIN = 3.0
        # of the data
        MEAN = 2.0


        def load(path):
            return pd.read_csv(path)


        def scaled(x):  # keeps its comment
            return x * GAIN


        class Layer:
            def call(self, x):
                return scaled(np.asarray(x))
    """
    whole = textwrap.dedent(text).lstrip("\n").splitlines()
    found = one(text, "Layer").splitlines()
    assert len(found) == len(whole)
    for old, new in zip(whole, found, strict=True):
        assert new in (old, "") or "left out by kbundle" in new
    assert "# how loud" in found
    assert "# of the data" not in found
    assert statements("\n".join(found)) == [
        "'Layers.'",
        "import numpy as np",
        "GAIN = 3.0",
        "def scaled(x):\n    return x * GAIN",
        "class Layer:\n\n    def call(self, x):\n        return scaled(np.asarray(x))",
    ]
    assert [line.partition("kbundle: ")[2] for line in found if "left out" in line] == ["os", "pd", "MEAN, load"]


def test_never_keeps_what_an_import_does_not_run() -> None:
    found = one(
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import pandas
        def f(): return 1
        if __name__ == "__main__":
            f()
        """,
        "f",
    )
    assert statements(found) == ["def f():\n    return 1"]


def test_keeps_statements_that_change_what_is_kept() -> None:
    for line in (
        "TABLE['a'] = 1",
        "TABLE.update(a=1)",
        "TABLE.setdefault('a', []).append(1)",
        "del TABLE['a']",
        "for name in 'ab':\n    TABLE[name] = 1",
        "def fill():\n    TABLE['a'] = 1\nfill()",
        "def fill(table):\n    table['a'] = 1\nfill(TABLE)",
        "def fill():\n    global TABLE\n    TABLE = {}\nfill()",
        "def outer():\n    fill()\ndef fill():\n    TABLE['a'] = 1\nouter()",
        "def note(f):\n    TABLE[f.__name__] = f\n    return f\n@note\ndef other():\n    pass",
        "import json\njson.loads('{}', object_hook=TABLE.update)\nTABLE |= {}",
        "if True:\n    TABLE = dict(TABLE)",
        "setattr(TABLE, 'a', 1)",
    ):
        found = one(f"TABLE = {{}}\n{line}\ndef get(): return TABLE\n", "get")
        assert statements(line)[-1] in statements(found), line


def test_keeps_no_statement_that_only_reads_what_is_kept() -> None:
    for line in (
        "print(TABLE)",
        "copied = dict(TABLE)",
        "known = TABLE.get('a')",
        "import logging\nlogging.getLogger('x').info(TABLE)",
        "other = []\nother.append(1)",
        "def show():\n    return len(TABLE)\nshown = show()",
        "assert TABLE is not None",
    ):
        found = one(f"TABLE = {{}}\n{line}\ndef get(): return TABLE\n", "get")
        assert statements(found) == ["TABLE = {}", "def get():\n    return TABLE"], line


def test_keeps_seeds_and_settings_of_packages_that_stay() -> None:
    text = "import numpy as np, random\nnp.random.seed(3)\nrandom.seed(3)\nW = np.random.rand(3)\ndef f(): return W\n"
    assert statements(one(text, "f")) == [
        "import numpy as np",
        "np.random.seed(3)",
        "W = np.random.rand(3)",
        "def f():\n    return W",
    ]


def test_keeps_classes_that_their_base_knows_of() -> None:
    text = """
        class Base:
            known = []
            def __init_subclass__(cls):
                Base.known.append(cls)
        class Plain:
            pass
        class One(Base):
            pass
        class Two(One):
            pass
        class Other(Plain):
            pass
        def build(): return Base.known
    """
    assert [line for line in one(text, "build").splitlines() if line.startswith("class")] == [
        "class Base:",
        "class One(Base):",
        "class Two(One):",
    ]
    asks = "class A: pass\nclass B(A): pass\ndef f(): return A.__subclasses__()\n"
    assert "class B" in one(asks, "f")


def test_keeps_a_module_whole_whose_names_are_not_spelled() -> None:
    for line in (
        "def f(name): return globals()[name]",
        "def f(): exec('x')",
        "import sys\ndef f(): return getattr(sys.modules[__name__], 'X')",
        "def f(): return vars()",
        "import keras\ndef f(): return keras.saving.get_registered_object('m>Other')",
    ):
        assert "UNUSED" in one(f"UNUSED = 1\n{line}\n", "f"), line
    files = {"m": "import other\ndef f(name): return getattr(other, name)\n", "other": "A = 1\nB = 2\n"}
    found = reduced(files, {"m": ["f"]})
    assert found["other"] == "A = 1\nB = 2\n"


def test_keeps_annotations_that_are_evaluated() -> None:
    fields = "from dataclasses import dataclass\nclass Inner: pass\n@dataclass\nclass C:\n    a: 'Inner'\n"
    assert "class Inner" in one(fields, "C")
    lazy = "from __future__ import annotations\nimport pandas as pd\ndef f(x: pd.Series) -> pd.Series: return x\n"
    assert "import pandas" not in one(lazy, "f")
    assert "import pandas" in one(lazy.partition("\n")[2], "f")


def test_follows_names_through_packages() -> None:
    files = {
        "pkg": "from .nets import *\nfrom .train import main\nfrom . import ops\n__version__ = '1'\n",
        "pkg.nets": "from . import cfg\nfrom .ops import act as _act, unused\nimport pkg.deep.leaf\n"
        "class Net:\n    size = cfg.SIZE\n    act = _act\n    leaf = pkg.deep.leaf.VALUE\ndef other(): pass\n",
        "pkg.cfg": "SIZE = 3\nLR = 1\n",
        "pkg.ops": "def act(): pass\ndef unused(): pass\n",
        "pkg.train": "import matplotlib\ndef main(): pass\n",
        "pkg.deep": "import pandas\n",
        "pkg.deep.leaf": "VALUE = 1\nOTHER = 2\n",
        "user": "from pkg import Net, main\nclass Mine(Net): pass\n",
    }
    found = reduced(files, {"user": ["Mine"]})
    assert set(found) == {"user", "pkg", "pkg.nets", "pkg.cfg", "pkg.ops", "pkg.deep", "pkg.deep.leaf"}
    assert {name: statements(text) for name, text in found.items()} == {
        "user": ["from pkg import Net", "class Mine(Net):\n    pass"],
        "pkg": ["from .nets import *"],
        "pkg.nets": [
            "from . import cfg",
            "from .ops import act as _act",
            "import pkg.deep.leaf",
            "class Net:\n    size = cfg.SIZE\n    act = _act\n    leaf = pkg.deep.leaf.VALUE",
        ],
        "pkg.cfg": ["SIZE = 3"],
        "pkg.ops": ["def act():\n    pass"],
        "pkg.deep": [],
        "pkg.deep.leaf": ["VALUE = 1"],
    }


def test_keeps_the_imports_that_fill_a_registry() -> None:
    files = {
        "pkg": "from . import plots, one, two\nfrom .registry import build\n",
        "pkg.registry": """
            KNOWN = {}
            def register(name):
                def note(cls):
                    KNOWN[name] = cls
                    return cls
                return note
            def build(name): return KNOWN[name]()
        """,
        "pkg.one": "from .registry import register\n@register('one')\nclass One: pass\n",
        "pkg.two": "from pkg import registry\nimport matplotlib\n@registry.register('two')\nclass Two: pass\n",
        "pkg.plots": "import matplotlib\ndef plot(): pass\n",
    }
    found = reduced(files, {"pkg.registry": ["build"]})
    assert set(found) == {"pkg", "pkg.registry", "pkg.one", "pkg.two"}
    assert statements(found["pkg"]) == ["from . import one, two"]
    assert statements(found["pkg.two"])[0] == "from pkg import registry"
    assert len(statements(found["pkg.two"])) == 2


def test_keeps_line_ends_coding_and_byte_order_mark() -> None:
    for text in (
        b"\xef\xbb\xbfA = 1\r\nB = 2\r\ndef f(): return B\r\n",
        "# -*- coding: latin-1 -*-\nÄ = 'ä'\nB = 2\ndef f(): return B\n".encode("latin-1"),
        b"A = 1\n\x0c\nB = 2\ndef f(): return B\n",
        b"A = 1; C = 3\rB = 2; D = 4\rdef f(): return B",
    ):
        module = Modules(lambda _, text=text: FoundName(text=text, is_package=False, is_fixed=False), lambda _: False)
        found = cut(reduce(module, {"m": ["f"]}).kept["m"])
        assert found.count(b"\n") == text.count(b"\n")
        assert found.count(b"\r") == text.count(b"\r")
        space: dict[str, object] = {}
        exec(compile(found, "m", "exec"), space)
        assert space["f"]() == 2  # type: ignore[operator]
        assert b"left out by kbundle" in found


NAMES = st.sampled_from(["a", "b", "c", "d"])
EXPRESSIONS = st.one_of(
    st.integers(0, 9).map(str),
    NAMES.map(lambda name: f"[{name}]"),
    st.tuples(NAMES, NAMES).map(lambda pair: f"({pair[0]}, {pair[1]})"),
    NAMES.map(lambda name: f"fun_{name}()"),
)
LINES = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda pair: f"log_{pair[0]}.append(repr({pair[1]}))"),
    st.tuples(NAMES, NAMES).map(lambda two: f"def fun_{two[0]}():\n    log_{two[1]}.append(1)\n    return {two[1]}"),
    st.tuples(NAMES, NAMES).map(lambda two: f"def set_{two[0]}():\n    global {two[1]}\n    {two[1]} = 'set'"),
    NAMES.map(lambda name: f"set_{name}()"),
    st.tuples(NAMES, NAMES).map(lambda pair: f"for {pair[0]} in (1, 2): log_{pair[1]}.append({pair[0]})"),
    st.tuples(NAMES, NAMES).map(lambda pair: f"if {pair[0]} != 3: {pair[1]} = ({pair[1]},)"),
    st.tuples(NAMES, NAMES).map(lambda pair: f"with_{pair[0]} = {pair[1]}; {pair[1]} = 7"),
)


@given(st.lists(LINES, max_size=12), NAMES)
def test_reduced_programs_give_the_same_values(lines: list[str], name: str) -> None:
    head = [f"{item} = 0\nlog_{item} = []\ndef fun_{item}(): return 1\ndef set_{item}(): pass" for item in "abcd"]
    text = "\n".join([*head, *lines, f"def result(): return {name}, log_{name}, fun_{name}()"])
    values = []
    for source in (text, one(text, "result")):
        space: dict[str, object] = {}
        exec(compile(source, "m", "exec"), space)
        values.append(repr(space["result"]()))  # type: ignore[operator]
    assert values[0] == values[1]
