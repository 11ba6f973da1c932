"""Lambdas, closures and classes made inside functions: each becomes a definition at the top level of a module."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from bundler.sources.extract import extract, needs_extracting
from tests.sources.extract.conftest import Session, again, extracted, text_of


def test_a_lambda_becomes_a_function_named_for_its_use(session: Session) -> None:
    session.script("""
        import math
        def Layer(function, name=None, **more):
            return function
        SCALE = 2
        double = lambda x: x * SCALE
        a = Layer(lambda x, *, up=1: math.floor(x) + up, name="Round down")
        b = Layer(None, activation=lambda x: x) or 0
        c = Layer(activation=lambda x: -x, function=None, loss={"first": lambda y, p: y - p})
        d = dict(activation=lambda x: x or 0, loss={"first": lambda y, p: y - p, "class": lambda: 0})
        e = Layer(lambda x: (x,
                             # why
                             x + 1))
    """)
    d = session["d"]
    text = text_of(
        session["double"], session["a"], d["activation"], d["loss"]["first"], d["loss"]["class"], session["e"]
    )
    assert text == dedent('''\
        """What the model needs of the script train that made it."""

        import math

        SCALE = 2


        def double(x):
            return x * SCALE


        def round_down(x, *, up=1):
            return math.floor(x) + up


        def activation(x):
            return x or 0


        def loss_first(y, p):
            return y - p


        def loss_class():
            return 0


        def layer_function(x):
            return (
                (x,
                # why
                x + 1)
            )
    ''')


def test_lambdas_of_one_line_are_told_apart(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        fs = [lambda x: x + 1, lambda x: x - 1, lambda x: lambda y: x * y, (lambda: 1), (lambda: 2), lambda x: x]
        inner = fs[2](3)
    """)
    *fs, inner = again(monkeypatch, *session["fs"], session["inner"])
    assert [f(5) for f in fs[:2]] == [6, 4]
    assert fs[2](2)(4) == 8
    assert (fs[3](), fs[4](), fs[5](7)) == (1, 2, 7)
    assert inner(4) == 12


def test_defaults_have_the_values_of_the_function_itself(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        fs = []
        for i in range(3):
            fs.append(lambda x, k=i, *, table={"a": i}, f=abs: f(x) + k + table["a"])
        def power(n):
            def f(x, n=n, *, start=[n]):
                return x ** n + start[0]
            return f
        g = power(3)
    """)
    first, last, g = again(monkeypatch, session["fs"][0], session["fs"][2], session["g"])
    assert (first(-1), last(-1)) == (1, 5)
    assert g(2) == 11


def test_closures_carry_plain_values_and_follow_the_rest(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import math
        def helper(x):
            return x + 1
        class Base:
            def call(self, x):
                return x
        def make(scale, base, f, library):
            offset = scale * 2
            def inner(x):
                return f(x) * scale + library.floor(0.5) + offset
            class Local(base):
                factor = scale
                def call(self, x):
                    return super().call(inner(x)) * self.factor
            def count(n):
                return n if n == 0 else count(n - 1) + scale
            return Local, inner, count, lambda x: inner(x) - offset
        made = make(3, Base, helper, math)
        other = make(5, Base, helper, math)
    """)
    results = [f(2) for f in session["made"][1:] + session["other"][1:]]
    objects = session["made"] + session["other"]
    found = extracted(*objects)
    assert [module.name for module in found.modules] == ["train", "train_2"]
    copies = again(monkeypatch, *objects)
    assert [f(2) for f in [*copies[1:4], *copies[5:]]] == results
    assert (copies[0]().call(1), copies[4]().call(1)) == (36, 100)
    assert copies[0].__name__ == copies[4].__name__ == "Local"
    assert copies[0].__mro__[1] is copies[4].__mro__[1]


def test_code_inside_functions_of_a_module_imports_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "liftpkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "near.py").write_text("LIMIT = 7\ndef near(x):\n    return x + LIMIT\n")
    (package / "mod.py").write_text(
        dedent("""
        from __future__ import annotations
        import math as m
        from .near import near
        from . import near as module
        TABLE = {object(): 1}
        def helper(x):
            return len(TABLE) + x
        def make(k):
            class Local:
                '''Local.'''
                def call(self, x: int) -> int:
                    # A comment.
                    from .near import (LIMIT,
                                       near as close)
                    from . import near as again
                    text = '''kept
          here'''
                    return helper(near(x)) * k + m.floor(1.5) + module.LIMIT
            return Local
        def second():
            class Local:
                def call(self, x):
                    return x
            return Local
        apply = lambda x: helper(x)
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import liftpkg.mod as mod  # type: ignore[import-not-found]

    first, second = mod.make(2), mod.second()
    found = extracted(first, second, mod.apply)
    assert [module.name for module in found.modules] == ["liftpkg_mod_locals", "liftpkg_mod_locals_2"]
    assert found.modules[0].text.decode() == dedent('''\
        """What the model needs of the functions of liftpkg.mod."""

        from __future__ import annotations

        import math as m
        from liftpkg.near import near
        from liftpkg import near as module
        from liftpkg.mod import helper

        k = 2


        class Local:
            """Local."""
            def call(self, x: int) -> int:
                # A comment.
                from liftpkg.near import (LIMIT,
                                   near as close)
                from liftpkg import near as again
                text = """kept
          here"""
                return helper(near(x)) * k + m.floor(1.5) + module.LIMIT


        def apply(x):
            return helper(x)
    ''').replace('"""Local."""', "'''Local.'''").replace('"""kept', "'''kept").replace('here"""', "here'''")
    one, two = again(monkeypatch, first, second)
    assert one().call(1) == first().call(1)
    assert two().call(1) == 1
    for name in [name for name in sys.modules if name.startswith("liftpkg")]:
        del sys.modules[name]


def test_who_needs_extracting(session: Session) -> None:
    session.script("""
        class A:
            pass
        def f():
            pass
        def make():
            class B:
                pass
            return B
        B = make()
    """)
    assert all(needs_extracting(session[name]) for name in "AfB")
    assert needs_extracting(lambda: None)
    assert not needs_extracting(Path)
    assert not needs_extracting(dedent)


def test_the_same_objects_give_the_same_text(session: Session) -> None:
    session.script("""
        def make(k):
            return lambda x: x + k
        fs = [make(i) for i in range(4)]
    """)
    first, second = extract(session["fs"], taken=()), extract(session["fs"], taken=())
    assert first.modules == second.modules
    assert len(first.modules) == 4


def test_lambdas_of_every_form(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        from functools import reduce
        fs = [
            lambda x: (y := x + 1),
            lambda x: (yield x),
            lambda *xs, **more: (*xs, *more),
            lambda x, /, y=1, *, z: x if y else z,
            lambda x: f"{x!r:>4}" + '''a
          b''',
            lambda x: (
                # why
                x
                + 1),
            lambda xs: reduce(lambda a, b: a + b, (x for x in xs)),
        ]
        many = [lambda x: x * i for i in range(3)]
        def pair(k):
            def even(n):
                return k if n == 0 else odd(n - 1)
            def odd(n):
                return -k if n == 0 else even(n - 1)
            return even, odd
        even, odd = pair(9)
    """)
    objects = [*session["fs"], *session["many"][:2], session["even"]]
    a, b, c, d, e, f, g, h, i, even = again(monkeypatch, *objects)
    assert (a(1), list(b(2)), c(1, 2, k=3), d(1, z=2), f(1)) == (2, [2], (1, 2, "k"), 1, 2)
    assert e(1) == session["fs"][4](1)
    assert (g([1, 2, 3]), h(2), i(2)) == (6, 4, 4)
    assert (even(2), even(3)) == (9, -9)


def test_lambdas_of_a_loop_read_the_variable_as_it_ended(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        fs = []
        for i in range(3):
            fs.append(lambda x: x + i)
        def make():
            gs = []
            for j in range(3):
                gs.append(lambda x: x + j)
            return gs
        gs = make()
    """)
    f, g = again(monkeypatch, session["fs"][0], session["gs"][0])
    assert f(1) == g(1) == 3


def test_what_one_closure_captured_is_never_another_ones(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        def inner(k):
            def a(x):
                return x * k
            return a
        def outer(k, a):
            def f(x):
                return a(x) + k
            return f
        made = [outer(5, inner(7))]
    """)
    [f] = again(monkeypatch, *session["made"])
    assert f(1) == 12


def test_captured_values_that_change_are_shared_only_where_they_were(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.script("""
        def make():
            seen = []
            def first(x):
                seen.append(x)
                return len(seen)
            def second():
                return len(seen)
            return first, second
        def other():
            seen = []
            def third(x):
                seen.append(x)
                return len(seen)
            return third
        made = [*make(), other()]
    """)
    first, second, third = again(monkeypatch, *session["made"])
    assert (first(1), second(), third(1), first(1), second()) == (1, 1, 1, 2, 2)


@pytest.mark.parametrize("order", [1, -1])
def test_a_captured_name_hides_no_builtin_from_others(
    session: Session, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    session.script("""
        def scaled(max):
            return lambda x: x * max
        def clipped():
            return lambda x: max(x, 0)
        def called_like_a_builtin():
            def max(x):
                return x * 4
            return max
        def named(x):
            return max(x, 0)
        made = [scaled(3), clipped(), named, called_like_a_builtin()]
    """)
    copies = again(monkeypatch, *session["made"][::order])
    assert [f(2) for f in copies[::order]] == [6, 2, 2, 8]


def test_a_default_of_a_lambda_does_not_change_the_global_that_it_came_from(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.script("""
        fs = []
        for k in range(1, 4):
            fs.append(lambda x, s=k: x * s + k)
    """)
    assert [f(10) for f in again(monkeypatch, *session["fs"])] == [13, 23, 33]
