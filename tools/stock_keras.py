"""What the config of a Keras model may name without declaring it, by the sources of one Keras, which are not imported.

The list is closed: modelling classes and plain functions under the public names below, the operations that
`keras.ops` calls leave in a functional model, and the few classes that Keras writes under private names. What is in
the public namespaces and not in the list is ``left_out``, so that it is reviewed when a new version has more of it.

``legacy`` has the names that Keras's reader of its old format finds for a node without a module: whatever
``keras.src.layers`` imports or defines, and the models. They are not part of the closed list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Public namespaces of which every class that Keras can save is a part of models.
CLASSES = (
    *("keras.constraints", "keras.dtype_policies", "keras.initializers", "keras.layers", "keras.losses"),
    *("keras.metrics", "keras.models", "keras.optimizers", "keras.optimizers.schedules", "keras.quantizers"),
    *("keras.random", "keras.regularizers", "keras"),
)
#: Public namespaces of which plain functions may be named: they take and return tensors or numbers.
FUNCTIONS = (
    *("keras.activations", "keras.constraints", "keras.initializers", "keras.losses", "keras.metrics"),
    *("keras.ops", "keras.ops.image", "keras.ops.linalg", "keras.ops.nn", "keras.ops.numpy", "keras.regularizers"),
)
#: Not parts of models, or sinks: these read a path, run code from data, or look any object up.
REFUSED_CLASSES = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "KerasTensor", "Variable"})
REFUSED_FUNCTIONS = frozenset({"deserialize", "get", "serialize", "custom_gradient", "convert_to_numpy"})
#: Layers that stand beside the builders of `keras.applications`, in the models that those make. They scale and drop
#: tensors; the builders are functions that fetch weights, and no part of the list.
APPLICATION_LAYERS = {
    "keras.src.applications.convnext": ("LayerScale", "StochasticDepth"),
    "keras.src.applications.inception_resnet_v2": ("CustomScaleLayer",),
}
#: What `model_from_config` of ``keras.src.legacy.saving.saving_utils`` adds to the names of ``keras.src.layers``.
LEGACY_MODELS = ("Functional", "InputLayer", "Model", "Sequential")
#: Private modules whose classes Keras writes by their private names.
PRIVATE = tuple(
    f"keras.src.{part}."
    for part in (
        *("constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops"),
        *("optimizers", "quantizers", "random", "regularizers", "trainers"),
    )
)


@dataclass(frozen=True)
class Definition:
    """One class or function of `keras.src`."""

    module: str
    name: str
    is_class: bool
    bases: tuple[str, ...]
    makes_itself: bool
    exports: tuple[str, ...]


def stock(site: Path) -> dict[str, Any]:
    """Return the tree of the table `stock` for the Keras in a folder of packages."""
    found = list(definitions(site))
    saveable = saveable_names(found)
    tree: dict[str, Any] = {"classes": {}, "functions": {}, "left_out": {}, "legacy": legacy_names(site)}

    def add(part: str, module: str, name: str) -> None:
        tree[part].setdefault(module, set()).add(name)

    for item in found:
        wanted = not item.is_class or (item.name in saveable and item.name not in REFUSED_CLASSES)
        for name in item.exports:
            module, _, last = name.rpartition(".")
            if module in (CLASSES if item.is_class else FUNCTIONS):
                taken = wanted and last not in (REFUSED_CLASSES if item.is_class else REFUSED_FUNCTIONS)
                add(("classes" if item.is_class else "functions") if taken else "left_out", module, last)
        beside = item.module.startswith(PRIVATE) or item.name in APPLICATION_LAYERS.get(item.module, ())
        if item.is_class and wanted and beside:
            add("classes", item.module, item.name)
    return tree


def definitions(site: Path) -> Iterator[Definition]:
    """Yield what the modules of Keras define at their top level."""
    for file in sorted((site / "keras/src").rglob("*.py")):
        parts = file.relative_to(site).with_suffix("").parts
        if parts[-1].endswith("_test"):
            continue
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                bases = node.bases if isinstance(node, ast.ClassDef) else []
                yield Definition(
                    module=".".join(parts[:-1] if parts[-1] == "__init__" else parts),
                    name=node.name,
                    is_class=isinstance(node, ast.ClassDef),
                    bases=tuple(ast.unparse(base).rpartition(".")[2] for base in bases),
                    makes_itself={"get_config", "from_config"}
                    <= {item.name for item in node.body if isinstance(item, ast.FunctionDef)},
                    exports=tuple(exports(node)),
                )


def exports(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """Yield the public names of ``@keras_export(...)``."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "keras_export":
            value = ast.literal_eval(decorator.args[0])
            yield from [value] if isinstance(value, str) else value


def saveable_names(found: list[Definition]) -> set[str]:
    """Return the names of classes that derive from `KerasSaveable`, or are configs of their own (initializers, ...)."""
    roots = {"KerasSaveable", "Initializer", "Regularizer", "Constraint", "Loss", "LearningRateSchedule", "DTypePolicy"}
    roots |= {"DTypePolicyMap", "Quantizer", "QuantizationConfig", "SeedGenerator", "Metric", "Operation"}
    known = roots | {item.name for item in found if item.is_class and item.makes_itself}
    while True:
        more = {item.name for item in found if item.is_class and known.intersection(item.bases)} - known
        if not more:
            return known
        known |= more


def legacy_names(site: Path) -> set[str]:
    """Return what Keras's reader of its old format finds by a bare name."""
    names = set(LEGACY_MODELS)
    # Some of the imports are below an `if` on the backend.
    for node in ast.walk(ast.parse((site / "keras/src/layers/__init__.py").read_bytes())):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {item.asname or item.name.partition(".")[0] for item in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
    return names
