"""What a model file alone tells about classes that Keras does not bring back from it.

There is no live object to read arguments from. But what a constructor does not take shows in its signature, and a
Keras object that `get_config` gave raw lies in the config as a node.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from bundler.errors import RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io import adapt, loading
from bundler.keras_io.adapt.arguments import is_frameworks
from bundler.manifest import Adaptation, CustomObject
from bundler.namespace import Namespace


def surplus_arguments(
    config: Any, objects: Sequence[CustomObject], namespace: Namespace, given: Mapping[str, Any]
) -> tuple[Adaptation, ...]:
    """Return what the constructors of `objects` are certain to refuse in `config`, by their signatures.

    Args:
        config: the value of ``config.json``.
        objects: the custom objects and where the config asks for them.
        namespace: the tree that has their code; it is imported.
        given: objects by key that stand in for those of the tree.
    """
    found = []
    for item in objects:
        if item.key in given:
            continue
        cls = loading.find_object(item, namespace)
        names = _refused(cls, [entry for node in _nodes(config, item) for entry in node["config"]])
        if names:
            found.append(_of(adapt.SURPLUS_ARGUMENTS, item, names))
    return tuple(found)


def raw_objects(
    config: Any, objects: Sequence[CustomObject], known: Sequence[Adaptation], error: RebuildFailed
) -> tuple[Adaptation, ...]:
    """Return the arguments of the class that failed for which the config has Keras objects; empty if that was tried."""
    failed = (adapt.RESTORED_VALUES, error.module, error.qualname)
    if any((item.kind, item.module, item.qualname) == failed for item in known):
        return ()
    return tuple(
        _of(adapt.RESTORED_VALUES, item, names)
        for item in objects
        if (item.module, item.qualname) == (error.module, error.qualname)
        and (names := [name for node in _nodes(config, item) for name in node["config"] if _holds_node(node, name)])
    )


def _refused(cls: Any, names: Sequence[str]) -> list[str]:
    if not isinstance(cls, type) or not hasattr(cls, "from_config") or not is_frameworks(cls, "from_config"):
        return []
    initializer: Any = vars(cls).get("__init__", cls.__init__)  # type: ignore[misc]  # the class's own is what is meant
    if is_frameworks(cls, "__init__") or initializer is object.__init__:
        return []
    parameters = inspect.signature(initializer).parameters
    if inspect.Parameter.VAR_KEYWORD in {item.kind for item in parameters.values()}:
        return []
    return [name for name in names if name not in parameters]


def _nodes(config: Any, item: CustomObject) -> list[dict[str, Any]]:
    nodes = (keras_config.get(config, pointer) for pointer in item.paths)
    return [node for node in nodes if isinstance(node, dict) and isinstance(node.get("config"), dict)]


def _holds_node(node: Mapping[str, Any], name: str) -> bool:
    return name != "dtype" and any(True for _ in keras_config.nodes(node["config"][name]))


def _of(kind: str, item: CustomObject, names: Sequence[str]) -> Adaptation:
    return Adaptation(kind=kind, module=item.module, qualname=item.qualname, arguments=tuple(dict.fromkeys(names)))
