"""The source that travels is the code that ran: a text that changed after its import is found, and nothing else is."""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bundler.sources.closure import ClosedModule
from bundler.sources.ran import changed_since_import
from tests.sources.trees import tree

BASE = """\
import functools

SIZE = 3

def loss(y, p, scale=1.0, *, power=2):
    return (y - p) ** 2 * 0.5 * scale

def make(size):
    def inner(x):
        return x * 2
    return inner

class Layer:
    rate = 0.1

    def __init__(self, units=4):
        self.units = units

    def call(self, x):
        if x > 1.0:
            return x
        return x * self.units

    @staticmethod
    def fixed(x):
        return x + 10

    @classmethod
    def made(cls):
        return cls(5)

    @property
    def width(self):
        return self.units + 20

    @width.setter
    def width(self, value):
        self.units = value + 30

    @functools.cached_property
    def depth(self):
        return self.units + 40

first, second = lambda x: x + 50, lambda x: x + 60
kinds = {"a", "b", "c", "d"}

def is_kind(x):
    return x in {"a", "b", "c", "d", "e"}
"""


@dataclass
class Lab:
    """A folder of modules that are imported, and then perhaps edited."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        file = self.folder / f"{name.replace('.', '/')}.py"
        tree(self.folder, {str(file.relative_to(self.folder)): text})
        importlib.invalidate_caches()
        return file

    def load(self, name: str, text: str) -> ModuleType:
        self.write(name, text)
        return importlib.import_module(name)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / f"{name.replace('.', '/')}.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def packed(self, name: str, file: Path | None = None) -> ClosedModule:
        file = file or self.folder / f"{name.replace('.', '/')}.py"
        text = file.read_bytes()
        return ClosedModule(name=name, text=text, is_package=False, member="", display=file.name, reason="")

    def changed(self, *names: str, live: tuple[Any, ...] = ()) -> list[str]:
        classes = [item for item in live if isinstance(item, type)]
        functions = [item for item in live if isinstance(item, types.FunctionType)]
        found = changed_since_import([self.packed(name) for name in names], classes, functions)
        return [f"{item.file}:{item.line}: {item.qualname}" for item in found]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    before = set(sys.modules)
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Lab(folder)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("* 0.5", "* 0.25", ["m.py:5: loss"]),
        ("* 0.5", "/ 0.5", ["m.py:5: loss"]),
        ("p) ** 2 ", "p) ** 2.0 ", ["m.py:5: loss"]),
        ("(y, p, scale", "(y, q, scale", ["m.py:5: loss"]),
        ("scale=1.0", "scale=2.0", ["m.py:5: loss"]),
        ("scale=1.0", "scale=1", ["m.py:5: loss"]),
        ("scale=1.0", "scale", ["m.py:5: loss"]),
        ("power=2", "power=3", ["m.py:5: loss"]),
        ("return x * 2", "return x * 3", ["m.py:8: make", "m.py:9: make.<locals>.inner"]),
        ("units=4", "units=5", ["m.py:16: Layer.__init__"]),
        ("x > 1.0", "x > True", ["m.py:19: Layer.call"]),
        ("def call", "def run", ["m.py:13: Layer.call", "m.py:19: Layer.run"]),
        ("x + 10", "x - 10", ["m.py:25: Layer.fixed"]),
        ("cls(5)", "cls(6)", ["m.py:29: Layer.made"]),
        ("+ 20", "+ 21", ["m.py:33: Layer.width"]),
        ("+ 30", "+ 31", ["m.py:33: Layer.width"]),
        ("+ 40", "+ 41", ["m.py:41: Layer.depth"]),
        ("+ 60", "+ 61", ["m.py:44: <lambda>"]),
        ('"d", "e"}', '"d", "f"}', ["m.py:47: is_kind"]),
        ("    rate = 0.1\n", "    def extra(self):\n        pass\n", ["m.py:14: Layer.extra"]),
    ],
)
def test_refuses_module_edited_after_its_import(lab: Lab, old: str, new: str, found: list[str]) -> None:
    module = lab.load("m", BASE)
    kept = module.make(3)
    assert lab.changed("m", live=(kept,)) == []
    lab.edit("m", old, new)
    assert lab.changed("m", live=(kept,)) == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def loss", "# what it costs\n\ndef loss"),
        ("    def call", "    # runs\n\n    def call"),
        ("        if x", "        # why\n\n        if x"),
        ("x * self.units", "x * self.units  # the last line"),
        ('{"a", "b", "c", "d", "e"}', '{"e", "d", "c", "b", "a"}'),
        ("SIZE = 3", "SIZE = 3\n\ndef unused():\n    return 1"),
    ],
)
def test_accepts_edits_that_change_no_code_that_ran(lab: Lab, old: str, new: str) -> None:
    lab.load("m", BASE)
    lab.edit("m", old, new)
    assert lab.changed("m") == []


def test_a_method_that_a_class_without_methods_gets_is_refused(lab: Lab) -> None:
    lab.load("m", "class A(dict):\n    pass\n")
    lab.edit("m", "    pass", "    def get(self, key):\n        return 1")
    assert lab.changed("m") == ["m.py:2: A.get"]


def test_lists_every_change_of_every_module(lab: Lab) -> None:
    lab.load("m", BASE)
    lab.load("n", "import m\n\ndef f(x):\n    return x + 1\n\ndef g(x):\n    return x + 2\n")
    lab.edit("m", "* 0.5", "* 0.25")
    lab.edit("n", "x + 1", "x - 1")
    lab.edit("n", "x + 2", "x - 2")
    assert lab.changed("m", "n") == ["m.py:5: loss", "n.py:3: f", "n.py:6: g"]


def test_an_edit_that_keeps_size_and_time_is_seen(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = lab.write("m", BASE)
    importlib.import_module("m")
    before = file.stat()
    lab.edit("m", "* 0.5", "* 0.7")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    [found] = changed_since_import([lab.packed("m")], (), ())
    # A fresh process would take the old bytecode: a restart alone is not a remedy, and the message knows.
    assert "remove that file" in found.how
    assert "m.cpython-" in found.how


def test_bytecode_of_another_compiler_for_this_text_is_no_change(lab: Lab) -> None:
    file = lab.write("m", "def f():\n    return 1\n")
    cached = Path(importlib.util.cache_from_source(str(file)))
    cached.parent.mkdir()
    # As another release of this Python could have made it: other code, the right text.
    code = importlib.machinery.SourceFileLoader("m", str(file)).source_to_code(b"def f():\n    return 2\n", str(file))
    module = importlib.import_module("importlib._bootstrap_external")
    cached.write_bytes(module._code_to_hash_pyc(code, importlib.util.source_hash(file.read_bytes()), True))
    assert importlib.import_module("m").f() == 2
    assert lab.changed("m") == []
    lab.edit("m", "return 1", "return 3")
    assert lab.changed("m") == ["m.py:1: f"]


def test_a_reload_takes_the_new_text_and_old_objects_are_refused(lab: Lab) -> None:
    module = lab.load("m", BASE)
    old_class, old_loss = module.Layer, module.loss
    lab.edit("m", "* self.units", "* self.units * 2")
    lab.edit("m", "* 0.5", "* 0.25")
    lab.edit("m", "def make(size):", "def maker(size):")
    importlib.reload(module)
    assert lab.changed("m", live=(module.Layer, module.loss)) == []
    assert lab.changed("m", live=(old_class, old_loss)) == ["m.py:5: loss", "m.py:19: Layer.call"]


def test_a_name_that_was_imported_before_a_reload_is_refused(lab: Lab) -> None:
    module = lab.load("m", BASE)
    lab.load("n", "from m import loss\n\ndef other():\n    return loss(1, 2)\n")
    lab.edit("m", "* 0.5", "* 0.25")
    importlib.reload(module)
    assert lab.changed("m") == []
    assert lab.changed("m", "n") == ["m.py:5: loss"]


def test_objects_whose_code_was_patched_in_place_are_the_new_ones(lab: Lab) -> None:
    module = lab.load("m", BASE)
    old_class, old_call = module.Layer, module.Layer.call
    lab.edit("m", "* self.units", "* self.units * 2")
    importlib.reload(module)
    # What IPython's autoreload does.
    old_call.__code__ = module.Layer.call.__code__
    assert lab.changed("m", live=(old_class,)) == []


@pytest.mark.parametrize(
    "decorated",
    [
        "@wrap\ndef f(x):\n    return x + 1\n",
        "@wrap\n@wrap\ndef f(x):\n    return x + 1\n",
        "@bare\ndef f(x):\n    return x + 1\n",
        "@Held\ndef f(x):\n    return x + 1\n",
        "@functools.lru_cache\ndef f(x):\n    return x + 1\n",
        "@functools.singledispatch\ndef f(x):\n    return x + 1\n",
        "@contextlib.contextmanager\ndef f(x):\n    yield x + 1\n",
        "def plain(x):\n    return x + 1\nf = functools.partial(plain, 2)\ndel plain\n",
        "class C:\n    @wrap\n    def f(self, x):\n        return x + 1\n",
        "@dataclasses.dataclass\nclass C:\n    a: int = 2\n    def f(self, x):\n        return x + 1\n",
        "@types.coroutine\ndef f(x):\n    yield x + 1\n",
    ],
)
def test_decorated_functions_are_compared_and_their_decorators_are_no_change(lab: Lab, decorated: str) -> None:
    lab.load(
        "m",
        "import contextlib, dataclasses, functools, types\n"
        "def wrap(f):\n    @functools.wraps(f)\n    def inner(*a):\n        return f(*a)\n    return inner\n"
        "def bare(f):\n    return lambda *a: f(*a)\n"
        "class Held:\n    def __init__(self, f):\n        self._python_function = f\n"
        "    def __call__(self, x):\n        return self._python_function(x)\n" + decorated,
    )
    assert lab.changed("m") == []
    lab.edit("m", "x + 1", "x - 1")
    assert len(lab.changed("m")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import no_such_thing\n    def f(x):\n        return 1\nexcept ImportError:\n"
        "    def f(x):\n        return 2\n",
        "def f(x):\n    return 1\ng = f\ndef f(x):\n    return g(x)\n",
        "fs = [lambda: 1, lambda: 2]\na, b = fs\nc, d = (lambda: 3, lambda: (lambda: 4))\n",
        "import dataclasses, typing, enum\n"
        "@dataclasses.dataclass(slots=True)\nclass A:\n    a: int = 1\n    def f(self): return self.a\n"
        "class B(typing.NamedTuple):\n    b: int = 1\n    def f(self): return self.b\n"
        "class C(enum.Enum):\n    X = 1\n    def _generate_next_value_(name, *a): return name\n"
        "    def f(self): return 1\n",
        "class A:\n    def f(self): return 1\n    def g(self): return 2\n    h = f\n    del f\nA.z = A.g\ndel A.g\n",
        "import collections\nclass A(collections.namedtuple('A', 'a')):\n    def f(self): return 1\nB = A.__mro__[1]\n",
        "class A:\n    def f(self): return 1\nfrom itertools import count as A\nA.__name__\n",
        "class OrderedDict:\n    def f(self): return 1\nfrom collections import OrderedDict\n",
        "class A:\n    def __f(self): return 1\n    def __g__(self): return 2\n",
        "def f(a=1, *, b=2): return a\nf.__defaults__ = (3,)\n",
        "def f(a=-1, b=(1, None), c=1 << 3, d=[], e=-0.0, g=float('nan')): return a\n",
        "exec('def f(x): return 1')\n",
        "exec(compile('def f(x): return 1', __file__, 'exec'))\n",
        "def f(x): return 1\nf.__code__ = compile('def f(x): return 2', __file__, 'exec').co_consts[0]\n",
        "def assertion(x):\n    'doc'\n    assert x, 'no'\n    if __debug__:\n        return 1\n    return 2\n",
        "from __future__ import annotations\ndef f(x: no_such) -> no_such: return 1\n",
        "# -*- coding: latin-1 -*-\ndef f(): return 'x'\n",
        "def f(x):\n    match x:\n        case {'a': [1, *rest]}: return rest\n"
        "    return {**x, 'b': [y for y in x if y]}\n",
    ],
)
def test_text_that_was_not_touched_is_no_change(lab: Lab, text: str) -> None:
    lab.load("m", text)
    assert lab.changed("m") == []


def test_code_that_a_foreign_decorator_rewrote_is_not_compared(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(
        "rewriter",
        "def checked(f):\n    f.__code__ = f.__code__.replace(co_consts=(None, 7))\n    return f\n",
    )
    lab.load("m", "from rewriter import checked\n\n@checked\ndef f():\n    return 1\n\ndef g():\n    return 1\n")
    assert lab.changed("m") == []
    lab.edit("m", "def g():\n    return 1", "def g():\n    return 2")
    assert lab.changed("m") == ["m.py:7: g"]


def test_code_of_other_loaders_is_not_compared(lab: Lab) -> None:
    class Rewriting(importlib.machinery.SourceFileLoader):
        def source_to_code(self, data: Any, path: Any, *, _optimization: int = -1) -> Any:  # type: ignore[override]
            return compile(b"def f(): return 2", path, "exec")

    file = lab.write("m", "def f(): return 1\n")
    spec = importlib.util.spec_from_file_location("m", file, loader=Rewriting("m", str(file)))
    assert spec
    assert spec.loader
    sys.modules["m"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.f() == 2
    assert lab.changed("m") == []


def test_a_hook_inside_the_loader_itself_is_seen(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = importlib.machinery.SourceFileLoader
    own: Callable[..., Any] = loader.source_to_code

    @functools.wraps(own)
    def source_to_code(self: Any, data: Any, path: Any, **more: Any) -> Any:
        return own(self, bytes(data).replace(b"1", b"2"), path, **more)

    monkeypatch.setattr(loader, "source_to_code", source_to_code)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert lab.load("m", "def f(): return 1\n").f() == 2
    assert lab.changed("m") == []


def test_a_folder_behind_a_symbolic_link_is_the_same_folder(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    link = lab.folder.parent / "link"
    link.symlink_to(lab.folder)
    monkeypatch.syspath_prepend(str(link))
    module = lab.load("m", BASE)
    assert str(module.__file__).startswith(str(link))
    # The same file under its other spelling, as a code object may have it.
    module.loss.__code__ = module.loss.__code__.replace(co_filename=str(lab.folder / "m.py"))
    assert lab.changed("m") == []
    lab.edit("m", "* 0.5", "* 0.25")
    assert lab.changed("m") == ["m.py:5: loss"]


def test_another_file_under_the_name_of_a_loaded_module_is_refused(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    lab.load("m", BASE)
    other = tree(tmp_path / "other", {"m.py": BASE.replace("* 0.5", "* 0.25")}) / "m.py"
    found = changed_since_import([lab.packed("m", other)], (), ())
    assert [item.qualname for item in found] == ["loss"]


def test_text_that_came_from_no_file_is_not_compared(lab: Lab) -> None:
    lab.load("m", BASE)
    lab.edit("m", "* 0.5", "* 0.25")
    assert changed_since_import([lab.packed("m")], (), (), is_from_file=lambda name: False) == ()


def test_a_text_that_only_has_the_word_compile_is_compared(lab: Lab) -> None:
    lab.load("m", "def make(compile=True):\n    if compile:\n        make.compile('sgd', 'mse')\n    return 1\n")
    assert lab.changed("m") == []
    lab.edit("m", "return 1", "return 2")
    assert lab.changed("m") == ["m.py:1: make"]


def test_a_module_that_was_not_imported_is_not_compared(lab: Lab) -> None:
    lab.write("m", BASE)
    assert lab.changed("m") == []


def test_text_that_cannot_be_compiled_any_more_is_named_with_its_line(lab: Lab) -> None:
    lab.load("m", BASE)
    lab.edit("m", "SIZE = 3", "SIZE = 3\nreturn 3")
    assert lab.changed("m") == ["m.py:4: m"]


@pytest.mark.parametrize("options", [["-O"], ["-OO"], ["-B"], ["-X", "no_debug_ranges"], ["-X", "importtime"]])
def test_the_options_of_the_interpreter_are_those_of_the_comparison(lab: Lab, options: list[str]) -> None:
    lab.write("m", BASE + "\ndef f(x):\n    'doc'\n    assert x, 1\n    return __debug__\n")
    script = f"""
        import sys
        from pathlib import Path
        from bundler.sources.closure import ClosedModule
        from bundler.sources.ran import changed_since_import
        sys.path.insert(0, {str(lab.folder)!r})
        import m
        file = Path(m.__file__)
        def packed():
            text = file.read_bytes()
            return ClosedModule(name="m", text=text, is_package=False, member="", display="m.py", reason="")
        assert changed_since_import([packed()], (), ()) == ()
        file.write_text(file.read_text().replace("* 0.5", "* 0.25"))
        assert [item.qualname for item in changed_since_import([packed()], (), ())] == ["loss"]
    """
    for _ in range(2):  # The second time with what the first has compiled.
        lab.write("m", BASE + "\ndef f(x):\n    'doc'\n    assert x, 1\n    return __debug__\n")
        subprocess.run([sys.executable, *options, "-c", textwrap.dedent(script)], check=True, cwd=Path.cwd())
