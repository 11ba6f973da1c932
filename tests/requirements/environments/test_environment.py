"""A bundle's environment: what comes into it, what keeps it whole, and what is left where it fails."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import bundler
from bundler.errors import EnvironmentFailed, TargetExists
from bundler.manifest import DirectSource, PinnedDistribution
from bundler.requirements.environments import environment_cache
from bundler.requirements.environments.environment import environment, held_environment
from tests.requirements import wheels

pytestmark = pytest.mark.slow

MakeBundle = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, own: list[str], links: Path, offline_index: Path) -> MakeBundle:
    """Return a function that writes a bundle with a lock of kbundle's needs and more."""

    def write(*entries: str, vendored: list[Path] | None = None, name: str = "m.kbundle", **more: object) -> Path:
        return wheels.write_locked_bundle(tmp_path / name, wheels.lock(*own, *entries), vendored=vendored or (), **more)

    return write


@pytest.fixture
def thing(links: Path) -> str:
    return wheels.entry(links / "thing-1.0-py3-none-any.whl")


def said_by(python: Path, script: str) -> str:
    done = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def folders(where: Path) -> list[str]:
    return sorted(entry.name for entry in where.iterdir()) if where.exists() else []


def test_the_environment_has_the_locked_packages_and_this_kbundle(make: MakeBundle, thing: str, installer: str) -> None:
    path = make(thing)
    made = environment(path)
    assert not made.cached
    assert said_by(made.python, "import thing; print(thing.VERSION)") == "1.0"
    told = said_by(made.python, "import bundler; print(bundler.__version__, bundler.__file__)").split(" ", 1)
    assert told[0] == bundler.__version__
    assert Path(told[1]).is_relative_to(made.folder)
    assert said_by(made.python, "import importlib.metadata as m; print(m.version('kbundle'))") == bundler.__version__
    done = subprocess.run([made.python, "-m", "bundler", "verify", path], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    facts = environment_cache.facts_of(made.folder)
    assert facts is not None
    assert (facts["installer"], facts["bundle"], facts["key"]) == (installer, "m.kbundle", made.key)


def test_the_second_call_finds_it(make: MakeBundle, thing: str) -> None:
    first, second = environment(make(thing)), environment(make(thing, name="other.kbundle"))
    assert (first.cached, second.cached) == (False, True)
    assert first.folder == second.folder


def test_another_lock_vendored_wheel_or_kbundle_is_another_environment(
    make: MakeBundle, thing: str, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {environment(make(thing)).key, environment(make()).key}
    keys.add(environment(make(thing, vendored=[links / "thing-1.0-py3-none-any.whl"])).key)
    monkeypatch.setattr("bundler.requirements.environments.environment.source_digest", lambda: "another")
    keys.add(environment(make(thing)).key)
    assert len(keys) == 4


def test_a_wheel_with_another_hash_is_refused_and_nothing_stays(
    make: MakeBundle, links: Path, installer: str, offline_index: Path
) -> None:
    wrong = wheels.entry(links / "thing-1.0-py3-none-any.whl", sha256="0" * 64)
    with pytest.raises(EnvironmentFailed) as caught:
        environment(make(wrong))
    assert f"with {installer} failed" in caught.value.message
    assert any("hash" in line.lower() for line in caught.value.problems), caught.value.problems
    assert "not the one that the bundle was locked with" in str(caught.value.hint)
    assert folders(offline_index) == []


def test_a_package_that_no_index_has_is_refused_with_what_the_installer_says(
    make: MakeBundle, tmp_path: Path, installer: str
) -> None:
    absent = wheels.entry(wheels.wheel(tmp_path / "elsewhere", "absent"))
    with pytest.raises(EnvironmentFailed) as caught:
        environment(make(absent))
    assert any("absent" in line for line in caught.value.problems)
    assert "index" in str(caught.value.hint)


def test_a_vendored_wheel_needs_no_index(make: MakeBundle, tmp_path: Path, installer: str) -> None:
    folder = tmp_path / "vendored"
    packages = [*wheels.own_wheels(folder), wheels.wheel(folder, "absent")]
    content = wheels.lock(*(wheels.entry(item, path=True) for item in packages))
    path = wheels.write_locked_bundle(tmp_path / "v.kbundle", content, vendored=packages)
    shutil.rmtree(folder)
    os.environ["PIP_FIND_LINKS"] = os.environ["UV_FIND_LINKS"] = str(tmp_path / "nowhere")
    (tmp_path / "nowhere").mkdir()
    made = environment(path, offline=True)
    assert said_by(made.python, "import absent; print(absent.VERSION)") == "1.0"


def test_everything_vendored_asks_no_index_even_without_offline(
    tmp_path: Path, installer: str, offline_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("UV_OFFLINE")
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")  # Nobody listens there.
    folder = tmp_path / "vendored"
    packages = [*wheels.own_wheels(folder), wheels.wheel(folder, "absent")]
    content = wheels.lock(*(wheels.entry(item, path=True) for item in packages))
    path = wheels.write_locked_bundle(tmp_path / "v.kbundle", content, vendored=packages)
    assert not environment(path).cached


def test_what_cannot_be_checked_is_installed_only_with_the_callers_word(
    make: MakeBundle, links: Path, installer: str, offline_index: Path
) -> None:
    digest = wheels.sha256(links / "sourced-1.0.tar.gz")
    source = (
        '[[packages]]\nname = "sourced"\nversion = "1.0"\n'
        f'sdist = {{ url = "https://nowhere.invalid/sourced-1.0.tar.gz", hashes = {{ sha256 = "{digest}" }} }}\n'
    )
    path = make(source, pins=[PinnedDistribution(name="thing", version="1.0")])
    with pytest.raises(EnvironmentFailed, match="--allow-unchecked"):
        environment(path)
    assert folders(offline_index) == []
    made = environment(path, allow_unchecked=True)
    assert said_by(made.python, "import sourced, thing; print(sourced.BUILT, thing.VERSION)") == "True 1.0"
    assert [line.partition(":")[0] for line in made.unchecked] == ["sourced==1.0", "thing==1.0"]


def test_a_source_with_another_hash_is_refused_even_with_the_callers_word(make: MakeBundle, installer: str) -> None:
    source = (
        '[[packages]]\nname = "sourced"\nversion = "1.0"\n'
        f'sdist = {{ url = "https://nowhere.invalid/sourced-1.0.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}\n'
    )
    with pytest.raises(EnvironmentFailed):
        environment(make(source), allow_unchecked=True)


def test_what_only_the_author_has_is_refused_even_with_the_callers_word(make: MakeBundle) -> None:
    pin = PinnedDistribution(name="thing", version="1.0", source=DirectSource(kind="editable"))
    with pytest.raises(EnvironmentFailed, match="editable folder of the author"):
        environment(make(pins=[pin]), allow_unchecked=True)


def test_settings_of_the_installers_do_not_redirect_what_is_installed(
    make: MakeBundle, thing: str, installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_TARGET", str(tmp_path / "elsewhere"))
        monkeypatch.setenv(f"{tool}_CONSTRAINT", str(tmp_path / "no such file"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    made = environment(make(thing))
    assert said_by(made.python, "import sys; sys.path; import thing; print(thing.__file__)").startswith(
        str(made.folder)
    )
    assert not (tmp_path / "elsewhere").exists()


def test_a_named_folder_is_made_found_again_and_never_overwritten(make: MakeBundle, thing: str, tmp_path: Path) -> None:
    target = tmp_path / "there"
    made = environment(make(thing), target)
    assert (made.folder, made.cached) == (target, False)
    assert environment(make(thing), target).cached
    with pytest.raises(TargetExists, match="another lock"):
        environment(make(), target)
    assert said_by(made.python, "import thing; print(thing.VERSION)") == "1.0"
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep")
    with pytest.raises(TargetExists):
        environment(make(thing), full)
    assert folders(full) == ["mine.txt"]
    assert folders(environment_cache.cache_folder()) == []


def test_a_named_folder_is_as_before_where_it_fails(make: MakeBundle, links: Path, tmp_path: Path) -> None:
    wrong = wheels.entry(links / "thing-1.0-py3-none-any.whl", sha256="0" * 64)
    with pytest.raises(EnvironmentFailed):
        environment(make(wrong), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(EnvironmentFailed):
        environment(make(wrong), tmp_path / "empty")
    assert folders(tmp_path / "empty") == []


def _slow_uv(folder: Path, seconds: float) -> tuple[Path, Path]:
    """Write a ``uv`` that says that it has started, waits, and then leaves half of a package."""
    started = folder / "started"
    program = folder / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ntouch "{started}"\nsleep {seconds}\nfor last; do :; done\nshift 3\ntouch "$(dirname "$1")/half"\n'
    )
    program.chmod(0o755)
    return program.parent, started


def _start(path: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    # A shell that runs the tests in the background ignores SIGINT, and its children inherit that.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from bundler.cli.main import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, "env", str(path), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_make_one_environment(make: MakeBundle, thing: str, offline_index: Path) -> None:
    path = make(thing)
    both = [_start(path, dict(os.environ)) for _ in range(2)]
    told = []
    for process in both:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        told.append(json.loads(output))
    assert sorted(item["cached"] for item in told) == [False, True]
    assert len({item["folder"] for item in told}) == 1
    assert len([name for name in folders(offline_index) if not name.endswith(".lock")]) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_builder_leaves_nothing_that_counts(
    make: MakeBundle, thing: str, tmp_path: Path, offline_index: Path
) -> None:
    path = make(thing)
    programs, started = _slow_uv(tmp_path, 2)
    process = _start(path, {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    with process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    (unfinished,) = [name for name in folders(offline_index) if not name.endswith(".lock")]
    assert environment_cache.facts_of(offline_index / unfinished) is None
    # The program that the killed one has started goes on writing there, and holds the lock until it ends.
    said = []
    made = environment(path, progress=lambda what, *_: said.append(what))
    assert any("waiting for another process" in what for what in said)
    assert (made.folder.name, made.cached) == (unfinished, False)
    assert not (made.folder / "bin" / "half").exists()
    assert said_by(made.python, "import thing; print(thing.VERSION)") == "1.0"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupted_builder_cleans_up(make: MakeBundle, thing: str, tmp_path: Path, offline_index: Path) -> None:
    programs, started = _slow_uv(tmp_path, 60)
    process = _start(make(thing), {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    with process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    assert folders(offline_index) == []


def test_an_environment_whose_python_is_gone_is_made_again(make: MakeBundle, thing: str) -> None:
    made = environment(make(thing))
    made.python.unlink()
    again = environment(make(thing))
    assert (again.folder, again.cached) == (made.folder, False)


def test_prune_leaves_what_is_in_use(make: MakeBundle, thing: str, offline_index: Path) -> None:
    with bundler.open_bundle(make(thing)) as reader, held_environment(reader) as held:
        removed, in_use = environment_cache.prune(everything=True)
        assert (removed, [entry.key for entry in in_use]) == ([], [held.environment.key])
        assert held.environment.python.exists()
    removed, in_use = environment_cache.prune(everything=True)
    assert ([entry.key for entry in removed], in_use) == ([held.environment.key], [])
    assert folders(offline_index) == []


def test_prune_takes_what_was_not_used_for_long_and_what_was_never_finished(make: MakeBundle, thing: str) -> None:
    old, new = environment(make(thing)), environment(make())
    ago = time.time() - 40 * 86_400
    os.utime(old.folder / environment_cache.FACTS, (ago, ago))
    left = environment_cache.cache_folder() / "unfinished"
    left.mkdir()
    removed, _ = environment_cache.prune()
    assert {entry.key for entry in removed} == {old.key, "unfinished"}
    assert [entry.key for entry in environment_cache.entries()] == [new.key]
    os.utime(new.folder / environment_cache.FACTS, (ago, ago))
    environment(make())  # Using it counts.
    assert environment_cache.prune() == ([], [])
    with pytest.raises(EnvironmentFailed, match="no environment with this key"):
        environment_cache.prune(key="zzz")
    assert [entry.key for entry in environment_cache.prune(key=new.key[:8])[0]] == [new.key]


def test_a_cache_that_cannot_be_written_names_the_way_out(
    make: MakeBundle, thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KBUNDLE_CACHE", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFailed, match="KBUNDLE_CACHE"):
        environment(make(thing))


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_cache_that_others_can_write_to_is_refused(make: MakeBundle, thing: str, offline_index: Path) -> None:
    offline_index.mkdir(parents=True)
    offline_index.chmod(0o777)
    with pytest.raises(EnvironmentFailed, match=r"(?s)other users.*KBUNDLE_CACHE"):
        environment(make(thing))


def test_the_authors_python_version_names_no_other_program(
    make: MakeBundle, thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python" / "evil"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/run'\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    environment(make(thing, packed_under="/evil"))
    assert not (tmp_path / "run").exists()


def test_an_error_of_the_callers_own_passes_through(make: MakeBundle, thing: str) -> None:
    path = make(thing)
    with pytest.raises(FileNotFoundError), bundler.open_bundle(path) as reader, held_environment(reader):
        raise FileNotFoundError("the caller's")

    def leave(*_: object) -> None:
        raise BrokenPipeError

    with contextlib.suppress(BrokenPipeError):
        environment(make(), progress=leave)
        raise AssertionError


def test_a_python_that_is_none_or_not_there_is_named(make: MakeBundle, thing: str, tmp_path: Path) -> None:
    no_python = tmp_path / "not-python"
    no_python.write_text("#!/bin/sh\necho hello\n")
    no_python.chmod(0o755)
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\necho \'{"version": "3.8.1", "numbers": [3, 8]}\'\n')
    old.chmod(0o755)
    for python, message in ((no_python, "does not answer"), (old, "too old"), (tmp_path / "x", "no such Python")):
        with pytest.raises(EnvironmentFailed, match=message) as caught:
            environment(make(thing), python=python)
        assert "--python" in str(caught.value.hint)


def test_the_authors_python_is_taken_where_it_is_on_the_path(
    make: MakeBundle, thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    # A shim without its Python is passed over.
    (programs / "python3.98").write_text("#!/bin/sh\nexit 127\n")
    (programs / "python3.98").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert environment(make(thing, packed_under="3.98")).version == sys.version.split()[0]
    others = [found for found in map(shutil.which, ("python3.12", "python3.13", "python3.14")) if found]
    for other in others:
        asked = subprocess.run([other, "-V"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.split()[1].rpartition(".")[0] != f"3.{sys.version_info.minor}":
            version = asked.stdout.split()[1]
            made = environment(make(thing, packed_under=version.rpartition(".")[0]))
            assert made.version == version
            break
    else:
        pytest.skip("there is no second Python here")
