"""The writer against the standard library's reader."""

from __future__ import annotations

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.requirements.locking.toml import toml_text

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
PLAIN = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.datetimes(
        min_value=datetime.datetime(1000, 1, 1),
        timezones=st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=2))]),
    ),
)
VALUE = st.recursive(
    PLAIN, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=8
)


@given(st.dictionaries(TEXT, VALUE, max_size=5))
def test_the_reader_of_the_standard_library_gives_the_same_table(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_a_list_of_tables_is_readable_by_people() -> None:
    wheels = [{"name": "a.whl", "size": 1}, {"name": "b.whl", "size": 2}]
    text = toml_text({"lock-version": "1.0", "packages": [{"name": "a", "wheels": wheels}]})
    assert text == (
        'lock-version = "1.0"\n\n[[packages]]\nname = "a"\nwheels = [\n'
        '    { name = "a.whl", size = 1 },\n    { name = "b.whl", size = 2 },\n]\n'
    )


def test_refuses_what_a_lock_does_not_have() -> None:
    with pytest.raises(TypeError, match="no float"):
        toml_text({"a": 1.5})  # type: ignore[dict-item]
