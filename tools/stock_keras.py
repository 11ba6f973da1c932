"""Make `bundler/audit/config/stock.json`: what the config of a Keras model may name without declaring it.

Reads the sources in Keras wheels and imports nothing of them::

    for version in 3.10.0 3.11.3 3.12.4 3.13.2 3.14.1 3.15.1; do
        pip download --no-deps --dest wheels "keras==$version"
    done
    python tools/stock_keras.py wheels/*.whl > bundler/audit/config/stock.json

The list is closed: modelling classes and plain functions under the public names below, the operations that
`keras.ops` calls leave in a functional model, and the few classes that Keras writes under private names. What is in
the public namespaces and not in the list is printed on stderr, so that a new version can be reviewed.

``legacy`` has the names that Keras's reader of its old format finds for a node without a module: whatever
``keras.src.layers`` imports or defines, and the models. They are no part of the closed list.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
#: Not parts of models, or doors: these read a path, run code from data, or look any object up.
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


def definitions(wheel: Path) -> Iterator[Definition]:
    """Yield what the modules of a wheel define at their top level."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.startswith("keras/src/") or not name.endswith(".py") or name.endswith("_test.py"):
                continue
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for node in ast.parse(archive.read(name)).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    bases = node.bases if isinstance(node, ast.ClassDef) else []
                    yield Definition(
                        module=module,
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


def stock(wheels: list[Path]) -> tuple[dict[str, list[str]], dict[str, list[str]], set[str]]:
    """Return classes by module, functions by module, and the exported names that are in neither."""
    classes: dict[str, set[str]] = {}
    functions: dict[str, set[str]] = {}
    left: set[str] = set()
    for wheel in wheels:
        found = list(definitions(wheel))
        saveable = saveable_names(found)
        for item in found:
            if not item.is_class:
                for name in item.exports:
                    module, _, last = name.rpartition(".")
                    if module in FUNCTIONS and last not in REFUSED_FUNCTIONS:
                        functions.setdefault(module, set()).add(last)
                    elif module in FUNCTIONS:
                        left.add(f"function {name}")
                continue
            wanted = item.name in saveable and item.name not in REFUSED_CLASSES
            for name in item.exports:
                module, _, last = name.rpartition(".")
                if module in CLASSES and wanted and last not in REFUSED_CLASSES:
                    classes.setdefault(module, set()).add(last)
                elif module in CLASSES:
                    left.add(f"class {name}")
            if wanted and (item.module.startswith(PRIVATE) or item.name in APPLICATION_LAYERS.get(item.module, ())):
                classes.setdefault(item.module, set()).add(item.name)
    return (
        {module: sorted(names) for module, names in sorted(classes.items())},
        {module: sorted(names) for module, names in sorted(functions.items())},
        left,
    )


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


def legacy_names(wheels: list[Path]) -> list[str]:
    """Return what Keras's reader of its old format finds by a bare name, sorted."""
    names = set(LEGACY_MODELS)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            tree = ast.parse(archive.read("keras/src/layers/__init__.py"))
        # Some of the imports are below an `if` on the backend.
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names |= {item.asname or item.name.partition(".")[0] for item in node.names}
            elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                names.add(node.name)
    return sorted(names)


def main() -> None:
    """Print the list for the wheels on the command line."""
    wheels = [Path(argument) for argument in sys.argv[1:]]
    classes, functions, left = stock(wheels)
    versions = sorted(
        (wheel.name.split("-")[1] for wheel in wheels), key=lambda text: [int(x) for x in text.split(".")]
    )
    table = {"keras": versions, "classes": classes, "functions": functions, "legacy": legacy_names(wheels)}
    print(json.dumps(table, indent=1, sort_keys=True))
    for name in sorted(left):
        print(f"not in the list: {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
