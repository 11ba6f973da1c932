"""What cannot be extracted is refused with its place, its reason and what to do."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bundler.sources.extract import extract
from bundler.sources.live_objects import attribute_of
from tests.sources.extract.conftest import Session, again, problem


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("object()", "'thing', an object, which cannot be written as a constant"),
        ("open(__file__)", "_io.TextIOWrapper"),
        ("[object()]", "'thing', a list"),
        ("__import__('functools').partial(print, object())", "write a named function (def ...)"),
    ],
)
def test_refuses_a_value_that_is_no_constant(session: Session, value: str, words: str) -> None:
    session.script(f"thing = {value}\n\n\ndef f():\n    x = 1\n    return thing\n")
    found = problem(session["f"])
    assert found.startswith("train.py, line 6: the function f uses 'thing'")
    assert words in found
    if hasattr(session["thing"], "close"):
        session["thing"].close()


def test_refuses_all_values_at_once(session: Session) -> None:
    session.script("a = object()\nb = object()\ndef g():\n    return a\ndef f():\n    return g(), b\n")
    problems = extract([session["f"]], taken=()).problems
    assert [text.partition(", an object")[0] for text in problems] == [
        "train.py, line 6: the function f uses 'b'",
        "train.py, line 4: the function g uses 'a'",
    ]


def test_refuses_a_captured_value_by_its_name(session: Session) -> None:
    session.script("def make(table):\n    return lambda x: table[x]\nf = make({1: object()})\n")
    assert "the lambda uses 'table', a dict" in problem(session["f"])


def test_refuses_code_without_text(session: Session) -> None:
    exec("class Made:\n    def call(self):\n        return 1\n", vars(session.main))
    found = problem(session["Made"])
    assert "the class Made has no source" in found
    assert "write it as a class or def statement" in found


def test_takes_executed_text_that_linecache_has(session: Session) -> None:
    text = "class Made:\n    def call(self):\n        return 1\n"
    linecache.cache["<made>"] = (len(text), None, text.splitlines(keepends=True), "<made>")
    exec(compile(text, "<made>", "exec"), vars(session.main))
    try:
        assert b"class Made:" in extract([session["Made"]], taken=()).modules[0].text
    finally:
        del linecache.cache["<made>"]


def test_takes_the_inputs_of_a_prompt_that_keeps_them(session: Session) -> None:
    # As the REPL of Python 3.13 does; the one of 3.11 calls all its inputs <stdin> and keeps none.
    inputs = ["import math\n", "K = 2\n", "def f(x):\n    return math.floor(x) * K\n"]
    for number, text in enumerate(inputs):
        name = f"<python-input-{number}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "single"), vars(session.main))
    try:
        [module] = extract([session["f"]], taken=()).modules
    finally:
        for number in range(len(inputs)):
            del linecache.cache[f"<python-input-{number}>"]
    assert module.name == "session"
    assert "import math\n\nK = 2\n\n\ndef f(x):" in module.text.decode()


def test_refuses_a_class_that_type_made(session: Session) -> None:
    session.script("Made = type('Made', (dict,), {'call': lambda self: 1})\nBare = type('Bare', (dict,), {})\n")
    assert "the class Made has no class statement" in problem(session["Made"])
    assert "the class Bare has no class statement" in problem(session["Bare"])


@pytest.mark.parametrize(
    "edited",
    ["def f(x):\n    return x + 2\n", "\ndef f(x):\n    return x + 1\n", "def f(x):\n    return x + 1.0\n", "x = (\n"],
)
def test_refuses_a_file_that_was_edited_since(session: Session, edited: str) -> None:
    session.script("def f(x):\n    return x + 1\n")
    Path(session.main.__file__ or "").write_text(edited)
    found = problem(session["f"])
    assert "changed after it ran" in found or "no source" in found


def test_refuses_a_method_that_was_replaced_or_added(session: Session) -> None:
    session.cell("class A:\n    def call(self):\n        return 1\nclass B:\n    def call(self):\n        return 1\n")
    session.cell("def new(self):\n    return 2\nA.call = new\nB.more = new\n")
    assert "the method 'call' of the class A was replaced" in problem(session["A"])
    assert "the class B got its method 'more' after it was made" in problem(session["B"])


def test_refuses_a_class_whose_base_was_redefined(session: Session) -> None:
    session.cell("class Base:\n    def call(self):\n        return 1\n")
    session.cell("class Scale(Base):\n    def call(self):\n        return 2\n")
    session.cell("class Base:\n    def call(self):\n        return 3\n")
    assert "the class Scale was defined when 'Base' had another value; run it again" in problem(session["Scale"])


def test_refuses_magics_inside_definitions(session: Session) -> None:
    session.cell("def f():\n    get_ipython().system('ls')\n")
    assert "uses 'get_ipython' of the notebook (a magic or a shell line is one, too)" in problem(session["f"])


def test_refuses_the_place_of_the_script(session: Session) -> None:
    session.script("def f():\n    return __file__\n")
    assert "__file__" in problem(session["f"])
    for reading in ("os.path.basename(__file__), open(__file__)", "open(__file__).name"):
        session.script(f"import os\ndef f():\n    return {reading}\n")
        assert "__file__" in problem(session["f"])
    # The module that is made of it has another name, since Python has a `test`.
    session.script("import os\ndef f():\n    return os.path.basename(__file__)\n", "test.py")
    assert "__file__" in problem(session["f"])


def test_takes_the_name_of_the_script(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script(
        """
        import os
        from os.path import basename
        from pathlib import Path
        class Args:
            name = os.path.basename(__file__)[:-len(".py")]
            def more(self):
                return basename(__file__), Path(__file__).stem, Path(__file__).name
    """,
        "experiment_of_mine.py",
    )
    [args] = again(monkeypatch, session["Args"])
    assert (args.name, *args().more()) == (
        "experiment_of_mine",
        "experiment_of_mine.py",
        "experiment_of_mine",
        "experiment_of_mine.py",
    )


def test_refuses_a_closure_that_changes_what_it_captured(session: Session) -> None:
    session.script("""
        def make():
            n = 0
            def f():
                nonlocal n
                n += 1
                return n
            return f
        f = make()
    """)
    assert "train.py, line 4: the function make.<locals>.f does not stand for itself" in problem(session["f"])


def test_refuses_a_decorator_argument_that_is_gone(session: Session) -> None:
    session.script("""
        def mark(name):
            return lambda f: f
        def make(name):
            @mark(name)
            def f():
                return 1
            return f
        f = make("x")
    """)
    assert "uses 'name' of the function around it, and its value is not kept" in problem(session["f"])


def test_refuses_a_function_with_an_attribute_that_cannot_be_carried(session: Session) -> None:
    session.script("def f():\n    return f.rows\nf.rows = (row for row in [1])\n")
    assert "the function f uses 'f_rows', a generator" in problem(session["f"])


def test_writes_the_attributes_of_a_function_behind_it(session: Session) -> None:
    session.script("def f():\n    return f.rate\nf.rate = 3\n")
    [module] = extract([session["f"]], taken=()).modules
    assert module.text.endswith(b"\nf.rate = f_rate\n")
    assert b"f_rate = 3\n" in module.text


def test_messages_hold_no_path(session: Session) -> None:
    session.script("thing = object()\ndef f():\n    return thing\n")
    assert str(session.folder) not in problem(session["f"])
    assert sys.prefix not in problem(session["f"])


def test_refuses_a_replaced_method_of_a_registered_class(session: Session) -> None:
    session.cell("""
        def register_keras_serializable(package):
            return lambda cls: cls
        @register_keras_serializable("shop")
        class A:
            def call(self):
                return 1
    """)
    session.cell("def new(self):\n    return 2\nA.call = new\n")
    assert "the method 'call' of the class A was replaced" in problem(session["A"])


def test_refuses_a_name_that_means_two_things(session: Session) -> None:
    session.script("""
        def g(x):
            return x * 2
        act = lambda x, f=g: f(x)
        def g(x):
            return x * 3
    """)
    [found] = extract([session["g"], session["act"]], taken=()).problems
    assert "'g' means two things" in found


@pytest.mark.parametrize(
    "text",
    [
        "made = []\nfor k in range(2):\n    class f:\n        s = -k\n        def g(self):\n            return self.s\n"
        "    made.append(f)",
        "k = 1\nclass f:\n    def g(self, s=k * 2):\n        return s\nk = 2\nmade = [f]",
    ],
    ids=["class body", "method"],
)
def test_refuses_what_was_defined_when_a_name_had_another_value(session: Session, text: str) -> None:
    session.script(text)
    found = problem(session["made"][0])
    assert "f was defined when 'k' had another value; run it again" in found


def test_takes_defaults_of_names_that_are_still_the_same(session: Session) -> None:
    session.script("""
        k, j = 2, 3
        class f:
            s = k * 4
            __hidden = k + 4
            total = 0
            def g(self, t=k + j, u=k):
                return self.s + t + u
            def count(self):
                self.total += k
    """)
    session["f"].total = 7
    assert extract([session["f"]], taken=()).problems == ()


@pytest.mark.parametrize("call", ["collections.namedtuple('P', k)", "typing.TypeVar(k)"])
def test_refuses_what_was_made_of_a_name_that_changed_since(session: Session, call: str) -> None:
    head = f"import collections, logging, re, typing\nk = 'a'\nmade = {call}\n"
    tail = "def f(x):\n    return made\n"
    assert extract([session.script(head + tail)["f"]], taken=()).problems == ()
    assert problem(session.script(head + "k = 'b'\n" + tail, "later.py")["f"])


def test_refuses_a_global_that_a_function_changes_where_it_would_be_a_copy(session: Session) -> None:
    session.script("""
        n = 0
        def bump():
            global n
            n += 1
        def make(k):
            def inner(x):
                bump()
                return n + k
            return inner
        made = [make(10), make(20)]
    """)
    # Beside the global itself it stays one.
    assert extract(session["made"][:1], taken=()).problems == ()
    [found] = extract(session["made"], taken=()).problems
    assert "the function make.<locals>.inner uses the global 'n', which a function changes" in found


def test_what_a_lazy_module_raises_is_no_answer(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise AttributeError(name) if name.startswith("__") else ImportError(f"install {name} first")

    lazy = ModuleType("lazy")
    lazy.__dict__.update(__all__=[], __getattr__=fail)
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    session.script("""
        import lazy
        from lazy import *
        globals()["k"] = 3
        g = None
        if False:
            g = lazy.missing
        def f(x):
            return x + k, g
        class Moved:
            pass
        Moved.__module__ = "lazy"
    """)
    assert extract([session["f"]], taken=()).problems == ()
    assert attribute_of(lazy, session["Moved"]) is None
