"""Scripts and notebooks that ran in this process, and the modules that extracting makes of them."""

from __future__ import annotations

import ast
import itertools
import linecache
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bundler.sources.extract import Extracted, extract

_NUMBERS = itertools.count()


@dataclass
class Session:
    """A ``__main__`` that is not pytest's."""

    main: ModuleType
    folder: Path
    cells: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return vars(self.main)[name]

    def script(self, text: str, name: str = "train.py") -> Session:
        """Run a file as the script."""
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        self.main.__file__ = str(path)
        exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), vars(self.main))
        return self

    def cell(self, text: str, flags: int = 0) -> Session:
        """Run a cell as IPython does: its text is in linecache and in the history, under no file."""
        text = textwrap.dedent(text)
        space = vars(self.main)
        space.setdefault("In", [""])
        space.setdefault("get_ipython", lambda: None)
        filename = f"/tmp/ipykernel_{id(self)}/{next(_NUMBERS) + 1000000}.py"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        self.cells.append(filename)
        space["In"].append(text.rstrip())
        for statement in ast.parse(text).body:
            # IPython compiles a statement at a time, which gives other code than the whole cell would.
            code = compile(ast.Module([statement], []), filename, "exec", flags=flags, dont_inherit=True)
            exec(code, space)
        return self


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Return an empty session."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    opened = Session(main=main, folder=tmp_path)
    yield opened
    for filename in opened.cells:
        linecache.cache.pop(filename, None)


def extracted(*objects: Any) -> Extracted:
    """Extract `objects`, which must have no problem."""
    found = extract(objects, taken=())
    assert found.problems == ()
    return found


def text_of(*objects: Any) -> str:
    """Return the one module that `objects` are extracted into."""
    [module] = extracted(*objects).modules
    return module.text.decode()


def again(monkeypatch: pytest.MonkeyPatch, *objects: Any) -> list[Any]:
    """Extract `objects`, run the modules where the session does not exist, and return the objects of those."""
    found = extracted(*objects)
    monkeypatch.delitem(sys.modules, "__main__", raising=False)
    texts = {module.name: module.text for module in found.modules}
    finder = _Finder(texts)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    result = []
    for obj in objects:
        module, qualname = found.places[obj]
        for name in texts:
            if name not in finder.loaded:
                monkeypatch.delitem(sys.modules, name, raising=False)
        value: Any = __import__(module)
        for part in qualname.split("."):
            value = getattr(value, part)
        result.append(value)
    for name in texts:
        sys.modules.pop(name, None)
    return result


class _Finder:
    def __init__(self, texts: dict[str, bytes]) -> None:
        self.texts = texts
        self.loaded: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self) if name in self.texts else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.loaded.add(module.__name__)
        module.__file__ = f"/bundle/{module.__name__}.py"  # As in a bundle, wherever that lies.
        exec(compile(self.texts[module.__name__], module.__name__, "exec", dont_inherit=True), vars(module))


def problem(*objects: Any) -> str:
    """Return the one problem of `objects`."""
    [found] = extract(objects, taken=()).problems
    return found
