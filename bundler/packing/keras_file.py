"""From a ``.keras`` file and folders of source to everything that its bundle will hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bundler import configtree
from bundler.archive.writer import NewMember
from bundler.errors import PackError
from bundler.keras_io import keras_file, loading
from bundler.namespace import ROOT
from bundler.packing.compose import PAYLOAD_MEMBER, Found, custom_objects, packed_versions, payload_facts
from bundler.packing.search import Search, Step, close_over, provisional_namespace, with_named_modules
from bundler.sources.files import resolve_file
from bundler.sources.live import kind_of
from bundler.sources.locate import Locator


def from_keras_file(path: Path, search: Search, scratch: Path, step: Step) -> Found:
    """Find the source of the model in the file at `path`, and load it once from a copy below the folder `scratch`.

    Raises:
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: the file cannot be packed.
        RebuildFailed: the model does not come back from it.
    """
    step("finding the source")
    config = keras_file.read_config(path)
    if any(isinstance(value, str) and value.startswith(ROOT) for _, value in configtree.walk(config)):
        raise PackError(
            "this file was saved from a model that came out of a bundle, and names its code by that bundle",
            place=str(path),
            hint="pack the model itself: bundle(unbundle(path), new_path); model.save() cannot map the names back",
        )
    locator = Locator(roots=search.roots, include=search.include, loaded=False)
    resolution = resolve_file(
        config, sources=search.roots, locator=locator, is_builtin_function=loading.is_builtin_function
    )
    resolution = with_named_modules(resolution, search)
    closure = close_over(resolution, locator, search)
    step("loading the model once")
    directory = scratch / "model"
    keras_file.unpack_keras_file(path, directory)
    packed = packed_versions(closure, locator)
    objects = custom_objects(resolution.objects, closure, {})
    namespace = provisional_namespace(closure, packed)
    entries = list(resolution.roots)
    model = loading.load(directory, objects, entries, namespace, custom_objects={}, compile=True, safe_mode=True)
    kinds = [kind_of(loading.find_object(item, namespace)) for item in objects]
    described = [replace(item, kind=kind) for item, kind in zip(resolution.objects, kinds, strict=True)]
    version = str(keras_file.read_metadata(path).get("keras_version", "unknown"))
    return Found(
        model=model,
        payload=(NewMember(name=PAYLOAD_MEMBER, content=path),),
        objects=tuple(described),
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, version),
        packed=packed,
    )
