"""Ways to change one thing in a bundle: in its source, its config, its settings, its states.

Each way yields all the mutants of one kind that a bundle has. Changes that only break the code, or another shape,
are too easy and left out.
"""

from __future__ import annotations

import ast
import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bundler.archive.writer import NewMember, write_stored_zip
from bundler.manifest import Manifest

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
#: Changes of a config that change no program, and why.
EQUIVALENT = {
    "jit_compile": "the compiler rounds otherwise, and computes the same",
    "run_eagerly": "the same step, traced or not",
    "steps_per_execution": "the same steps, in fewer calls of TensorFlow",
    "sparse": "of an input: which tensors it takes, not what becomes of them",
    "ragged": "of an input: which tensors it takes, not what becomes of them",
    "optional": "of an input: which tensors it takes, not what becomes of them",
}
NOT_RUN = "in code that neither a load, a call nor a step of training runs"
NOT_READ = "a constant that no code reads which runs in a load, a call or a step of training"
SAVED_RATE = "the rate is a variable of the optimizer, which the file of weights has"
DECODED = "the config holds the argument in a form that Keras decodes by itself"
UNREAD_SETTING = "a setting that nothing reads while the model is made, called or trained"
NOT_USED = "a default that is not used: the config has the argument"
_SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_OTHER = {"relu": "elu", "mse": "mae", "mean_squared_error": "mae", "mae": "mse", "accuracy": "mse"}
_L2: dict[str, Any] = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.05}}
_STEPS = frozenset({"train_step", "compute_loss", "compute_metrics", "gradient_penalty"})
#: Run when a model is made, and so by every load.
MAKING = frozenset({"__init__", "build", "get_config", "from_config", "compile", "compute_output_shape"})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A bundle in memory.

    `ran` are the qualified names of its functions that a load, a call or a step of training runs, and `read` the names
    that these read.
    """

    manifest: Manifest
    members: Mapping[str, bytes]
    ran: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()

    def with_member(self, name: str, content: bytes) -> Parts:
        """Return the bundle with another content of one member."""
        return replace(self, members={**self.members, name: content})

    def with_payload(self, name: str, content: bytes) -> Parts:
        """Return the bundle with another file in its ``.keras`` file."""
        payload = self.payload()
        file = io.BytesIO()
        write_stored_zip(file, [NewMember(name=item, content={**payload, name: content}[item]) for item in payload])
        return self.with_member(self.manifest.payload.member, file.getvalue())

    def payload(self) -> dict[str, bytes]:
        """Return the files of its ``.keras`` file."""
        with zipfile.ZipFile(io.BytesIO(self.members[self.manifest.payload.member])) as file:
            return {name: file.read(name) for name in file.namelist()}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A bundle with one change; `why` says why the change may go unnoticed, where that is known."""

    kind: str
    what: str
    parts: Parts = field(repr=False)
    why: str | None = None


# --- source ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A node of a module's text, with the class and the function that it is in."""

    node: Any
    cls: str
    bases: str
    function: str
    default_of: str
    target: str

    def why(self, parts: Parts) -> str | None:
        """Return why a change of the node may change no program."""
        if self.default_of:
            config = parts.payload()[CONFIG].decode()
            is_made = self.function.endswith("__init__") and f'"{self.default_of}":' in config
            return NOT_USED if is_made else None if self.function in parts.ran else NOT_RUN
        if self.function:
            return None if self.function in parts.ran else NOT_RUN
        return NOT_READ if self.target and self.target not in parts.read else None

    def kind(self, parts: Parts) -> str:
        """Return what the node belongs to."""
        if self.default_of:
            return "default argument"
        if not self.function:
            return "class attribute" if self.cls else "module constant"
        last = self.function.rpartition(".")[2]
        if self.function not in parts.ran:
            return "not run"
        if last in _STEPS:
            return "train_step"
        kinds = {item.qualname: item.kind for item in parts.manifest.objects}
        if "Loss" in self.bases or kinds.get(self.function) == "loss" or "loss" in last:
            return "loss"
        return "metric" if "Metric" in self.bases else "layer or function"


def source(parts: Parts) -> Iterator[Mutant]:
    """Change a number, or an operator, in the text of a module."""
    for module in parts.manifest.modules:
        text = parts.members[module.member].decode()
        for place in _places(ast.parse(text)):
            node, kind = place.node, place.kind(parts)
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                new: ast.AST = ast.Constant(_other_number(node.value))
            elif isinstance(node, ast.BinOp) and type(node.op) in _SWAPS and place.function:
                new = copy.deepcopy(node)
                new.op = _SWAPS[type(node.op)]()  # type: ignore[attr-defined]
                kind = f"operator, {kind}"
            else:
                continue
            where = place.function or place.cls or module.name
            yield Mutant(
                kind=f"source: {kind}",
                what=f"{module.name}:{node.lineno} {where}: {ast.unparse(node)[:60]} -> {ast.unparse(new)[:60]}",
                parts=parts.with_member(module.member, _with_node(text, node, f"({ast.unparse(new)})").encode()),
                why=place.why(parts),
            )


def _places(tree: ast.AST, cls: str = "", bases: str = "", function: str = "", target: str = "") -> Iterator[_Place]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            names = " ".join(ast.unparse(base) for base in node.bases)
            yield from _places(node, f"{function}.<locals>.{node.name}" if function else node.name, names)
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{function}.<locals>.{node.name}" if function else f"{cls}.{node.name}" if cls else node.name
            places = [*node.args.posonlyargs, *node.args.args]
            for argument, default in (
                *zip(places[::-1], node.args.defaults[::-1], strict=False),
                *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
            ):
                if default is not None:
                    yield _Place(default, cls, bases, inner, argument.arg, "")
            yield from _places(ast.Module(node.body, []), cls, bases, inner)
            continue
        if isinstance(node, ast.Lambda):
            inner = f"{function}.<locals>.<lambda>" if function else f"{cls}.<lambda>" if cls else "<lambda>"
            yield from _places(ast.Module([ast.Expr(node.body)], []), cls, bases, inner)
            continue
        if not function and isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target = node.targets[0].id
        yield _Place(node, cls, bases, function, "", target)
        if not isinstance(node, ast.JoinedStr):
            yield from _places(node, cls, bases, function, target)


def _other_number(value: float) -> float:
    return value + 1 if isinstance(value, int) else value * 0.5 if value else 0.25


def _with_node(text: str, node: Any, new: str) -> str:
    lines = text.encode().splitlines(keepends=True)
    ahead = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    behind = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (ahead + new.encode() + behind).decode()


# --- config ----------------------------------------------------------------------------------------------------------


def config(parts: Parts) -> Iterator[Mutant]:
    """Change one value in the config of the model, of its loss, its metrics, its optimizer."""
    payload = parts.payload()
    tree, is_built = json.loads(payload[CONFIG]), b"optimizer" in payload[WEIGHTS]
    for way, value, owner in _values(tree, (), {}):
        for kind, new in _changes(way, value, owner):
            changed = copy.deepcopy(tree)
            inner = changed
            for step in way[:-1]:
                inner = inner[step]
            inner[way[-1]] = new
            yield Mutant(
                kind=kind,
                what=f"{'/'.join(map(str, way))}: {_short(value)} -> {_short(new)}",
                parts=parts.with_payload(CONFIG, json.dumps(changed).encode()),
                why=SAVED_RATE if kind == "optimizer: rate" and is_built else EQUIVALENT.get(str(way[-1])),
            )


def _values(node: Any, way: tuple[Any, ...], owner: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    if isinstance(node, dict):
        owner = node if "class_name" in node else owner
        items: Any = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    else:
        return
    for key, item in items:
        if key not in ("build_config", "registered_name", "module", "batch_shape", "shape", "shared_object_id"):
            yield (*way, key), item, owner
            yield from _values(item, (*way, key), owner)


def _changes(way: tuple[Any, ...], value: Any, owner: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    key, part, room = str(way[-1]), _part(way), str(owner.get("module"))
    is_custom = not room.startswith("keras")
    if key == "learning_rate" and isinstance(value, float):
        yield "optimizer: rate", value * 1.5
    elif isinstance(value, bool):
        yield f"{part}: flag", not value
    elif isinstance(value, float) or (isinstance(value, int) and (is_custom or key == "seed")):
        finer = room.partition("keras.")[2] if "initializers" in room or "regularizers" in room else part
        yield f"{finer}: number", _other_number(value)
    elif (
        isinstance(value, dict)
        and "initializer" in key
        and value.get("class_name") in ("GlorotUniform", "RandomNormal")
    ):
        yield "layer: initializer swapped", {**value, "class_name": "HeNormal", "config": {"seed": None}}
    elif isinstance(value, dict) and key.endswith(("regularizer", "constraint")) and "class_name" in value:
        yield "layer: object dropped", None
    elif key in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay") and value is None:
        yield f"optimizer: {key}", 0.001 if "clip" in key else 0.1
    elif key == "gradient_accumulation_steps" and value is None:
        yield "optimizer: accumulation", 3
    elif key in ("kernel_regularizer", "activity_regularizer") and value is None:
        yield f"layer: {key}", {**_L2, "registered_name": None}
    elif key == "kernel_constraint" and value is None:
        node = {"module": "keras.constraints", "class_name": "MaxNorm", "config": {"max_value": 0.01, "axis": 0}}
        yield "layer: constraint", {**node, "registered_name": None}
    elif key == "loss_weights" and value is None:
        yield "compile: loss weights", 0.5
    elif "activation" in key and isinstance(value, str):
        yield "layer: activation", _OTHER.get(value, "tanh" if value != "tanh" else "softsign")
    elif key == "reduction" and value in ("sum_over_batch_size", "sum"):
        yield "loss: reduction", "sum" if value != "sum" else "sum_over_batch_size"
    elif key == "name" and owner.get("class_name") == "DTypePolicy" and "/layers/" in "/".join(map(str, way)):
        yield "layer: dtype policy", "bfloat16" if value != "bfloat16" else "float32"
    elif part in ("loss", "metrics", "compile") and isinstance(value, str) and value in _OTHER:
        yield f"{part}: swapped", _OTHER[value]


def _part(way: tuple[Any, ...]) -> str:
    if way[0] != "compile_config":
        return "layer"
    rooms = [room for room in ("optimizer", "loss", "loss_weights", "metrics") if room in way]
    return rooms[0].replace("loss_weights", "loss weights") if rooms else "compile"


def _short(value: Any) -> str:
    return str(value["class_name"]) if isinstance(value, dict) and "class_name" in value else repr(value)[:40]


# --- manifest --------------------------------------------------------------------------------------------------------


def settings(parts: Parts) -> Iterator[Mutant]:
    """Change one setting of Keras."""
    there = parts.manifest.settings
    if there is None:
        return
    for name, new in {
        "dtype_policy": "mixed_bfloat16" if there.dtype_policy != "mixed_bfloat16" else "float32",
        "floatx": "float64" if there.floatx != "float64" else "float32",
        "image_data_format": "channels_first" if there.image_data_format != "channels_first" else "channels_last",
        "epsilon": 0.01,
    }.items():
        changed = replace(there, **{name: new})  # type: ignore[arg-type]
        what = f"{getattr(there, name)} -> {new}"
        mutant = _of_manifest(parts, f"settings: {name}", what, settings=changed)
        is_read = name in parts.ran or name not in ("epsilon", "image_data_format")
        yield mutant if is_read else replace(mutant, why=UNREAD_SETTING)


def seeds(parts: Parts) -> Iterator[Mutant]:
    """Change the state of one random generator, or drop it."""
    there = parts.manifest.seeds
    for index, seed in enumerate(there):
        changed = replace(seed, state=(seed.state[0] + 1, *seed.state[1:]))
        rest = (there[:index], there[index + 1 :])
        yield _of_manifest(parts, "seed: state", seed.place, seeds=(*rest[0], changed, *rest[1]))
        yield _of_manifest(parts, "seed: dropped", seed.place, seeds=(*rest[0], *rest[1]))


def adaptations(parts: Parts) -> Iterator[Mutant]:
    """Drop what the loader does for one class, or one of its arguments, or change a recorded value."""
    there = parts.manifest.adaptations
    for index, item in enumerate(there):
        rest = (there[:index], there[index + 1 :])
        what = f"{item.kind} of {item.place or item.module}:{item.qualname}"
        yield _of_manifest(parts, "adaptation: dropped", what, adaptations=(*rest[0], *rest[1]))
        # Those of `attributes` are told to the reader; the pairs that are set are in the config.
        for name in item.arguments if len(item.arguments) > 1 and item.kind != "attributes" else ():
            less = replace(item, arguments=tuple(other for other in item.arguments if other != name))
            changed = (*rest[0], less, *rest[1])
            mutant = _of_manifest(parts, "adaptation: argument dropped", f"{what}: {name}", adaptations=changed)
            yield replace(mutant, why=DECODED)
        for name, value in item.values.items():
            if isinstance(value, bool | int | float):
                new: Any = not value if isinstance(value, bool) else _other_number(value)
                other = replace(item, values={**item.values, name: new})
                changed = (*rest[0], other, *rest[1])
                yield _of_manifest(parts, "adaptation: value", f"{what}: {name}", adaptations=changed)


def _of_manifest(parts: Parts, kind: str, what: str, **changes: Any) -> Mutant:
    return Mutant(kind=kind, what=what, parts=replace(parts, manifest=replace(parts.manifest, **changes)))


# --- weights ---------------------------------------------------------------------------------------------------------


def weights(parts: Parts) -> Iterator[Mutant]:
    """Change one number of one weight, or of one variable of the optimizer."""
    import h5py
    import numpy as np

    content = parts.payload()[WEIGHTS]
    names: list[str] = []
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, item: names.append(name) if _has_numbers(item) else None)
    for name in names:
        changed = io.BytesIO(content)
        with h5py.File(changed, "r+") as file:
            array = np.array(file[name])
            array.reshape(-1)[-1:] += 1
            file[name][...] = array
        kind = "optimizer: variable" if name.startswith("optimizer/") else "weights: number"
        yield Mutant(kind=kind, what=name, parts=parts.with_payload(WEIGHTS, changed.getvalue()))


def _has_numbers(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.size > 0


WAYS: tuple[Callable[[Parts], Iterator[Mutant]], ...] = (source, config, settings, seeds, adaptations, weights)
