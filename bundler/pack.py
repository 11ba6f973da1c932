"""`bundle`: a model, the source of its custom code and what they need, in one file.

Nothing is written at the target before everything has been found; a model that cannot travel is refused with every
cause at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bundler import configtree
from bundler.archive.progress import Progress
from bundler.archive.reader import open_bundle
from bundler.archive.writer import write_bundle
from bundler.compose import Found, custom_objects, manifest_of, members_of, packed_versions, payload_facts
from bundler.errors import PackError, SourceError, TargetExists
from bundler.keras_io import framework, loading, payload, registry
from bundler.manifest import Manifest, Provenance
from bundler.namespace import ROOT, ModuleText, Namespace, loaded_namespaces, namespace_of, open_namespace
from bundler.sources.closure import Closure, close
from bundler.sources.files import resolve_file
from bundler.sources.found import FoundObject
from bundler.sources.live import kind_of, live_objects
from bundler.sources.locate import Locator
from bundler.sources.resolve import Resolution, ambiguous_functions, resolve_live


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedBundle:
    """What `bundle` wrote: the file, its digest (``sha256:...``) and its manifest."""

    path: Path
    digest: str
    manifest: Manifest = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Search:
    """Where to look for source, and what to take or leave."""

    roots: tuple[Path, ...]
    include: tuple[str, ...]
    skip_data: tuple[str, ...]
    modules: tuple[str, ...]


def bundle(
    model: Any,
    filepath: str | os.PathLike[str],
    *,
    sources: Sequence[str | os.PathLike[str]] = (),
    include: Sequence[str] = (),
    skip_data: Sequence[str] = (),
    modules: Sequence[str] = (),
    overwrite: bool = False,
    name: str | None = None,
    description: str | None = None,
    license: str | None = None,  # noqa: A002 - the manifest's word, and the field's
    source_revision: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> PackedBundle:
    """Write `model` and the source of its custom code to the bundle `filepath`.

    Args:
        model: a built `keras.Model`, or the path of a ``.keras`` file (then stored byte for byte).
        filepath: where to write; by custom it ends in ``.kbundle``.
        sources: folders to look for source in, as entries of `sys.path`. A live model needs none, since its
            modules are loaded; a file needs the folders of the code that it was made with.
        include: installed distributions, or top-level modules of them, to pack as source instead of requiring
            them where the model is loaded.
        skip_data: patterns of data files that the code names but that stay behind, such as ``mypkg/corpus/*``.
        modules: more modules to pack, and to import before the model is rebuilt; for code that nothing imports by
            name, such as plugins that register themselves.
        overwrite: replace an existing file.
        name: what the author calls the model.
        description: a sentence about it.
        license: an SPDX expression.
        source_revision: the revision of the author's repository.
        metadata: anything else, as JSON values.
        progress: called with (what is done, bytes done, bytes in total).

    Raises:
        TargetExists: `filepath` exists and `overwrite` is false.
        SourceError: some objects or modules cannot travel; every cause is listed.
        PackError: Keras cannot save the model, or the file cannot be written.
        MissingDependency: Keras or TensorFlow is not installed.
    """
    target = Path(filepath)
    _check_target(target, overwrite=overwrite)
    search = _Search(
        roots=_folders(sources), include=_strings(include), skip_data=_strings(skip_data), modules=_strings(modules)
    )
    provenance = Provenance(
        name=name,
        description=description,
        license=license,
        source_revision=source_revision,
        metadata=dict(metadata or {}),
    )
    with tempfile.TemporaryDirectory(prefix="kbundle-") as scratch:
        step = _steps(progress)
        step("importing Keras")
        if isinstance(model, str | os.PathLike):
            found = _from_file(Path(model), search, Path(scratch), step)
        elif payload.is_model(model):
            found = _from_model(model, search, Path(scratch), step)
        else:
            raise PackError(
                "this is neither a Keras model nor the path of one",
                expected="a keras.Model, or the path of a .keras file",
                found=f"{type(model).__module__}.{type(model).__name__}",
                hint="pass the model itself; a tf.keras (Keras 2) model must be saved again with Keras 3",
            )
        manifest = manifest_of(found, provenance)
        members = members_of(found, manifest)
        write_bundle(target, manifest, members, overwrite=overwrite, progress=progress)
    with open_bundle(target) as reader:
        return PackedBundle(path=target, digest=reader.digest, manifest=reader.manifest)


#: Called with what is being done, for steps whose length is not known.
Step = Callable[[str], None]


def _steps(progress: Progress | None) -> Step:
    def step(what: str) -> None:
        if progress is not None:
            progress(what, 0, 0)

    return step


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        raise PackError("the target is a folder", place=str(target), hint="name a file, for example model.kbundle")
    if target.exists() and not overwrite:
        raise TargetExists(
            "there is a file already", place=str(target), hint="pass overwrite=True (--overwrite), or another name"
        )
    if not target.parent.is_dir():
        raise PackError("there is no such folder", place=str(target.parent), hint="make the folder, then pack again")


def _strings(values: Sequence[str]) -> tuple[str, ...]:
    # One string is a sequence of letters; nobody means that.
    return (values,) if isinstance(values, str) else tuple(values)


def _folders(sources: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    if isinstance(sources, str | os.PathLike):
        sources = (sources,)
    folders = tuple(Path(source).resolve() for source in sources)
    for folder in folders:
        if not folder.is_dir():
            raise PackError(
                "there is no such source folder",
                place=str(folder),
                hint="give the folder that holds your packages, the one that would be on sys.path",
            )
    return folders


def _from_model(model: Any, search: _Search, scratch: Path, step: Step) -> Found:
    step("saving the model")
    live = live_objects(model)
    twins = ambiguous_functions(live.functions, registry.saved_key, loading.is_builtin_name)
    with payload.distinct_names(twins):
        config = payload.save(model, scratch / "saved")
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
        providers=[_Provider(namespace) for namespace in namespaces.values()],
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
    resolution = replace(resolution, roots={**dict.fromkeys(search.modules, "named by the author"), **resolution.roots})
    closure = _close(resolution, locator, search)
    _restore_names(config, resolution.objects)
    keras_file = scratch / "model.keras"
    payload.write_keras_file(scratch / "saved", config, keras_file)
    inherited = {name: version for namespace in namespaces.values() for name, version in namespace.versions.items()}
    return Found(
        keras_file=keras_file,
        objects=resolution.objects,
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, framework.versions()[0]),
        packed={**inherited, **packed_versions(closure, locator)},
    )


def _from_file(path: Path, search: _Search, scratch: Path, step: Step) -> Found:
    if not path.is_file():
        what = "a SavedModel folder" if path.is_dir() else "nothing"
        raise PackError(
            "there is no model file", place=str(path), expected="a .keras file", found=what, hint="check the path"
        )
    if path.suffix != ".keras":
        raise PackError(
            "this kind of model file cannot be packed yet",
            place=str(path),
            expected="a .keras file",
            found=path.suffix or "no suffix",
            hint="load it where it was made, and save it with model.save('model.keras')",
        )
    step("finding the source")
    config = loading.read_config(path)
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
    resolution = replace(resolution, roots={**dict.fromkeys(search.modules, "named by the author"), **resolution.roots})
    closure = _close(resolution, locator, search)
    # The file alone does not tell the outputs, nor what kind of object each class is; the model itself does. This
    # also finds a model that would not come back.
    step("loading the model")
    copy = scratch / "described.keras"
    shutil.copyfile(path, copy)
    objects = custom_objects(resolution.objects, closure)
    packed = packed_versions(closure, locator)
    namespace = _provisional_namespace(closure, packed)
    entries = list(resolution.roots)
    model = loading.load(copy, objects, entries, namespace, custom_objects={}, compile=True, safe_mode=True)
    kinds = [kind_of(loading.find_object(item, namespace)) for item in objects]
    described = [replace(item, kind=kind) for item, kind in zip(resolution.objects, kinds, strict=True)]
    version = str(loading.read_metadata(path).get("keras_version", "unknown"))
    return Found(
        keras_file=path,
        objects=tuple(described),
        entries=resolution.roots,
        closure=closure,
        facts=payload_facts(model, version),
        packed=packed,
    )


def _close(resolution: Resolution, locator: Locator, search: _Search) -> Closure:
    """Return everything that the objects' modules need, or raise with the problems of both searches."""
    problems = list(resolution.problems)
    closure = None
    try:
        closure = close(resolution.roots, locator, skip_data=search.skip_data)
    except SourceError as error:
        problems += [problem for problem in error.problems if problem not in problems]
    if closure is None or problems:
        raise SourceError(
            "the source of this model cannot travel as it is:",
            problems,
            hint="mend the lines above and pack again; nothing was written",
        )
    return closure


def _provisional_namespace(closure: Closure, packed: Mapping[str, str]) -> Namespace:
    """Return a module tree for source that has no bundle yet, named for the source itself."""
    digest = hashlib.sha256()
    for module in closure.modules:
        digest.update(f"{module.name}\0{len(module.text)}\0".encode() + module.text)
    return open_namespace(
        f"sha256:{digest.hexdigest()}",
        [ModuleText(name=module.name, text=module.text, package=module.is_package) for module in closure.modules],
        {item.path: item.read() for item in closure.data},
        versions=packed,
        isolation=registry.isolated,
    )


class _Provider:
    """The source of a loaded bundle, for a model that came out of it."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def names(self) -> Iterable[str]:
        return self._namespace.modules

    def is_package(self, name: str) -> bool:
        return self._namespace.is_package(name)

    def source(self, name: str) -> bytes:
        return self._namespace.modules[name].text

    def data(self) -> Mapping[str, bytes]:
        return self._namespace.data


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
