"""A module that reads data files beside it is asked for the words that its loading takes, and for no others."""

import pytest

from tests.audit.source.test_hostile import hard, refusals

ASKED = {
    "parent": (
        "from pathlib import Path\nX = (Path(__file__).parent / 'x.txt').read_text(encoding='utf-8')",
        {"filesystem"},
    ),
    "resolved": (
        "import pathlib\nX = pathlib.Path(__file__).resolve().parent.joinpath('x').read_bytes()",
        {"filesystem"},
    ),
    "under-names": (
        "from pathlib import Path\nHERE = Path(__file__)\nDATA = HERE.resolve().parents[0] / 'x'\n"
        "with DATA.open() as f:\n    X = f.read()",
        {"filesystem"},
    ),
    "with-name": ("from pathlib import Path\nX = Path(__file__).with_name('x.txt').read_text()", {"filesystem"}),
    "os-path": (
        "import os\nwith open(os.path.join(os.path.dirname(__file__), 'x.txt')) as f:\n    X = f.read()",
        {"filesystem"},
    ),
    "resources": (
        "from importlib import resources\nX = resources.files(__package__).joinpath('x.txt').read_text()",
        {"dynamic-code", "filesystem"},
    ),
    "resources-whole-name": (
        "import importlib.resources\nwith (importlib.resources.files(__package__) / 'x').open() as f:\n    X = f.read()",
        {"dynamic-code", "filesystem"},
    ),
    "pkgutil": ("import pkgutil\nX = pkgutil.get_data(__name__, 'x.txt')", {"dynamic-code"}),
}
#: Those that only look like it: a path leads no further than to files, and neither do the sinks below a sink.
MORE = {
    "environment": ("from pathlib import Path\nX = Path('~').expanduser()", "reflection"),
    "not-a-path": ("def f(x):\n    return x.resolve()", "reflection"),
    "path-rebound": (
        "from pathlib import Path\np = Path(__file__)\ndef f(x):\n    global p\n    p = x\n    return p.resolve()",
        "reflection",
    ),
    "own-path": ("class Path:\n    x = 1\ndef f(y):\n    return Path(y).parent.resolve()", "reflection"),
    "module-behind-resources": ("import importlib.resources as r\nr.os.execv('x', [])", "reflection"),
    "module-behind-pkgutil": ("import pkgutil\npkgutil.importlib", "reflection"),
    "private-behind-a-path": ("from pathlib import Path\nPath('x')._flavour", "reflection"),
}


@pytest.mark.parametrize("name", ASKED)
def test_asks_for_what_reading_a_data_file_takes(name: str) -> None:
    source, words = ASKED[name]
    assert {finding.capability for finding in refusals(source)} == words


@pytest.mark.parametrize("name", MORE)
def test_refuses_what_only_looks_like_a_data_file_without_another_word(name: str) -> None:
    source, word = MORE[name]
    assert word in {finding.capability for finding in refusals(source)}


@pytest.mark.parametrize("name", ASKED)
def test_leaves_reading_a_data_file_to_the_guard_that_knows_which_are_the_bundle_s(name: str) -> None:
    assert hard(ASKED[name][0]) == []
