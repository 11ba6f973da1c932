"""The net by effect: what a bundle's code reaches for is stopped before it happens, however it was found."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import weakref
from pathlib import Path

import pytest

from bundler import AuditRefused, ConsentRequired
from tests.namespace.trees import module, tree

#: What a text does, the capability that it takes, and what must not be there afterwards.
EFFECTS = {
    "open-write": ("open(TARGET, 'w')", "filesystem"),
    "open-read": ("open('/etc/hostname').read()", "filesystem"),
    "os-open": ("import os\nos.open(TARGET, os.O_CREAT | os.O_WRONLY)", "filesystem"),
    "mkdir": ("import os\nos.mkdir(TARGET)", "filesystem"),
    "makedirs": ("import os\nos.makedirs(TARGET)", "filesystem"),
    "pathlib": ("import pathlib\npathlib.Path(TARGET).write_text('x')", "filesystem"),
    "listdir": ("import os\nos.listdir('/')", "filesystem"),
    "glob": ("import glob\nglob.glob('/*')", "filesystem"),
    "shutil": ("import shutil\nshutil.copy('/etc/hostname', TARGET)", "filesystem"),
    "symlink": ("import os\nos.symlink('/etc', TARGET)", "filesystem"),
    "tempfile": ("import tempfile\ntempfile.mkstemp()", "filesystem"),
    "system": ("import os\nos.system('touch ' + TARGET)", "process"),
    "popen": ("import os\nos.popen('touch ' + TARGET)", "process"),
    "subprocess": ("import subprocess\nsubprocess.run(['touch', TARGET])", "process"),
    "kill": ("import os\nos.kill(0, 0)", "process"),
    "socket": ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "network"),
    "urlopen": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')", "network"),
    "eval": ("import ast\neval('1')", "dynamic-code"),
    "pickle": ("import pickle\npickle.loads(b'cbuiltins\\nlen\\n.')", "unsafe-deserialization"),
    "code": ("def f(): pass\nf.__code__", "reflection"),
    "frame": ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    error.__traceback__.tb_frame", "reflection"),
    "descriptor": ("open(0)", "filesystem"),
    "library-acts": ("import csv, fileinput\nlist(fileinput.input('/etc/hostname'))", "filesystem"),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_stops_an_effect_that_nobody_accepted(name: str, tmp_path: Path) -> None:
    text, word = EFFECTS[name]
    target = tmp_path / "target"
    space = tree(f"TARGET = {os.fspath(target)!r}\n{text}")
    with pytest.raises(ConsentRequired) as caught:
        space.load("guarded")
    assert caught.value.words == (word,)
    assert f"allow=[{word!r}]" in str(caught.value)
    assert caught.value.uses[0].module == "guarded"
    assert caught.value.uses[0].line is not None
    assert not target.exists()
    assert space.record.refused == caught.value.uses


def test_lets_through_what_was_accepted_and_records_it(tmp_path: Path) -> None:
    target = tmp_path / "target"
    space = tree(f"open({os.fspath(target)!r}, 'w').close()", allow=["filesystem"])
    space.load("guarded")
    assert target.exists()
    assert [use.capability for use in space.record.used] == ["filesystem"]
    assert space.record.refused == ()


def test_a_refusal_that_the_code_swallows_is_recorded_and_told() -> None:
    heard: list[object] = []
    space = tree("try:\n    open('/etc/hostname')\nexcept Exception:\n    pass\n", on_refused=heard.append)
    space.load("guarded")
    assert [(use.capability, use.module, use.line) for use in space.record.refused] == [("filesystem", "guarded", 2)]
    assert heard == list(space.record.refused)


def test_a_word_that_a_policy_denies_is_closed_for_good() -> None:
    with pytest.raises(AuditRefused, match="policy"):
        module("open('/etc/hostname')", allow=["filesystem"], denied=["filesystem"])


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("run = [open][0]", ["/etc/hostname"]),
        ("import os, operator\nrun = operator.methodcaller('system', 'id')", [os]),
        ("import os, functools\nrun = functools.partial(os.listdir, '/')", []),
        (
            "import shutil\nclass A:\n    go = staticmethod(shutil.copyfile)\nrun = A.go",
            ["/etc/hostname", "/nowhere/x"],
        ),
        ("import os\nrun = os.system", ["id"]),
        ("import subprocess\nrun = getattr(subprocess, 'r' + 'un')", [["id"]]),
        ("import pathlib\nrun = getattr(pathlib.Path('/nowhere'), 'un' + 'link')", []),
        ("import pathlib\nrun = pathlib.Path('/etc/hostname').read_text", []),
        ("import threading\nrun = threading.Thread", []),
        ("import signal\nrun = signal.getsignal", [2]),
        ("import builtins\nrun = builtins.open", ["/etc/hostname"]),
        ("import posix\nrun = posix.system", ["id"]),
        ("import io\nrun = io.FileIO", ["/etc/hostname"]),
    ],
)
def test_a_power_that_is_handed_on_is_still_the_bundles(text: str, arguments: list[object]) -> None:
    run = module(text).run
    # No frame of the bundle's own text is on the stack: this very module calls.
    with pytest.raises(ConsentRequired):
        run(*arguments)


def test_a_thread_of_the_bundles_own_is_held_too(tmp_path: Path) -> None:
    target = tmp_path / "target"
    space = tree(
        f"""
        import threading
        def act():
            try:
                open({os.fspath(target)!r}, "w")
            except Exception:
                pass
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
        """,
        allow=["side-effects"],
    )
    space.load("guarded")
    assert not target.exists()
    assert [use.capability for use in space.record.refused] == ["filesystem"]


def test_a_finalizer_is_held_too(tmp_path: Path) -> None:
    target = tmp_path / "target"
    space = tree(
        f"""
        class A:
            def __del__(self):
                try:
                    open({os.fspath(target)!r}, "w")
                except Exception:
                    pass
        A()
        """
    )
    space.load("guarded")
    assert not target.exists()
    assert space.record.refused


def test_a_generator_of_the_bundle_is_held_where_others_iterate(tmp_path: Path) -> None:
    target = tmp_path / "target"
    space = module(f"def rows():\n    yield 1\n    open({os.fspath(target)!r}, 'w')\n")
    with pytest.raises(ConsentRequired):
        list(space.rows())
    assert not target.exists()


def test_a_callback_of_the_host_acts_for_the_host(tmp_path: Path) -> None:
    target = tmp_path / "target"
    run = module("def run(callback):\n    return callback()\n").run
    run(lambda: target.write_text("mine"))
    assert target.read_text() == "mine"


def test_a_log_record_goes_to_the_files_of_the_host(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "host.log", delay=True)
    logger = logging.getLogger("kbundle-test")
    logger.addHandler(handler)
    try:
        module("import logging\nlogging.getLogger('kbundle-test').error('told')")
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert "told" in (tmp_path / "host.log").read_text()


def test_a_finalizer_of_the_host_runs_in_the_middle_of_the_bundles_code(tmp_path: Path) -> None:
    folder = tempfile.TemporaryDirectory(dir=tmp_path)
    place = Path(folder.name)
    run = module("def run(drop):\n    drop()\n").run
    kept = [folder]
    del folder
    with pytest.warns(ResourceWarning):
        run(kept.clear)
    assert not place.exists()


def test_the_host_is_left_alone_while_bundles_are_loaded(tmp_path: Path) -> None:
    module("x = 1")
    (tmp_path / "mine").write_text("x")
    assert os.listdir(tmp_path) == ["mine"]
    assert weakref.ref(threading.current_thread())() is not None
    assert eval("1 + 1") == 2


def test_two_bundles_have_words_of_their_own(tmp_path: Path) -> None:
    text = f"def run():\n    open({os.fspath(tmp_path / 'target')!r}, 'w').close()\n"
    open_one, closed_one = module(text, allow=["filesystem"]), module(text)
    open_one.run()
    with pytest.raises(ConsentRequired):
        closed_one.run()


def test_loading_again_with_more_opens_what_is_loaded(tmp_path: Path) -> None:
    text = f"import os\ndef run():\n    os.mkdir({os.fspath(tmp_path / 'made')!r})\n"
    first = tree(text, same="again").load("guarded")
    with pytest.raises(ConsentRequired):
        first.run()
    again = tree(text, same="again", allow=["filesystem"]).load("guarded")
    assert again is first
    first.run()
    assert (tmp_path / "made").is_dir()


def test_reads_its_own_data_and_nothing_beside_it() -> None:
    space = tree(
        """
        import os, pathlib
        from importlib import resources
        here = pathlib.Path(__file__).parent
        words = [(here / "words.txt").read_text(), here.joinpath("words.txt").read_text()]
        def leave():
            return open(os.path.join(os.path.dirname(__file__), "..", "other.txt"))
        def change():
            (here / "words.txt").write_text("other")
        """,
        data={"words.txt": b"own"},
    )
    loaded = space.load("guarded")
    assert loaded.words == ["own", "own"]
    for act in (loaded.leave, loaded.change):
        with pytest.raises(ConsentRequired):
            act()


@pytest.mark.parametrize("answer", ["str", "path"])
def test_refuses_a_path_that_answers_otherwise_the_second_time(answer: str) -> None:
    own = os.fspath(Path(os.__file__))
    text = {
        "str": f"class P(str):\n    def __str__(self): return {own!r}\n    def __fspath__(self): return {own!r}\n"
        "run = lambda: open(P('/etc/hostname')).read()",
        "path": f"import os\nclass P:\n    n = 0\n    def __fspath__(self):\n        self.n += 1\n"
        f"        return '/etc/hostname' if self.n != 2 else {own!r}\nrun = lambda: os.listdir(P())",
    }[answer]
    with pytest.raises(ConsentRequired):
        module(text).run()


def test_imports_of_libraries_are_the_hosts() -> None:
    for name in ("colorsys", "wave"):
        sys.modules.pop(name, None)
    module("import colorsys\nimport wave\nassert colorsys.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)")


def test_error_reaches_the_caller_through_its_text_alone() -> None:
    again = ConsentRequired("told once more")
    assert str(again) == "told once more"
    assert again.words == ()
