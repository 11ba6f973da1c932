"""What `close` makes of a set of root modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.errors import PackError, SourceError
from bundler.sources import closure as closing
from bundler.sources.closure import Closure, close
from bundler.sources.locate import Locator
from tests.sources.test_locate import EXTENSION, Memory
from tests.sources.trees import NEVER_RUN, installed, tree

pytestmark = pytest.mark.usefixtures("site")
ROOT = {"pkg.layers": "defines the layer Gain"}


def closed(
    tmp_path: Path,
    files: Mapping[str, str | bytes],
    roots: Sequence[str] = ("pkg.layers",),
    *,
    include: Sequence[str] = (),
) -> Closure:
    src = tree(tmp_path / "src", files)
    locator = Locator(roots=[src], loaded=False, include=include)
    return close(dict.fromkeys(roots, "defines the layer Gain"), locator)


def names(closure: Closure) -> list[str]:
    return [module.name for module in closure.modules]


def problems(tmp_path: Path, files: Mapping[str, str | bytes], roots: Sequence[str] = ("pkg.layers",)) -> list[str]:
    with pytest.raises(SourceError) as caught:
        closed(tmp_path, files, roots)
    return [problem.replace(str(tmp_path / "src") + "/", "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        "from .helpers import f",
        "from . import helpers",
        "from pkg.helpers import f",
        "from pkg import helpers",
        "import pkg.helpers",
        "def call():\n    from .helpers import f",
        "import importlib\nimportlib.import_module('pkg.helpers')",
        "from importlib import import_module\ndef g():\n    import_module('.helpers', __package__)",
        "h = __import__('pkg.helpers')",
        "if flag:\n    from .helpers import f",
    ],
)
def test_includes_what_is_imported_in_every_form(text: str, tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/layers.py": text, "pkg/helpers.py": "", "pkg/unused.py": ""}
    assert names(closed(tmp_path, files)) == ["pkg", "pkg.helpers", "pkg.layers"]


def test_says_why_every_module_is_here(tmp_path: Path) -> None:
    closure = closed(
        tmp_path, {"pkg/__init__.py": "", "pkg/layers.py": "\nfrom . import helpers\n", "pkg/helpers.py": ""}
    )
    assert [(module.member, module.reason, module.is_package) for module in closure.modules] == [
        ("code/pkg/__init__.py", "package of pkg.layers", True),
        ("code/pkg/helpers.py", "imported by pkg.layers, line 2", False),
        ("code/pkg/layers.py", "defines the layer Gain", False),
    ]
    assert closure.modules[1].display == str(tmp_path / "src/pkg/helpers.py")


def test_includes_what_the_packages_above_import(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .setup import x",
        "pkg/setup.py": "import other",
        "pkg/a/__init__.py": "",
        "pkg/a/b.py": "",
        "other.py": "",
    }
    assert names(closed(tmp_path, files, ["pkg.a.b"])) == ["other", "pkg", "pkg.a", "pkg.a.b", "pkg.setup"]


def test_cycles_end(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from . import layers",
        "pkg/layers.py": "import pkg.b",
        "pkg/b.py": "import pkg.layers",
    }
    assert names(closed(tmp_path, files)) == ["pkg", "pkg.b", "pkg.layers"]


def test_keeps_the_order_in_which_modules_were_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "zeroth.py": "class Base: pass\nimport alpha\nOWN = alpha.Own\n",
        "alpha.py": "import plain\nfrom zeroth import Base\nclass Own(Base): pass\ndef late():\n    import later\n",
        "plain.py": "",
        "later.py": "",
    }
    src = tree(tmp_path / "src", files)
    monkeypatch.setattr(sys, "path", [str(src), *sys.path])
    for name in ("zeroth", "later"):
        importlib.import_module(name)
    try:
        assert close({"alpha": "x"}, Locator()).order == ("plain", "zeroth", "alpha")
        assert close({"alpha": "x"}, Locator(roots=[src], loaded=False)).order == ()
    finally:
        for name in ("zeroth", "alpha", "plain", "later"):
            del sys.modules[name]


def test_takes_modules_from_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/nets.py", "from zipped.parts import x\n")
        archive.writestr("zipped/parts.py", "x = 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "app.pyz"), *sys.path])
    importlib.import_module("zipped.nets")
    try:
        found = close({"zipped.nets": "x"}, Locator())
    finally:
        for name in ("zipped", "zipped.nets", "zipped.parts"):
            del sys.modules[name]
    assert {module.name: module.text for module in found.modules} == {
        "zipped": b"",
        "zipped.nets": b"from zipped.parts import x\n",
        "zipped.parts": b"x = 1\n",
    }


def test_package_without_init_has_no_module(tmp_path: Path) -> None:
    files = {
        "ns/deep/layers.py": "from . import helpers\nfrom ns import other",
        "ns/deep/helpers.py": "",
        "ns/other.py": "",
    }
    assert names(closed(tmp_path, files, ["ns.deep.layers"])) == ["ns.deep.helpers", "ns.deep.layers", "ns.other"]


def test_package_without_init_between_two_with(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/ns/sub/__init__.py": "", "pkg/ns/sub/layers.py": ""}
    assert names(closed(tmp_path, files, ["pkg.ns.sub.layers"])) == ["pkg", "pkg.ns.sub", "pkg.ns.sub.layers"]


def test_star_import_includes_the_submodules_that_are_exported(tmp_path: Path) -> None:
    files = {
        "a.py": "from pkg import *",
        "pkg/__init__.py": "__all__ = ['x', 'y']\ny = 1",
        "pkg/x.py": "",
        "pkg/z.py": "",
    }
    assert names(closed(tmp_path, files, ["a"])) == ["a", "pkg", "pkg.x"]


def test_nothing_of_the_author_is_executed(tmp_path: Path) -> None:
    before = set(sys.modules)
    files = {"pkg/__init__.py": NEVER_RUN, "pkg/layers.py": "from . import b\n" + NEVER_RUN, "pkg/b.py": NEVER_RUN}
    assert len(names(closed(tmp_path, files))) == 3
    assert not any(name.startswith("pkg") for name in set(sys.modules) - before)


def test_bytes_of_the_files_are_kept(tmp_path: Path) -> None:
    texts = {
        "pkg/__init__.py": b"\xef\xbb\xbfx = 1\r\n",
        "pkg/layers.py": b"# -*- coding: latin-1 -*-\r\nname = '\xe9'\r\nfrom . import b\r\n",
        "pkg/b.py": b"x = 1",
    }
    closure = closed(tmp_path, texts)
    assert {module.member.removeprefix("code/"): module.text for module in closure.modules} == texts


def test_type_checking_imports_do_not_travel(tmp_path: Path) -> None:
    files = {
        "m.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper, absent\n",
        "helper.py": "",
    }
    closure = closed(tmp_path, files, ["m"])
    assert (names(closure), closure.unresolved) == (["m"], ())


def test_missing_import_shows_the_chain(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/layers.py": "import os\nfrom .helpers import f\n",
        "pkg/helpers.py": "import not_there.sub\n",
    }
    assert problems(tmp_path, files) == [
        "pkg.layers (pkg/layers.py:2) -> pkg.helpers (pkg/helpers.py:1) -> not_there.sub: no module named 'not_there'"
    ]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "import gone_a",
        "pkg/layers.py": "import gone_b\nfrom . import bad",
        "pkg/bad.py": "def",
    }
    found = problems(tmp_path, files, ["pkg.layers", "absent"])
    assert sorted(problem.split(": ")[-1][:22] for problem in found) == sorted(
        ["no module named 'gone_", "no module named 'gone_", "invalid syntax", "no module named 'absen"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import not_there\nexcept ImportError:\n    not_there = None",
        "def f():\n    import not_there",
        "if flag:\n    import not_there",
        "try:\n    from . import lazy\nexcept ImportError:\n    pass",
        "def f():\n    from . import lazy",
    ],
)
def test_missing_import_that_loading_does_not_need_is_unresolved(text: str, tmp_path: Path) -> None:
    closure = closed(tmp_path, {"pkg/__init__.py": "", "pkg/layers.py": text, "pkg/lazy.py": "\n\nimport not_there"})
    assert [item.module for item in closure.unresolved] == ["not_there"]
    assert closure.unresolved[0].member == ("code/pkg/lazy.py" if "lazy" in text else "code/pkg/layers.py")


def test_submodule_that_the_package_binds_may_be_missing_things(tmp_path: Path) -> None:
    files = {"m.py": "from pkg import thing", "pkg/__init__.py": "thing = 1", "pkg/thing.py": "import not_there"}
    closure = closed(tmp_path, files, ["m"])
    assert names(closure) == ["m", "pkg", "pkg.thing"]
    assert [item.module for item in closure.unresolved] == ["not_there"]


def test_relative_import_beyond_the_top_is_a_problem_or_guarded(tmp_path: Path) -> None:
    assert problems(tmp_path, {"m.py": "from .. import x"}, ["m"]) == [
        "m (m.py:1) -> ..: a relative import that leaves the top-level package"
    ]
    guarded = "try:\n    from .n import x\nexcept ImportError:\n    from n import x\n"
    assert names(closed(tmp_path, {"m.py": guarded, "n.py": ""}, ["m"])) == ["m", "n"]


def test_root_must_have_source(tmp_path: Path, site: Path) -> None:
    installed(site, "dist", {"thing.py": ""})
    found = problems(tmp_path, {"ns/x.txt": ""}, ["thing", "os", "absent", "ns"])
    assert found == [
        "absent defines the layer Gain, but its source cannot be packed: no module named 'absent'",
        "ns defines the layer Gain, but its source cannot be packed: a namespace package",
        "os defines the layer Gain, but its source cannot be packed: part of Python",
        "thing defines the layer Gain, but its source cannot be packed: part of dist",
    ]


def test_extension_module_is_a_problem_where_loading_needs_it(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/layers.py": "from . import fast", f"pkg/fast{EXTENSION}": b""}
    (problem,) = problems(tmp_path, files)
    assert "compiled extension module" in problem


def test_extension_module_is_unresolved_where_its_import_is_guarded(tmp_path: Path) -> None:
    text = "try:\n    from . import fast\nexcept ImportError:\n    fast = None"
    files = {"pkg/__init__.py": "", "pkg/layers.py": text, f"pkg/fast{EXTENSION}": b""}
    assert [item.module for item in closed(tmp_path, files).unresolved] == ["pkg.fast"]


def test_broken_module_is_a_problem_unless_the_import_is_guarded(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/layers.py": "def f():\n    from . import bad", "pkg/bad.py": "def"}
    (problem,) = problems(tmp_path, files)
    assert problem.startswith("pkg.layers (pkg/layers.py:2) -> pkg.bad: pkg/bad.py:1: Python 3.")
    files["pkg/layers.py"] = "try:\n    from . import bad\nexcept Exception:\n    bad = None"
    closure = closed(tmp_path, files)
    assert names(closure) == ["pkg", "pkg.layers"]
    assert [item.module for item in closure.unresolved] == ["pkg.bad"]


def test_two_files_for_one_module_are_a_problem_even_when_guarded(tmp_path: Path) -> None:
    one = tree(tmp_path / "one", {"m.py": "def f():\n    import twin", "twin.py": "1"})
    two = tree(tmp_path / "two", {"twin.py": "2"})
    with pytest.raises(SourceError, match=r"twin: .* differ"):
        close({"m": "x"}, Locator(roots=[one, two], loaded=False))


def test_module_inside_an_installed_package_is_a_problem(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(site, "dist", {"thing/__init__.py": ""})
    file = tree(tmp_path, {"odd.py": ""}) / "odd.py"
    spec = importlib.util.spec_from_file_location("thing.odd", file)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "thing.odd", importlib.util.module_from_spec(spec))
    with pytest.raises(SourceError, match="in the package thing of dist, which is not packed"):
        close({"thing.odd": "x"}, Locator())


def test_requirements_name_who_needs_them(tmp_path: Path, site: Path) -> None:
    installed(site, "dist", {"thing/__init__.py": "", "thing/sub.py": ""})
    installed(site, "ns-dist", {"ns/part/__init__.py": "", "ns/part/deep.py": ""})
    installed(site, "extra", {"extra.py": ""})
    files = {
        "m.py": "import thing.sub\nfrom ns import part\nfrom ns.part import deep\nimport os\n"
        "try:\n    import n\n    import extra\nexcept ImportError:\n    pass\n",
        "n.py": "import extra\n",
    }
    closure = closed(tmp_path, files, ["m"])
    assert [
        (item.name, item.distribution, item.optional, item.required_by, item.line) for item in closure.requirements
    ] == [
        ("extra", "extra", True, "m", 7),
        ("extra", "extra", True, "n", 1),
        ("ns.part", "ns-dist", False, "m", 2),
        ("thing", "dist", False, "m", 1),
    ]


def test_included_distribution_travels_as_source(tmp_path: Path, site: Path) -> None:
    installed(
        site, "tiny", {"tiny/__init__.py": "from .core import x", "tiny/core.py": "import dep", "tiny/other.py": ""}
    )
    installed(site, "dep", {"dep.py": ""})
    closure = closed(tmp_path, {"m.py": "import tiny"}, ["m"], include=["tiny"])
    assert names(closure) == ["m", "tiny", "tiny.core"]
    assert [item.distribution for item in closure.requirements] == ["dep"]


def test_computed_import_without_a_process_takes_what_is_below_the_package(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/layers.py": "import importlib\ndef get(name):\n    return importlib.import_module(f'pkg.zoo.m_{name}')\n",
        "pkg/zoo/__init__.py": "",
        "pkg/zoo/m_one.py": "from importlib import import_module\nimport_module(name)\n",
        "pkg/zoo/deep/__init__.py": "import not_there",
        "pkg/zoo/deep/two.py": "def broken(",
        "pkg/other.py": "",
    }
    closure = closed(tmp_path, files)
    # m_one asks for anything below its own package; what cannot be read of that is left out without complaint.
    assert names(closure) == ["pkg", "pkg.layers", "pkg.zoo", "pkg.zoo.deep", "pkg.zoo.m_one"]
    reasons = {module.name: module.reason for module in closure.modules}
    assert reasons["pkg.zoo.m_one"] == "imported dynamically by pkg.layers, line 3"
    assert [item.module for item in closure.unresolved] == ["not_there"]


def test_computed_import_with_a_process_takes_what_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = tree(
        tmp_path / "src",
        {
            "dyn/__init__.py": "",
            "dyn/layers.py": "from importlib import import_module\nmods = [import_module(n) for n in NAMES]\n",
            "dyn/one.py": "from importlib import import_module\nimport_module(other)\n",
            "dyn/two.py": "",
            "dyn/three.py": "",
        },
    )
    for name in ("dyn", "dyn.layers", "dyn.one", "dyn.two"):
        file = src / f"{name.replace('.', '/')}.py"
        spec = importlib.util.spec_from_file_location(name, file if file.exists() else src / "dyn/__init__.py")
        assert spec is not None
        monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(spec))
    closure = close({"dyn.layers": "x"}, Locator())
    assert names(closure) == ["dyn", "dyn.layers", "dyn.one", "dyn.two"]
    assert closure.modules[3].reason == "imported dynamically by dyn.layers, line 2 (loaded on the author's machine)"


def test_modules_and_data_of_a_loaded_bundle_travel_again() -> None:
    memory = Memory(
        {"mypkg": b"", "mypkg.layers": b"from . import b\n", "mypkg.b": b"", "unused": b""},
        packages=["mypkg"],
        data={"mypkg/vocab.txt": b"a", "unused_data/x.bin": b""},
    )
    closure = close({"mypkg.layers": "x"}, Locator(providers=[memory]))
    assert names(closure) == ["mypkg", "mypkg.b", "mypkg.layers"]
    assert [(item.path, item.read(), item.member) for item in closure.data] == [
        ("mypkg/vocab.txt", b"a", "code/mypkg/vocab.txt")
    ]


def test_namespace_folder_counts_once_its_data_is_packed(tmp_path: Path) -> None:
    text = "from importlib.resources import files\nimport pkg.assets\nX = files('pkg.assets') / 'v.txt'\n"
    files = {"pkg/__init__.py": "", "pkg/layers.py": text, "pkg/assets/v.txt": "a"}
    assert [item.path for item in closed(tmp_path, files).data] == ["pkg/assets/v.txt"]
    (tmp_path / "src/pkg/assets/v.txt").rename(tmp_path / "src/pkg/assets/w.txt")
    assert problems(tmp_path, {}) == ["pkg.layers (pkg/layers.py:2) -> pkg.assets: a folder without modules"]


@pytest.mark.parametrize(
    ("cap", "message"), [("source_file", "too large"), ("source_total", "bytes of source"), ("members", "modules")]
)
def test_caps_hold(cap: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from bundler.sources import module_graph

    limits = dataclasses.replace(closing.LIMITS, **{cap: 1})
    monkeypatch.setattr(module_graph, "LIMITS", limits)
    monkeypatch.setattr(closing, "LIMITS", limits)
    with pytest.raises(PackError, match=message):
        closed(tmp_path, {"pkg/__init__.py": "", "pkg/layers.py": "x = 1"})


def test_name_that_no_file_can_have_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tree(tmp_path, {"x.py": ""}) / "x.py"
    spec = importlib.util.spec_from_file_location("my layers/../x", file)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "my layers/../x", importlib.util.module_from_spec(spec))
    with pytest.raises(SourceError, match="cannot be the name of a file"):
        close({"my layers/../x": "x"}, Locator())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), min_size=8, max_size=8),
    roots=st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True),
)
def test_closure_is_reachability_in_any_order(
    graph: dict[int, list[int]], roots: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    src = tmp_path_factory.mktemp("graph")
    tree(src, {f"m{node}.py": "".join(f"import m{target}\n" for target in graph.get(node, ())) for node in range(8)})
    reach, stack = set(), list(roots)
    while stack:
        node = stack.pop()
        if node not in reach:
            reach.add(node)
            stack += graph.get(node, ())
    one = close({f"m{root}": "root" for root in roots}, Locator(roots=[src], loaded=False))
    two = close({f"m{root}": "root" for root in reversed(roots)}, Locator(roots=[src], loaded=False))
    assert names(one) == sorted(f"m{node}" for node in reach)
    assert one == two
