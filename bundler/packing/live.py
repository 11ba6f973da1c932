"""From a live Keras model to everything that its bundle will hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler import configtree
from bundler.archive.writer import NewMember
from bundler.keras_io import framework, loading, payload, registry
from bundler.manifest import Adaptation
from bundler.namespace import loaded_namespaces, namespace_of
from bundler.packing import adapted, built
from bundler.packing.compose import PAYLOAD_MEMBER, Found, packed_versions, payload_facts
from bundler.packing.search import BundleSources, Search, Step, close_over, with_named_modules
from bundler.sources.found import FoundObject
from bundler.sources.live import live_objects
from bundler.sources.locate import Locator
from bundler.sources.resolve import ambiguous_functions, resolve_live


def from_model(
    model: Any,
    search: Search,
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
    live = live_objects(model)
    made_by = None
    if builder is not None:
        made_by = built.described(*builder)
        live = replace(live, functions=tuple(dict.fromkeys([*live.functions, builder[0]])))
    twins = ambiguous_functions(live.functions, registry.saved_key, loading.is_builtin_name)
    with payload.distinct_names(twins):
        if made_by is not None:
            config, saved, used, named = adapted.save_for_builder(model, scratch / "saved")
        else:
            config, saved, used, named = adapted.save(model, scratch / "saved", adaptations)
        live = replace(live, classes=tuple(dict.fromkeys([*live.classes, *named])))
        saved_keys = {obj: registry.saved_key(obj) for obj in (*live.classes, *live.functions)}
    namespaces = {
        namespace.prefix: namespace
        for obj in (*live.classes, *live.functions)
        if (namespace := namespace_of(obj.__module__)) is not None
    }
    step("finding the source")
    locator = Locator(
        roots=search.roots,
        include=search.include,
        providers=[BundleSources(namespace) for namespace in namespaces.values()],
    )
    resolution = resolve_live(
        config,
        live,
        registered=registry.table(),
        key_of=registry.public_key,
        saved_key_of=lambda obj: saved_keys.get(obj) or registry.saved_key(obj),
        is_builtin_function=loading.is_builtin_function,
        locator=locator,
    )
    resolution = with_named_modules(resolution, search)
    closure = close_over(resolution, locator, search)
    _restore_names(config, resolution.objects)
    keras_file = scratch / "model.keras"
    payload.write_keras_file(saved, config, keras_file)
    inherited = {name: version for namespace in namespaces.values() for name, version in namespace.versions.items()}
    return Found(
        payload=(NewMember(name=PAYLOAD_MEMBER, content=keras_file),),
        objects=resolution.objects,
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, framework.versions()[0]),
        packed={**inherited, **packed_versions(closure, locator)},
        adaptations=used,
        builder=made_by,
    )


def _restore_names(config: Any, objects: Sequence[FoundObject]) -> None:
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
    prefixes = [f"{namespace.prefix}." for namespace in loaded_namespaces()]
    for pointer, value in list(configtree.walk(config)):
        if isinstance(value, str):
            plain = value
            for prefix in prefixes:
                plain = plain.replace(prefix, "")
            if plain != value:
                configtree.replace(config, pointer, plain)
