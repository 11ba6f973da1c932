"""From a live Keras model to everything that its bundle will hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.archive.writer import NewMember
from bundler.errors import SourceError
from bundler.formats import keras_config
from bundler.keras_io import framework, loading, marks, public_functions, registry
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.files import save_keras
from bundler.keras_io.program.restore import value_adaptations, without_values
from bundler.manifest import Adaptation, Builder
from bundler.manifest.codec import JSON
from bundler.namespace import Namespace, loaded_namespaces, namespace_of, opaque_place
from bundler.packing import tfsm_graphs
from bundler.packing.compose import PAYLOAD_MEMBER, Found, packed_versions, payload_facts
from bundler.packing.options import PackOptions
from bundler.packing.search import BundleSources, Step, close_over, with_named_modules
from bundler.saving import adapted_model
from bundler.saving.live_program import carried_values, program_of
from bundler.sources.by_value import member_names, pickle_objects, places_of
from bundler.sources.closure import Closure, RequiredImport
from bundler.sources.extract import Extracted, is_lambda
from bundler.sources.found import FoundObject
from bundler.sources.held_callables import framework_functions, held_callables
from bundler.sources.live_objects import LiveObjects, live_objects
from bundler.sources.locate import Locator, ModuleVerdict
from bundler.sources.ran import changed_since_import
from bundler.sources.resolve import Resolution, ambiguous_functions, resolve_live, twin_classes
from bundler.sources.spelled import attribute_anywhere
from bundler.unpacking.rebuilding import origin_of
from bundler.values import module_of


@dataclass(frozen=True, kw_only=True, slots=True)
class _Saved:
    """What Keras wrote, the keys and modules that it wrote for objects, and what the loader must do for some.

    `values` are the callables that have a key for this save alone, `public` the public names of the framework's.
    """

    config: Any
    directory: Path
    live: LiveObjects
    keys: Mapping[Any, str]
    modules: Mapping[type, str]
    adaptations: tuple[Adaptation, ...]
    values: Mapping[str, Any]
    public: Mapping[int, str]


def from_model(
    model: Any,
    options: PackOptions,
    scratch: Path,
    step: Step,
    *,
    adaptations: Sequence[Adaptation] = (),
    builder: tuple[FunctionType, Mapping[str, Any]] | None = None,
) -> Found:
    """Save `model` below the folder `scratch` and find its source.

    `adaptations` are those that are known to be needed; what saving needs beyond them is added. `builder` is the
    function that makes the model where it is loaded, with its arguments; then Keras is not asked how to.

    Raises:
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: Keras cannot save the model.
    """
    step("saving the model")
    origin = origin_of(model)
    values: tuple[Adaptation, ...] = ()
    if origin is not None:
        # What brought it here brings it back again.
        values = value_adaptations(origin.manifest.adaptations)
        adaptations = adapted_model.merged(without_values(origin.manifest.adaptations), adaptations)
        builder = builder or origin.builder()
    saved = _save(model, scratch / "saved", adaptations, builder)
    config, live = saved.config, saved.live
    step("finding the source")
    namespaces = _namespaces_of(live, saved.values)
    locator = Locator(
        roots=options.sources, include=options.include, providers=[BundleSources(namespace) for namespace in namespaces]
    )
    # What came out of a bundle without source goes on without: whoever loaded it has consented to it.
    by_value = {obj: place for namespace in namespaces for place, obj in namespace.opaque.items()}
    by_value |= places_of([obj for obj in options.by_value if opaque_place(obj) is None], locator)
    resolution = resolve_live(
        config,
        live,
        registered=registry.table(),
        key_of=registry.public_key,
        saved_key_of=lambda obj: saved.keys.get(obj) or registry.saved_key(obj),
        is_builtin_function=loading.is_builtin_function,
        locator=locator,
        saved_module_of=lambda cls: saved.modules.get(cls, cls.__module__),
        by_value=by_value,
        others=(*options.functions, *(() if builder is None else (builder[0],))),
        values=saved.values,
        public=saved.public,
    )
    pickles = pickle_objects(by_value, locator)
    resolution = replace(resolution, roots={**pickles.roots, **resolution.roots})
    resolution = with_named_modules(resolution, options)
    held = [
        (str(function.__module__), function.__qualname__)
        for function in live.functions
        if function.__module__ in resolution.roots and "<" not in function.__qualname__
    ]
    closure = close_over(resolution, locator, options, held)
    _check_ran(closure, live, locator, by_value)
    libraries = required_by_values(config, locator)
    closure = replace(closure, requirements=(*closure.requirements, *pickles.requirements, *libraries))
    if by_value:
        # Bytecode means something else in every other version.
        closure = replace(closure, python=f"=={sys.version_info.major}.{sys.version_info.minor}.*")
    taken = [*(module.member for module in closure.modules), *(item.member for item in closure.data)]
    members = member_names(pickles.contents, taken)
    _restore_names(config, resolution.objects, resolution.extracted)
    marks.unmark(config, saved.values)
    graphs = tfsm_graphs.embed(config, tfsm_graphs.graph_folders(config))
    keras_file = save_keras.keras_file_of(saved.directory, config)
    made = {**resolution.extracted.places, **by_value}
    places = {adapted_model.place_of(cls): place for cls, place in made.items() if isinstance(cls, type)}
    program = program_of(
        model, closure.modules, live.classes, made, lambda name: locator.locate(name).verdict is ModuleVerdict.SOURCE
    )
    inherited = {name: version for namespace in namespaces for name, version in namespace.versions.items()}
    return Found(
        model=model,
        payload=(NewMember(name=PAYLOAD_MEMBER, content=keras_file), *graphs),
        objects=resolution.objects,
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, framework.versions()[0]),
        packed={**inherited, **packed_versions(closure, locator)},
        pickles={place: NewMember(name=members[place], content=pickles.contents[place]) for place in members},
        adaptations=(
            *(adapted_model.renamed(item, places) for item in saved.adaptations),
            *carried_values(program, values),
        ),
        renamed=places,
        builder=_described(builder, resolution),
        program=program,
        settings=None if origin is None else origin.manifest.settings,
    )


def _check_ran(closure: Closure, live: LiveObjects, locator: Locator, by_value: Mapping[Any, Any]) -> None:
    """Refuse source that is not the code that made the model.

    Raises:
        SourceError: files were changed after this process imported them; every changed definition is listed.
    """
    changed = changed_since_import(
        closure.modules,
        [cls for cls in live.classes if cls not in by_value],
        [function for function in live.functions if function not in by_value],
        # What came out of a bundle is what ran; this process may have a file of the same name.
        is_from_file=lambda name: locator.provider_of(name) is None,
    )
    if changed:
        raise SourceError(
            "the source of this model is not the code that ran: files were changed after their import",
            [str(item) for item in changed],
            hint="restart Python, or reload the modules, then make the model again and pack it (nothing was written); "
            "importlib.reload alone does not do: a model that is there already keeps the old classes",
        )


def _described(builder: tuple[FunctionType, Mapping[str, Any]] | None, resolution: Resolution) -> Builder | None:
    """Return what the manifest says about the builder, by its place in the bundle."""
    if builder is None:
        return None
    function, arguments = builder
    module, qualname = resolution.extracted.places.get(function, (function.__module__, function.__qualname__))
    namespace = namespace_of(module)
    original = namespace.original(module) if namespace is not None else str(module)
    return Builder(module=original, qualname=qualname, arguments=dict(arguments))


def _save(
    model: Any,
    directory: Path,
    adaptations: Sequence[Adaptation],
    builder: tuple[FunctionType, Mapping[str, Any]] | None,
) -> _Saved:
    live = live_objects(model)
    if builder is not None:
        live = replace(live, functions=tuple(dict.fromkeys([*live.functions, builder[0]])))
    twins = dict.fromkeys(ambiguous_functions(live.functions, registry.saved_key, loading.is_builtin_name))
    # Keras would store the bytecode of a lambda; under a name it is a function like any other.
    twins |= dict.fromkeys(function for function in live.functions if is_lambda(function))
    public = public_functions.public_names()
    values = _values_of(model, public)
    with (
        save_keras.distinct_names(tuple(twins)),
        save_keras.distinct_modules(twin_classes(live.classes)),
        marks.marked(values),
    ):
        config, written, used, named = (
            adapted_model.save(model, directory, adaptations)
            if builder is None
            else adapted_model.save_for_builder(model, directory)
        )
        live = replace(live, classes=tuple(dict.fromkeys([*live.classes, *named])))
        return _Saved(
            config=config,
            directory=written,
            live=live,
            keys={obj: registry.saved_key(obj) for obj in (*live.classes, *live.functions)},
            modules={cls: cls.__module__ for cls in live.classes},
            adaptations=used,
            values=values,
            public=public,
        )


def _values_of(model: Any, public: Mapping[int, str]) -> dict[str, Any]:
    """Return by a key of its own what Keras would write so that something else comes back, or nothing."""
    lost = [item for item in framework_functions(model) if id(item) in public and not public_functions.gives_back(item)]
    return {f"kbundle-value@{index}": item for index, item in enumerate([*lost, *held_callables(model)])}


def _namespaces_of(live: LiveObjects, values: Mapping[str, Any]) -> tuple[Namespace, ...]:
    """Return the loaded bundles that parts of the model came out of."""
    modules = [cls.__module__ for cls in live.classes]
    for function in live.functions:
        # With functools.wraps a function claims the module of another.
        modules += [function.__module__, str(function.__globals__.get("__name__"))]
    places = [attribute_anywhere(value) for value in values.values()]
    modules += [place[0] for place in places if place is not None]
    found = (namespace_of(module) for module in modules)
    return tuple(dict.fromkeys(namespace for namespace in found if namespace is not None))


def _restore_names(config: Any, objects: Sequence[FoundObject], extracted: Extracted) -> None:
    """Write the objects' own keys and modules into `config`, where a loaded model or the writer had others."""
    for item in objects:
        for pointer in item.paths:
            node = keras_config.get(config, pointer)
            if isinstance(node, str):
                keras_config.replace(config, pointer, item.key)
            elif keras_config.is_function(node):
                node["config"] = item.key
            else:
                node["registered_name"] = item.key
                if item.by_value or item.module in extracted.names():
                    # Where a loaded bundle keeps it says nothing; so the first and the second bundle agree.
                    node["module"] = item.module
    prefixes = [f"{namespace.prefix}." for namespace in loaded_namespaces()]
    for pointer, value in list(keras_config.walk(config)):
        if isinstance(value, str):
            plain = value
            for prefix in prefixes:
                plain = plain.replace(prefix, "")
            if plain != value:
                keras_config.replace(config, pointer, plain)


def required_by_values(config: JSON, locator: Locator) -> tuple[RequiredImport, ...]:
    """Return the libraries that make values of `config`: pandas for a table, SciPy for a sparse matrix."""
    nodes = (value for _, value in keras_config.walk(config) if isinstance(value, dict))
    makers = {str(node["maker"]) for node in nodes if node.get(TAG) == "made"}
    names = sorted({module_of(maker).partition(".")[0] for maker in makers})
    found = {name: locator.locate(name).distribution for name in names}
    return tuple(RequiredImport(name=name, distribution=item) for name, item in found.items() if item)
