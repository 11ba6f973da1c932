"""A model's ``config.json``: everything that it asks Keras to make, held against a closed list.

Keras's own safe mode is a list of 26 names that it refuses; 773 other functions and constructors stay reachable in
keras 3.15.1. Here a node is a modelling object of a supported Keras, or declared in the manifest, or it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from bundler import configtree
from bundler.audit.config import rules
from bundler.audit.config.rules import RULES
from bundler.audit.config.sizes import size_problem
from bundler.audit.config.stock import LITERALS, is_stock_class, is_stock_function, keras_versions
from bundler.audit.facts import Finding, Rule
from bundler.limits import LIMITS
from bundler.manifest import CustomObject

__all__ = ["RULES", "config_findings", "keras_versions", "read_config"]

JSON = Any

#: Values that a layer of Keras's own opens, reads or connects to where they are strings.
_PATHS = frozenset(
    {
        "backup_dir",
        "cache_dir",
        "directory",
        "file",
        "filename",
        "filepath",
        "fname",
        "idf_weights",
        "log_dir",
        "origin",
    }
    | {"path", "url", "vocabulary", "weights"}
)
_DOORS = frozenset({"TFSMLayer", "TorchModuleWrapper", "KerasFileEditor", "JaxLayer", "FlaxLayer"})


def read_config(data: bytes, *, member: str) -> tuple[JSON, list[Finding]]:
    """Return the value of a ``config.json`` and what is wrong with its form; `None` where it has no value.

    Nothing is read with a value for which another reader would see another one.
    """

    def malformed(what: str) -> tuple[None, list[Finding]]:
        return None, [rules.MALFORMED.at(member, what, inside="config.json")]

    if len(data) > LIMITS.keras_config or data.count(b",") + data.count(b"[") + data.count(b"{") > LIMITS.config_values:
        return malformed(f"it is too large: {len(data)} bytes")
    try:
        config = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except RecursionError:
        return None, [rules.TOO_DEEP.at(member, "deeper than Python can read", inside="config.json")]
    except ValueError as error:
        return malformed(f"it is no JSON: {error}"[:200])
    if not isinstance(config, dict):
        return malformed("it is no object")
    return config, []


def config_findings(
    config: JSON,
    *,
    member: str,
    objects: Sequence[CustomObject],
    offered: Collection[str] = (),
    graphs: Collection[str] = (),
    weight_bytes: int | None = None,
) -> list[Finding]:
    """Return what a config asks for beyond stock Keras and what the manifest declares.

    Args:
        config: the value of ``config.json``.
        member: the bundle's member that holds it.
        objects: what the manifest declares.
        offered: keys of objects that whoever loads the model provides.
        graphs: the folders of the bundle that a `TFSMLayer` may name; the loader takes its own class for those.
        weight_bytes: the size of the weights file, where it is known.
    """
    if _is_too_deep(config):
        return [rules.TOO_DEEP.at(member, f"more than {LIMITS.config_depth} levels", inside="config.json")]
    declared = {item.key for item in objects} | set(offered)
    layers = {item.key for item in objects if item.kind in ("layer", "model")}
    found = []
    for pointer, value in configtree.walk(config):
        if not isinstance(value, dict) or "class_name" not in value or "config" not in value:
            continue
        place = f"config.json: {pointer or '/'}"
        if not isinstance(value["class_name"], str):
            found.append(rules.MALFORMED.at(member, "a class name that is no string", inside=place))
            continue
        for rule, what in _node_problems(value, declared, graphs, weight_bytes, layers):
            found.append(rule.at(member, what, inside=place))
    return found


def _node_problems(
    node: dict[str, JSON],
    declared: Collection[str],
    graphs: Collection[str],
    weight_bytes: int | None,
    layers: Collection[str],
) -> Iterator[tuple[Rule, str]]:
    name, module, config = node["class_name"], node.get("module"), node["config"]
    shown = f"{module}.{name}" if module else name
    if not (module is None or isinstance(module, str)):
        yield rules.MALFORMED, "a module that is no string"
        return
    if name == "__lambda__":
        yield rules.BYTECODE, "a lambda as bytecode"
        return
    if name in LITERALS:
        return
    key = configtree.lookup_key(node)
    # What is declared wins only outside Keras: a node of Keras's under a declared name shows one and may load another.
    if not _is_kerass(module) and key in declared:
        # Its own config is its code's business, and the audit of that code shows what it does with it.
        if key in layers:
            yield from _name_problems(config)
        return
    if configtree.is_function(node):
        if not is_stock_function(module, config):
            yield rules.FUNCTION if _is_kerass(module) else rules.UNKNOWN, f"the function {module}.{config}"
        return
    if name == "TFSMLayer" and isinstance(config, dict) and config.get("filepath") in graphs and key == name:
        # The loader puts a class of its own in this place, and the graph was audited.
        return
    if name in _DOORS:
        yield rules.DOOR, shown
        return
    if not is_stock_class(module, name):
        yield rules.DOOR if _is_kerass(module) else rules.UNKNOWN, shown if key == name else f"{shown}, as {key}"
        return
    registered = node.get("registered_name")
    if registered not in (None, "", name):
        yield rules.REGISTERED_NAME, f"{shown} as {registered!r}"
    if name == "Lambda" and isinstance(config, dict) and not isinstance(config.get("function"), dict | str | None):
        # [code, defaults, closure]: the form of Keras 2, which is bytecode too.
        yield rules.BYTECODE, "a Lambda layer with code in place of a function"
    if isinstance(config, dict):
        for word in sorted(_PATHS.intersection(config)):
            if isinstance(config[word], str):
                yield rules.PATH, f"{shown}: {word} is {config[word][:100]!r}"
        if _is_layer(module):
            yield from _name_problems(config)
            problem = size_problem(node, weight_bytes)
            if problem is not None:
                yield rules.SIZE, f"{shown}: {problem}"


def _name_problems(config: JSON) -> Iterator[tuple[Rule, str]]:
    name = config.get("name") if isinstance(config, dict) else None
    if name is None:
        return
    if not isinstance(name, str) or len(name) > LIMITS.name_segment_bytes or name in ("", ".", ".."):
        yield rules.NAME, repr(name)[:100]
    elif any(char in '/\\:"<>|?*' or not char.isprintable() for char in name):
        yield rules.NAME, ascii(name)[:100]


def _is_layer(module: str | None) -> bool:
    return module in ("keras", "keras.layers", "keras.models") or str(module).startswith(
        ("keras.src.layers.", "keras.src.models.", "keras.src.ops.")
    )


def _is_kerass(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] == "keras"  # not keras_hub


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return made


def _is_too_deep(config: JSON) -> bool:
    level, depth = [config], 0
    while level:
        depth += 1
        if depth > LIMITS.config_depth:
            return True
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return False
