"""What to try next when a bundle does not give a model back: one thing more each time, by what the proof said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bundler.errors import ProofFailed
from bundler.keras_io import adapt
from bundler.keras_io.adapt import replaced
from bundler.keras_io.adapt import saving as own
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.keras_io.adapt.certain import takes, unsafe_values
from bundler.keras_io.adapt.value_encoding import survives
from bundler.keras_io.program.account import lacks_weights
from bundler.manifest import Adaptation
from bundler.saving import adapted_model
from bundler.sources.live_objects import is_framework, live_instances


def remedies(
    model: Any,
    known: Sequence[Adaptation],
    failure: ProofFailed,
    place: tuple[str | None, str | None],
) -> tuple[Adaptation, ...]:
    """Return what to try next for a model that its bundle did not give back; empty where nothing is left.

    Args:
        model: the author's live model.
        known: the adaptations that the failed bundle had.
        failure: what went wrong.
        place: the author's module and name of the class that failed, where that is known.
    """
    instances = [item for item in live_instances(model) if not is_framework(type(item).__module__)]
    have = {(item.kind, item.module, item.qualname) for item in known}
    if place[1] is not None:
        guilty = [item for item in instances if adapted_model.place_of(type(item)) == place]
        if surplus := _surplus_of(guilty, have, failure):
            return surplus
        shaped = (adapt.RESTORED_SHAPES, str(place[0]), str(place[1]))
        if guilty and shaped not in have and failure.stage == "load" and _has_tuple_shapes(guilty):
            return _adaptations({shaped: ()})
        found = _next_for(guilty, have, certain=True)
        if found:
            return found
    module, qualname = adapted_model.place_of(type(model))
    called = (adapt.BUILT_BY_CALL, module, qualname)
    by_number = (adapt.EVERY_WEIGHT, module, qualname)
    if place[1] is None and (failure.stage in ("load", "weights") or lacks_weights(failure.differences)):
        # Weights without a place to go to are the commonest failure that names no class: first what makes the places,
        # then what does not need Keras to find them. Where the weights themselves differ it may be either.
        others = (adapt.REPLACED_PARTS, module, qualname)
        kinds = [item for item in (called, by_number) if item not in have]
        if not kinds and others not in have and replaced.described(model, own.own_config(model) or {})["parts"]:
            return _adaptations({others: ()})
        if kinds:
            return _adaptations(dict.fromkeys(kinds if failure.stage == "weights" else kinds[:1], ()))
    found = _next_for(instances, have, certain=False) or _next_for(instances, have, certain=True)
    if not found and called not in have:
        return _adaptations({called: ()})
    return found


def _adaptations(found: Mapping[tuple[str, str, str], tuple[str, ...]]) -> tuple[Adaptation, ...]:
    """Return the adaptations of these kinds, modules and names, each with its arguments."""
    return tuple(
        Adaptation(kind=kind, module=module, qualname=qualname, arguments=arguments)
        for (kind, module, qualname), arguments in found.items()
    )


def _surplus_of(
    instances: Iterable[Any], have: set[tuple[str, str, str]], failure: ProofFailed
) -> tuple[Adaptation, ...]:
    """Return what a class is not to be given that its own ``get_config`` gives and its constructor refuses."""
    if "keyword argument" not in failure.message:
        return ()
    found = {}
    for instance in instances:
        place = (adapt.SURPLUS_ARGUMENTS, *adapted_model.place_of(type(instance)))
        given = adapted_model.read(instance, frozenset())
        names = tuple(name for name in own.own_config(instance) or {} if not takes(given, name))
        if names and place not in have:
            found[place] = names
    return _adaptations(found)


def afresh(model: Any, first: ProofFailed) -> tuple[Adaptation, ...]:
    """Return what to try with nothing of all that was tried, for a model that lacked weights in its `first` bundle.

    What makes its weights by a call may have stood in the way of what makes its objects anew.
    """
    if not lacks_weights(first.differences):
        return ()
    instances = [item for item in live_instances(model) if not is_framework(type(item).__module__)]
    return _next_for(instances, set(), certain=False) or _next_for(instances, set(), certain=True)


def _has_tuple_shapes(instances: Iterable[Any]) -> bool:
    """Say whether one of `instances` has a ``build`` of the author's, and was built with a shape that is a tuple."""
    for instance in instances:
        if hasattr(instance, "get_build_config") and not is_frameworks(type(instance), "build"):
            shapes = (instance.get_build_config() or {}).values()
            if any(isinstance(shape, tuple) for shape in shapes):
                return True
    return False


def _next_for(instances: Iterable[Any], have: set[tuple[str, str, str]], *, certain: bool) -> tuple[Adaptation, ...]:
    """Return the next kind for each class that has one left: first its values as they were, then its arguments."""
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for instance in instances:
        module, qualname = adapted_model.place_of(type(instance))
        config = own.own_config(instance)
        unsafe = unsafe_values(config) if config is not None else ()
        restored, constructed, attributes = (
            (kind, module, qualname) for kind in (adapt.RESTORED_VALUES, adapt.CONSTRUCTOR_ARGUMENTS, adapt.ATTRIBUTES)
        )
        if unsafe and restored not in have:
            found[restored] = tuple(dict.fromkeys([*found.get(restored, ()), *unsafe]))
        elif constructed not in have and (_lacks(instance, config) or (certain and _told_otherwise(instance, config))):
            found.setdefault(constructed, _told_otherwise(instance, config) if certain else ())
        elif attributes not in have and certain:
            found.setdefault(attributes, ())
    return _adaptations(dict(sorted(found.items())))


def _lacks(instance: Any, config: Mapping[str, Any] | None) -> bool:
    """Say whether an argument that can be read back is missing from the config."""
    if not hasattr(type(instance), "get_config"):
        return False
    given = adapted_model.read(instance, frozenset({"name", "trainable", "dtype"}))
    return not given.unread and any(name not in (config or {}) for name in given.values)


def _told_otherwise(instance: Any, config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the arguments that are objects, and that the author's ``get_config`` gives as something else.

    A class that has a settings object, and gives the dictionary that this makes, need not take the dictionary.
    """
    given = adapted_model.read(instance, frozenset({"name", "trainable", "dtype"}))
    return tuple(
        name
        for name, value in given.values.items()
        if name in (config or {}) and not survives(value) and survives((config or {})[name])
    )
