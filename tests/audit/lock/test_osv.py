"""OSV records are matched by name and version, and what cannot be read is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.audit.lock.lock_findings import lock_findings
from bundler.audit.lock.osv import ask_folder
from tests.audit.lock.locks import FIXED, affected, lines, manifest, pin, pylock, record


def found_in(folder: Path, version: str, *records: Any) -> list[str]:
    write(folder, *records)
    return [item.id for item in ask_folder(folder, {"rich": [version]}).found]


def write(folder: Path, *records: Any) -> None:
    for index, item in enumerate(records):
        text = item if isinstance(item, str) else json.dumps(item)
        (folder / f"{index}.json").write_text(text)


@pytest.mark.parametrize(
    ("events", "has", "has_not"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9", "2.0rc1"], ["2.0", "2.1"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], ["1.0", "1.5", "1.5+local"], ["0.9", "1.5.1"]),
        (
            [{"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.1"}],
            ["1.1", "2.0"],
            ["1.2", "1.9", "2.1"],
        ),
        ([{"fixed": "2.0"}, {"introduced": "0"}], ["1.0"], ["2.0"]),
        ([{"introduced": "0"}, {"limit": "3.0"}], ["2.9"], ["3.0"]),
        ([{"introduced": "0"}], ["99"], []),
    ],
)
def test_a_range_is_read_as_the_schema_has_it(
    tmp_path: Path, events: list[dict[str, str]], has: list[str], has_not: list[str]
) -> None:
    item = record(affected=affected(events))
    assert all(found_in(tmp_path, version, item) for version in has)
    assert not any(found_in(tmp_path, version, item) for version in has_not)


def test_a_list_of_versions_counts_as_well(tmp_path: Path) -> None:
    item = record(affected=affected(versions=["1.0.0", "not a version"]))
    assert found_in(tmp_path, "1.0", item)
    assert not found_in(tmp_path, "1.1", item)


def test_other_names_ecosystems_and_withdrawn_records_do_not_count(tmp_path: Path) -> None:
    elsewhere = affected([{"introduced": "0"}])
    elsewhere[0]["package"]["ecosystem"] = "npm"
    assert not found_in(tmp_path, "1.0", record(affected=elsewhere), record("poor"), record(withdrawn="2026-01-01"))


def test_names_are_compared_as_an_index_compares_them(tmp_path: Path) -> None:
    write(tmp_path, record("Ruamel_Yaml"))
    assert ask_folder(tmp_path, {"ruamel-yaml": ["1.0"]}).found


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        {},
        record(affected=3),
        record(affected=[3]),
        record(affected=affected([{"fixed": "1.0"}])),
        record(affected=affected([{"introduced": "yesterday"}])),
        record(affected=affected([{"introduced": 0}])),  # type: ignore[dict-item]
        record(affected=affected()),
        record(aliases=3),
    ],
)
def test_what_cannot_be_read_is_counted(tmp_path: Path, broken: Any) -> None:
    write(tmp_path, broken, record())
    answer = ask_folder(tmp_path, {"rich": ["1.0"]})
    assert (answer.records, answer.unreadable, len(answer.found)) == (1, 1, 1)
    made = manifest(*FIXED, pin("rich", "1.0"), hashes="some")
    _, checks = lock_findings(made, pylock(), lines(), osv=tmp_path)
    (check,) = [item for item in checks if "other" in item.subject]
    assert check.done
    assert check.detail == "1 OSV records, the newest of 2026-11-01; 1 more could not be read, and may name any of them"


def test_a_record_is_a_finding_and_none_of_the_table_twice(tmp_path: Path) -> None:
    ours = record(
        "keras",
        id="GHSA-xxxx",
        aliases=["CVE-2026-1669"],
        affected=[{"package": {"ecosystem": "PyPI", "name": "keras"}, "versions": ["3.13.0"]}],
    )
    write(tmp_path, record(), ours)
    made = manifest(pin("keras", "3.13.0"), pin("rich", "1.0"), hashes="none")
    found, _ = lock_findings(made, None, None, osv=tmp_path)
    (line,) = [item.what for item in found if item.rule.id == "lock.vulnerability"]
    assert line == "rich 1.0: PYSEC-2026-1 (CVE-2026-99999): it does what it should not; fixed in 2.0"
    assert len([item for item in found if "CVE-2026-1669" in item.what]) == 1


def test_a_folder_that_is_not_there_is_no_clean_answer(tmp_path: Path) -> None:
    _, checks = lock_findings(manifest(), pylock(), lines(), osv=tmp_path / "none")
    (check,) = [item for item in checks if "other" in item.subject]
    assert not check.done
    assert "no such folder" in check.detail


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["package", "ecosystem", "name", "ranges", "events", "versions", "introduced", "fixed"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["id", "affected", "modified", "aliases", "summary", "withdrawn"]), _JSON))
def test_no_record_raises(tmp_path: Path, changes: dict[str, Any]) -> None:
    write(tmp_path, {**record(), **changes})
    answer = ask_folder(tmp_path, {"rich": ["1.0"]})
    assert answer.records + answer.unreadable == 1
