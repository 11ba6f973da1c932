"""Functions that nothing would hold while they run are closed in the text, and the rest of the bundle loads."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.audit.finding import Held, Severity
from bundler.audit.source import SourceText, source_findings
from bundler.audit.source.closed_functions import CLOSED, close_source

MODULE = '''import os


def kept(x):
    return x + 1


def download(url, name):
    """Fetch it."""
    # The name is the caller's.
    text = url.format(name)
    return text


class A:
    @property
    def globals_of(self): return self.f.__globals__

    async def deep(self):
        @property
        def inner(g=(lambda: 0).__globals__):
            return 1

        return inner
'''
#: Nothing here is in the body of a function, or can be cut out of one.
AT_THE_TOP = {
    "statement": "x = (lambda: 0).__globals__",
    "default": "def f(x=(lambda: 0).__globals__): return x",
    "decorator": "@(lambda: 0).__globals__\ndef f(x): return x",
    "class-body": "class A:\n    x = (lambda: 0).__globals__",
    "hidden-text": "def f(x):\n    return x  # \u200b",
    "lambda": "f = lambda g: g.__globals__",
    "carriage-return": "def f(g):\r    return g.__globals__",
    "nonlocal": "def f(g):\n    def h():\n        nonlocal x\n        return 1\n    x = 1\n    return lambda: h\n\ny = f.__globals__",
}


def _closing(text: str | bytes, accepted: tuple[str, ...] = ()) -> tuple[list[tuple[int | None, Held]], str]:
    data = text.encode() if isinstance(text, str) else text
    source = SourceText(name="m", member="code/m.py", text=data, package=False)
    found = close_source([source], {}, accepted)
    asked = [(item.line, item.held) for item in found.findings if item.severity is Severity.CONSENT]
    return asked, found.texts.get("code/m.py", data).decode()


def test_closes_the_function_and_keeps_lines_signature_and_docstring() -> None:
    asked, text = _closing(MODULE)
    assert {held for line, held in asked if line in (11, 17, 21)} == {Held.USE}
    before, after = MODULE.split("\n"), text.split("\n")
    assert len(after) == len(before)
    kept = [number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old == new]
    assert set(range(1, 11)) <= set(kept)
    assert [number for number, line in enumerate(after, 1) if CLOSED in line] == [11, 17, 20]
    functions = {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert ast.get_docstring(functions["download"]) == "Fetch it."
    assert ast.unparse(functions["kept"].body[0]) == "return x + 1"


def test_says_which_capability_a_closed_function_asks_for() -> None:
    text = _closing("def f(m, g):\n    g(m.save)\n    return m.__globals__\n")[1]
    assert f"raise {CLOSED}('filesystem reflection', 'calls f(), which is closed:" in text


def test_leaves_open_what_was_accepted() -> None:
    assert _closing(MODULE, ("reflection",))[1] == MODULE


@pytest.mark.parametrize("name", AT_THE_TOP)
def test_refuses_at_load_what_is_in_no_body(name: str) -> None:
    assert Held.LOAD in {held for _, held in _closing(AT_THE_TOP[name])[0]}


def test_closes_the_function_around_a_default_that_cannot_be_held() -> None:
    asked, text = _closing("def f():\n    def g(x=(lambda: 0).__globals__):\n        return x\n    return g\n")
    assert {held for _, held in asked} == {Held.USE}
    assert text.startswith("def f():\n    raise ")


_PIECES = st.sampled_from(
    [
        "x = 1",
        "def a(g): return g.__globals__",
        "def b(g):\n    '''Doc.'''\n    h = g.__globals__\n\n    return h",
        "class C:\n    @staticmethod\n    def c(m, g):\n        if g:\n            g(m.save)\n        return 'é'",
        "def d(u, n):\n    '''é'''; return u.format(n)",
        "def e(f):\n    @f\n    def g(x): return x.__globals__\n    return g",
        "async def i(f):\n    with f as g:\n        return g.__globals__ ; x = 1  # é",
    ]
)


@given(st.lists(_PIECES, min_size=1, max_size=6))
def test_a_closed_text_parses_and_holds_nothing_at_load(pieces: list[str]) -> None:
    text = "\n".join(pieces) + "\n"
    asked, closed = _closing(text)
    assert {held for _, held in asked} <= {Held.USE}
    assert closed.count("\n") == text.count("\n")
    again = SourceText(name="m", member="code/m.py", text=closed.encode(), package=False)
    assert all(item.held is Held.USE for item in source_findings([again], {}) if item.severity is Severity.CONSENT)


RECORDS = """def record(cls):
    init = cls.__init__

    def kept(self, *args):
        init(self, *args)
        self.args = args

    cls.__init__ = kept
    cls.get_config = lambda self: {
        "args": self.args,
    }
    return cls
"""


def test_asks_about_the_class_of_a_decorator_when_it_runs() -> None:
    asked, text = _closing(RECORDS)
    assert {held for _, held in asked} == {Held.USE}
    assert CLOSED not in text
    lines = text.split("\n")
    assert lines[1] == '    init = getattr(cls, "__init__")'
    assert lines[8:11] == ['    __store__(cls, "get_config", lambda self: {', '        "args": self.args,', "    })"]
    assert len(lines) == len(RECORDS.split("\n"))


@pytest.mark.parametrize(
    "line",
    ["a.b.get_config = f", "a.get_config = b.get_config = f", "a.get_config = (f)", "a.get_config: object = f"],
)
def test_closes_the_function_where_a_store_is_not_plain(line: str) -> None:
    asked, text = _closing(f"def g(a, b, f):\n    {line}\n")
    assert {held for _, held in asked} == {Held.USE}
    assert CLOSED in text


@pytest.mark.parametrize("line", ["importlib.import_module(name)", "importlib.import_module('.a', __package__).f"])
def test_leaves_imports_by_a_computed_name_to_the_guard(line: str) -> None:
    asked, text = _closing(f"import importlib\ndef g(name):\n    return {line}\n")
    assert {held for _, held in asked} == {Held.USE}
    assert CLOSED not in text


def test_hands_nothing_else_of_the_line_to_the_guard() -> None:
    _, text = _closing(
        "class A:\n    def f(self, cls, f):\n        self.made = cls.__init__; cls.get_config = f; self.x = f\n"
    )
    assert text.endswith('self.made = getattr(cls, "__init__"); __store__(cls, "get_config", f); self.x = f\n')


def test_is_silent_about_escapes_that_are_none() -> None:
    # Python 3.12 and later print a warning for each time that such a text is parsed; here a warning is an error.
    text = MODULE.replace("return x + 1", r'return x + len("\d")') + "\n\n" + r"""x: "y['\\d']" = 1""" + "\n"
    asked, closed = _closing(text)
    assert CLOSED in closed
    assert all(held is Held.USE for _, held in asked)
