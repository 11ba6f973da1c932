"""Layers that were put in the place of others after a model was made, as LoRA does with parts of a built model.

A class makes the same parts again, whatever stands there by now. Here the root's config has the layers that its own
config does not show, each with its places below the model. The loader puts a layer where another was made.
"""

from __future__ import annotations

import contextlib
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from bundler.errors import InvalidBundle, RebuildFailed
from bundler.formats import keras_config
from bundler.frameworks import makes_models
from bundler.keras_io import private
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.keras_io.adapt.decoding import deserialized
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras

#: The entry of the root's config: ``parts`` has ``[[place, ...], layer]``, outer before inner; ``tracked`` has
#: ``[place, [place or null, ...]]``: the layers that Keras knows of in the layer at a place, in its order.
REPLACED = f"{TAG}replaced"
_MOST, _LONGEST = 10_000, 1_000
#: Attributes that Keras keeps for itself, or that lead to other things than parts.
_LEFT_OUT = frozenset({"_layers", "_tracker", "_functional", "_operations", "_metrics", "optimizer", "_optimizer"})
#: What a constructor chose and the program sets later by other means.
_BESIDE = ("name", "trainable")


def described(model: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layers below `model` that its own `config` does not show, with the places that they have."""
    places = _places(model)
    parts = _hidden(model, keras().saving.serialize_keras_object(dict(config)))
    first = {id(layer): found[0] for layer, found in places.values()}
    holders = {id(holder): holder for holder, _ in parts}
    tracked = [
        [first[number], [first.get(id(layer)) for layer in private.tracked_layers(holder)]]
        for number, holder in holders.items()
    ]
    return {"parts": [[places[id(layer)][1], layer] for _, layer in parts], "tracked": tracked}


def has_foreign_parts(model: Any, config: Any) -> bool:
    """Say whether a layer of the framework's has an author's in it that `config` does not show."""
    return any(_is_frameworks(holder) and not _is_frameworks(layer) for holder, layer in _hidden(model, config))


def put_back(model: Any, recorded: Mapping[str, Any]) -> bool:
    """Put each layer that `recorded` has where another was made; say whether there was one.

    Raises:
        InvalidBundle: the config has something else than layers and places.
        RebuildFailed: a place holds something else than a layer.
    """
    parts, tracked = _checked(recorded)
    changed: dict[int, Any] = {}
    before: dict[int, list[Any]] = {}
    for places, node in parts:
        here = _at(model, places[0])
        if _is_made_so(here, node):
            continue
        layer = _made(node)
        for place in places:
            above, _, _ = place.rpartition("/")
            holder = _holder_of(model, place)
            before.setdefault(id(holder), list(private.tracked_layers(holder)))
            changed[id(holder)] = holder
            _set(holder, _at(model, above, layers_only=False), place.rpartition("/")[2], layer)
    for place, order in tracked:
        holder = _at(model, place)
        if order and id(holder) in changed:
            made = before[id(holder)]
            # What stands nowhere any more is what was made there.
            known = [
                _at(model, step) if step is not None else made[n] if n < len(made) else None
                for n, step in enumerate(order)
            ]
            private.set_tracked_layers(holder, [layer for layer in known if layer is not None])
    return bool(changed)


def _hidden(model: Any, config: Any) -> list[tuple[Any, Any]]:
    """Return (holder, layer) for the layers that `config` does not show and a class may not make as they are."""
    shown = {
        (node["class_name"], node["config"].get("name"))
        for _, node in keras_config.nodes(config)
        if isinstance(node["config"], dict)
    }
    found: list[tuple[Any, Any]] = []
    queue: deque[Any] = deque([model])
    seen = {id(model)}
    while queue:
        holder = queue.popleft()
        for _, layer, can_be_set in _layers_in(holder):
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            is_part = can_be_set and (type(layer).__name__, layer.name) not in shown and _may_be_other(holder, layer)
            if is_part:
                found.append((holder, layer))
            # An author's layer brings its own parts; so does a model.
            if not is_part or (_is_frameworks(layer) and not isinstance(layer, keras().Model)):
                queue.append(layer)
    return found


def _may_be_other(holder: Any, layer: Any) -> bool:
    """Say whether the class of `holder` may make another layer in the place of `layer`."""
    if _is_frameworks(layer):
        return not _is_frameworks(holder) and bool(layer.weights)
    return type(layer).__name__ not in _names_used(type(holder))


def _names_used(cls: type) -> set[str]:
    """Return the names that methods of `cls` use, where an author wrote them: a part of such a class is made there."""
    found: set[str] = set()
    codes = [
        member.__code__
        for base in cls.__mro__
        if not makes_models(base)
        for member in vars(base).values()
        if isinstance(member, types.FunctionType)
    ]
    while codes:
        code = codes.pop()
        found.update(code.co_names, code.co_freevars)
        codes += [item for item in code.co_consts if isinstance(item, types.CodeType)]
    return found


def _is_frameworks(layer: Any) -> bool:
    return makes_models(type(layer))


def _layers_in(holder: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield the layers that `holder` has in attributes, and in lists and dictionaries there; whether one can be set."""
    queue: deque[tuple[str, Any, bool]] = deque()
    for name, item in _attributes(holder).items():
        queue.append((name, item, True))
    while queue:
        place, value, can_be_set = queue.popleft()
        if isinstance(value, keras().layers.Layer):
            yield place, value, can_be_set
        else:
            inner = can_be_set and not isinstance(value, tuple)
            queue.extend((f"{place}/{step}", item, inner) for step, item in _items(value))
    if _is_frameworks(holder) and isinstance(holder, keras().Model):
        for number, layer in enumerate(holder.layers):
            yield f"layers/{number}", layer, False


def _attributes(holder: Any) -> dict[str, Any]:
    if _is_frameworks(holder) and isinstance(holder, keras().Model):
        return {}
    kinds = (keras().layers.Layer, list, tuple, dict)
    return {
        name: item
        for name, item in vars(holder).items()
        if name not in _LEFT_OUT and "/" not in name and not name.startswith("__") and isinstance(item, kinds)
    }


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for step, item in list(pairs):
        is_way = isinstance(item, keras().layers.Layer) or type(item) in (list, dict, tuple) or _is_tracked(item)
        if is_way and isinstance(step, str | int) and "/" not in str(step):
            yield str(step), item


def _is_tracked(value: Any) -> bool:
    return isinstance(value, list | dict) and makes_models(type(value))


def _places(model: Any) -> dict[int, tuple[Any, list[str]]]:
    """Return each layer below `model` and `model`, by id, with its places, the shortest first."""
    found: dict[int, tuple[Any, list[str]]] = {id(model): (model, [""])}
    queue: deque[tuple[str, Any]] = deque([("", model)])
    while queue and len(found) < _MOST:
        above, holder = queue.popleft()
        for step, layer, can_be_set in _layers_in(holder):
            place = f"{above}/{step}" if above else step
            if id(layer) not in found:
                found[id(layer)] = (layer, [place])
                queue.append((place, layer))
            elif can_be_set:
                found[id(layer)][1].append(place)
    return found


def _at(model: Any, place: str, *, layers_only: bool = True) -> Any:
    value = model
    for step in place.split("/") if place else ():
        value = dict(_ways(value)).get(step)
    if value is None or (layers_only and not isinstance(value, keras().layers.Layer)):
        raise RebuildFailed(
            "a layer was replaced after this model was made, and its class makes none in that place here",
            place=f"{type(model).__qualname__}: {place[:200]}",
            hint="make the layer where the others are made",
        )
    return value


def _ways(value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, keras().layers.Layer):
        yield from _items(value)
    elif _is_frameworks(value) and isinstance(value, keras().Model):
        yield "layers", list(value.layers)
    else:
        yield from _attributes(value).items()


def _holder_of(model: Any, place: str) -> Any:
    """Return the layer that the last attribute of `place` is of."""
    value = holder = model
    for step in place.split("/")[:-1]:
        value = dict(_ways(value)).get(step)
        holder = value if isinstance(value, keras().layers.Layer) else holder
    return holder


def _set(holder: Any, value: Any, step: str, layer: Any) -> None:
    """Set `layer` in `value`, which is `holder` or a list or dictionary of it, where a layer is."""
    if not isinstance(dict(_ways(value)).get(step), keras().layers.Layer):
        raise _invalid(f"{step[:80]!r} holds something else than a layer")
    with private.unlocked(holder):
        if value is holder:
            setattr(holder, step, layer)
        elif isinstance(value, list):
            value[int(step)] = layer
        elif isinstance(value, dict):
            value[next(key for key in value if str(key) == step)] = layer
        else:
            raise _invalid(f"{step[:80]!r} is a place that cannot be set")


def _made(node: Mapping[str, Any]) -> Any:
    """Return the layer of `node`; one whose class has no ``build`` of its own is built where it is called."""
    layer = deserialized({name: item for name, item in node.items() if name != "build_config"})
    if not isinstance(layer, keras().layers.Layer):
        raise _invalid(f"{node.get('class_name')!r} must be a layer")
    build = node.get("build_config")
    if build and not layer.built and (_is_frameworks(layer) or not is_frameworks(type(layer), "build")):
        layer.build_from_config(build)
        layer.built = True
    return layer


def _is_made_so(layer: Any, node: Mapping[str, Any]) -> bool:
    """Say whether the class has made at its place what `node` describes."""
    if type(layer).__name__ != node["class_name"]:
        return False
    if not _is_frameworks(layer):
        return True
    made = keras().saving.serialize_keras_object(layer)["config"]
    return bool(_compared(made) == _compared(node["config"]))


def _compared(config: Any) -> Any:
    return {name: item for name, item in config.items() if name not in _BESIDE and not name.startswith(TAG)}


def _checked(recorded: Any) -> tuple[list[Any], list[Any]]:
    """Return the parts and the orders of `recorded`, which a stranger may have written."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        parts = [(list(places), node) for places, node in recorded["parts"]]
        tracked = [(place, list(order)) for place, order in recorded["tracked"]]
        texts = [place for places, _ in parts for place in places]
        texts += [holder for holder, _ in tracked]
        texts += [place for _, order in tracked for place in order if place is not None]
        is_small = max(len(texts), len(tracked)) <= 4 * _MOST
        if (
            is_small
            and all(isinstance(place, str) and len(place) <= _LONGEST for place in texts)
            and all(places and all(places) for places, _ in parts)
            and all(
                isinstance(node, dict) and isinstance(node.get("class_name"), str) and isinstance(node["config"], dict)
                for _, node in parts
            )
        ):
            return parts, tracked
    raise _invalid("it has no layers with places")


def _invalid(why: str) -> InvalidBundle:
    return InvalidBundle(
        f"what was replaced in this model cannot be read: {why}",
        place=f"config.json: {REPLACED}",
        hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
    )
