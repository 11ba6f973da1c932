"""What we accept is read alike by every tool; what any two readers read differently is refused (I1)."""

from __future__ import annotations

import pytest

from tests.archive import builders
from tests.archive.corpus import CASES
from tests.archive.corpus.__main__ import differ
from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import parts_of, zipped
from tests.archive.corpus.readers import OTHERS, Answer, answers, ours


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Answer]]:
    """The answers of all readers, by case."""
    return dict(zip([case.name for case in CASES], answers([case.build() for case in CASES]), strict=True))


def test_corpus_is_large_and_has_each_name_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200


def test_parts_without_changes_are_the_good_bundle() -> None:
    assert zipped(parts_of(builders.good())) == builders.good()


def test_corpus_has_each_file_once() -> None:
    files: dict[bytes, list[str]] = {}
    for case in CASES:
        files.setdefault(case.build(), []).append(case.name)
    assert [names for names in files.values() if len(names) > 1] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reader_answers_as_it_should(case: Case) -> None:
    assert (ours(case.build()) is not None) == case.accepted


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.accepted], ids=lambda case: case.name)
def test_what_is_accepted_is_read_alike_by_all(case: Case, found: dict[str, dict[str, Answer]]) -> None:
    answer = found[case.name]
    assert {name: answer[name] for name in OTHERS} == dict.fromkeys(OTHERS, answer["ours"])


@pytest.mark.slow
def test_what_two_readers_read_differently_is_refused(found: dict[str, dict[str, Answer]]) -> None:
    assert [name for name, answer in found.items() if differ(answer) and answer["ours"] is not None] == []


@pytest.mark.slow
def test_corpus_shows_that_tools_differ(found: dict[str, dict[str, Answer]]) -> None:
    # Else nothing above was put to the test.
    assert sum(differ(answer) for answer in found.values()) > 100
