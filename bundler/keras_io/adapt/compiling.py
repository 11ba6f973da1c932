"""What a model was compiled with, where Keras alone would not compile it so again."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from bundler.frameworks import makes_models
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.keras_io.adapt.known_arguments import Read, RecordedArguments
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.framework import keras
from bundler.keras_io.private import compile_call, trained_variables

#: What says which weights each optimizer trains, by their numbers among the trainable ones or among all.
TRAINABLE, ALL = f"{TAG}trained", f"{TAG}optimizers"


def has_own_compile(model: Any) -> bool:
    """Say whether the class of `model` overrides `compile` and says nothing about how to compile it again."""
    cls = type(model)
    return (
        isinstance(model, keras().Model)
        and not is_frameworks(cls, "compile")
        and is_frameworks(cls, "compile_from_config")
        and is_frameworks(cls, "get_compile_config")
        and bool(model.compiled)
    )


def needs_compile_arguments(model: Any) -> bool:
    """Say whether Keras would not compile `model` as it was, or would give an optimizer other weights to train.

    A ``train_step`` of the author's may train a part of the model; Keras builds the optimizer for all of it, and then
    finds that the saved state does not fit. And it builds none for a model that is never built itself, since all the
    calls go to its parts.
    """
    cls = type(model)
    if has_own_compile(model):
        return True
    if not isinstance(model, keras().Model) or makes_models(cls):
        return False
    if not model.compiled or not is_frameworks(cls, "compile_from_config"):
        return False
    everything = {id(variable) for variable in model.trainable_variables}
    trained = _trained(model).get("optimizer")
    if trained is None:
        return False
    return not model.built or {id(variable) for variable in trained} != everything


def compile_arguments(model: Any, recorded: Mapping[str, Any], read: Read) -> dict[str, Any] | None:
    """Return what `compile` of `model` was called with, or `None` where that cannot be read back.

    `recorded` is what Keras's own `compile` was called with in turn, as it keeps it.
    """
    # An optimizer that `compile` makes is asked for what it was made with, so it must be the object itself.
    objects = {
        name: item
        for name, item in (compile_call(model) or {}).items()
        if isinstance(item, keras().optimizers.Optimizer | keras().losses.Loss)
    }
    told = {name: objects.get(name, RecordedArguments(item)) for name, item in recorded.items()}
    given = read(model, frozenset(), method="compile", recorded=told)
    if given.unread or given.positional:
        return None
    handed_on = {
        name: value
        for name, value in recorded.items()
        if value is not None and name not in given.handed_on and name not in given.takes
    }
    is_open = inspect.Parameter.VAR_KEYWORD in {
        item.kind for item in inspect.signature(type(model).compile).parameters.values()
    }
    handed_on = {name: RecordedArguments(value) for name, value in handed_on.items()}
    return {**(handed_on if is_open and given.keywords_go_to is not None else {}), **given.values}


def trained_by(model: Any) -> dict[str, dict[str, list[int]]]:
    """Return for each optimizer that `model` holds the numbers of the weights that it trains.

    Among its trainable weights where all of them still are: a part that only `fit` or `adapt` uses has none of its
    other weights yet where the model is compiled again. Where nothing can be known, the optimizers start anew, as in
    plain Keras.
    """
    found: dict[str, dict[str, list[int]]] = {TRAINABLE: {}, ALL: {}}
    for name, trained in _trained(model).items():
        for kind, variables in ((TRAINABLE, model.trainable_variables), (ALL, model.weights)):
            numbers = {id(variable): index for index, variable in enumerate(variables)}
            if all(id(variable) in numbers for variable in trained):
                found[kind][name] = [numbers[id(variable)] for variable in trained]
                break
    return {kind: entries for kind, entries in found.items() if entries}


def build_optimizers(model: Any, config: Mapping[str, Any]) -> None:
    """Build the optimizers of `model` for the weights that `config` says by `trained_by`."""
    for kind, variables in ((TRAINABLE, model.trainable_variables), (ALL, model.weights)):
        for name, numbers in config.get(kind, {}).items():
            getattr(model, name).build([variables[number] for number in numbers])


def _trained(model: Any) -> dict[str, list[Any]]:
    """Return the variables that each built optimizer of `model` trains, all of them weights of it."""
    known = {id(variable) for variable in model.weights}
    found = {}
    for name, value in vars(model).items():
        if isinstance(value, keras().optimizers.Optimizer) and value.built:
            trained = trained_variables(value)
            if trained and all(id(variable) in known for variable in trained):
                found[name.removeprefix("_") if name == "_optimizer" else name] = list(trained)
    return found


def raw_compile_arguments(model: Any) -> dict[str, Any] | None:
    """Return what Keras's own `compile` was called with, as the objects themselves, or `None` where it keeps none.

    Without them the save fails as it does in Keras.
    """
    kept = compile_call(model)
    if kept is None or not is_frameworks(type(model), "compile_from_config"):
        return None
    return {name: value for name, value in kept.items() if value is not None}
