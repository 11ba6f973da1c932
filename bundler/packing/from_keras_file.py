"""From a ``.keras`` file and folders of source to everything that its bundle will hold."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.archive.new_content import Content
from bundler.archive.writer import NewMember
from bundler.errors import PackError, RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io import loading
from bundler.keras_io.files import keras_file, save_keras
from bundler.namespace import ROOT
from bundler.packing import guessed_adaptations, tfsm_graphs
from bundler.packing.compose import PAYLOAD_MEMBER, Found, custom_objects, packed_versions, payload_facts
from bundler.packing.from_live_model import from_model
from bundler.packing.options import PackOptions
from bundler.packing.search import Step, close_over, provisional_namespace, with_named_modules
from bundler.sources.from_files import resolve_file
from bundler.sources.live_objects import kind_of
from bundler.sources.locate import Locator


def from_keras_file(path: Path, options: PackOptions, scratch: Path, step: Step) -> Found:
    """Find the source of the model in the file at `path`, and load it once from a copy below the folder `scratch`.

    With `options.custom_objects`, which are live and may come from anywhere, the model is saved anew; otherwise the
    file travels byte for byte, unless a `TFSMLayer` in it names a folder.

    Raises:
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: the file cannot be packed.
        RebuildFailed: the model does not come back from it.
    """
    step("finding the source")
    config = keras_file.read_config(path)
    if any(isinstance(value, str) and value.startswith(ROOT) for _, value in keras_config.walk(config)):
        raise PackError(
            "this file was saved from a model that came out of a bundle, and names its code by that bundle",
            place=str(path),
            hint="pack the model itself: bundle(unbundle(path), new_path); model.save() cannot map the names back",
        )
    given = _given(config, options.custom_objects)
    locator = Locator(roots=options.sources, include=options.include, loaded=False)
    resolution = resolve_file(
        _without(config, given),
        sources=options.sources,
        locator=locator,
        is_builtin_function=loading.is_builtin_function,
    )
    resolution = with_named_modules(resolution, options)
    closure = close_over(resolution, locator, options)
    step("loading the model once")
    directory = scratch / "model"
    keras_file.unpack_keras_file(path, directory)
    packed = packed_versions(closure, locator)
    objects = custom_objects(resolution.objects, closure, {})
    namespace = provisional_namespace(closure, packed)
    entries = list(resolution.roots)
    graphs = tfsm_graphs.graph_folders(config, [path.parent])
    adaptations = guessed_adaptations.surplus_arguments(config, objects, namespace, given)
    while True:
        try:
            model = loading.load(
                directory,
                copy.deepcopy(config),
                objects,
                entries,
                namespace,
                custom_objects=given,
                compile=True,
                safe_mode=True,
                graphs={name: folder.resolve() for name, folder in graphs.items()},
                adaptations=adaptations,
            )
            break
        except RebuildFailed as error:
            more = guessed_adaptations.raw_objects(config, objects, adaptations, error)
            if not more:
                error.hint = f"{error.hint}; if the model is at hand, pack it live: bundle(model, path) can do more"
                raise
            adaptations = (*adaptations, *more)
    if given:
        return from_model(model, options, scratch, step)
    kinds = [kind_of(loading.find_object(item, namespace)) for item in objects]
    described = [replace(item, kind=kind) for item, kind in zip(resolution.objects, kinds, strict=True)]
    version = str(keras_file.read_metadata(path).get("keras_version", "unknown"))
    members = tfsm_graphs.embed(config, graphs)
    content: Content = path
    if graphs:
        # The paths in its config are those of one machine, so this file cannot stay as it is.
        keras_file.unpack_keras_file(path, scratch / "embedded")
        content = save_keras.zipped(scratch / "embedded", config)
    return Found(
        model=model,
        payload=(NewMember(name=PAYLOAD_MEMBER, content=content), *members),
        objects=tuple(described),
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, version),
        packed=packed,
        adaptations=adaptations,
    )


def _given(config: Any, offered: Mapping[str, Any]) -> dict[str, Any]:
    """Return `offered` by the keys that `config` has: the author may have given the bare names of classes."""
    given = {}
    for _, node in keras_config.nodes(config):
        key = keras_config.lookup_key(node)
        for name in (key, str(node["class_name"]), key.rpartition(">")[2]):
            if name in offered and not keras_config.is_builtin_class(node):
                given[key] = offered[name]
                break
    return given


def _without(config: Any, given: Mapping[str, Any]) -> Any:
    """Return `config` with the nodes of the objects in `given` passed off as Keras's own, which nobody looks for."""
    if not given:
        return config
    config = copy.deepcopy(config)
    for _, node in keras_config.nodes(config):
        if keras_config.lookup_key(node) in given:
            node["module"] = "keras"
    return config
