"""The lock: pins of what is installed, hashes of an index that is a folder, nobody's addresses."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from bundler.errors import PackError
from bundler.requirements.locking import index
from bundler.requirements.locking.addresses import told
from bundler.requirements.locking.from_author import read_given
from bundler.requirements.locking.index import OFFLINE
from bundler.requirements.locking.lock import LOCK_MEMBER, TEXT_MEMBER, Lock, Locker, LockOptions
from bundler.requirements.locking.record import LOADER
from tests.requirements import wheels
from tests.sources.trees import installed


@dataclass(frozen=True, kw_only=True)
class Need:
    name: str = "thing"
    distribution: str = "thing"
    optional: bool = False
    required_by: str = "layers"
    line: int = 3


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of small distributions before the real one; what kbundle needs is at 1.0, as in `links`."""
    site = tmp_path / "site"
    for name in ("keras", "tensorflow-cpu", "thing", *LOADER):
        top = {"tensorflow-cpu": "tensorflow", "thing": "thing", "keras": "keras"}.get(name, f"{name}_x")
        installed(site, name, {f"{top}/__init__.py": ""})
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    return site


@pytest.fixture(params=["uv", "pip"])
def asked(
    request: pytest.FixtureRequest, author: Path, links: Path, offline_index: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An index that has it all, asked through either program; returns its folder."""
    monkeypatch.delenv(OFFLINE, raising=False)
    if request.param == "pip":
        monkeypatch.setattr(index, "find_uv", lambda: None)
    elif index.find_uv() is None:
        pytest.skip("uv is not installed")
    for name in ("keras", "tensorflow-cpu"):
        wheels.wheel(links, name)
    return links


def locked(*needs: Need, **options: Any) -> Lock:
    return Locker(LockOptions(**options), lambda _: None).lock(needs or (Need(),), ">=3.11", ())


def text(lock: Lock, name: str) -> str:
    (member,) = (member for member in lock.members if member.name == name)
    assert isinstance(member.content, bytes)
    return member.content.decode()


def test_an_index_gives_hashes_for_all(asked: Path, tmp_path: Path) -> None:
    lock = locked()
    assert lock.notes == ()
    assert lock.requirements.hashes == "all"
    assert lock.requirements.lock == LOCK_MEMBER
    entries = {package.name: package for package in Pylock.from_dict(tomllib.loads(text(lock, LOCK_MEMBER))).packages}
    assert set(entries) == {"keras", "tensorflow-cpu", "thing", *LOADER}
    assert entries["thing"].wheels is not None
    assert entries["thing"].wheels[0].hashes == {"sha256": wheels.sha256(asked / "thing-1.0-py3-none-any.whl")}
    digest = entries["thing"].wheels[0].hashes["sha256"]
    assert f"thing==1.0 \\\n    --hash=sha256:{digest}\n" in text(lock, TEXT_MEMBER)


def test_no_folder_of_the_author_is_told(asked: Path) -> None:
    lock = locked()
    for name in (LOCK_MEMBER, TEXT_MEMBER):
        assert str(asked) not in text(lock, name)
        assert "file:" not in text(lock, name)


@pytest.mark.slow
def test_what_no_index_has_is_left_out_by_name(asked: Path, author: Path) -> None:
    installed(author, "nowhere", {"nowhere.py": ""}, version="1.0+own")
    lock = locked(Need(), Need(name="nowhere", distribution="nowhere"))
    assert lock.requirements.hashes == "some"
    assert any("no index has nowhere==1.0+own" in note for note in lock.notes)
    assert "# nowhere 1.0+own: no index has this version\n" in text(lock, TEXT_MEMBER)
    assert "nowhere" not in text(lock, LOCK_MEMBER)


def test_without_an_index_there_are_pins_and_the_manifest_says_so(author: Path) -> None:
    lock = locked(offline=True)
    assert lock.requirements.hashes == "none"
    assert lock.requirements.lock is None
    assert [member.name for member in lock.members] == [TEXT_MEMBER]
    assert "thing==1.0\n" in text(lock, TEXT_MEMBER)
    assert lock.notes == ("no hashes in the lock: packed offline",)


def test_an_index_that_does_not_answer_costs_the_hashes_alone(
    author: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(OFFLINE, raising=False)
    for name, value in {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_NO_CACHE", "1")
    lock = locked()
    assert lock.requirements.hashes == "none"
    assert "no index answers" in lock.notes[0]


def test_a_folder_install_is_told_to_the_author_with_the_way_out(author: Path) -> None:
    (author / "thing-1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///home/me/thing", "dir_info": {}}')
    lock = locked(offline=True)
    assert any("include=['thing']" in note for note in lock.notes)
    assert "home/me" not in text(lock, TEXT_MEMBER)


def test_the_same_pins_are_asked_for_once(asked: Path) -> None:
    steps: list[str] = []
    locker = Locker(LockOptions(), steps.append)
    assert locker.lock([Need()], ">=3.11", ()) == locker.lock([Need()], ">=3.11", ())
    assert steps == ["asking the index for hashes"]


def test_vendored_wheels_are_members_that_the_lock_names(asked: Path) -> None:
    lock = locked(vendor=True)
    assert "requirements/wheels/thing-1.0-py3-none-any.whl" in lock.requirements.wheels
    content = (asked / "thing-1.0-py3-none-any.whl").read_bytes()
    assert any(member.content == content for member in lock.members)
    assert 'path = "wheels/thing-1.0-py3-none-any.whl"' in text(lock, LOCK_MEMBER)


PRIVATE = {
    "name": "thing",
    "version": "1.0",
    "index": "https://me:secret@private.example/simple",
    "wheels": [
        {"url": "https://me:secret@private.example/f/thing-1.0-py3-none-any.whl", "hashes": {"sha256": "0"}, "size": 1}
    ],
}


def test_a_private_index_is_not_told() -> None:
    entry = told(PRIVATE, keep_index=False)
    assert "private" not in repr(entry)
    assert "secret" not in repr(entry)
    assert entry["wheels"][0]["path"] == "wheels/thing-1.0-py3-none-any.whl"
    Pylock.from_dict({"lock-version": "1.0", "created-by": "x", "packages": [entry]})


def test_a_private_index_is_kept_where_the_author_says_so_but_never_the_password() -> None:
    entry = told(PRIVATE, keep_index=True)
    assert entry["index"] == "https://private.example/simple"
    assert entry["wheels"][0]["url"] == "https://private.example/f/thing-1.0-py3-none-any.whl"
    assert "secret" not in repr(entry)


def test_a_list_of_requirements_replaces_what_the_imports_say(author: Path) -> None:
    installed(author, "more", {"more.py": ""})
    lock = locked(
        offline=True, requirements=["thing[extra]>=1", "more; python_version > '3'", "x; python_version < '3'"]
    )
    direct = {pin.name: pin for pin in lock.requirements.distributions}
    assert set(direct) == {"keras", "tensorflow-cpu", "thing", "more"}
    assert direct["thing"].extras == ("extra",)
    assert direct["thing"].imports == ("thing",)


@pytest.mark.parametrize(
    ("requirements", "problem"),
    [
        (["thing>=2"], "the installed thing is not what was asked for"),
        (["gone", "thing"], "gone is not installed here"),
        (["keras"], "layers, line 3 imports thing of thing"),
        (["no requirement"], "this is not a requirement"),
        (5, "these are not requirements"),
    ],
)
def test_refuses_requirements_that_do_not_fit(author: Path, requirements: Any, problem: str) -> None:
    with pytest.raises(PackError, match=problem):
        locked(offline=True, requirements=requirements)


def test_a_requirements_file_is_read_as_pip_reads_it(author: Path, tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("keras # the framework\n")
    file = tmp_path / "requirements.txt"
    file.write_text(
        f"--index-url https://private.example/simple\n-r base.txt\n-e .\nthing==1.0 \\\n  --hash=sha256:{'0' * 64}\n"
    )
    given = read_given(file)
    assert [str(need) for need in given.needs] == ["keras", "thing==1.0"]
    assert given.hashes == {"thing": frozenset({"0" * 64})}
    file.write_text("--strange\n")
    with pytest.raises(PackError, match="does not know --strange") as caught:
        read_given(file)
    assert caught.value.place == f"{file}:1"


def test_a_hash_that_the_author_does_not_allow_is_refused(asked: Path, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"thing==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(PackError, match="no file of thing with a hash"):
        locked(requirements=file)


def test_a_given_lock_must_be_what_is_installed(author: Path, links: Path, tmp_path: Path) -> None:
    for name in ("keras", "tensorflow-cpu"):
        wheels.wheel(links, name)
    entries = [
        wheels.entry(links / f"{name.replace('-', '_')}-1.0-py3-none-any.whl")
        for name in ("keras", "tensorflow-cpu", "thing", *LOADER)
    ]
    file = tmp_path / "pylock.toml"
    file.write_bytes(wheels.lock(*entries, more='default-groups = ["main"]\n'))
    lock = locked(offline=True, requirements=file)
    assert lock.requirements.hashes == "all"
    # Markers of entries may ask for groups.
    assert tomllib.loads(text(lock, LOCK_MEMBER))["default-groups"] == ["main"]
    file.write_bytes(wheels.lock(*entries[:-5]))
    with pytest.raises(PackError, match="thing is not in it"):
        locked(offline=True, requirements=file)
