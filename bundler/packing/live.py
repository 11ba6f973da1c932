"""From a live Keras model to everything that its bundle will hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler import configtree
from bundler.archive.writer import NewMember
from bundler.keras_io import framework, loading, payload, registry
from bundler.namespace import loaded_namespaces, namespace_of, opaque_place
from bundler.packing.compose import PAYLOAD_MEMBER, Found, packed_versions, payload_facts
from bundler.packing.search import BundleSources, Search, Step, close_over, with_named_modules
from bundler.sources.by_value import member_names, pickle_objects, places_of
from bundler.sources.found import FoundObject
from bundler.sources.lift import Lifted, needs_lifting
from bundler.sources.live import live_objects
from bundler.sources.locate import Locator
from bundler.sources.resolve import ambiguous_functions, resolve_live, twin_classes


def from_model(model: Any, search: Search, scratch: Path, step: Step) -> Found:
    """Save `model` below the folder `scratch` and find its source.

    Raises:
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: Keras cannot save the model.
    """
    step("saving the model")
    live = live_objects(model)
    namespaces = {
        namespace.prefix: namespace
        for obj in (*live.classes, *live.functions)
        if (namespace := namespace_of(obj.__module__)) is not None
    }
    locator = Locator(
        roots=search.roots,
        include=search.include,
        providers=[BundleSources(namespace) for namespace in namespaces.values()],
    )
    # What came out of a bundle without source goes on without: whoever loaded it has consented to it.
    by_value = {obj: place for namespace in namespaces.values() for place, obj in namespace.opaque.items()}
    by_value |= places_of([obj for obj in search.by_value if opaque_place(obj) is None], locator)
    twins = dict.fromkeys(ambiguous_functions(live.functions, registry.saved_key, loading.is_builtin_name))
    # Keras would store the bytecode of a lambda; under a name it is a function like any other.
    twins |= dict.fromkeys(function for function in live.functions if needs_lifting(function))
    with payload.distinct_names(tuple(twins)), payload.distinct_modules(twin_classes(live.classes)):
        config = payload.save(model, scratch / "saved")
        saved_keys = {obj: registry.saved_key(obj) for obj in (*live.classes, *live.functions)}
        saved_modules = {cls: cls.__module__ for cls in live.classes}
    step("finding the source")
    resolution = resolve_live(
        config,
        live,
        registered=registry.table(),
        key_of=registry.public_key,
        saved_key_of=lambda obj: saved_keys.get(obj) or registry.saved_key(obj),
        is_builtin_function=loading.is_builtin_function,
        locator=locator,
        saved_module_of=lambda cls: saved_modules.get(cls, cls.__module__),
        by_value=by_value,
    )
    pickles = pickle_objects(by_value, locator)
    resolution = replace(resolution, roots={**pickles.roots, **resolution.roots})
    resolution = with_named_modules(resolution, search)
    closure = close_over(resolution, locator, search)
    closure = replace(closure, requirements=(*closure.requirements, *pickles.requirements))
    taken = [*(module.member for module in closure.modules), *(item.member for item in closure.data)]
    members = member_names(pickles.contents, taken)
    _restore_names(config, resolution.objects, resolution.lifted)
    keras_file = scratch / "model.keras"
    payload.write_keras_file(scratch / "saved", config, keras_file)
    inherited = {name: version for namespace in namespaces.values() for name, version in namespace.versions.items()}
    return Found(
        model=model,
        payload=(NewMember(name=PAYLOAD_MEMBER, content=keras_file),),
        objects=resolution.objects,
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, framework.versions()[0]),
        packed={**inherited, **packed_versions(closure, locator)},
        pickles={place: NewMember(name=members[place], content=pickles.contents[place]) for place in members},
    )


def _restore_names(config: Any, objects: Sequence[FoundObject], lifted: Lifted) -> None:
    """Write the objects' own keys and modules into `config`, where a loaded model or the writer had others."""
    for item in objects:
        for pointer in item.paths:
            node = configtree.get(config, pointer)
            if isinstance(node, str):
                configtree.replace(config, pointer, item.key)
            elif configtree.is_function(node):
                node["config"] = item.key
            else:
                node["registered_name"] = item.key
                if item.by_value or item.module in lifted.names():
                    # Where a loaded bundle keeps it says nothing; so the first and the second bundle agree.
                    node["module"] = item.module
    prefixes = [f"{namespace.prefix}." for namespace in loaded_namespaces()]
    for pointer, value in list(configtree.walk(config)):
        if isinstance(value, str):
            plain = value
            for prefix in prefixes:
                plain = plain.replace(prefix, "")
            if plain != value:
                configtree.replace(config, pointer, plain)
