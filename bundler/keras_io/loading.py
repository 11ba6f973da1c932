"""From the files of a ``.keras`` file and a module tree to a live model.

The objects of the manifest are looked up in the tree, their keys in the config are replaced by bundle-unique ones
(see `registry`), and Keras does the rest with its public `keras.saving.load_model`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bundler.errors import BundleError, InvalidBundle, MissingObject, RebuildFailed
from bundler.formats import keras_config
from bundler.frameworks import makes_models
from bundler.keras_io import registry
from bundler.keras_io.adapt import builder_model, check_kinds, every_weight, shared
from bundler.keras_io.adapt.adapters import adapter_of, before_compile, plans
from bundler.keras_io.adapt.decoding import Declared
from bundler.keras_io.adapt.tags import TAG
from bundler.keras_io.exported import require_exported
from bundler.keras_io.failures import rebuild_error
from bundler.keras_io.files import tfsm
from bundler.keras_io.files.carried_arrays import CarriedArrays
from bundler.keras_io.framework import keras
from bundler.keras_io.program.restore import (
    set_code_values,
    set_object_values,
    value_adaptations,
    without_values,
)
from bundler.keras_io.weights import loading_in_place
from bundler.keras_io.weights.stored_weights import StoredWeights
from bundler.manifest import Adaptation, Builder, CustomObject
from bundler.namespace import Namespace, load_opaque

#: What an adaptation may be of without being declared: the stock models, as the root of the config.
_ROOTS = (("keras", "Model"), ("keras", "Sequential"))
#: The parts of Keras whose plain functions a config may name without saying the module.
_FUNCTION_MODULES = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints", "ops")


def load(
    directory: Path,
    config: Any,
    objects: Sequence[CustomObject],
    entries: Sequence[str],
    namespace: Namespace,
    *,
    custom_objects: Mapping[str, Any],
    compile: bool,  # noqa: A002 - Keras's own name for it
    safe_mode: bool,
    hosts: Mapping[str, Any] | None = None,
    graphs: Mapping[str, Path] | None = None,
    adaptations: Sequence[Adaptation] = (),
    builder: Builder | None = None,
    weights: StoredWeights | None = None,
) -> Any:
    """Return the model of a ``.keras`` file, of which this rewrites the config in place.

    Args:
        directory: the folder that the file was unpacked to; it is changed.
        config: the value of its ``config.json``; it is changed too.
        objects: the custom objects that the manifest declares.
        entries: the modules to import before anything is rebuilt.
        namespace: the tree that holds the bundle's source.
        custom_objects: objects by original key that replace the bundle's own.
        compile: as in `keras.saving.load_model`.
        safe_mode: as in `keras.saving.load_model`.
        hosts: objects by key that the host has put into the model since it came out of the bundle; `None` for a
            model that has only what its manifest says, and then anything else is refused.
        graphs: the SavedModel folders that travel with the model, by the path that a `TFSMLayer` has for them.
        adaptations: what the manifest records for classes that Keras alone does not bring back.
        builder: the function of the bundle that makes the model, where Keras cannot.
        weights: the weights, where they are not in `directory`.

    Raises:
        UnsupportedVersion: an adaptation is of a kind that this version does not know.
        MissingObject: the config asks for an object that nobody provides.
        RebuildFailed: the bundle's code or Keras refuses.
    """
    check_kinds(adaptations)
    values, adaptations = value_adaptations(adaptations), without_values(adaptations)
    require_exported(config)
    for name in entries:
        _import(name, namespace)
    is_first = not namespace.values_set
    _set_code_values(values, namespace)
    offered: dict[str, Any] = {}
    makeable: dict[str, Any] = {}
    keys = {*custom_objects}
    for item in objects:
        replaced = item.key in custom_objects
        obj = custom_objects[item.key] if replaced else find_object(item, namespace)
        key = _register(item, obj, namespace, replaced=replaced)
        offered[key] = obj
        if replaced or _may_be_made(item, obj):
            makeable[key] = obj
        keys.add(item.key)
        for pointer in item.paths:
            _point_to(config, pointer, key)
    declared = {pointer for item in objects for pointer in item.paths}
    given = Declared(objects=makeable, arrays=CarriedArrays(directory), view=namespace.seen)
    offered |= _adapters(config, adaptations, objects, namespace, given, custom_objects)
    if builder is not None:
        function = find_function(builder, namespace)
        key = f"{namespace.prefix}>builder"
        offered[key] = builder_model.adapter_of(function, builder)
        config["registered_name"] = key
    elif compile and values and isinstance(config.get("compile_config"), dict):
        offered |= _prepared_root(config, objects, namespace, offered, values)
    more = {**custom_objects, **(hosts or {})}
    filled = _fill_in(config, declared, more, namespace, sorted(keys) if hosts is None else None)
    offered |= filled
    makeable |= filled
    offered |= shared.let_in(config, offered, f"{namespace.prefix}>shared")
    offered |= tfsm.let_in(config, graphs or {}, f"{namespace.prefix}>outside:TFSMLayer", safe_mode=safe_mode)
    # Code of the bundle that looks an object up by its own key while it is being rebuilt (a default argument, a
    # from_config of its own) finds it here.
    scope = {**registry.original_objects(namespace), **offered}
    try:
        with keras().saving.custom_object_scope(scope):
            model = loading_in_place.load_model(
                directory, config, weights, offered, compile=compile, safe_mode=safe_mode
            )
    except BundleError:
        raise
    except Exception as error:
        failure = rebuild_error(error, namespace)
        if builder is not None:
            failure.hint = (
                f"the builder {builder.module}.{builder.qualname} must return the untrained model that the weights "
                "were saved from: the same layers in the same order, for the arguments that kbundle inspect shows"
            )
        raise failure from error
    if not isinstance(model, keras().Model):
        raise InvalidBundle(
            "the config makes something else than a model",
            place="config.json",
            expected="a keras.Model",
            found=f"{type(model).__module__}.{type(model).__qualname__}",
            hint="ask the author for a new bundle",
        )
    # What an adapter left for Keras's next step is not asked for where compile is false.
    vars(model).pop("compile_from_config", None)
    every_weight.forget(model)
    if is_first:
        # Making the model may have counted on.
        set_code_values(values, namespace)
    set_object_values(values, model, namespace)
    return model


def _set_code_values(values: Sequence[Adaptation], namespace: Namespace) -> None:
    """Set the values of modules and classes, once a tree: what its code counted since is not set back."""
    if namespace.values_set:
        return
    try:
        set_code_values(values, namespace)
    except BundleError:
        raise
    except Exception as error:
        raise rebuild_error(error, namespace) from error
    namespace.values_set = True


def _prepared_root(
    config: Any,
    objects: Sequence[CustomObject],
    namespace: Namespace,
    offered: Mapping[str, Any],
    values: Sequence[Adaptation],
) -> dict[str, Any]:
    """Let the model be frozen and thawed as its author's before it is compiled: point its root to an adapter that does.

    A root that the caller replaced is left alone.
    """
    known = offered.get(keras_config.lookup_key(config))
    own = next((item for item in objects if "" in item.paths), None)
    if known is None and (own is not None or not keras_config.is_builtin_class(config)):
        return {}
    if known is None:
        known = getattr(keras(), "Sequential" if config.get("class_name") == "Sequential" else "Model")
    if not hasattr(known, "from_config"):
        return {}
    key = f"{namespace.prefix}>prepared"
    _point_to(config, "", key)
    return {key: before_compile(known, lambda model: set_object_values(values, model, namespace, early=True))}


def _adapters(
    config: Any,
    adaptations: Sequence[Adaptation],
    objects: Sequence[CustomObject],
    namespace: Namespace,
    given: Declared,
    custom_objects: Mapping[str, Any],
) -> dict[str, Any]:
    """Point the nodes of adapted classes to adapters, and return those by key.

    An adapter's key is not that of the class: the table would win over what this load offers. An adapter calls what
    it stands for with arguments from the config. So it stands for the bundle's own code, for classes that Keras would
    rebuild from a config anyway, and for Keras's two models at the root; never for a function, or for whatever else
    can be imported here.

    Raises:
        InvalidBundle: an adaptation is of something else.
    """
    adapters: dict[str, Any] = {}
    by_place = {(item.module, item.qualname): item for item in objects}
    recorded = plans(adaptations)
    for place, plan in recorded.items():
        item = by_place.get(place)
        key = f"{namespace.prefix}>adapted:{place[0]}:{place[1]}"
        if item is not None and item.key not in custom_objects:
            cls = find_object(item, namespace)
            paths: Sequence[str] = item.paths
            if not isinstance(cls, type) or not _may_be_made(item, cls):
                raise _not_adapted(place)
        elif place in _ROOTS:
            cls, paths = getattr(keras(), place[1]), ("",)
        elif item is None:
            raise _not_adapted(place)
        else:
            # The caller's own class is nobody's to adapt.
            continue
        adapters[key] = adapter_of(cls, plan, given)
        for pointer in paths:
            node = keras_config.get(config, pointer)
            if isinstance(node, dict) and not _only_names(config, pointer):
                _point_to(config, pointer, key)
    return adapters


def _only_names(config: Any, pointer: str) -> bool:
    """Say whether the node at `pointer` is there for the class itself, not for an instance of it."""
    holder, _, last = pointer.rpartition("/")
    around = keras_config.get(config, holder) if last == "of" else None
    return isinstance(around, dict) and TAG in around and around[TAG] != "node"


def _may_be_made(item: CustomObject, obj: Any) -> bool:
    """Say whether objects may be made of `obj` with arguments from a config: code of the bundle, or Keras would too."""
    if item.source or item.opaque:
        return True
    # Keras's own need no manifest; among them is one that loads a folder.
    is_frameworks = makes_models(obj)
    return isinstance(obj, type) and hasattr(obj, "from_config") and hasattr(obj, "get_config") and not is_frameworks


def _not_adapted(place: tuple[str, str]) -> InvalidBundle:
    return InvalidBundle(
        "the manifest adapts something that is not a class of the bundle",
        place=f"manifest.json: adaptations, {'.'.join(place)[:200]}",
        hint="ask the author for a new bundle; this one was not written by kbundle, or was changed since",
    )


def find_object(item: CustomObject, namespace: Namespace) -> Any:
    """Return the class or function that `item` declares, importing its module.

    Raises:
        RebuildFailed: the module cannot be imported, or does not define it.
    """
    where = f"{item.module}.{item.qualname}"
    try:
        if item.opaque:
            return load_opaque(namespace, item.module, item.qualname)
        obj: Any = _import(item.module, namespace) if item.source else importlib.import_module(item.module)
        for part in item.qualname.split("."):
            obj = getattr(obj, part)
    except BundleError:
        raise
    except AttributeError as error:
        if item.opaque:
            raise rebuild_error(error, namespace) from error
        raise RebuildFailed(
            f"the module {item.module!r} has no {item.qualname!r}",
            place=where,
            hint="pack the model again: its source does not define what its manifest says"
            if item.source
            else f"install the version of {item.distribution} that kbundle inspect shows",
        ) from error
    except Exception as error:
        if item.distribution and isinstance(error, ModuleNotFoundError):
            raise RebuildFailed(
                f"the {item.kind} {item.key!r} needs the distribution {item.distribution!r}, which is not installed",
                place=where,
                hint=f"pip install {item.distribution}, or have the author pack with include=[{item.distribution!r}]",
            ) from error
        raise rebuild_error(error, namespace) from error
    return obj


def find_function(builder: Builder, namespace: Namespace) -> Any:
    """Return the function that makes the model, importing its module; raises `RebuildFailed`."""
    found: Any = _import(builder.module, namespace)
    for part in builder.qualname.split("."):
        try:
            found = getattr(found, part, None)
        except Exception as error:  # a module's own __getattr__ may raise anything
            raise rebuild_error(error, namespace) from error
    if not callable(found):
        raise RebuildFailed(
            f"the module {builder.module!r} has no function {builder.qualname!r}",
            place="manifest.json: builder",
            hint="ask the author for a new bundle",
        )
    return found


def _import(name: str, namespace: Namespace) -> ModuleType:
    """Import the bundled module `name`; raises `RebuildFailed` for whatever its code raises."""
    try:
        return namespace.load(name)
    except BundleError:
        raise
    except Exception as error:
        raise rebuild_error(error, namespace) from error


def _register(item: CustomObject, obj: Any, namespace: Namespace, *, replaced: bool) -> str:
    """Return the key by which Keras finds `obj` and nothing else."""
    if not (item.distribution or replaced):
        if item.opaque:
            # No decorator of the author's runs again that would say what it was registered as.
            namespace.original_keys.setdefault(registry.unique_key(namespace, item.module, item.qualname), item.key)
        key = registry.adopt(namespace, obj, item.module, item.qualname)
        if key is not None:
            return key
    # What the caller or an installed distribution provides keeps its own entry in the host's registry, if it has
    # one; this key lives for the load alone.
    return f"{namespace.prefix}>outside:{item.module}:{item.qualname}"


def _point_to(config: Any, pointer: str, key: str) -> None:
    try:
        value = keras_config.get(config, pointer)
    except KeyError as error:
        raise InvalidBundle(
            "the manifest points to a place that the model's config does not have",
            place=f"manifest.json: objects, path {pointer!r}",
            hint="ask the author for a new bundle",
        ) from error
    if isinstance(value, str):
        keras_config.replace(config, pointer, key)
    elif not (isinstance(value, dict) and "class_name" in value and "config" in value):
        raise InvalidBundle(
            "the manifest points to something that names no object",
            place=f"manifest.json: objects, path {pointer!r}",
            hint="ask the author for a new bundle",
        )
    elif keras_config.is_function(value):
        value["config"] = key
    else:
        value["registered_name"] = key


def _fill_in(
    config: Any, declared: set[str], custom_objects: Mapping[str, Any], namespace: Namespace, offered: list[str] | None
) -> dict[str, Any]:
    """Point what the manifest does not declare to the caller's objects, and refuse what nobody has (I11).

    `offered` are the keys that an error lists, `None` to refuse nothing.

    Without the refusal Keras would take whatever the host happens to have registered under that key.
    """
    filled: dict[str, Any] = {}
    missing = []
    for pointer, node in keras_config.nodes(config):
        if pointer in declared or keras_config.is_builtin_class(node) or "module" not in node:
            continue
        key = keras_config.lookup_key(node)
        if key in custom_objects:
            filled[f"{namespace.prefix}>outside:{key}"] = custom_objects[key]
            _point_to(config, pointer, f"{namespace.prefix}>outside:{key}")
        elif not is_builtin_function(node):
            missing.append(f"{key!r} (module {node['module']!r}), asked for at {pointer or '/'} of its config")
    if missing and offered is not None:
        raise MissingObject(missing, offered)
    return filled


def is_builtin_function(node: dict[str, Any]) -> bool:
    """Say whether `node` is a plain function of Keras itself."""
    if not keras_config.is_function(node):
        return False
    module = node.get("module")
    if isinstance(module, str) and module.split(".")[0] == "keras":
        return True
    return is_builtin_name(str(node["config"]))


def is_builtin_name(name: str) -> bool:
    """Say whether Keras takes the bare name `name` for one of its own functions."""
    return any(hasattr(getattr(keras(), part), name) for part in _FUNCTION_MODULES)
