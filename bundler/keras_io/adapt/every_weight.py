"""All weights of a model in one list, for models of which Keras's file does not hold all or gives some to others.

Keras finds weights by walking attributes. It passes by names that it has itself (``_layers``), objects that are none
of its own, and layers that the author hid from it. Here the model's root holds every weight by number, and the loader
gives them back in that order; what else a layer saves by itself (``save_own_variables``, assets, optimizers) is left to
Keras.
"""

from __future__ import annotations

import collections
import importlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bundler.errors import RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.keras_io.adapt.graphs import prepared_to_compile
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras

#: The entry of the root's config: ``weights`` has ``[path, shape, dtype]`` of each, ``changed`` has ``[number, mode,
#: rank, alpha]`` of each layer that was quantized or got a LoRA after it was made.
EVERY_WEIGHT = f"{TAG}every_weight"
_MOST_OBJECTS, _SHOWN = 200_000, 3
_CONTAINERS = (Mapping, list, tuple, set, frozenset, deque)
#: Keras links every layer to the graphs that it was ever called in, which lead to other models.
_GRAPH = ("KerasHistory", "KerasTensor", "Node", "Tracker")
_LEFT_OUT = frozenset({"history", "train_function", "test_function", "predict_function", "optimizer", "_optimizer"})


def every_weight(model: Any) -> list[Any]:
    """Return the weights of `model` in Keras's order, then those of layers below it that Keras does not know of."""
    found = {id(variable): variable for variable in model.weights}
    for layer in layers_below(model):
        for variable in layer.weights:
            found.setdefault(id(variable), variable)
    return list(found.values())


def layers_below(model: Any) -> list[Any]:
    """Return `model` and each layer that its attributes lead to, also through plain objects, nearest first."""
    found: list[Any] = []
    seen: set[int] = set()
    # Kept alive: a freed value could hand its id on.
    keep: list[Any] = []
    queue: deque[Any] = deque([model])
    while queue and len(keep) < _MOST_OBJECTS:
        value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        keep.append(value)
        if isinstance(value, keras().layers.Layer):
            found.append(value)
        queue.extend(_parts(value))
    return found


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, _CONTAINERS):
        yield from value
    elif _may_hold_layers(value):
        for name, item in vars(value).items():
            if name not in _LEFT_OUT and (isinstance(item, _CONTAINERS) or _may_hold_layers(item)):
                yield item


def _may_hold_layers(value: Any) -> bool:
    if isinstance(value, type) or not hasattr(value, "__dict__") or not hasattr(type(value), "__module__"):
        return False
    framework = keras()
    root = str(type(value).__module__).partition(".")[0]
    if root == "keras":
        return isinstance(value, framework.Operation | framework.layers.Layer)
    others = (framework.Variable, framework.callbacks.Callback, framework.optimizers.Optimizer)
    foreign = ("tensorflow", "numpy", "builtins", "bundler", "functools", "types", "inspect", "threading", "weakref")
    return root not in foreign and type(value).__name__ not in _GRAPH and not isinstance(value, others)


def described(model: Any) -> dict[str, Any]:
    """Return what the config of the root says about each weight, and about layers that have other weights by now."""
    weights = [
        [str(getattr(variable, "path", variable.name)), [int(size) for size in variable.shape], str(variable.dtype)]
        for variable in every_weight(model)
    ]
    changed = [[number, *how] for number, layer in enumerate(layers_below(model)) if (how := _changes_of(layer))]
    return {"weights": weights, "changed": changed}


def has_changed_parts(model: Any, config: Any) -> bool:
    """Say whether a layer that `config` does not show was quantized or got a LoRA after it was made."""
    shown = {node["config"].get("name") for _, node in keras_config.nodes(config) if isinstance(node["config"], dict)}
    return any(_changes_of(layer) and layer.name not in shown for layer in layers_below(model))


def _changes_of(layer: Any) -> list[Any]:
    """Return how `layer` is quantized, and rank and alpha of its LoRA; nothing for a layer as it is made."""
    how = [getattr(layer, name, None) for name in ("quantization_mode", "lora_rank", "lora_alpha")]
    return how if isinstance(layer, keras().layers.Layer) and (how[0] or how[1]) and hasattr(layer, "quantize") else []


def _change_parts(model: Any, changed: Sequence[Any]) -> None:
    layers = layers_below(model)
    for number, mode, rank, alpha in changed:
        if not 0 <= number < len(layers):
            raise _failure(model, f"the layer {number} of it was changed, and {len(layers)} are made here")
        layer = layers[number]
        if mode and getattr(layer, "quantization_mode", None) != mode:
            layer.quantize(str(mode))
        if rank and not getattr(layer, "lora_rank", None):
            layer.enable_lora(int(rank), lora_alpha=alpha)


def is_left_out(model: Any, weights_file: Path) -> bool:
    """Say whether the file that Keras has written cannot hold all weights of `model`, by their shapes.

    Layers that save in a way of their own are not counted. A weight that is missed here is found by the proof.
    """
    needed: collections.Counter[tuple[int, ...]] = collections.Counter()
    others = {id(variable) for layer in layers_below(model) if not _is_plain(layer) for variable in layer.weights}
    for variable in every_weight(model):
        if id(variable) not in others:
            needed[tuple(int(size) for size in variable.shape)] += 1
    h5py = importlib.import_module("h5py")
    held: collections.Counter[tuple[int, ...]] = collections.Counter()

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            held[tuple(item.shape)] += 1

    with h5py.File(weights_file, "r") as file:
        file.visititems(note)
    return bool(needed - held)


def saves(model: Any) -> list[tuple[Any, str, Any]]:
    """Return what is set on the objects below `model` while Keras saves it: object, name, function."""

    def save_all(store: Any) -> None:
        for number, variable in enumerate(every_weight(model)):
            store[str(number)] = variable

    parts = [layer for layer in layers_below(model) if layer is not model and _is_plain(layer)]
    return [(model, "save_own_variables", save_all), *((layer, "save_own_variables", _leave) for layer in parts)]


def load_by_number(model: Any, recorded: Mapping[str, Any]) -> None:
    """Let Keras's next step give `model` the weights that `recorded` describes, instead of what it would look for."""

    def load_all(store: Any) -> None:
        object.__delattr__(model, "load_own_variables")
        _change_parts(model, recorded["changed"])
        for layer in layers_below(model):
            if layer is not model and _is_plain(layer):
                # Keras comes to the parts after the whole.
                object.__setattr__(layer, "load_own_variables", _leave)
        for number, variable in enumerate(_paired(model, recorded["weights"])):
            variable.assign(store[str(number)])

    prepared_to_compile(model, lambda _: _change_parts(model, recorded["changed"]))
    object.__setattr__(model, "load_own_variables", load_all)


def forget(model: Any) -> None:
    """Take away what `load_by_number` has left on `model` and its parts."""
    vars(model).pop("load_own_variables", None)
    for layer in layers_below(model):
        if vars(layer).get("load_own_variables") is _leave:
            object.__delattr__(layer, "load_own_variables")


def _paired(model: Any, recorded: Sequence[Any]) -> list[Any]:
    """Return the weights of `model` in the order of `recorded`: by path where both have the same, else as they come."""
    found = every_weight(model)
    paths = [str(entry[0]) for entry in recorded]
    if len(found) != len(recorded):
        names = {str(getattr(variable, "path", variable.name)) for variable in found}
        raise _failure(
            model,
            f"it had {len(recorded)} weights, and {len(found)} are made here, "
            f"without {', '.join(sorted({*paths} - names)[:_SHOWN]) or 'some of the same name'}",
        )
    by_path = {str(getattr(variable, "path", variable.name)): variable for variable in found}
    if len(by_path) == len(found) and by_path.keys() == {*paths}:
        found = [by_path[path] for path in paths]
    for variable, (path, shape, dtype) in zip(found, recorded, strict=True):
        here = [int(size) for size in variable.shape]
        if here != list(shape) or str(variable.dtype) != dtype:
            raise _failure(
                model, f"the weight {path} was {dtype} {list(shape)}, and {variable.dtype} {here} is made here"
            )
    return found


def _failure(model: Any, message: str) -> RebuildFailed:
    return RebuildFailed(
        f"the weights do not fit: {message}",
        place=type(model).__qualname__,
        hint="make all layers and weights in __init__ or build, in the same order each time",
    )


def _is_plain(layer: Any) -> bool:
    """Say whether Keras's own methods save and load the variables of `layer`."""
    cls = type(layer)
    return is_frameworks(cls, "save_own_variables") and is_frameworks(cls, "load_own_variables")


def _leave(_: Any) -> None:
    """Neither save nor load: the root does."""
