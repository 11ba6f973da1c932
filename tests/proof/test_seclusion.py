"""What the proving interpreter does without, tried in processes without the framework."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import bundler
from bundler.proof.seclusion import authors_entries, installed_entries

ROOT = Path(bundler.__file__).parents[1]


def _run(script: str, folder: Path) -> str:
    text = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" + textwrap.dedent(script)
    shown = subprocess.run([sys.executable, "-P", "-c", text], capture_output=True, text=True, cwd=folder, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


ENTER = """
    import os
    from bundler.proof.request import Surroundings
    from bundler.proof.seclusion import Seclusion
    def refused(action):
        try:
            action()
        except FileNotFoundError as error:
            return "did not travel" in str(error)
        return False
    seclusion = Seclusion(["scratch"])
"""


def test_the_path_is_split_into_what_is_installed_and_what_is_the_authors(tmp_path: Path) -> None:
    vendor, mine, editable = (tmp_path / name for name in ("vendor", "mine", "editable"))
    (vendor / "some-1.0.dist-info").mkdir(parents=True)
    (editable / "mine.egg-info").mkdir(parents=True)
    mine.mkdir()
    path = [str(vendor), str(mine), "", str(editable), str(tmp_path / "nowhere"), *sys.path]
    assert str(vendor) in installed_entries(path)
    assert set(installed_entries(sys.path)) <= set(sys.path)
    assert any(entry.endswith("site-packages") for entry in installed_entries(path))
    authors = authors_entries(path)
    assert {str(mine), str(editable), str(Path.cwd())} <= set(authors)
    assert not {str(vendor), str(tmp_path / "nowhere"), *installed_entries(sys.path)} & set(authors)


def test_refuses_to_read_below_the_authors_folders_and_nowhere_else(tmp_path: Path) -> None:
    for name in ("author/deep/data.txt", "author/scratch/own.txt", "author/m.kbundle", "elsewhere/data.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "author/deep")
    _run(
        ENTER
        + """
    os.chdir("author")
    seclusion = Seclusion(["scratch"])
    seclusion.enter(Surroundings(folders=(os.getcwd(),), names=()), "m.kbundle")
    for path in ("deep/data.txt", os.path.abspath("deep/data.txt"), b"deep/data.txt", "../link/data.txt", "new.txt"):
        assert refused(lambda: open(path, "w" if path == "new.txt" else "r")), path
        assert refused(lambda: os.open(path, os.O_RDONLY)), path
    assert refused(lambda: os.listdir("deep")) and refused(lambda: list(os.scandir("deep")))
    assert any("deep/data.txt" in path for path in seclusion.unread), seclusion.unread
    for path in ("scratch/own.txt", "m.kbundle", "../elsewhere/data.txt", os.devnull, os.__file__):
        open(path).close()
    os.listdir("scratch")
    assert not os.path.exists("deep/data.txt") and os.path.exists("../elsewhere/data.txt")
    import pathlib
    assert not pathlib.Path("../link/data.txt").is_file() and pathlib.Path("scratch").is_dir()
    import wave  # a module of the interpreter
    """,
        tmp_path,
    )


def test_the_root_is_nobodys_folder_and_a_homes_hidden_folders_are_read(tmp_path: Path) -> None:
    for name in (".keras/keras.json", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    _run(
        ENTER
        + """
    os.environ["HOME"] = os.getcwd()
    seclusion = Seclusion(["scratch"])
    seclusion.enter(Surroundings(folders=("/", os.getcwd()), names=()), "m.kbundle")
    open("/etc/passwd").close()
    open(".keras/keras.json").close()
    assert refused(lambda: open("notes.txt"))
    """,
        tmp_path,
    )


def test_refuses_the_authors_modules_even_where_an_editable_install_answers(tmp_path: Path) -> None:
    for name in ("mine/__init__.py", "mine/deep.py", "acme/own.py", "acme/other.py", "minerals.py"):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_text("")
    _run(
        ENTER
        + """
    import importlib, importlib.machinery
    class Editable:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return importlib.machinery.PathFinder.find_spec(name, ["src"] if path is None else path)
    sys.meta_path.append(Editable)
    seclusion.enter(Surroundings(folders=(), names=("mine", "acme.own")), "m.kbundle")
    for name in ("mine", "mine.deep", "acme.own"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert "outside the bundle" in str(error), error
        else:
            raise AssertionError(f"{name} was imported")
    importlib.import_module("minerals")
    importlib.import_module("acme.other")
    """,
        tmp_path,
    )


def test_the_interpreter_imports_bundler_alone_from_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "bundler").symlink_to(ROOT / "bundler")
    start = tmp_path / "bundler" / "prover" / "start.py"
    script = f"""
        import runpy
        start = runpy.run_path({str(start)!r})["start"]
        sys.path[:] = [entry for entry in sys.path if "site-packages" in entry or "python3" in entry]
        try:
            start({str(tmp_path / "bundler")!r}, "worker", [])
        except IndexError:  # the worker was reached, and missed its arguments
            pass
        import bundler
        assert bundler.__file__.startswith({str(tmp_path)!r}), bundler.__file__
        try:
            import neighbour
        except ModuleNotFoundError:
            print("alone")
    """
    assert "alone" in _run(script, tmp_path)
