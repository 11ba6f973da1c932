"""The weights of two models, array by array, by what they are and the digest of their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bundler.diff import bounds
from bundler.diff.change import (
    ADDED,
    DTYPE,
    MOVED,
    REMOVED,
    SHAPE,
    VALUES,
    LayerWeights,
    TensorChange,
    TensorDifference,
)
from bundler.diff.config import layer_label
from bundler.formats.keras_config import snake_case


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedWeight:
    """One array of a file of weights.

    Attributes:
        group: the HDF5 group of the layer in the config that it belongs to; empty where there is none.
        label: what the config calls that layer; where there is none, the HDF5 group.
        name: its path below `group`.
        dtype: as Keras calls it.
        shape: its dimensions.
        digest: of its bytes.
    """

    group: str
    label: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str

    @property
    def path(self) -> str:
        """Return its path in the file of weights."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def form(self) -> str:
        """Return its type and shape as people write them."""
        return f"{self.dtype} {list(self.shape)}"


def weight(path: str, dtype: str, shape: tuple[int, ...], digest: str, layers: Mapping[str, str]) -> ComparedWeight:
    """Return an array as part of its layer; `layers` are the names that `layer_names` gave."""
    steps = path.split("/")
    above = ("/".join(steps[:count]) for count in range(len(steps) - 1, 0, -1))
    group = next((place for place in above if place in layers), "")
    # Keras puts the variables of an object into the group "vars" of its own.
    label = layers[group] if group else path.rpartition("/")[0].removesuffix("/vars")
    name = path.removeprefix(f"{group}/") if group else path
    return ComparedWeight(group=group, label=label, name=name, dtype=dtype, shape=shape, digest=digest)


def layer_names(config: Any) -> dict[str, str]:
    """Return the HDF5 group of each layer of a functional model or Sequential, with the layer's name.

    Keras calls the groups after the class and numbers them (``layers/dense_1``), in the order of the config; a
    layer of a model in the model has the names of both.
    """
    names: dict[str, str] = {}
    stack: list[tuple[Any, str, tuple[str, ...]]] = [(config, "", ())]
    while stack:
        node, above, around = stack.pop()
        inner = node.get("config") if isinstance(node, dict) else None
        layers = inner.get("layers") if isinstance(inner, dict) else None
        used: dict[str, int] = {}
        for layer in layers if isinstance(layers, list) else []:
            if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
                continue
            word = snake_case(layer["class_name"])
            number = used[word] = used.get(word, -1) + 1
            group = f"{above}layers/{word}{f'_{number}' if number else ''}"
            own = layer.get("config")
            name = own.get("name") if isinstance(own, dict) else None
            if isinstance(name, str):
                names[group] = layer_label((*around, name))
                stack.append((layer, f"{group}/", (*around, name)))
    return names


def renamed_layers(weights: Sequence[ComparedWeight], renamed: Mapping[str, str]) -> list[ComparedWeight]:
    """Return arrays of the file before under the names that their layers have after; see `config_changes`."""
    found = []
    for item in weights:
        label = ""
        for step in item.label.split("/"):
            label = f"{label}/{step}" if label else step
            label = renamed.get(label, label)
        found.append(replace(item, label=label) if item.group else item)
    return found


def tensor_difference(before: Sequence[ComparedWeight], after: Sequence[ComparedWeight]) -> TensorDifference:
    """Return which arrays changed. A layer is compared with the one of its name, else with the one at its place."""
    groups = _paired_groups(before, after)
    olds = {_key(item, groups): item for item in before}
    news = {_key(item, {group: group for group in groups.values()}): item for item in after}
    gone: dict[tuple[str, str, tuple[int, ...]], list[ComparedWeight]] = {}
    for key, item in olds.items():
        if key not in news:
            gone.setdefault((item.digest, item.dtype, item.shape), []).append(item)
    changes: list[TensorChange] = []
    for key, item in news.items():
        old = olds.get(key)
        if old is None and (same := gone.get((item.digest, item.dtype, item.shape))):
            changes.append(_told(MOVED, same.pop(0), item))
        elif old is None:
            changes.append(_told(ADDED, None, item))
        elif kind := _kind(old, item):
            changes.append(_told(kind, old, item))
    same_count = sum(key in olds and not _kind(olds[key], item) for key, item in news.items())
    changes += [_told(REMOVED, item, None) for items in gone.values() for item in items]
    return TensorDifference(
        before=len(before),
        after=len(after),
        same=same_count,
        layers=tuple(_by_layer(before, after, changes)),
        changes=tuple(sorted(changes, key=lambda change: change.path)),
    )


def _key(item: ComparedWeight, groups: Mapping[str, str]) -> tuple[bool, str, str]:
    """Return what an array is found by: its layer in the file after, if that is in both, else its path."""
    return (True, groups[item.group], item.name) if item.group in groups else (False, "", item.path)


def _paired_groups(before: Sequence[ComparedWeight], after: Sequence[ComparedWeight]) -> dict[str, str]:
    """Return the groups before that a layer of the config has, with the group after: of the same name, else place."""
    olds = {item.group: item.label for item in before if item.group}
    news = {item.group: item.label for item in after if item.group}
    places = {label: group for group, label in news.items()}
    paired = {group: places[label] for group, label in olds.items() if label in places}
    taken = set(paired.values())
    paired.update({group: group for group in olds if group in news and group not in paired and group not in taken})
    return paired


def _kind(old: ComparedWeight, new: ComparedWeight) -> str:
    if old.dtype != new.dtype:
        return DTYPE
    if old.shape != new.shape:
        return SHAPE
    return VALUES if old.digest != new.digest else ""


def _told(kind: str, old: ComparedWeight | None, new: ComparedWeight | None) -> TensorChange:
    item = new or old
    assert item is not None  # noqa: S101 - for mypy: a change has a side
    return TensorChange(
        path=bounds.cut(item.path, bounds.LINE),
        layer=item.label,
        kind=kind,
        before=None if old is None else old.form,
        after=None if new is None else new.form,
        before_path=bounds.cut(old.path, bounds.LINE) if old is not None and old.path != item.path else None,
    )


def _by_layer(
    before: Sequence[ComparedWeight], after: Sequence[ComparedWeight], changes: Sequence[TensorChange]
) -> Iterator[LayerWeights]:
    olds, news = Counter(item.label for item in before), Counter(item.label for item in after)
    changed = Counter(change.layer for change in changes)
    for label in [*news, *(label for label in olds if label not in news)]:
        if changed[label]:
            yield LayerWeights(layer=label, tensors=max(olds[label], news[label]), changed=changed[label])
