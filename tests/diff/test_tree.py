"""Two JSON values as trees: a difference is found exactly where there is one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bundler.diff.config import config_changes
from bundler.diff.json_changes import edits
from bundler.diff.manifest_values import field_changes

NAMES = st.sampled_from(["a", "b", "layers", "name", "class_name", "config", "inbound_nodes", "keras_history"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from([0.0, 1.0]), NAMES)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
LAYERS = st.fixed_dictionaries(
    {"class_name": NAMES, "config": st.dictionaries(NAMES, VALUES, max_size=3), "name": NAMES}
)
CONFIGS = st.one_of(
    VALUES, st.fixed_dictionaries({"config": st.fixed_dictionaries({"layers": st.lists(LAYERS, max_size=4)})})
)


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(VALUES, VALUES)
def test_values_have_edits_where_their_texts_differ(before: Any, after: Any) -> None:
    differ = json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    assert bool(list(edits(before, after, lambda item: None))) == differ


@given(CONFIGS, CONFIGS)
def test_configs_have_changes_where_their_texts_differ(before: Any, after: Any) -> None:
    differ = json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    changes, _ = config_changes(copied(before), copied(after))
    assert bool(changes) == differ


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_fields_have_changes_where_their_texts_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    differ = json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    assert bool(list(field_changes(before, after))) == differ
