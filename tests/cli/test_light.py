"""Looking at a bundle costs neither the framework nor memory, however large the bundle is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bundler.cli.main import COMMANDS
from tests.cli.conftest import write_small_bundle
from tests.diff.pairs import bundle, keras_file

HEAVY = ("tensorflow", "keras", "numpy", "h5py", "cloudpickle", "zstandard", "rich")

LOADED = """
import json, sys
from bundler.cli.main import main
try:
    code = main({arguments!r})
except SystemExit as stop:
    code = stop.code
sys.stderr.write(json.dumps({{"code": code, "loaded": [name for name in {heavy!r} if name in sys.modules]}}))
"""


@pytest.mark.parametrize("command", ["inspect", "verify", "extract", "diff", "--help"])
def test_looking_leaves_the_framework_unimported(command: str, tmp_path: Path) -> None:
    path = tmp_path / "small.kbundle"
    write_small_bundle(path)
    other = tmp_path / "other.kbundle"
    other.write_bytes(bundle({"m": "1"}, payload=keras_file(arrays={"a/vars/0": 1})))
    path_with_model = tmp_path / "model.kbundle"
    path_with_model.write_bytes(bundle({"m": "2"}, payload=keras_file(arrays={"a/vars/0": 2})))
    arguments = {
        "diff": ["diff", str(path_with_model), str(other), "--html", str(tmp_path / "page.html")],
        "inspect": ["inspect", str(path)],
        "verify": ["verify", str(path)],
        "audit": ["audit", str(path), "--html", str(tmp_path / "page.html"), "--sarif", str(tmp_path / "log.sarif")],
        "extract": ["extract", str(path), str(tmp_path / "out")],
        "--help": ["--help"],
    }[command]
    script = LOADED.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr) == {"code": 0, "loaded": []}


def test_every_module_imports_without_the_framework() -> None:
    script = """
import importlib, pkgutil, sys
for name in ("tensorflow", "keras", "numpy", "h5py"):
    sys.modules[name] = None
import bundler
for module in pkgutil.walk_packages(bundler.__path__, "bundler."):
    if module.name != "bundler.__main__":
        importlib.import_module(module.name)
assert all(hasattr(bundler, name) for name in bundler.__all__)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_loading_without_the_framework_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "small.kbundle"
    write_small_bundle(path)
    script = f"""
import sys, importlib.util
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in ("tensorflow", "keras") else real(name, package)
from bundler import MissingDependency, RequirementsNotMet, unbundle
try:
    unbundle({str(path)!r})
except RequirementsNotMet as error:
    assert "keras 3.15.1: missing" in str(error) and "pip install keras==3.15.1" in str(error)
else:
    raise AssertionError
try:
    unbundle({str(path)!r}, requirements="ignore")
except MissingDependency as error:
    assert 'pip install "kbundle[tensorflow]"' in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", script], check=True)


#: What Python 3.14 has no more (its "What's New", under "Removed"), taken away; older ones lack some of it already.
REMOVED = """
import ast, asyncio, collections.abc, importlib.abc, pkgutil, pty, sqlite3, sys, typing, urllib.parse, urllib.request
for owner, names in (
    (ast, "Bytes Ellipsis NameConstant Num Str"),
    (asyncio, "AbstractChildWatcher FastChildWatcher MultiLoopChildWatcher PidfdChildWatcher SafeChildWatcher"),
    (collections.abc, "ByteString"),
    (importlib.abc, "ResourceReader Traversable TraversableResources"),
    (pkgutil, "find_loader get_loader ImpImporter ImpLoader"),
    (pty, "master_open slave_open"),
    (sqlite3, "version version_info"),
    (typing, "ByteString"),
    (urllib.parse, "Quoter"),
    (urllib.request, "FancyURLopener URLopener"),
):
    for name in names.split():
        vars(owner).pop(name, None)
    lazily = vars(owner).pop("__getattr__", None)
    if lazily is not None:
        def left(name, lazily=lazily, gone=names.split()):
            if name in gone:
                raise AttributeError(name)
            return lazily(name)
        owner.__getattr__ = left
assert not hasattr(importlib.abc, "TraversableResources") and not hasattr(ast, "Num")
for name in ("tensorflow", "keras", "numpy", "h5py"):
    sys.modules[name] = None
"""


def test_what_python_3_14_removed_is_not_missed(tmp_path: Path) -> None:
    path, other = tmp_path / "small.kbundle", tmp_path / "other.kbundle"
    write_small_bundle(path)
    write_small_bundle(other, name="another name")
    commands = [
        ["inspect", str(path)],
        ["verify", str(path)],
        ["check", str(path)],
        ["audit", str(path), "--html", str(tmp_path / "page.html"), "--sarif", str(tmp_path / "log.sarif")],
        ["extract", str(path), str(tmp_path / "out")],
        ["diff", str(path), str(other)],
        *([command, "--help"] for command in COMMANDS),
    ]
    script = f"""{REMOVED}
import importlib
import bundler
for module in pkgutil.walk_packages(bundler.__path__, "bundler."):
    if module.name != "bundler.__main__":
        importlib.import_module(module.name)
from bundler.cli.main import main
for arguments in {commands!r}:
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code in (0, 1), (arguments, code)
"""
    # Every warning is an error: what Python only deprecates is not used either.
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
