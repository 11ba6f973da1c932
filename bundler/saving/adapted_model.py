"""Save a model of which Keras refuses a class, or does not bring one back.

Plain Keras comes first. Where it cannot save, or is certain not to bring a class back, the objects concerned are
saved with the arguments that can be read back from them (`bundler.sources.constructor`), and the manifest says so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.errors import PackError, SourceError
from bundler.formats import keras_config
from bundler.formats.keras_archive import WEIGHTS
from bundler.keras_io import adapt, marks
from bundler.keras_io.adapt import builder_model, every_weight, replaced, shared
from bundler.keras_io.adapt import saving as own
from bundler.keras_io.adapt.arguments import argument_of, is_frameworks
from bundler.keras_io.adapt.certain import certain_failures, unsafe_values
from bundler.keras_io.adapt.compiling import has_own_compile, needs_compile_arguments
from bundler.keras_io.adapt.known_arguments import KnownArguments
from bundler.keras_io.adapt.value_encoding import changes_kind
from bundler.keras_io.files import carried_arrays, save_keras
from bundler.keras_io.private import compile_call
from bundler.manifest import Adaptation
from bundler.namespace import namespace_of
from bundler.sources.constructor import Unread, read_arguments
from bundler.sources.constructor.solve import UNKNOWN
from bundler.sources.live_objects import attribute_of, is_framework, live_instances

#: By class the kinds that it needs, each with its arguments.
Wanted = dict[type, dict[str, tuple[str, ...]]]

_MOST_ROUNDS = 6
#: Kinds that only the loader acts on: the file is what plain Keras writes.
_LOADERS = frozenset({adapt.SURPLUS_ARGUMENTS, adapt.RESTORED_SHAPES})


def save(
    model: Any, directory: Path, given: Sequence[Adaptation] = ()
) -> tuple[Any, Path, tuple[Adaptation, ...], tuple[type, ...]]:
    """Save `model` below the folder `directory`, adapted only where it must be.

    Args:
        model: a live model.
        directory: a folder; it need not exist.
        given: adaptations that are known to be needed.

    Returns:
        The config, the folder that Keras wrote to, the adaptations that the loader must apply, and the classes that
        the config names beyond those of live objects.

    Raises:
        SourceError: arguments cannot be read back; every one is listed with its line.
        PackError: Keras cannot save the model for another reason.
    """
    instances = [item for item in live_instances(model) if not is_framework(type(item).__module__)]
    wanted = _by_class(given, instances, model)
    plain = None
    first: PackError | None = None
    if _only_loaders(wanted):
        try:
            # The config first: weights are large, and may be written for nothing.
            plain = save_keras.config_of(model)
            _merge(wanted, _certain(plain, instances))
            _merge(wanted, _of_root(model, plain))
            if _only_loaders(wanted) and not needs_compile_arguments(model):
                plain = save_keras.save(model, directory / "plain")
                _merge(wanted, _of_weights(model, directory / "plain"))
                if _only_loaders(wanted):
                    return plain, directory / "plain", _recorded(wanted), ()
        except PackError as error:
            if not model.weights and not model.built:
                raise
            first = error
    return _adapted(model, directory, instances, wanted, first, plain)


def _only_loaders(wanted: Wanted) -> bool:
    return all(set(kinds) <= _LOADERS for kinds in wanted.values())


def _of_weights(model: Any, written: Path) -> Wanted:
    """Return what the model needs because Keras has left weights out of its file."""
    return {type(model): {adapt.EVERY_WEIGHT: ()}} if every_weight.is_left_out(model, written / WEIGHTS) else {}


def _of_root(model: Any, config: Any) -> Wanted:
    """Return what the config as a whole needs for certain: changes that it does not show, layers that it has twice."""
    found: dict[str, tuple[str, ...]] = {}
    if every_weight.has_changed_parts(model, config):
        found[adapt.EVERY_WEIGHT] = ()
    if replaced.has_foreign_parts(model, config):
        found |= dict.fromkeys((adapt.BUILT_BY_CALL, adapt.EVERY_WEIGHT, adapt.REPLACED_PARTS), ())
    if shared.named_twice(config, every_weight.layers_below(model)):
        found[adapt.SHARED_LAYERS] = ()
    return {type(model): found} if found else {}


def save_for_builder(model: Any, directory: Path) -> tuple[Any, Path, tuple[Adaptation, ...], tuple[type, ...]]:
    """Save `model` as `save` does, without asking its class how to make it again.

    Raises:
        PackError: Keras cannot save what it was compiled with.
    """
    with builder_model.saved_for_builder(model):
        config = save_keras.save(model, directory / "built")
    builder_model.stock_root(config)
    return config, directory / "built", (), ()


def _adapted(
    model: Any,
    directory: Path,
    instances: Sequence[Any],
    wanted: Wanted,
    first: PackError | None,
    known: Any,
) -> tuple[Any, Path, tuple[Adaptation, ...], tuple[type, ...]]:
    """Save with the objects' own configs until no class turns out to need more than was known before.

    Only the config is made anew each time; the weights are written once it stays the same.
    """
    layers = every_weight.layers_below(model)
    twice = [] if known is None else shared.named_twice(known, layers)
    stays = False
    for turn in range(2 * _MOST_ROUNDS):
        saving = own.Saving(read=read, wanted={cls: dict(kinds) for cls, kinds in wanted.items()})
        where = directory / f"adapted-{turn}"
        config = None
        failure = first
        asked = [*instances, *([model] if is_framework(type(model).__module__) and type(model) in wanted else [])]
        with own.own_configs(saving, asked, model, twice):
            try:
                config = save_keras.save(model, where) if stays else save_keras.config_of(model)
            except PackError as error:
                failure = error
        if saving.problems:
            raise SourceError(
                "Keras cannot save this model, and these arguments cannot be read back from it:"
                if first is not None
                else "this model does not come back by itself, and these arguments cannot be read back from it:",
                saving.problems,
                hint="mend the lines above",
            ) from failure
        if config is None:
            raise failure or PackError("Keras cannot save this model")
        before = {cls: dict(kinds) for cls, kinds in wanted.items()}
        _merge(wanted, saving.needed)
        _merge(wanted, _certain(config, instances, adapted=wanted))
        _merge(wanted, _of_root(model, config))
        if stays:
            _merge(wanted, _of_weights(model, where))
        before_twice, twice = twice, shared.named_twice(config, layers)
        written, stays = stays, wanted == before and list(map(id, twice)) == list(map(id, before_twice))
        if written and stays:
            carried_arrays.write(where, saving.arrays)
            names = shared.keep_shared(config)
            root = saving.needed.get(type(model), {})
            if root.pop(adapt.SHARED_LAYERS, None) is not None and names:
                root[adapt.SHARED_LAYERS] = tuple(names)
            used = {cls: _used(kinds, saving.needed.get(cls, {})) for cls, kinds in wanted.items()}
            return config, where, _recorded(used), tuple(cls for cls in wanted if not is_framework(cls.__module__))
    raise PackError(
        "the config of this model changes each time it is asked for",
        place=model.name,
        hint="a get_config() must not change the object",
    )


def merged(known: Sequence[Adaptation], more: Sequence[Adaptation]) -> tuple[Adaptation, ...]:
    """Return both, each kind of a class once."""
    by_place = {(item.kind, item.module, item.qualname): item for item in (*known, *more)}
    return tuple(by_place.values())


def renamed(item: Adaptation, places: Mapping[tuple[str, str], tuple[str, str]]) -> Adaptation:
    """Return `item` for the module and name that `places` has for those of its class, where it has any."""
    module, qualname = places.get((item.module, item.qualname), (item.module, item.qualname))
    return replace(item, module=module, qualname=qualname)


def read(
    instance: Any, skip: frozenset[str], method: str = "__init__", recorded: Mapping[str, Any] | None = None
) -> KnownArguments:
    """Read the arguments of `instance` back; `recorded` are those that Keras's own `method` was called with."""

    def of_framework(value: Any, name: str) -> Any:
        if recorded is not None and value is instance:
            return recorded.get(name, UNKNOWN)
        try:
            return argument_of(value, name)
        except LookupError:
            return UNKNOWN

    found = read_arguments(instance, of_framework, skip=skip, method=method)
    return KnownArguments(
        values=found.values,
        positional=found.positional,
        certain=found.certain,
        defaults={name: value for name, value in found.defaults.items() if value is not UNKNOWN},
        takes=found.takes,
        keywords_go_to=found.keywords_go_to,
        handed_on=found.handed_on,
        unread={item.parameter: remedy(item) for item in found.unread},
    )


def remedy(item: Unread) -> str:
    """Return one line that says what to change."""
    name, cls = item.parameter, item.qualname
    where = f"{Path(item.file).name}:{item.line}"
    instead = "get_config()" if item.method == "__init__" else "get_compile_config() and a compile_from_config()"
    return (
        f"{cls} ({item.file}, line {item.line}): the argument {name!r} of its {item.method} is used and not kept; "
        f"store self.{item.attribute} = {name} in {cls}.{item.method} ({where}) or give {cls} a {instead}"
    )


def unkept_by_compile(model: Any) -> list[str]:
    """Return a line for each argument of an own `compile` that cannot be read back: then it is not called again."""
    if not has_own_compile(model):
        return []
    return [*read(model, frozenset(), method="compile", recorded=compile_call(model) or {}).unread.values()]


def _certain(config: Any, instances: Sequence[Any], adapted: Wanted | None = None) -> Wanted:
    """Return what the classes that `config` names need for certain."""
    named = {(str(node.get("module")), node["class_name"]) for _, node in keras_config.nodes(config)}
    found: Wanted = {}
    for instance in instances:
        cls = type(instance)
        if (cls.__module__, cls.__name__) not in named and ("None", cls.__name__) not in named:
            continue
        kinds = (adapted or {}).get(cls, {})
        if {adapt.CONSTRUCTOR_ARGUMENTS, adapt.FUNCTIONAL_GRAPH, adapt.ATTRIBUTES} & set(kinds):
            continue
        own_config = own.own_config(instance)
        if own_config is None:
            continue
        _merge(found, {cls: certain_failures(instance, own_config, read)})
        # A class that returns such a value as it is gets a node of the config, where a function cannot stand.
        wordless = tuple(name for name, value in own_config.items() if marks.key_of(value) is not None)
        if is_frameworks(cls, "from_config") and any(map(changes_kind, own_config.values())):
            # What Keras writes as something else without a word comes back as that; and its other values with it.
            wordless = tuple(dict.fromkeys([*wordless, *unsafe_values(own_config)]))
        if wordless:
            _merge(found, {cls: {adapt.RESTORED_VALUES: wordless}})
    return {cls: kinds for cls, kinds in found.items() if kinds}


def _used(wanted: Mapping[str, tuple[str, ...]], needed: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return what the loader must do: what made a difference, and the surplus that no save shows."""
    if adapt.ATTRIBUTES in needed:
        return {kind: needed[kind] for kind in needed if kind != adapt.SURPLUS_ARGUMENTS}
    return {**{kind: wanted[kind] for kind in wanted if kind in _LOADERS}, **needed}


def _merge(into: Wanted, other: Mapping[type, Mapping[str, tuple[str, ...]]]) -> None:
    for cls, kinds in other.items():
        mine = into.setdefault(cls, {})
        for kind, arguments in kinds.items():
            mine[kind] = tuple(dict.fromkeys([*mine.get(kind, ()), *arguments]))


def _by_class(given: Sequence[Adaptation], instances: Sequence[Any], model: Any) -> Wanted:
    classes = {place_of(type(item)): type(item) for item in (*instances, model)}
    wanted: Wanted = {}
    for item in given:
        cls = classes.get((item.module, item.qualname))
        if cls is not None:
            _merge(wanted, {cls: {item.kind: tuple(item.arguments)}})
    return wanted


def _recorded(wanted: Wanted) -> tuple[Adaptation, ...]:
    recorded = [
        Adaptation(kind=kind, module=place_of(cls)[0], qualname=place_of(cls)[1], arguments=arguments)
        for cls, kinds in wanted.items()
        for kind, arguments in kinds.items()
    ]
    return tuple(sorted(recorded, key=lambda item: (item.module, item.qualname, item.kind)))


def place_of(cls: type) -> tuple[str, str]:
    """Return the module and name that the manifest has for `cls`."""
    if is_framework(cls.__module__):
        # Keras gives its functional models to whoever asks `Model` for one.
        return "keras", "Sequential" if cls.__name__ == "Sequential" else "Model"
    namespace = namespace_of(cls.__module__)
    module = sys.modules.get(cls.__module__)
    qualname = (attribute_of(module, cls) if module is not None else None) or cls.__qualname__
    return (namespace.original(cls.__module__) if namespace else str(cls.__module__)), qualname
