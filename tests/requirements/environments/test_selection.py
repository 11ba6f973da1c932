"""From a lock and a Python to what is installed, and what is refused."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.archive.reader import open_bundle
from bundler.errors import EnvironmentFailed, InvalidBundle, LimitExceeded
from bundler.limits import LIMITS
from bundler.manifest import DirectSource, PinnedDistribution
from bundler.requirements.environments.interpreter_choice import Target, ask
from bundler.requirements.environments.lock_reader import read_lock
from bundler.requirements.environments.selection import Selection, select
from bundler.requirements.locking.record import LOADER
from tests.requirements import wheels

Select = Callable[..., Selection]


@pytest.fixture(scope="module")
def target() -> Target:
    return ask(sys.executable)


@pytest.fixture
def selected(tmp_path: Path, target: Target) -> Select:
    """Return a function that selects from a bundle with a lock."""

    def run(content: bytes | None, *, at: Target = target, **bundle: object) -> Selection:
        path = wheels.write_locked_bundle(tmp_path / "m.kbundle", content, **bundle)
        with open_bundle(path) as reader:
            return select(reader, read_lock(reader), at)

    return run


def test_a_wheel_with_a_hash_is_asked_for_by_name_version_and_hash(
    selected: Select, own: list[str], links: Path
) -> None:
    thing = links / "thing-1.0-py3-none-any.whl"
    found = selected(wheels.lock(*own, wheels.entry(thing)))
    assert [item.name for item in found.wanted] == sorted([*LOADER, "thing"])
    last = found.wanted[-2]
    assert (last.line, last.hashes, last.unchecked) == ("thing==1.0", (wheels.sha256(thing),), None)
    found.require_checked()


def test_a_wheel_of_a_private_index_is_asked_for_like_any_other(selected: Select, own: list[str], links: Path) -> None:
    # Its place in the lock is not in the bundle, and no place of this machine.
    found = selected(wheels.lock(*own, wheels.entry(links / "thing-1.0-py3-none-any.whl", path=True)))
    (item,) = [item for item in found.wanted if item.name == "thing"]
    assert (item.line, item.unchecked, item.vendored) == ("thing==1.0", None, None)


def test_an_entry_for_another_machine_is_not_installed(selected: Select, own: list[str], links: Path) -> None:
    elsewhere = wheels.entry(links / "thing-1.0-py3-none-any.whl", marker="sys_platform == 'nowhere'")
    assert "thing" not in {item.name for item in selected(wheels.lock(*own, elsewhere)).wanted}


def test_what_the_author_has_for_another_platform_is_not_asked_from_the_index_by_its_pin(
    selected: Select, own: list[str], links: Path
) -> None:
    elsewhere = wheels.entry(links / "thing-1.0-py3-none-any.whl", marker="sys_platform == 'nowhere'")
    pin = PinnedDistribution(name="thing", version="1.0")
    assert "thing" not in {item.name for item in selected(wheels.lock(*own, elsewhere), pins=[pin]).wanted}


def test_an_entry_without_a_fitting_wheel_names_package_and_python(
    selected: Select, own: list[str], tmp_path: Path, target: Target
) -> None:
    platform = target.tags[0].platform
    first = wheels.entry(*(wheels.wheel(tmp_path, "narrow", tag=f"cp{n}-cp{n}-{platform}") for n in ("398", "399")))
    second = wheels.entry(wheels.wheel(tmp_path, "slim", tag=f"cp398-cp398-{platform}"))
    with pytest.raises(EnvironmentFailed) as caught:
        selected(wheels.lock(*own, first, second))
    text = str(caught.value)
    assert f"narrow 1.0 has no wheel for Python {target.short} on this machine; it has for 3.98, 3.99" in text
    assert "slim 1.0" in text
    assert "--python 3.98" in text


def test_an_entry_for_other_platforms_only_says_which(selected: Select, own: list[str], tmp_path: Path) -> None:
    only = wheels.entry(wheels.wheel(tmp_path, "narrow", tag="cp311-cp311-beos_5"))
    with pytest.raises(EnvironmentFailed, match=r"narrow 1\.0 has no wheel for .*; it has for beos_5"):
        selected(wheels.lock(*own, only))


def test_an_optional_package_without_a_fitting_wheel_is_left_out(
    selected: Select, own: list[str], tmp_path: Path
) -> None:
    only = wheels.entry(wheels.wheel(tmp_path, "narrow", tag="cp311-cp311-beos_5"))
    pin = PinnedDistribution(name="narrow", version="1.0", optional=True)
    assert selected(wheels.lock(*own, only), pins=[pin]).left_out == ("narrow",)


def test_what_needs_trust_is_listed_all_at_once(selected: Select, own: list[str]) -> None:
    source = (
        '[[packages]]\nname = "sourced"\nversion = "1.0"\n'
        f'sdist = {{ url = "https://nowhere.invalid/sourced-1.0.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}\n'
    )
    repository = (
        '[[packages]]\nname = "gitted"\nvcs = { type = "git", url = "https://nowhere.invalid/a.git", '
        f'commit-id = "{"a" * 40}" }}\n'
    )
    archive = (
        '[[packages]]\nname = "fetched"\narchive = { url = "https://nowhere.invalid/fetched-1.tar.gz", '
        f'hashes = {{ sha256 = "{"1" * 64}" }} }}\n'
    )
    weak = (
        '[[packages]]\nname = "weak"\nversion = "1.0"\nwheels = [{ url = '
        '"https://nowhere.invalid/weak-1.0-py3-none-any.whl", hashes = { md5 = "00" } }]\n'
    )
    pins = [
        PinnedDistribution(name="unlocked", version="2.0"),
        PinnedDistribution(
            name="pinned-git",
            version="3",
            source=DirectSource(kind="vcs", url="https://nowhere.invalid/b", revision="c"),
        ),
    ]
    found = selected(wheels.lock(*own, source, repository, archive, weak), pins=pins)
    with pytest.raises(EnvironmentFailed) as caught:
        found.require_checked()
    assert caught.value.problems == (
        "fetched @ https://nowhere.invalid/fetched-1.tar.gz: it comes from an address that the bundle names",
        f"gitted @ git+https://nowhere.invalid/a.git@{'a' * 40}: it is built from a repository",
        "pinned-git @ git+https://nowhere.invalid/b@c: it is built from a repository",
        "sourced==1.0: there is only its source, whose build runs code",
        "unlocked==2.0: the author had no hash for it",
        "weak==1.0: the author had no hash for it",
    )
    assert "--allow-unchecked" in str(caught.value)
    assert {item.name: item.hashes for item in found.wanted}["sourced"] == ("0" * 64,)


@pytest.mark.parametrize("kind", ["local", "editable"])
def test_what_only_the_author_has_is_refused_and_never_looked_up_in_an_index(
    selected: Select, own: list[str], links: Path, kind: str
) -> None:
    pin = PinnedDistribution(name="thing", version="1.0", source=DirectSource(kind=kind))
    for content in (wheels.lock(*own), wheels.lock(*own, wheels.entry(links / "thing-1.0-py3-none-any.whl"))):
        with pytest.raises(EnvironmentFailed, match=r"(?s)thing 1\.0: it was installed from an? .*include=") as caught:
            selected(content, pins=[pin])
        assert "--include" in str(caught.value.hint)


def test_a_vendored_wheel_answers_for_what_only_the_author_has(selected: Select, own: list[str], links: Path) -> None:
    thing = links / "thing-1.0-py3-none-any.whl"
    pin = PinnedDistribution(name="thing", version="1.0", source=DirectSource(kind="local"))
    found = selected(wheels.lock(*own), pins=[pin], vendored=[thing])
    (item,) = [item for item in found.wanted if item.name == "thing"]
    assert (item.hashes, item.unchecked) == ((wheels.sha256(thing),), None)


def test_a_vendored_wheel_with_another_hash_than_the_lock_is_no_bundle(
    selected: Select, own: list[str], links: Path
) -> None:
    thing = links / "thing-1.0-py3-none-any.whl"
    with pytest.raises(InvalidBundle, match="another sha256"):
        selected(wheels.lock(*own, wheels.entry(thing, path=True, sha256="0" * 64)), vendored=[thing])


def test_kbundles_own_needs_are_installed_where_the_bundle_does_not_name_them(selected: Select) -> None:
    found = selected(None)
    assert set(LOADER) <= {item.name for item in found.wanted}
    assert all("kbundle needs it" in line for line in found.unchecked)


@pytest.mark.parametrize(
    ("url", "revision"),
    [
        ("https://nowhere.invalid/${HOME}", "a"),
        ("https://nowhere.invalid/a\n--index-url https://evil.invalid", "a"),
        ("https://nowhere.invalid/a --hash", "a"),
        ("file:///etc", "a"),
        ("https://nowhere.invalid/a", "a#b c"),
        ("https://nowhere.invalid/a", "--upload-pack=x y"),
    ],
)
def test_an_address_that_could_say_more_than_an_address_is_refused(
    selected: Select, own: list[str], url: str, revision: str
) -> None:
    pin = PinnedDistribution(name="gitted", version="1", source=DirectSource(kind="vcs", url=url, revision=revision))
    with pytest.raises(EnvironmentFailed, match="cannot be passed on safely"):
        selected(wheels.lock(*own), pins=[pin])


@pytest.mark.parametrize("name", ["a b", "-r other.txt", "a\n--index-url https://evil.invalid", "a==1 #"])
def test_a_pin_with_another_text_than_a_name_is_no_bundle(selected: Select, own: list[str], name: str) -> None:
    with pytest.raises(InvalidBundle, match="not a name of a distribution"):
        selected(wheels.lock(*own), pins=[PinnedDistribution(name=name, version="1.0")])
    with pytest.raises(InvalidBundle, match="not a version"):
        selected(wheels.lock(*own), pins=[PinnedDistribution(name="a", version=name)])


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"a = ",
        b"a = " + b"[" * 50_000,
        b'lock-version = "1.0"',
        b'lock-version = "9.0"\ncreated-by = "x"\npackages = []',
        wheels.lock('[[packages]]\nname = "A_b"\nversion = "1"'),
        wheels.lock('[[packages]]\nname = "a"\nversion = "1"\nmarker = "nonsense =="'),
        wheels.lock('[[packages]]\nname = "a"\nversion = "1"\nmarker = "' + "(" * 50_000 + '"'),
        wheels.lock(
            '[[packages]]\nname = "a"\nversion = "1"\nwheels = [{ url = "https://x/a.whl", hashes = {sha256 = "0"} }]'
        ),
        wheels.lock(more='environments = "x"'),
        wheels.lock('[[packages]]\nname = "a"\nversion = "1"\nmarker = "python_version < \'3\' ~= \'x\'"'),
    ],
)
def test_a_lock_that_is_none_is_one_error_with_its_place(selected: Select, content: bytes) -> None:
    with pytest.raises(InvalidBundle, match=r"^requirements/pylock\.toml: ") as caught:
        selected(content)
    assert caught.value.hint


def test_two_entries_of_one_package_for_one_machine_are_refused(selected: Select, own: list[str], links: Path) -> None:
    thing = wheels.entry(links / "thing-1.0-py3-none-any.whl")
    with pytest.raises(InvalidBundle, match="two versions of one package"):
        selected(wheels.lock(*own, thing, thing))


def test_a_lock_that_is_too_long_is_not_read(selected: Select) -> None:
    with pytest.raises(LimitExceeded, match="lock is too long"):
        selected(b"#" * (LIMITS.lock + 1))


def test_a_lock_or_code_for_another_python_says_so(selected: Select, own: list[str], target: Target) -> None:
    with pytest.raises(EnvironmentFailed, match=r"(?s)Python >=3\.99.*--python"):
        selected(wheels.lock(*own, more='requires-python = ">=3.99"\n'))
    with pytest.raises(EnvironmentFailed, match=r"(?s)Python >=3\.98.*--python"):
        selected(wheels.lock(*own), python=">=3.98")
    with pytest.raises(EnvironmentFailed, match="not for this Python"):
        selected(wheels.lock(*own, more="environments = [\"sys_platform == 'nowhere'\"]\n"))
    late = dataclasses.replace(target, version="3.99.1", markers={**target.markers, "python_full_version": "3.99.1"})
    assert selected(wheels.lock(*own, more='requires-python = ">=3.99"\n'), at=late).wanted
