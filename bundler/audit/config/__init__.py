"""A model's ``config.json``: everything that it asks Keras to make, held against a closed list.

Keras's own safe mode is a list of 26 names that it refuses; 773 other functions and constructors stay reachable in
keras 3.15.1. Here a node is a modelling object of a supported Keras, or declared in the manifest, or it is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bundler.audit.config import rules, stock
from bundler.audit.config.rules import RULES
from bundler.audit.config.sizes import size_problem, unbuilt_problem
from bundler.audit.finding import Finding, Rule
from bundler.formats import keras_config
from bundler.formats.problem import Problem
from bundler.limits import LIMITS
from bundler.manifest import CustomObject

__all__ = ["RULES", "config_findings", "config_problem"]

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
#: Findings, after which a config is refused without the rest, and characters of one that are shown.
_MOST, _SHOWN = 1_000, 1_000
_BY_ID = {rule.id: rule for rule in RULES}
#: Keras's own models, which have their layers in their config.
_MODELS = ("Functional", "Model", "Sequential")
#: Kinds of declared objects whose names become paths.
_LAYERS = ("layer", "model")
_DOORS = frozenset({"TFSMLayer", "TorchModuleWrapper", "KerasFileEditor", "JaxLayer", "FlaxLayer"})


def config_problem(problem: Problem, *, member: str) -> Finding:
    """Return the finding for a ``config.json`` that has no value."""
    return _BY_ID[problem.rule].at(member, problem.what, inside="config.json")


def config_findings(
    config: JSON,
    *,
    member: str,
    objects: Sequence[CustomObject],
    offered: Collection[str] = (),
    graphs: Collection[str] = (),
    weight_bytes: int | None = None,
    keras_version: str = "unknown",
) -> list[Finding]:
    """Return what a config asks for beyond stock Keras and what the manifest declares.

    Args:
        config: the value of ``config.json``, as `bundler.formats.keras_config.read_config` gave it.
        member: the bundle's member that holds it.
        objects: what the manifest declares; each counts at its declared paths alone.
        offered: keys of objects that whoever loads the model provides.
        graphs: the folders of the bundle that a `TFSMLayer` may name; the loader takes its own class for those.
        weight_bytes: the size of the weights file, where it is known.
        keras_version: of the Keras that saved the model, as the manifest says.
    """
    known = _Known(
        keys=frozenset(item.key for item in objects),
        kinds={pointer: item.kind for item in objects for pointer in item.paths},
        layers=frozenset(item.key for item in objects if item.kind in _LAYERS),
        offered=frozenset(offered),
        graphs=frozenset(graphs),
        weight_bytes=weight_bytes,
        keras_version=keras_version,
    )
    found: list[Finding] = []
    for pointer, value in keras_config.walk(config):
        if not isinstance(value, dict) or "class_name" not in value or "config" not in value:
            continue
        if len(found) >= _MOST:
            break
        place = f"config.json: {pointer[:_SHOWN] or '/'}"
        if not isinstance(value["class_name"], str):
            found.append(rules.MALFORMED.at(member, "a class name that is not a string", inside=place))
            continue
        for rule, what in _node_problems(value, pointer, known):
            found.append(rule.at(member, what[:_SHOWN], inside=place))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What a config may ask for beside stock Keras, and what there is of it.

    `kinds` is what the manifest declares at each of its paths; the rest is as in `config_findings`.
    """

    keys: frozenset[str]
    kinds: Mapping[str, str]
    layers: frozenset[str]
    offered: frozenset[str]
    graphs: frozenset[str]
    weight_bytes: int | None
    keras_version: str


def _node_problems(node: dict[str, JSON], pointer: str, known: _Known) -> Iterator[tuple[Rule, str]]:
    name, module, config = node["class_name"], node.get("module"), node["config"]
    shown = f"{module}.{name}" if module else name
    if not (module is None or isinstance(module, str)):
        yield rules.MALFORMED, "a module that is not a string"
        return
    if name == "__lambda__":
        yield rules.BYTECODE, "a lambda as bytecode"
        return
    if name in stock.LITERALS:
        return
    if name.startswith("__") and name.endswith("__"):
        # Keras has a meaning of its own for some (__typespec__ looks up another field), whatever is declared.
        yield rules.UNKNOWN, shown
        return
    if _is_bare(node) and _is_reserved(name):
        yield rules.LEGACY_NODE, f"{name} without a module"
        return
    key = keras_config.lookup_key(node)
    # What is declared wins only outside Keras: a node of Keras's under a declared name shows one and may load another.
    if not _is_kerass(module) and _is_declared(node, key, pointer, known):
        # Its own config is its code's business, and the audit of that code shows what it does with it.
        yield from _name_problems(config, strict=known.kinds.get(pointer) in _LAYERS or key in known.layers)
        return
    if keras_config.is_function(node):
        yield from _function_problems(node, key, known)
        return
    if name == key == "TFSMLayer" and isinstance(config, dict) and _is_one_of(config.get("filepath"), known.graphs):
        # The loader puts a class of its own in this place, and the graph was audited.
        return
    if name in _DOORS:
        yield rules.SINK, shown
        return
    if not stock.is_stock_class(module, name) and stock.may_be_newer(module, known.keras_version):
        yield (
            rules.NEWER,
            f"{shown}, of Keras {known.keras_version}; this kbundle knows Keras to {stock.keras_versions()[-1]}",
        )
    elif not stock.is_stock_class(module, name):
        rule = rules.SINK if _is_kerass(module) else _foreign(key, known)
        yield rule, shown if key == name else f"{shown}, as {key}"
        return
    yield from _stock_problems(node, shown, known)


def _is_declared(node: dict[str, JSON], key: str, pointer: str, known: _Known) -> bool:
    if pointer in known.kinds or key in known.offered:
        return True
    # A get_config of the author's may write {class_name, config} by hand and read it itself: that has no path.
    return "module" not in node and key in known.keys


def _foreign(key: str, known: _Known) -> Rule:
    return rules.UNDECLARED_PATH if key in known.keys else rules.UNKNOWN


def _function_problems(node: dict[str, JSON], key: str, known: _Known) -> Iterator[tuple[Rule, str]]:
    module, registered = node.get("module"), node.get("registered_name")
    if not stock.is_stock_function(module, key):
        yield rules.FUNCTION if _is_kerass(module) else _foreign(key, known), f"the function {module}.{key}"
    elif registered not in (None, "", "function", key):
        yield rules.REGISTERED_NAME, f"the function {module}.{key} as {registered!r}"[:200]


def _stock_problems(node: dict[str, JSON], shown: str, known: _Known) -> Iterator[tuple[Rule, str]]:
    name, module, config = node["class_name"], node.get("module"), node["config"]
    registered = node.get("registered_name")
    if registered not in (None, "", name):
        yield rules.REGISTERED_NAME, f"{shown} as {registered!r}"[:200]
    if not isinstance(config, dict):
        return
    if name == "Lambda" and not isinstance(config.get("function"), dict | str | None):
        # [code, defaults, closure]: the form of Keras 2, which is bytecode too.
        yield rules.BYTECODE, "a Lambda layer with code in place of a function"
    for word in sorted(_PATHS.intersection(config)):
        if isinstance(config[word], str):
            yield rules.PATH, f"{shown}: {word} is {config[word][:100]!r}"
    if _is_layer(module):
        yield from _name_problems(config, strict=True)
        layers = config.get("layers") if name in _MODELS else None
        for item in layers if isinstance(layers, list) else ():
            # Keras's own models hand such an entry to the old reader, under any name.
            if _is_bare(item) and item["class_name"] not in stock.LITERALS and not _is_reserved(item["class_name"]):
                yield rules.LEGACY_NODE, f"{shown} with the layer {item['class_name']!r} without a module"[:200]
    problem = size_problem(node, known.weight_bytes)
    if problem is None and name in _MODELS:
        problem = unbuilt_problem(node, known.weight_bytes)
    if problem is not None:
        yield rules.SIZE, f"{shown}: {problem}"


def _name_problems(config: JSON, *, strict: bool) -> Iterator[tuple[Rule, str]]:
    """Yield what is wrong with the name of an object; only a layer's, where `strict`, has no separator at all.

    What kind a declared object has is the manifest's word, so that no other kind may climb or be absolute either;
    but metrics are called ``val/accuracy``.
    """
    name = config.get("name") if isinstance(config, dict) else None
    if name is None:
        return
    if not isinstance(name, str):
        if strict:
            yield rules.NAME, repr(name)[:100]
        return
    steps = [name] if strict else name.split("/")
    refused = '/\\:"<>|?*' if strict else "\\"
    if any(len(step) > LIMITS.name_segment_bytes or step in ("", ".", "..") for step in steps):
        yield rules.NAME, repr(name)[:100]
    elif any(char in refused or not char.isprintable() for char in name):
        yield rules.NAME, ascii(name)[:100]


def _is_bare(item: JSON) -> bool:
    return (
        isinstance(item, dict) and isinstance(item.get("class_name"), str) and "config" in item and "module" not in item
    )


def _is_one_of(value: JSON, names: Collection[str]) -> bool:
    return isinstance(value, str) and value in names


def _is_reserved(name: str) -> bool:
    return name in _DOORS or stock.is_legacy_name(name)


def _is_layer(module: str | None) -> bool:
    return module in ("keras", "keras.layers", "keras.models") or str(module).startswith(
        ("keras.src.applications.", "keras.src.layers.", "keras.src.models.", "keras.src.ops.")
    )


def _is_kerass(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] == "keras"  # not keras_hub
