"""The commands around a bundle's environment: env, cache and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bundler.manifest import PinnedDistribution
from tests.cli.conftest import Run
from tests.cli.test_light import HEAVY, LOADED
from tests.requirements import wheels

pytestmark = pytest.mark.slow


@pytest.fixture
def bundle(tmp_path: Path, own: list[str], links: Path, offline_index: Path) -> Path:
    content = wheels.lock(*own, wheels.entry(links / "thing-1.0-py3-none-any.whl"))
    return wheels.write_locked_bundle(tmp_path / "m.kbundle", content)


def test_env_prints_the_folder_its_python_and_what_to_type_next(bundle: Path, tmp_path: Path, kbundle: Run) -> None:
    first, again = kbundle("env", bundle), kbundle("env", bundle)
    assert (first.returncode, first.stderr) == (0, "")
    folder, _, rest = first.stdout.partition(": made, 5 packages and kbundle\n")
    assert f"  Python {sys.version.split()[0]}: {folder}" in rest
    assert f"kbundle run {bundle} --input x.npz --output y.npz --environment locked" in rest
    assert again.stdout == first.stdout.replace(": made", ": was there already")
    named = kbundle("env", bundle, tmp_path / "there")
    assert f"{tmp_path}/there/bin/python -m bundler run" in named.stdout
    told = json.loads(kbundle("env", bundle, "--json").stdout)
    assert (told["folder"], told["cached"], told["unchecked"]) == (folder, True, [])
    assert kbundle("env", bundle, "--digest", "0" * 64).returncode == 1


def test_env_lists_what_it_does_not_install_unasked(bundle: Path, own: list[str], kbundle: Run) -> None:
    wheels.write_locked_bundle(bundle, wheels.lock(*own), pins=[PinnedDistribution(name="thing", version="1.0")])
    refused = kbundle("env", bundle)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "  - thing==1.0: the author had no hash for it\n" in refused.stderr
    assert "--allow-unchecked" in refused.stderr
    as_json = json.loads(kbundle("env", bundle, "--json").stdout)["error"]
    assert as_json["type"] == "EnvironmentFailed"
    assert as_json["problems"] == ["thing==1.0: the author had no hash for it"]
    assert "not checked against a hash: thing==1.0" in kbundle("env", bundle, "--allow-unchecked").stdout


def test_a_lock_that_is_none_ends_with_3(bundle: Path, kbundle: Run) -> None:
    wheels.write_locked_bundle(bundle, b"a = ")
    refused = kbundle("env", bundle)
    assert refused.returncode == 3
    assert "requirements/pylock.toml: this is not a lock" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_cache_lists_and_prunes(bundle: Path, offline_index: Path, kbundle: Run) -> None:
    assert kbundle("cache").stdout == f"no environments in {offline_index}\n"
    assert kbundle("cache", "prune").stdout == "0 environments removed, 0 B\n"
    key = json.loads(kbundle("env", bundle, "--json").stdout)["key"]
    listed = kbundle("cache").stdout.splitlines()
    assert listed[1].split() == ["key", "Python", "size", "last", "use", "made", "for"]
    assert listed[2].split()[:2] == [key, sys.version.split()[0]]
    assert listed[2].endswith("UTC  m.kbundle")
    (entry,) = json.loads(kbundle("cache", "--json").stdout)["environments"]
    assert (entry["key"], entry["ready"], entry["bundle"]) == (key, True, "m.kbundle")
    assert kbundle("cache", "prune").stdout == "0 environments removed, 0 B\n"
    assert kbundle("cache", "--all").returncode == 1
    assert kbundle("cache", "prune", "--key", "zzz").returncode == 1
    removed = json.loads(kbundle("cache", "prune", "--all", "--json").stdout)["removed"]
    assert [item["key"] for item in removed] == [key]
    assert list(offline_index.iterdir()) == []


def test_run_in_the_locked_environment_passes_on_what_it_says_and_its_exit_code(
    bundle: Path, tmp_path: Path, kbundle: Run
) -> None:
    (tmp_path / "x.npz").write_bytes(b"")
    done = kbundle("run", bundle, "--input", "x.npz", "--output", "y.npz", "--environment", "locked")
    # The stand-in environment has no framework: it is the one that says so.
    assert done.returncode == 1
    assert "tensorflow is not installed" in done.stderr
    assert not (tmp_path / "y.npz").exists()


def test_run_holds_the_environment_and_gives_it_nothing_of_the_callers_python(
    tmp_path: Path, own: list[str], offline_index: Path, links: Path, kbundle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A startup file in the environment shows what the process in it sees.
    spy = (
        "import os, subprocess, sys\n"
        "if 'run' in sys.orig_argv:\n"
        "    prune = [os.environ['TEST_PYTHON'], '-m', 'bundler', 'cache', 'prune', '--all']\n"
        "    said = subprocess.run(prune, capture_output=True, text=True, cwd=os.environ['TEST_ROOT']).stdout\n"
        "    seen = [name for name in os.environ if name.startswith('PYTHON') or name == 'VIRTUAL_ENV']\n"
        "    open(os.environ['TEST_SAID'], 'w').write(repr((said, seen, sys.flags.isolated)))\n"
    )
    other = tmp_path / "other"
    thing = wheels.wheel(other, "spy", files={"spy.py": spy, "spy.pth": "import spy\n"})
    path = wheels.write_locked_bundle(
        tmp_path / "m.kbundle", wheels.lock(*own, wheels.entry(thing, path=True)), vendored=[thing]
    )
    monkeypatch.setenv("TEST_PYTHON", sys.executable)
    monkeypatch.setenv("TEST_ROOT", str(Path(__file__).parents[2]))
    monkeypatch.setenv("TEST_SAID", str(tmp_path / "said"))
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    (tmp_path / "x.npz").write_bytes(b"")
    kbundle("run", path, "--input", "x.npz", "--output", "y.npz", "--environment", "locked")
    said, seen, isolated = eval((tmp_path / "said").read_text())
    assert "0 environments removed" in said
    assert "in use, not removed" in said
    assert (seen, isolated) == ([], 1)
    assert len(list(offline_index.glob("*/kbundle-environment.json"))) == 1


def test_run_locked_starts_no_framework_here(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"")
    arguments = ["run", str(bundle), "--input", str(tmp_path / "x.npz"), "--output", str(tmp_path / "y.npz")]
    script = LOADED.format(arguments=[*arguments, "--environment", "locked"], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr.splitlines()[-1]) == {"code": 1, "loaded": []}


def test_run_refuses_before_any_work_what_cannot_end_well(bundle: Path, tmp_path: Path, kbundle: Run) -> None:
    (tmp_path / "x.npz").write_bytes(b"")
    (tmp_path / "y.npz").write_bytes(b"mine")
    locked = ("--environment", "locked")
    for arguments, said in (
        (("--input", "none.npz", "--output", "z.npz", *locked), "there is no such file"),
        (("--input", "x.npz", "--output", "y.npz", *locked), "exists already"),
        (("--input", "x.npz", "--output", "no/z.npz", *locked), "does not exist"),
        (("--input", "x.npz", "--output", "z.npz", "--batch-size", "0", *locked), "at least one row"),
        (("--input", "x.npz", "--output", "z.npz", "--allow", "all", *locked), "unknown capability"),
        (("--input", "x.npz", "--output", "z.npz", "--digest", "0" * 64, *locked), "not the bundle"),
        (("--input", "x.npz", "--output", "z.npz", "--offline"), "--environment locked"),
    ):
        refused = kbundle("run", bundle, *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said in refused.stderr
        assert "next step" in refused.stderr
    assert (tmp_path / "y.npz").read_bytes() == b"mine"
    assert not Path(os.environ["KBUNDLE_CACHE"]).exists()
