"""From the verified bytes of a bundle to its module tree, and from a model file to a live model in it.

`unbundling` comes here with a whole bundle, `pickling` with what a pickle brought along.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from bundler.archive.reader import BundleReader
from bundler.errors import BundleError, LimitExceeded
from bundler.formats import keras_config
from bundler.keras_io import loading, registry
from bundler.keras_io.failures import rebuild_error, refusal_in
from bundler.keras_io.keras_settings import hold_settings, settings_in_force
from bundler.keras_io.process_state import kept_process_state
from bundler.keras_io.program.seeds import set_seeds
from bundler.keras_io.weights.stored_weights import StoredWeights
from bundler.limits import LIMITS
from bundler.manifest import CustomObject, Manifest
from bundler.namespace import Guard, ModuleText, Namespace, Record, open_namespace
from bundler.unpacking.confinement import hold_framework


def read_code(reader: BundleReader, manifest: Manifest) -> dict[str, bytes]:
    """Read the members below ``code/``, each verified against its digest before any of it is used.

    Raises:
        LimitExceeded: a member, or all together, would take more memory than `bundler.limits` allows.
    """
    members = {member.name: member for member in manifest.members}
    source = [module.member for module in manifest.modules]
    files = [name for name in code_members(manifest) if name not in source]
    for names, each, total in (
        (source, LIMITS.source_file, LIMITS.source_total),
        (files, LIMITS.data_file, LIMITS.data_total),
    ):
        sizes = {name: members[name].decoded_size or members[name].size for name in names}
        for name, size in sizes.items():
            if size > each:
                raise LimitExceeded("the member is too large to load", place=name, expected=each, found=size)
        if sum(sizes.values()) > total:
            raise LimitExceeded("the source is too large", expected=total, found=sum(sizes.values()))
    content = {name: reader.read(name) for name in (*source, *files)}
    # What loading does not use is checked all the same.
    reader.check_stored(name for name in members if name not in content and name != manifest.payload.member)
    return content


def code_members(manifest: Manifest) -> list[str]:
    """Return the members that the bundle's code consists of: source, data files and pickles."""
    return [
        *(module.member for module in manifest.modules),
        *(item.member for item in manifest.data),
        *(item.opaque.member for item in manifest.objects if item.opaque is not None),
    ]


def open_code(
    digest: str,
    manifest: Manifest,
    content: Mapping[str, bytes],
    guard: Guard,
    *,
    closed: Mapping[str, bytes],
) -> Namespace:
    """Return the module tree of the bundle `digest`, whose verified members below ``code/`` are `content`.

    Its code may use what `guard` accepts, and what needs no word. The framework is imported by now. `closed` are the
    texts that run in place of the author's, by member (`bundler.unpacking.confinement.closed_texts`).
    """
    hold_framework()
    return open_namespace(
        digest,
        [
            ModuleText(
                name=module.name,
                text=content[module.member],
                closed=closed.get(module.member),
                package=module.package,
                generated=module.generated,
            )
            for module in manifest.modules
        ],
        {item.path: content[item.member] for item in manifest.data},
        versions={distribution.name: distribution.version for distribution in manifest.requirements.packed},
        isolation=registry.isolated,
        guard=guard,
        pickles={
            (item.module, item.qualname): content[item.opaque.member]
            for item in manifest.objects
            if item.opaque is not None
        },
    )


def objects_again(
    config: Any, manifest: Manifest, namespace: Namespace, replaced: Container[str]
) -> tuple[CustomObject, ...]:
    """Return the objects of `manifest` with their places in `config`, of a model that was saved from `namespace`.

    Such a config names bundled objects by their keys in the tree. Those whose key is in `replaced` have no place.
    """
    places: dict[str, list[str]] = {}
    for pointer, node in keras_config.nodes(config):
        if not keras_config.is_builtin_class(node):
            places.setdefault(_key_in_tree(node, namespace), []).append(pointer)
    bare = Counter((item.module, item.qualname.rpartition(".")[2]) for item in manifest.objects)
    objects = []
    for item in manifest.objects:
        key = item.key
        if item.distribution is None:
            obj = loading.find_object(item, namespace)
            found = registry.saved_key(obj) if registry.has_own_key(obj) else ""
            own = found.startswith(namespace.prefix)
            key = found if own else registry.unique_key(namespace, item.module, item.qualname)
            name = item.qualname.rpartition(".")[2]
            if key not in places and bare[item.module, name] == 1:
                key = registry.unique_key(namespace, item.module, name)
        paths = () if item.key in replaced else tuple(places.get(key, ()))
        objects.append(replace(item, paths=paths))
    return tuple(objects)


def _key_in_tree(node: dict[str, Any], namespace: Namespace) -> str:
    """Return the key of what `node` names; a class that Keras has no key for (an enumeration) is told by its module."""
    key, module = keras_config.lookup_key(node), str(node.get("module"))
    if key == node["class_name"] and module.startswith(f"{namespace.prefix}."):
        return registry.unique_key(namespace, namespace.original(module), key)
    return key


def keyless_values(manifest: Manifest, namespace: Namespace) -> dict[str, Any]:
    """Return the callables of a bundle that Keras has no key for, by the keys that `objects_again` looks for."""
    found = {
        registry.unique_key(namespace, item.module, item.qualname) if item.source is not None else item.key: (
            loading.find_object(item, namespace)
        )
        for item in manifest.objects
        if item.kind == "function" and item.opaque is None
    }
    return {key: obj for key, obj in found.items() if not registry.has_own_key(obj)}


def build(
    directory: Path,
    config: Any,
    manifest: Manifest,
    namespace: Namespace,
    *,
    custom_objects: Mapping[str, Any],
    compile: bool,  # noqa: A002 - Keras's own name for it
    safe_mode: bool,
    hosts: Mapping[str, Any] | None = None,
    graphs: Mapping[str, Path] | None = None,
    weights: StoredWeights | None = None,
) -> Any:
    """Return the model of the files in `directory`, whose config is `config`; see `bundler.keras_io.loading.load`.

    Raises:
        ConsentRequired, AuditRefused: the bundle's code was stopped, and the model does not come back without.
        BundleError: as `load` does; what a crafted config makes it raise beyond that is `RebuildFailed` (I12).
    """
    try:
        with kept_process_state(), settings_in_force(manifest.settings):
            model = loading.load(
                directory,
                config,
                manifest.objects,
                _in_order(manifest),
                namespace,
                custom_objects=custom_objects,
                compile=compile,
                safe_mode=safe_mode,
                hosts=hosts,
                graphs=graphs,
                adaptations=manifest.adaptations,
                builder=manifest.builder,
                weights=weights,
            )
        set_seeds(model, manifest.seeds)
        hold_settings(model, manifest.settings)
    except Exception as error:
        stopped = refusal_in(error)
        if stopped is not None and stopped is not error:
            # What Keras or an import made of it is no help: this one has the word and the line.
            raise stopped from None
        if isinstance(error, BundleError):
            raise
        raise rebuild_error(error, namespace) from error
    _ORIGINS[model] = Origin(manifest=manifest, namespace=namespace)
    return model


def _in_order(manifest: Manifest) -> list[str]:
    """Return the modules to import before anything is rebuilt: modules that need each other in the author's order."""
    entries = [module.name for module in manifest.modules if module.entry]
    return list(dict.fromkeys([*manifest.import_order, *entries]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The bundle that a model came out of."""

    manifest: Manifest
    namespace: Namespace

    def builder(self) -> tuple[FunctionType, Mapping[str, Any]] | None:
        """Return the function that made the model, with its arguments, where one did."""
        builder = self.manifest.builder
        return None if builder is None else (loading.find_function(builder, self.namespace), builder.arguments)


_ORIGINS: weakref.WeakKeyDictionary[Any, Origin] = weakref.WeakKeyDictionary()


def origin_of(model: Any) -> Origin | None:
    """Return the bundle that `model` came out of, if it did: the model itself, not one that is built around it."""
    return _ORIGINS.get(model)


def holds_keyless(model: Any) -> bool:
    """Say whether the bundle of `model` gave it callables that Keras has no key for, and cannot write therefore."""
    origin = origin_of(model)
    return origin is not None and bool(keyless_values(origin.manifest, origin.namespace))


def record_of(model: Any) -> Record:
    """Return what the code of a loaded model has used so far, and what it was refused.

    Args:
        model: what `unbundle` returned.

    Returns:
        The record itself, which grows while the model is used.

    Raises:
        BundleError: the model did not come out of a bundle, or not in this process; or out of the graph of one.

    Example:
        >>> model = bundler.unbundle("model.kbundle")
        >>> bundler.record_of(model).refused
        ()
    """
    origin = origin_of(model)
    if origin is None:
        raise BundleError(
            "the model did not come out of a bundle in this process",
            found=type(model).__name__,
            hint="pass the model that unbundle returned, not one that is built around it",
        )
    return origin.namespace.record
