"""Which data files travel with a module that reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bundler.errors import PackError, SourceError
from bundler.sources import data as finding
from bundler.sources.closure import Closure, close
from bundler.sources.locate import Locator
from tests.sources.trees import tree

pytestmark = pytest.mark.usefixtures("site")
RESOURCES = "from importlib.resources import files\n"
HERE = "from pathlib import Path\nHERE = Path(__file__).parent\n"


def closed(
    tmp_path: Path, files: Mapping[str, str | bytes], root: str = "pkg.m", *, skip_data: Sequence[str] = ()
) -> Closure:
    src = tree(tmp_path / "src", files)
    return close({root: "x"}, Locator(roots=[src], loaded=False), skip_data=skip_data)


def found(tmp_path: Path, text: str, data: Sequence[str], root: str = "pkg.m") -> list[str]:
    files: dict[str, str | bytes] = {"pkg/__init__.py": "", "pkg/sub/__init__.py": ""}
    files[f"{root.replace('.', '/')}.py"] = text
    return [item.path for item in closed(tmp_path, files | dict.fromkeys(data, "x"), root).data]


@pytest.mark.parametrize(
    "text",
    [
        HERE + "open(HERE / 'vocab.txt')",
        HERE + "open(HERE / 'data' / 'vocab.txt')",
        HERE + "open(HERE / 'data/vocab.txt')",
        HERE + "open(HERE / 'data')",
        HERE + "open(f'{HERE}/data/vocab.txt')",
        HERE + "open(str(HERE) + '/data/vocab.txt')",
        HERE + "name = 'vocab'\nopen(HERE / f'{name}.txt')",
        HERE + "open(HERE / f'{size}.txt')",
        HERE + "open(HERE / (size + '.txt'))",
        HERE + "open(HERE / '{}.txt'.format(size))",
        HERE + "open(HERE / ('%s.txt' % size))",
        HERE + "list(HERE.glob('data/*.txt'))",
        HERE + "open(HERE / 'data\\\\vocab.txt')",
        "import os\nopen(os.path.join(os.path.dirname(__file__), 'data', 'vocab.txt'))",
        RESOURCES + "files(__package__).joinpath('data/vocab.txt')",
        RESOURCES + "files('pkg') / 'data' / 'vocab.txt'",
        RESOURCES + "files('pkg.data') / 'vocab.txt'",
        "import pkgutil\npkgutil.get_data('pkg', 'data/vocab.txt')",
        "import pkg\nopen(pkg.__path__[0] + '/data/vocab.txt')",
    ],
)
def test_file_that_the_code_names_travels(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, text, ["pkg/data/vocab.txt", "pkg/other.bin"]) == ["pkg/data/vocab.txt"]


def test_reason_names_the_string_and_its_line(tmp_path: Path) -> None:
    closure = closed(tmp_path, {"pkg/__init__.py": "", "pkg/m.py": HERE + "V = 'vocab.txt'", "pkg/vocab.txt": "a b"})
    (item,) = closure.data
    assert (item.reason, item.member, item.read()) == ("'vocab.txt' in pkg.m, line 3", "code/pkg/vocab.txt", b"a b")
    assert item.content == tmp_path / "src/pkg/vocab.txt"


def test_module_that_touches_no_files_takes_none(tmp_path: Path) -> None:
    assert found(tmp_path, "name = 'vocab.txt'", ["pkg/vocab.txt"]) == []


def test_path_imported_from_another_module_counts(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/paths.py": HERE, "pkg/m.py": "from .paths import HERE\nopen(HERE / 'v.txt')"}
    assert [item.path for item in closed(tmp_path, {**files, "pkg/v.txt": ""}).data] == ["pkg/v.txt"]


def test_data_next_to_the_package_is_found_from_below(tmp_path: Path) -> None:
    text = HERE + "open(HERE.parent / 'assets' / 'v.txt')"
    assert found(tmp_path, text, ["pkg/assets/v.txt", "pkg/sub/w.txt"], "pkg.sub.m") == ["pkg/assets/v.txt"]


def test_docstring_names_no_file(tmp_path: Path) -> None:
    assert found(tmp_path, '"""v.txt"""\nx = __file__', ["pkg/v.txt"]) == []


def test_short_patterns_match_nothing(tmp_path: Path) -> None:
    text = "x = __file__, f'{a}/{b}', f'{a}s', f'{a}_{b}'"
    assert found(tmp_path, text, ["pkg/x/labels", "pkg/a_b"]) == []


def test_file_with_the_modules_own_stem(tmp_path: Path) -> None:
    text = "from pathlib import Path\nP = Path(__file__).with_suffix('.json')"
    assert found(tmp_path, text, ["pkg/m.json", "pkg/n.json"]) == ["pkg/m.json"]


def test_code_bytecode_and_hidden_files_are_no_data(tmp_path: Path) -> None:
    data = [
        "pkg/d/a.py",
        "pkg/d/a.pyc",
        "pkg/d/a.pyi",
        "pkg/d/.secret",
        "pkg/d/.git/config",
        "pkg/d/__pycache__/x.bin",
        "pkg/d/env/pyvenv.cfg",
        "pkg/d/ok.txt",
    ]
    assert found(tmp_path, HERE + "D = HERE / 'd'", data) == ["pkg/d/ok.txt"]


def test_link_that_leads_out_is_left_behind(tmp_path: Path) -> None:
    secret = tree(tmp_path, {"secret.txt": "s"}) / "secret.txt"
    files = {"pkg/__init__.py": "", "pkg/m.py": HERE + "D = HERE / 'd'", "pkg/d/in.txt": ""}
    tree(tmp_path / "src", files)
    (tmp_path / "src/pkg/d/out.txt").symlink_to(secret)
    (tmp_path / "src/pkg/d/inside.txt").symlink_to(tmp_path / "src/pkg/d/in.txt")
    (tmp_path / "src/pkg/d/folder").symlink_to(tmp_path)
    assert [item.path for item in closed(tmp_path, files).data] == ["pkg/d/in.txt", "pkg/d/inside.txt"]


def test_lone_module_takes_only_what_it_names_in_its_folder(tmp_path: Path) -> None:
    text = HERE + "open(HERE / 'a.txt'), open(HERE / 'd' / 'b.txt'), open(HERE / 'e/c.txt'), 'deep.txt'"
    data = ["a.txt", "d/b.txt", "d/also.txt", "e/c.txt", "e/not.txt", "home/photos/deep.txt", "other.txt"]
    assert found(tmp_path, text, data, "m") == ["a.txt", "d/also.txt", "d/b.txt", "e/c.txt"]


def test_resources_of_another_package_bring_the_package(tmp_path: Path) -> None:
    text = RESOURCES + "open(files('assets.words') / 'v.txt')"
    files = {"m.py": text, "assets/__init__.py": "", "assets/words/__init__.py": "", "assets/words/v.txt": ""}
    closure = closed(tmp_path, files, "m")
    assert [module.name for module in closure.modules] == ["assets", "assets.words", "m"]
    assert [item.path for item in closure.data] == ["assets/words/v.txt"]


def test_shared_library_is_refused_and_can_be_left_out(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/m.py": HERE + "load(HERE / '_ops.so')", "pkg/_ops.so": b"\x7fELF"}
    with pytest.raises(SourceError, match=r"pkg\.m, line 3: reads the shared library"):
        closed(tmp_path, files)
    assert closed(tmp_path, files, skip_data=["pkg/_ops.so"]).data == ()


def test_skipped_data_stays_behind(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/m.py": HERE + "D = HERE / 'd'", "pkg/d/a.txt": "", "pkg/d/b.bin": ""}
    assert [item.path for item in closed(tmp_path, files, skip_data=["pkg/d/*.bin"]).data] == ["pkg/d/a.txt"]


@pytest.mark.parametrize("cap", ["data_file", "data_total"])
def test_caps_hold(cap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "LIMITS", dataclasses.replace(finding.LIMITS, **{cap: 3}))
    files = {"pkg/__init__.py": "", "pkg/m.py": HERE + "D = HERE / 'd'", "pkg/d/a": "aa", "pkg/d/b": "bb"}
    if cap == "data_file":
        assert len(closed(tmp_path, files).data) == 2
        files["pkg/d/c"] = "cccc"
    with pytest.raises(PackError) as caught:
        closed(tmp_path, files)
    assert str(tmp_path) in str(caught.value.place)
    assert caught.value.found == 4
    assert closed(tmp_path, files, skip_data=["pkg/d/*"]).data == ()


REPOSITORY = "from pathlib import Path\nROOT = Path(__file__).resolve().parents[1]\n"


@pytest.mark.parametrize(
    "text",
    [
        REPOSITORY + "open(ROOT / 'configs' / 'base.json')",
        REPOSITORY + "open(ROOT / 'configs/base.json')",
        "import os\nopen(os.path.join(os.path.dirname(__file__), '..', 'configs', 'base.json'))",
    ],
)
def test_file_beside_the_package_travels_if_the_code_names_that_very_file(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, text, ["configs/base.json", "configs/other.json", "base.bin"]) == ["configs/base.json"]


def test_folder_beside_the_package_does_not_travel(tmp_path: Path) -> None:
    assert found(tmp_path, REPOSITORY + "list((ROOT / 'data').glob('*.txt'))", ["data/a.txt", "data/b.txt"]) == []
