"""A lock is data from a stranger: what it says is told, and nothing in it is asked or followed."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.audit.finding import Check, Finding, Severity
from bundler.audit.lock.lock_findings import RULES, lock_findings
from bundler.limits import LIMITS
from bundler.manifest import DirectSource, Manifest, Member
from bundler.requirements.locking.toml import toml_text
from tests.audit.lock.locks import FIXED, HASH, lines, manifest, package, pin, pylock, wheel


def audit(made: Manifest | None = None, lock: bytes | None = None, text: bytes | None = None) -> list[Finding]:
    return lock_findings(made or manifest(), pylock() if lock is None else lock, lines() if text is None else text)[0]


def rules(*arguments: Any) -> set[str]:
    return {item.rule.id for item in audit(*arguments)}


def checks(made: Manifest, lock: bytes | None, text: bytes | None) -> dict[str, Check]:
    return {item.subject: item for item in lock_findings(made, lock, text)[1]}


def test_a_lock_of_kbundle_with_fixed_versions_has_nothing_but_the_open_row() -> None:
    (found,) = audit()
    assert found.rule.id == "lock.advisory-closed"
    assert found.severity is Severity.NOTE
    assert "23654" in found.what
    assert "no version has a fix" in found.what


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"index": "https://mirror.example/simple"}, "lock.foreign-address"),
        ({"index": "https://user:secret@pypi.org/simple"}, "lock.credentials"),
        ({"wheels": [wheel("keras", "3.15.1", url="https://evil.example/keras.whl")]}, "lock.foreign-address"),
        ({"wheels": [wheel("keras", "3.15.1", url="https://pypi.org:8443/keras.whl")]}, "lock.foreign-address"),
        ({"wheels": [wheel("keras", "3.15.1", url="https://pypi.org@evil.example/k.whl")]}, "lock.foreign-address"),
        ({"wheels": [wheel("keras", "3.15.1", url="https://pypi.org@evil.example/k.whl")]}, "lock.credentials"),
        ({"wheels": [wheel("keras", "3.15.1", url="http://pypi.org/keras.whl")]}, "lock.unencrypted-address"),
        ({"wheels": [wheel("keras", "3.15.1", url="file:///tmp/keras.whl")]}, "lock.unencrypted-address"),
        ({"wheels": [wheel("keras", "3.15.1", url="https://[bad/keras.whl")]}, "lock.foreign-address"),
        ({"wheels": [{"path": "../../keras.whl", "hashes": {"sha256": HASH}}]}, "lock.foreign-address"),
        ({"wheels": [wheel("keras", "3.15.1", hashes={})]}, "lock.unhashed-file"),
        ({"wheels": [wheel("keras", "3.15.1", hashes={"md5": "a"})]}, "lock.unhashed-file"),
        ({"wheels": None}, "lock.unhashed-file"),
        ({"version": None}, "lock.unpinned"),
        ({"version": "3.15"}, "lock.inconsistent"),
        ({"version": "3 or so"}, "lock.unreadable-version"),
        ({"name": "other"}, "lock.inconsistent"),
        (
            {"wheels": None, "vcs": {"type": "git", "url": "https://github.com/a/b", "commit-id": "a" * 40}},
            "lock.direct",
        ),
        ({"wheels": None, "vcs": {"type": "git", "url": "https://github.com/a/b"}}, "lock.unhashed-file"),
        ({"wheels": None, "archive": {"url": "https://x.example/a.zip", "hashes": {"sha256": HASH}}}, "lock.direct"),
        ({"wheels": None, "directory": {"path": "."}}, "lock.direct"),
    ],
)
def test_tells_what_an_entry_of_the_lock_has_that_it_should_not(changes: dict[str, Any], rule: str) -> None:
    broken = pylock(package("keras", "3.15.1", **changes), package("tensorflow-cpu", "2.21.0"))
    found = audit(None, broken)
    assert rule in {item.rule.id for item in found}, found
    assert not any("secret" in item.what for item in found)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("--extra-index-url https://mirror.example/simple", "lock.option"),
        ("--extra-index-url https://mirror.example/simple", "lock.foreign-address"),
        ("--index-url=http://user:secret@pypi.org/simple", "lock.credentials"),
        ("-i http://pypi.org/simple", "lock.unencrypted-address"),
        ("-e git+https://github.com/a/b#egg=b", "lock.option"),
        ("-r other.txt", "lock.option"),
        ("git+https://github.com/a/b", "lock.direct"),
        ("b @ git+https://github.com/a/b", "lock.direct"),
        ("b@https://evil.example/b.whl", "lock.foreign-address"),
        ("./folder", "lock.direct"),
        ("file:///tmp/b.whl", "lock.unencrypted-address"),
        ("C:\\b.whl", "lock.direct"),
        ("rich", "lock.unpinned"),
        ("rich>=13", "lock.unpinned"),
        ("rich==13.*", "lock.unpinned"),
        ("rich==13.0", "lock.inconsistent"),
        (f"keras==3.9.0 --hash=sha256:{HASH}", "lock.advisory-closed"),
        ("keras==3.15.1", "lock.unhashed-file"),
        ("what is this", "lock.unclear-line"),
        ("ri\\\nch", "lock.unclear-line"),
    ],
)
def test_tells_what_a_line_of_the_requirements_has_that_it_should_not(line: str, rule: str) -> None:
    found = audit(None, None, lines(line))
    assert rule in {item.rule.id for item in found}, found
    assert all(item.line == 6 for item in found if item.member.endswith(".txt") and item.line is not None)
    assert not any("secret" in item.what for item in found)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"a = ",
        b"a = " + b"[" * 100_000,
        b"lock-version = '1.0'",
        b"lock-version = '1.0'\npackages = 3",
        b"lock-version = '2.0'\npackages = []",
        b"lock-version = '1.0'\n[[packages]]\nname = 3",
        b"lock-version = '1.0'\n[[packages]]\nwheels = 3",
        b"lock-version = '1.0'\n[[packages]]\nwheels = [3]",
        b"lock-version = '1.0'\n[[packages]]\nsdist = {hashes = 3}",
        b".".join([b"a"] * 20_000) + b" = 1",
        b"#" * (LIMITS.lock + 1),
        b"lock-version = '1.0'\npackages = [" + b"{}," * 30_000 + b"]",
    ],
)
def test_refuses_what_is_no_lock_without_taking_time(content: bytes) -> None:
    start = time.process_time()
    found = [item for item in audit(None, content) if item.rule.id == "lock.malformed"]
    assert [item.severity for item in found] == [Severity.REFUSED]
    assert time.process_time() - start < 2


@pytest.mark.parametrize("content", [b"\xff", b"#" * (LIMITS.lock + 1)])
def test_refuses_requirements_that_cannot_be_read(content: bytes) -> None:
    assert "lock.malformed" in rules(None, None, content)


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * (LIMITS.lock // 2) + "b",
        "a[" + " " * (LIMITS.lock // 2),
        "a==" + "1" * (LIMITS.lock // 2),
        "a--hash " * (LIMITS.lock // 16),
        "a." * (LIMITS.lock // 4),
        "a " * (LIMITS.lock // 4),
        " \\\n#" * (LIMITS.lock // 16),
        "a==1\n" * 15_000,
        "https://" * (LIMITS.lock // 16),
        "-i " + "https://@" * (LIMITS.lock // 18),
    ],
)
def test_a_crafted_line_takes_no_time(line: str) -> None:
    start = time.process_time()
    audit(None, None, lines(line))
    assert time.process_time() - start < 2


def test_entries_for_other_machines_are_no_contradiction() -> None:
    marked = package("colorama", "0.4.6", marker="sys_platform == 'win32'")
    plain = [package(item.name, item.version) for item in FIXED]
    assert rules(None, pylock(*plain, marked)) == {"lock.advisory-closed"}
    assert "lock.inconsistent" in rules(None, pylock(*plain, package("colorama", "0.4.6")))


def test_tells_that_the_lock_lacks_what_the_manifest_says_is_in_it() -> None:
    assert "lock.inconsistent" in rules(manifest(*FIXED, pin("rich", "15.0")))
    assert "lock.inconsistent" not in rules(manifest(*FIXED, pin("rich", "15.0"), hashes="some"))


def test_notes_which_pins_have_no_hash() -> None:
    (found,) = [
        item for item in audit(manifest(*FIXED, pin("rich", "15.0"), hashes="some")) if item.rule.id == "lock.unhashed"
    ]
    assert found.what == "rich"
    assert found.severity is Severity.NOTE


def test_tells_what_came_from_a_folder_of_the_author_or_from_an_address() -> None:
    local = pin("mine", "1.0", source=DirectSource(kind="local"))
    archive = pin("theirs", "1.0", source=DirectSource(kind="archive", url="http://user:secret@x.example/a.zip"))
    found = audit(manifest(*FIXED, local, archive, hashes="some"))
    assert {"lock.local-source", "lock.direct", "lock.unencrypted-address"} <= {item.rule.id for item in found}


def test_refuses_a_wheel_that_is_not_the_one_of_the_lock() -> None:
    name = "keras-3.15.1-py3-none-any.whl"
    made = manifest(wheels=(f"requirements/wheels/{name}",))

    def with_wheel(digest: str) -> Manifest:
        member = Member(name=f"requirements/wheels/{name}", size=1, sha256=digest)
        return dataclasses.replace(made, members=(*made.members, member))

    assert "lock.wheel-mismatch" in rules(with_wheel("b" * 64))
    assert "lock.wheel-mismatch" not in rules(with_wheel(HASH))


def test_what_was_not_checked_is_never_shown_as_clean(tmp_path: Path) -> None:
    shown = checks(manifest(*FIXED, pin("rich", "15.0")), pylock(), None)
    (others,) = [item for subject, item in shown.items() if "other" in subject]
    assert others.subject == "known vulnerabilities of the other 1 distributions"
    assert not others.done
    assert "not checked" in others.detail
    assert not shown["requirements.txt"].done
    assert shown["known advisories of Keras and TensorFlow"].done
    assert not checks(manifest(hashes="none"), None, lines())["lock"].done
    assert not checks(manifest(), b"\xff", lines())["lock"].done
    empty = {item.subject: item for item in lock_findings(manifest(), pylock(), lines(), osv=tmp_path)[1]}
    assert not next(item for subject, item in empty.items() if "other" in subject).done


def test_every_rule_has_its_own_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id.startswith("lock.") for rule in RULES)


_VALUES = st.one_of(
    st.sampled_from(["", "keras", "3.15.1", "https://x", "https://[", "git", "../a", "a" * 64]),
    st.integers(),
    st.text(max_size=4),
)
_FILES = st.dictionaries(
    st.sampled_from(["name", "url", "path", "hashes", "commit-id"]), st.one_of(_VALUES, st.just({"sha256": 3}))
)
_PACKAGES = st.dictionaries(
    st.sampled_from(["name", "version", "wheels", "sdist", "index", "vcs", "archive", "marker"]),
    st.one_of(_VALUES, _FILES, st.lists(_FILES, max_size=2)),
)


@given(st.lists(_PACKAGES, max_size=2))
def test_no_lock_raises(packages: list[dict[str, Any]]) -> None:
    audit(None, toml_text({"lock-version": "1.0", "packages": packages}).encode("utf-8", "ignore"))


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=500))
def test_no_damaged_file_raises(noise: bytes, place: int) -> None:
    for whole in (pylock(), lines()):
        broken = whole[:place] + noise + whole[place + len(noise) :]
        audit(None, broken, broken)


@given(st.text(max_size=80))
def test_no_line_raises(line: str) -> None:
    audit(None, None, lines(line.replace("\ud800", "")) if line.isprintable() else line.encode("utf-8", "ignore"))


@given(st.text(max_size=40))
def test_no_version_of_a_pin_raises(version: str) -> None:
    audit(manifest(pin("keras", version), pin("tensorflow", version), pin("rich", version)))
