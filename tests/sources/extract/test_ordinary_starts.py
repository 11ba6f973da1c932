"""Ordinary ways to import, to read settings and to start a program, in what scripts define."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bundler.sources.extract import extract
from tests.sources.extract.conftest import Session, again, problem, text_of


class Lazy(ModuleType):
    """A module that imports another one when it is first used, as ``tf.keras`` is."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[self.__name__], name)


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a package ``engine`` whose attribute ``nets`` was a lazy module and is the module by now."""
    engine, nets = ModuleType("engine"), ModuleType("engine_nets")
    nets.__dict__["size"] = 3
    engine.__dict__["nets"] = nets
    monkeypatch.setitem(sys.modules, "engine", engine)
    monkeypatch.setitem(sys.modules, "engine_nets", nets)
    return engine


@pytest.mark.parametrize("statement", ["from engine import nets", "nets = engine.nets"])
def test_takes_a_lazy_module_for_the_one_it_stands_for(session: Session, framework: ModuleType, statement: str) -> None:
    awake = framework.__dict__["nets"]
    framework.__dict__["nets"] = Lazy("engine_nets")
    session.script(f"import engine\n{statement}\ndef f():\n    return nets.size\n")
    framework.__dict__["nets"] = awake
    assert statement in text_of(session["f"])


def test_takes_one_file_that_ran_twice_for_one_module(session: Session, framework: ModuleType) -> None:
    session.script("from engine import nets\ndef f():\n    return nets.size\n")
    twice = ModuleType("engine.nets")
    for module in (framework.__dict__["nets"], twice):
        module.__dict__.update(size=3, __file__="/engine/nets.py")
    framework.__dict__["nets"] = twice
    assert "from engine import nets" in text_of(session["f"])
    twice.__dict__["more"] = 1
    assert "from engine import nets" not in text_of(session["f"])


def test_carries_the_default_that_a_loop_gave(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        gates = []
        for i, rate in enumerate([0.5, 0.25]):
            def gate(x, rate=rate, *, shift=(rate + 1,
                                             i)):
                return x * rate, shift
            gates.append(gate)
        i = rate = None
    """)
    first, second = again(monkeypatch, *session["gates"])
    assert first(2) == (1.0, (1.5, 0))
    assert second(2) == (0.5, (1.25, 1))


def test_carries_a_default_that_was_changed_since(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.cell("K = 1\ndef f(x=K):\n    return x\n")
    session.cell("K = 2\n")
    assert again(monkeypatch, session["f"])[0]() == 1


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("def make(k):\n    def f(x, s=k):\n        return x * s + k\n    k = 2\n    return f\nmade = [make(1)]", 5),
        ("made = []\nfor k in range(2):\n    def f(x, s=k):\n        return x * s + k\n    made.append(f)", 1),
        ("made = []\nfor k in range(2):\n    def f(x, s=k + 1):\n        return x * s\n    made.append(f)", 3),
        ("k = 1\ndef f(x, *, s=(k, 2)):\n    return s\nk = 2\nmade = [f]", (1, 2)),
    ],
    ids=["captured", "global", "computed", "keyword"],
)
def test_carries_defaults_of_names_with_other_values_by_now(
    session: Session, monkeypatch: pytest.MonkeyPatch, text: str, result: object
) -> None:
    session.script(text)
    assert again(monkeypatch, session["made"][0])[0](3) == result


def test_leaves_a_default_that_its_name_still_gives(session: Session) -> None:
    session.script("K = 1\ndef f(x=K):\n    return x\n")
    assert "def f(x=K):" in text_of(session["f"])


FLAGS = """
    from absl import flags
    FLAGS = flags.FlagValues()
    flags.DEFINE_float("alpha", 0.2, "slope", flag_values=FLAGS)
    flags.DEFINE_string("out", None, "a path", flag_values=FLAGS)
    BETA = flags.DEFINE_integer("beta", 1, "width", flag_values=FLAGS)
    FLAGS(["train.py", "--alpha=0.35", "--out=/home/me/out", "--beta=7"])
"""


def test_carries_the_flags_that_definitions_read(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script(
        FLAGS + "\n    def f():\n        return FLAGS.alpha + g()\n    def g():\n        return BETA.value\n"
    )
    text = text_of(session["f"])
    assert "FLAGS.alpha = 0.35" in text
    assert "absl" not in text
    assert "/home/me" not in text
    assert again(monkeypatch, session["f"])[0]() == 7.35


def test_refuses_flags_that_are_handed_on(session: Session) -> None:
    session.script(FLAGS + "\n    def f():\n        return dict(FLAGS)\n")
    assert "hands on 'FLAGS', the flags of this run; read them one by one" in problem(session["f"])


def test_extracts_what_runpy_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text(
        "K = 2\ndef helper(x):\n    return x * K\nclass Own:\n    def call(self, x):\n        return helper(x)\n"
    )
    own = runpy.run_path(str(tmp_path / "train.py"))["Own"]
    text = text_of(own)
    assert "def helper(x):" in text
    assert again(monkeypatch, own)[0]().call(3) == 6
    assert extract([own], taken=()).problems == ()


def test_extracts_what_a_spawned_process_calls_its_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.py").write_text(
        "import sys\nTOP = [1]\nK = 2\nclass Own:\n    def call(self, x):\n        return x * K\n"
    )
    main = ModuleType("__mp_main__")
    vars(main).update(runpy.run_path(str(tmp_path / "train.py"), run_name="__mp_main__"))
    monkeypatch.setitem(sys.modules, "__mp_main__", main)
    monkeypatch.setitem(sys.modules, "__main__", main)
    text = text_of(vars(main)["Own"])
    assert "TOP" not in text
    assert again(monkeypatch, vars(main)["Own"])[0]().call(3) == 6
