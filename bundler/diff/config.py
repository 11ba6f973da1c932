"""Two configs of Keras: which layers came, went, or have another argument.

Keras numbers the layers of a process through, so the same model made twice has ``dense`` and ``dense_1``. Such a layer
is told as renamed, and what refers to it by name is not a change of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bundler.diff import bounds
from bundler.diff.bounds import json_text
from bundler.diff.change import ADDED, REMOVED, RENAMED, ConfigChange
from bundler.diff.json_changes import Edit, Pair, edits, places
from bundler.manifest.canonical_json import parse_strict

JSON = Any

#: Where the config of a functional model refers to its layers by name, beside their ``inbound_nodes``.
_ENDS = ("input_layers", "output_layers")
_SHARED = "shared_object_id"


def parse_config(text: bytes, place: str) -> JSON:
    """Return a ``config.json`` as a JSON value.

    Raises:
        LimitExceeded: it is too large, too deep, or holds too many values to be compared.
        InvalidBundle: it is not JSON.
    """
    return parse_strict(text, place, bounds.CONFIG, value_limit=bounds.CONFIG_VALUES)


def config_changes(before: JSON, after: JSON) -> tuple[list[ConfigChange], dict[str, str]]:
    """Return what differs between two values that `parse_config` gave, and the new names of renamed layers by the old.

    There is at most one change more than `bounds.CHANGES`. Names are like `ConfigChange.layer`; all but the last of
    an old one are new.
    """
    _number_shared(before)
    _number_shared(after)
    found = list(itertools.islice(edits(before, after, _name, _with_new_names), bounds.CHANGES + 1))
    renamed = {
        layer_label([*edit.pair.names[:-1], edit.pair.before]): layer_label(edit.pair.names)
        for edit in found
        if edit.kind == RENAMED
    }
    return [_told(edit) for edit in found], renamed


def layer_label(names: Iterable[str | None]) -> str:
    """Return the name of a layer with those of the models around it, outermost first; what is too long is cut."""
    return "/".join(bounds.cut(name, bounds.LINE) for name in names if name is not None)


def _told(edit: Edit) -> ConfigChange:
    pair = edit.pair
    # Cut before they are joined: each of many values may lie below the same long keys.
    steps = (bounds.cut(str(step), bounds.LINE) for step in pair.steps)
    return ConfigChange(
        pointer="".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps),
        kind=edit.kind,
        layer=layer_label(pair.names),
        before=None if edit.kind == ADDED else json_text(pair.before),
        after=None if edit.kind == REMOVED else json_text(pair.after),
    )


def _name(item: JSON) -> str | None:
    """Return the name of a layer: beside its config in a functional model, inside it in a Sequential."""
    if not isinstance(item, dict) or "class_name" not in item:
        return None
    name = item.get("name")
    config = item.get("config")
    if not isinstance(name, str) and isinstance(config, dict):
        name = config.get("name")
    return name if isinstance(name, str) else None


def _number_shared(config: JSON) -> None:
    """Replace the numbers of shared objects, which are memory addresses of the author's process, by their order."""
    numbers: dict[int, int] = {}
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if isinstance(value.get(_SHARED), int):
                value[_SHARED] = numbers.setdefault(value[_SHARED], len(numbers))
            stack.extend(value[key] for key in sorted(value, reverse=True))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _with_new_names(pair: Pair) -> tuple[Pair, list[Edit]]:
    """Return the config of a model before with the names that its layers have after, and which were renamed."""
    olds, news = pair.before.get("layers"), pair.after.get("layers")
    if not (isinstance(olds, list) and isinstance(news, list)):
        return pair, []
    old_places, new_places = places(olds, _name), places(news, _name)
    if old_places is None or new_places is None:
        return pair, []
    waiting: dict[str, list[str]] = {}
    for name in reversed([name for name in old_places if name not in new_places]):
        waiting.setdefault(_without_names(olds[old_places[name]]), []).append(name)
    renamed: dict[str, str] = {}
    if waiting:
        for name in [name for name in new_places if name not in old_places]:
            if same := waiting.get(_without_names(news[new_places[name]])):
                renamed[same.pop()] = name
    if not renamed:
        return pair, []
    before = {
        **pair.before,
        "layers": [_layer_renamed(layer, renamed) for layer in olds],
        **{key: _replaced(pair.before[key], renamed) for key in _ENDS if key in pair.before},
    }
    found = [
        Edit(RENAMED, Pair(old, new, (*pair.steps, "layers", new_places[new]), (*pair.names, new)))
        for old, new in renamed.items()
    ]
    return Pair(before, pair.after, pair.steps, pair.names), sorted(found, key=_place)


def _without_names(layer: JSON) -> str:
    """Return the text of a layer without its name, those of what it holds, and what it is connected to."""
    return json.dumps(_stripped({key: value for key, value in layer.items() if key != "inbound_nodes"}), sort_keys=True)


def _stripped(value: JSON) -> JSON:
    # Recursion is bounded: a config nested deeper than the limit of JSON was refused.
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not (key == "name" and isinstance(item, str))}
        return {key: _stripped(item) for key, item in kept.items()}
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def _layer_renamed(layer: JSON, renamed: Mapping[str, str]) -> JSON:
    name = _name(layer)
    changed = dict(layer)
    if name is not None and name in renamed:
        new = renamed[name]
        if changed.get("name") == name:
            changed["name"] = new
        if isinstance(changed.get("config"), dict) and changed["config"].get("name") == name:
            changed["config"] = {**changed["config"], "name": new}
    if "inbound_nodes" in changed:
        changed["inbound_nodes"] = _histories_renamed(changed["inbound_nodes"], renamed)
    return changed


def _histories_renamed(value: JSON, renamed: Mapping[str, str]) -> JSON:
    """Return a value with the layers of every ``keras_history`` in it renamed."""
    if isinstance(value, dict):
        return {
            key: _replaced(item, renamed) if key == "keras_history" else _histories_renamed(item, renamed)
            for key, item in value.items()
        }
    return [_histories_renamed(item, renamed) for item in value] if isinstance(value, list) else value


def _replaced(value: JSON, renamed: Mapping[str, str]) -> JSON:
    if isinstance(value, list):
        return [_replaced(item, renamed) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, renamed) for key, item in value.items()}
    return renamed.get(value, value) if isinstance(value, str) else value


def _place(edit: Edit) -> int:
    last = edit.pair.steps[-1]
    return last if isinstance(last, int) else 0
