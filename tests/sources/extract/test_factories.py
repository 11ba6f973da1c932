"""Classes and functions that a factory made, renamed, and changed: their statement where it is all, else the call."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from bundler.sources.extract import extract, needs_extracting
from tests.sources.extract.conftest import Session, again, extracted, text_of

REGISTRY = """
    import functools
    TABLE = {}
    class Base:
        pass
    def register(name):
        def deco(cls):
            cls.short_name = name
            TABLE[name] = cls
            return cls
        return deco
    def recorded(cls):
        init = cls.__init__
        @functools.wraps(init)
        def wrapped(self, *args, **kwargs):
            init(self, *args, **kwargs)
            self.given = (args, kwargs)
        def get_config(self):
            return self.given
        cls.__init__ = wrapped
        cls.get_config = get_config
        return cls
    def residual(call):
        @functools.wraps(call)
        def wrapper(self, x):
            return x + call(self, x)
        return wrapper
"""


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Return what writes and imports the module ``liftzoo.factory``, beside a registry."""
    package = tmp_path / "liftzoo"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "registry.py").write_text(dedent(REGISTRY))
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> Any:
        head = "from .registry import TABLE, Base, recorded, register, residual\n"
        (package / "factory.py").write_text(head + dedent(text))
        return importlib.import_module("liftzoo.factory")

    yield write
    for name in [name for name in sys.modules if name.startswith("liftzoo")]:
        del sys.modules[name]


def problem(obj: Any) -> str:
    [found] = extract([obj], taken=()).problems
    return found


CHANGED = """
    def make(kind, up=2, unused=None):
        if kind in TABLE:
            return TABLE[kind]
        class Block(Base):
            def __init__(self, start=1):
                self.start = start
            @residual
            def call(self, x):
                return x * up + (self.start if kind == "mixer" else 0)
        Block.__name__ = kind.capitalize() + "Block"
        Block.__qualname__ = Block.__name__
        return register(kind)(recorded(Block))
"""


def test_calls_the_factory_again_that_changed_its_class(
    zoo: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = zoo(CHANGED)
    first, second = factory.make("mixer", up=3), factory.make("gated")
    assert needs_extracting(first)
    text = text_of(first, second)
    assert 'MixerBlock = make(kind="mixer", up=3)' in text
    assert 'GatedBlock = make(kind="gated", up=2)' in text
    factory.TABLE.clear()
    for was, now in zip((first, second), again(monkeypatch, first, second), strict=True):
        assert now is not was
        assert (now.__name__, now.short_name, vars(now).keys()) == (was.__name__, was.short_name, vars(was).keys())
        assert now(4).call(5) == was(4).call(5)
        assert now(4).get_config() == ((4,), {})
        assert now.__module__ == "liftzoo_factory_locals"


def test_extracts_a_renamed_class_whose_statement_is_all(
    zoo: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = zoo("""
        def make(k, *mixins):
            bases = [*mixins, Base]
            class Block(*bases):
                @residual
                def call(self, x):
                    return x * k
            Block.__name__ = f"Block{k}"
            Block.__qualname__ = Block.__name__
            return Block
    """)
    classes = [factory.make(2), factory.make(3)]
    assert [module.name for module in extracted(*classes).modules] == [
        "liftzoo_factory_locals",
        "liftzoo_factory_locals_2",
    ]
    for k, now in zip((2, 3), again(monkeypatch, *classes), strict=True):
        assert (now.__name__, now.__qualname__) == (f"Block{k}", f"Block{k}")
        assert now().call(5) == 5 + 5 * k
        assert issubclass(now, factory.Base)


def test_reads_arguments_off_the_class_itself(zoo: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    factory = zoo("""
        def scale(x):
            return x * 2
        def make(name, base, function, rate=0.1, /, *, sizes=(1,)):
            class Block(base):
                drop = rate
                def call(self, x):
                    return [function(x) * size for size in sizes]
            Block.__name__ = name
            Block.__qualname__ = name
            return register("x")(Block)
        def typed(name, base, k):
            return type(name, (base,), {"call": lambda self, x: x * k})
    """)
    made = factory.make("Fine", factory.Base, factory.scale, 0.3, sizes=[2, 3])
    typed = factory.typed("Coarse", factory.Base, 4)
    text = text_of(made)
    assert 'Fine = make("Fine", base, function, 0.3, sizes=[2, 3])' in text
    one, two = again(monkeypatch, made, typed)
    assert (one.__name__, one.drop, one().call(1)) == ("Fine", 0.3, [4, 6])
    assert (two.__name__, two().call(2)) == ("Coarse", 8)
    assert issubclass(one, factory.Base)
    assert issubclass(two, factory.Base)


def test_takes_a_class_from_the_table_that_the_import_fills(zoo: Callable[[str], Any]) -> None:
    factory = zoo("""
        def make(size):
            size = size or 1
            class Head(Base):
                def call(self, x):
                    return x * size
            return recorded(Head)
        HEADS = {n: make(n) for n in (1, 2)}
        later = {}
    """)
    assert "Head = HEADS[2]" in text_of(factory.HEADS[2])
    factory.later["x"] = factory.make(3)
    assert "factory.py, line 3: make made the class make.<locals>.Head" in problem(factory.later["x"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def make(k):\n    k = k + 1\n", "make changes its argument 'k'"),
        ("def make(k, r=1):\n    print(r)\n", "make leaves no trace of its argument 'r'"),
        ("def make(k, *more):\n    print(more)\n", "make takes its argument 'more'"),
    ],
)
def test_refuses_a_changed_class_whose_call_is_not_known(zoo: Callable[[str], Any], text: str, words: str) -> None:
    body = "    class Block(Base):\n        def call(self, x):\n            return x * k\n    return recorded(Block)\n"
    factory = zoo(dedent(text) + body)
    found = problem(factory.make(1))
    assert words in found
    assert "Block = make(...)" in found


def test_refuses_what_others_than_the_factory_added(zoo: Callable[[str], Any]) -> None:
    factory = zoo(CHANGED)
    made = factory.make("mixer")
    made.extra = 1
    assert "was given 'extra' by others than make" in problem(made)
    del made.extra
    made.call = lambda self, x: 0
    assert "was given 'call' by others than make" in problem(made)


def test_takes_no_class_for_the_one_whose_methods_it_has(
    zoo: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = zoo("""
        def make(k):
            class One(Base):
                def call(self, x):
                    return x * k
            def two():
                class Two(Base):
                    call = One.call
                return Two
            return two()
    """)
    [two] = again(monkeypatch, factory.make(2))
    assert (two.__name__, two().call(3)) == ("Two", 6)


def test_a_class_by_a_name_of_its_module_stays_there(zoo: Callable[[str], Any]) -> None:
    factory = zoo(
        CHANGED + '    Mixer = make("mixer")\n    Pool = type("Pool", (Base,), {"call": lambda self, x: x})\n'
    )
    assert not needs_extracting(factory.Mixer)
    assert not needs_extracting(factory.Pool)


def test_refuses_a_changed_class_that_a_table_of_the_script_has(session: Session) -> None:
    text = dedent(REGISTRY) + dedent(CHANGED) + "\nMixer = make('mixer')\n"
    found = problem(session.script(text)["Mixer"])
    assert "make made the class MixerBlock and keeps it in 'TABLE'" in found
    assert "move make and TABLE to a module" in found
